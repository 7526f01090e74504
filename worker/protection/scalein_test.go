package protection

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// event is something that a ScaleIn decides on, at a time.
type event struct {
	at   time.Duration
	what string // receive, start, refused or granted
	busy bool
	want Step
}

func TestScaleIn(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	const hour = time.Hour
	cases := map[string]struct {
		reason         string
		handlerTimeout time.Duration // default 1 h
		events         []event
	}{
		"wanted": {
			reason: "a task that is busy asks every four minutes, and polling asks nothing",
			events: []event{
				{0, "receive", false, Go},
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{3 * minute, "start", true, Go},
				{3 * minute, "receive", true, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "granted", true, Go},
				{7 * minute, "start", true, Go},
			},
		},
		"idle": {
			reason: "an idle task that is refused leaves at once",
			events: []event{
				{0, "start", false, Ask},
				{0, "refused", false, Leave},
				{0, "receive", false, Leave},
				{hour, "start", false, Leave},
			},
		},
		"short jobs": {
			reason: "a task whose jobs end in the pause leaves before the pause does",
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{4 * minute, "start", true, Wait},
				{4*minute + 30*time.Second, "receive", true, Wait},
				{5 * minute, "receive", false, Leave},
			},
		},
		"wanted again": {
			reason: "it asks when the pause is over, and goes on",
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{6 * minute, "receive", true, Ask},
				{6 * minute, "granted", true, Go},
				{7 * minute, "receive", false, Go},
			},
		},
		"a long job": {
			reason: "it takes turns under the protection it has, and what a turn has received starts",
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{6 * minute, "receive", true, Ask},
				{6 * minute, "refused", true, Go},
				{6 * minute, "receive", true, Go},
				{6*minute + 30*time.Second, "start", true, Go},
				{7 * minute, "start", true, Go},
				{7 * minute, "receive", true, Ask},
				{7 * minute, "refused", true, Wait},
				{8*minute + 30*time.Second, "receive", true, Wait},
				{11 * minute, "receive", true, Ask},
				{11 * minute, "refused", true, Go},
			},
		},
		"protection too short": {
			reason: "it drains when its protection does not cover another handler",
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{hour + 3*minute, "receive", true, Ask},
				{hour + 3*minute, "refused", true, Go},
				{hour + 5*minute, "start", true, Ask},
				{hour + 5*minute, "refused", true, Leave},
				{hour + 6*minute, "receive", true, Leave},
			},
		},
		"granted in the turn": {
			reason: "a grant ends it all",
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{6 * minute, "receive", true, Ask},
				{6 * minute, "refused", true, Go},
				{7 * minute, "receive", true, Ask},
				{7 * minute, "granted", true, Go},
				{7 * minute, "start", true, Go},
				{11 * minute, "start", true, Ask},
			},
		},
		"the longest handler timeout": {
			reason:         "covers twelve hours of turns",
			handlerTimeout: 11*hour + 58*minute,
			events: []event{
				{0, "start", false, Ask},
				{0, "granted", false, Go},
				{4 * minute, "start", true, Ask},
				{4 * minute, "refused", true, Wait},
				{12 * hour, "receive", true, Ask},
				{12 * hour, "refused", true, Go},
				{12*hour + 3*minute, "receive", true, Ask},
				{12*hour + 3*minute, "refused", true, Leave},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Unix(0, 0)
			timeout := tc.handlerTimeout
			if timeout == 0 {
				timeout = hour
			}
			s := &ScaleIn{HandlerTimeout: timeout, Jitter: func(d time.Duration) time.Duration { return d }}
			for i, e := range tc.events {
				now := began.Add(e.at)
				var got Step
				switch e.what {
				case "receive":
					got = s.BeforeReceive(now, e.busy)
				case "start":
					got = s.BeforeStart(now)
				case "refused":
					got = s.Refused(now, e.busy)
				case "granted":
					s.Granted(now)
				}
				assert.Equal(t, e.want, got, "event %d (%s at %s): %s", i, e.what, e.at, tc.reason)
			}
		})
	}
}

// TestNobodyLeavesMessagesWaiting: two tasks held by long jobs, refused all the time:
// no five minutes pass in which neither receives, whatever the jitter.
func TestNobodyLeavesMessagesWaiting(t *testing.T) {
	t.Parallel()
	s := &ScaleIn{HandlerTimeout: 12 * time.Hour}
	now := time.Unix(0, 0)
	s.Granted(now)
	received := now
	for now.Sub(time.Unix(0, 0)) < 11*time.Hour {
		step := s.BeforeReceive(now, true)
		if step == Ask || step == Go && s.BeforeStart(now) == Ask {
			step = s.Refused(now, true)
		}
		if step == Go {
			received = now
		}
		assert.NotEqual(t, Leave, step)
		assert.Less(t, now.Sub(received), 5*time.Minute)
		now = now.Add(time.Second)
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{
		time.Minute: 7 * time.Minute, time.Hour: 125 * time.Minute, 11*time.Hour +
			58*time.Minute: 24*time.Hour + time.Minute,
		30 * time.Hour: longestLease,
	} {
		assert.Equal(t, want, Lease(timeout))
	}
}
