package demo

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"fargate-queue-worker/sandbox/fargate"
)

// referee watches from outside what happens to each message, by what the handlers
// themselves wrote, and says at the end whether the rules were kept.
type referee struct {
	journal *fargate.Journal

	mu    sync.Mutex
	sent  []sent
	log   []entry
	tally tally
}

// entry is something that happened: to a handler, or the end of a task.
type entry struct {
	fargate.Event
	taskEnded bool
	stop      string // who stopped the task, "" if its host failed
}

// tally counts as things happen.
type tally struct {
	handled int // ends with exit code 0
	failed  int // other ends, but for those of programs that were told to stop
	exit    int // the code of the last of those
}

// send notes a message that the queue has taken.
func (r *referee) send(m sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, m)
}

// look takes in what handlers did since it was called last.
func (r *referee) look() (tally, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.take()
	return r.tally, err
}

func (r *referee) take() error {
	events, err := r.journal.Take()
	for _, e := range events {
		r.log = append(r.log, entry{Event: e})
		switch {
		case e.Start:
		case e.ExitCode == 0:
			r.tally.handled++
		case !endedBySignal(e.ExitCode):
			r.tally.failed++
			r.tally.exit = e.ExitCode
		}
	}
	return err
}

// taskEnded notes why a task has ended.
func (r *referee) taskEnded(id, stop string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.take()
	r.log = append(r.log, entry{Event: fargate.Event{Task: id}, taskEnded: true, stop: stop})
	return err
}

// busyKill says whether a task was ended by scale-in or a deployment while it worked.
func (r *referee) busyKill() bool { return len(r.judge(nil, nil).busyKills) > 0 }

// endedBySignal says whether an exit code is that of a program that was told to stop.
func endedBySignal(code int) bool {
	return code == 128+int(syscall.SIGTERM) || code == 128+int(syscall.SIGKILL)
}

// verdict is what became of the messages.
type verdict struct {
	sent, done, deadLettered int
	redelivered              int // messages that were received more than once
	interrupted              int // handlers that did not end by themselves
	lost                     []string
	outOfOrder               []string
	busyKills                []string // tasks that scale-in or a deployment ended while they worked
}

// err is nil if every promise was kept.
func (v verdict) err() error {
	var broken []error
	for what, list := range map[string][]string{
		"lost": v.lost, "out of order": v.outOfOrder, "killed while busy": v.busyKills,
	} {
		if len(list) > 0 {
			broken = append(broken, fmt.Errorf("%s: %d, the first: %s", what, len(list), list[0]))
		}
	}
	return errors.Join(broken...)
}

// judge replays what happened. Messages in remaining or deadLettered, by id, are
// still in a queue.
func (r *referee) judge(remaining, deadLettered map[string]bool) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := judgement{messages: map[string]*sent{}, done: map[string]bool{}, dead: deadLettered, newest: map[string]int{}, open: map[string]run{}, redelivered: map[string]bool{}}
	for i := range r.sent {
		j.messages[r.sent[i].id] = &r.sent[i]
	}
	for _, e := range r.log {
		j.replay(e)
	}
	for _, m := range r.sent {
		switch {
		case j.done[m.id]:
			j.v.done++
		case deadLettered[m.id]:
			j.v.deadLettered++
		case !remaining[m.id]:
			j.v.lost = append(j.v.lost, (&m).String())
		}
	}
	j.v.sent, j.v.redelivered = len(r.sent), len(j.redelivered)
	return j.v
}

// judgement is what is known at a moment of the replay.
type judgement struct {
	v           verdict
	messages    map[string]*sent // by id
	done, dead  map[string]bool  // by id
	redelivered map[string]bool  // by id
	newest      map[string]int   // highest number begun, by group
	open        map[string]run   // handlers at work, by message id
}

func (j *judgement) replay(e entry) {
	m, known := j.messages[e.Message]
	switch {
	case e.taskEnded:
		j.endTask(e)
	case !known:
		// Somebody else sent it.
	case e.Start:
		j.begin(m, e)
	default:
		delete(j.open, m.id)
		if e.ExitCode == 0 {
			j.done[m.id] = true
		} else if endedBySignal(e.ExitCode) {
			j.open[m.id] = run{e.Task, true} // interrupted, if its task ends, too
		}
	}
}

// begin: no message begins before all those ahead of it in its group are done, none
// again after a later one, none twice at once.
func (j *judgement) begin(m *sent, e entry) {
	if e.ReceiveCount > 1 {
		j.redelivered[m.id] = true
	}
	if m.number < j.newest[m.group] {
		j.v.outOfOrder = append(j.v.outOfOrder, fmt.Sprintf("%s begins after number %d", m, j.newest[m.group]))
	}
	j.newest[m.group] = max(j.newest[m.group], m.number)
	for _, other := range j.messages {
		if other.group == m.group && other.number < m.number && !j.done[other.id] && !j.dead[other.id] {
			j.v.outOfOrder = append(j.v.outOfOrder, fmt.Sprintf("%s begins before number %d is done", m, other.number))
		}
	}
	if before, ok := j.open[m.id]; ok && !before.ended {
		j.v.outOfOrder = append(j.v.outOfOrder, fmt.Sprintf("%s begins in task %s while task %s works on it", m, e.Task, before.task))
	}
	j.open[m.id] = run{task: e.Task}
}

// run is a handler at work, or one that was told to stop and has ended.
type run struct {
	task  string
	ended bool
}

// endTask: what the task had begun and not ended was interrupted.
func (j *judgement) endTask(e entry) {
	busy := 0
	for id, r := range j.open {
		if r.task == e.Task {
			busy++
			delete(j.open, id)
		}
	}
	j.v.interrupted += busy
	if busy > 0 && slices.Contains([]string{"scale-in", "deployment"}, e.stop) {
		j.v.busyKills = append(j.v.busyKills, fmt.Sprintf("task %s with %d messages, by %s", e.Task, busy, e.stop))
	}
}

func (m *sent) String() string { return fmt.Sprintf("message %d of %s", m.number, m.group) }
