package protection

import (
	"math/rand/v2"
	"time"
)

// longestLease is the most that the agent grants at once. Source: ECS developer guide,
// "Amazon ECS task scale-in protection endpoint", ExpiresInMinutes.
const longestLease = 2880 * time.Minute

const (
	// margin is what a lease has beyond two handler timeouts.
	margin = 5 * time.Minute
	// settling is what a message takes besides its handler.
	settling = time.Minute
	// renewAfter is the age at which a task that starts a handler renews its protection,
	// so that it hears within minutes that the service wants fewer tasks.
	renewAfter = margin - settling

	// firstPause is how long a refused task receives nothing the first time, at most. In a
	// pause a task whose jobs are shorter loses the last of them, and exits.
	firstPause = 2 * time.Minute
	// longestPause is how long it receives nothing after later refusals, at most: messages
	// wait no longer than that for tasks that are all refused.
	longestPause = 4 * time.Minute
	// turnTime is how long a task that was refused and is held by a long job receives again.
	turnTime = time.Minute
)

// Lease is how long a task is protected at most from one granted request on: long
// enough that a task which is refused from then on can start handlers for another
// handler timeout, and finish them. Whatever waits for protected tasks to end derives
// from it.
func Lease(handlerTimeout time.Duration) time.Duration {
	return min(2*handlerTimeout+margin, longestLease)
}

// Step is what a task has to do before it receives, or starts a handler.
type Step int

const (
	// Go ahead.
	Go Step = iota
	// Ask the agent first, and report its answer by Granted or Refused.
	Ask
	// Wait as long as Pause says.
	Wait
	// Leave means to start nothing any more, and exit when what runs has ended.
	Leave
)

// ScaleIn decides what a task does when the agent refuses to protect it, which means
// that the service has more protected tasks than it wants tasks. The agent does not tell
// which task should go, and all may be refused. So a refused task stops receiving for a
// pause. If it is idle by then, it leaves; a task with short jobs does. One that is held
// by a longer job costs the same whether it works or not, so it then takes a turn at
// receiving under the protection that it has, and pauses again, for as long as that
// protection covers a whole handler timeout.
//
//	wanted ──refused──▶ paused ──idle──▶ leaving
//	   ▲                │    ▲              ▲
//	   │         refused│    │refused       │refused, protection too short
//	   │                ▼    │              │
//	   └────granted──── turn ┴──────────────┘
//
// It is a value without a clock and without calls: the simulator runs the same code.
type ScaleIn struct {
	// HandlerTimeout is the longest a handler may take.
	HandlerTimeout time.Duration
	// Jitter returns a random part of a duration, so that tasks do not pause in step.
	// Default: math/rand.
	Jitter func(time.Duration) time.Duration

	mode   mode
	end    time.Time // of the pause or of the turn
	pauses int       // in a row

	granted time.Time // when protection was last asked for with success
	until   time.Time // how far it reaches; zero if there is none
}

type mode int

const (
	wanted mode = iota
	paused
	turn
	leaving
)

// BeforeReceive says what to do before messages are received. Busy is whether a handler
// runs.
func (s *ScaleIn) BeforeReceive(now time.Time, busy bool) Step {
	switch s.mode {
	case leaving:
		return Leave
	case paused:
		switch {
		case !busy:
			s.mode = leaving
			return Leave
		case now.Before(s.end):
			return Wait
		}
		return Ask
	case turn:
		if !now.Before(s.end) || !s.covers(now) {
			return Ask
		}
	}
	return Go
}

// BeforeStart says what to do before a handler starts. What a turn has received may
// start after the turn.
func (s *ScaleIn) BeforeStart(now time.Time) Step {
	switch {
	case s.mode == leaving:
		return Leave
	case s.mode == paused:
		return Wait
	case !s.covers(now), s.mode == wanted && now.Sub(s.granted) >= renewAfter:
		return Ask
	}
	return Go
}

// Granted notes that protection was granted, asked for at a time, until the end of its
// lease.
func (s *ScaleIn) Granted(asked time.Time) {
	s.mode, s.pauses = wanted, 0
	s.granted, s.until = asked, asked.Add(Lease(s.HandlerTimeout))
}

// Refused notes that the agent refused, and says what follows for a task that has
// handlers at work (busy) or not.
func (s *ScaleIn) Refused(now time.Time, busy bool) Step {
	switch {
	case !busy, s.mode == leaving, s.mode != wanted && !s.covers(now):
		s.mode = leaving
		return Leave
	case s.mode == paused:
		s.mode, s.end = turn, now.Add(turnTime)
		return Go
	}
	s.pauses++
	pause := longestPause
	if s.pauses == 1 {
		pause = firstPause
	}
	s.mode, s.end = paused, now.Add(pause/2+s.random(pause/2))
	return Wait
}

func (s *ScaleIn) random(d time.Duration) time.Duration {
	if s.Jitter != nil {
		return s.Jitter(d)
	}
	return rand.N(d)
}

// covers says whether the protection reaches to the end of a handler that starts now.
func (s *ScaleIn) covers(now time.Time) bool {
	return s.until.Sub(now) >= s.HandlerTimeout+settling
}

// Pause is what is left of the pause after Wait.
func (s *ScaleIn) Pause(now time.Time) time.Duration { return s.end.Sub(now) }

// Unprotected notes that the protection has ended.
func (s *ScaleIn) Unprotected() { s.granted, s.until = time.Time{}, time.Time{} }
