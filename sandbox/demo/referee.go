package demo

import (
	"cmp"
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
	names map[string]string // of the messages, by id
	log   []entry
	tally tally
	open  []attempt // handlers at work, the longest first
}

// entry is something that happened: to a handler, or to a task.
type entry struct {
	fargate.Event
	// stopping is who has told the task to stop; "" for entries of handlers.
	stopping string
	// ended says that the task has ended.
	ended bool
}

// tally counts as things happen.
type tally struct {
	sent    int
	handled int // ends with exit code 0
	failed  int // other ends, but for those of programs that were told to stop
}

// send notes a message that the queue has taken.
func (r *referee) send(m sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, m)
	if r.names == nil {
		r.names = map[string]string{}
	}
	r.names[m.id] = m.String()
}

// name of a message; its id if somebody else sent it.
func (r *referee) name(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.names[id], id)
}

// working are the messages whose handlers run, the longest at work first.
func (r *referee) working() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, a := range r.open {
		list = append(list, cmp.Or(r.names[a.message], a.message))
	}
	return list
}

// look takes in what handlers did since it was called last.
func (r *referee) look() (tally, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.take()
	r.tally.sent = len(r.sent)
	return r.tally, err
}

func (r *referee) take() error {
	events, err := r.journal.Take()
	for _, e := range events {
		r.log = append(r.log, entry{Event: e})
		now := attempt{e.Task, e.Message}
		r.open = slices.DeleteFunc(r.open, func(a attempt) bool { return a == now })
		switch {
		case e.Start:
			r.open = append(r.open, now)
		case e.ExitCode == 0:
			r.tally.handled++
		case !endedBySignal(e.ExitCode):
			r.tally.failed++
		}
	}
	return err
}

// taskStopping notes that a task is told to stop, and by whom.
func (r *referee) taskStopping(id, by string) { r.noteTask(id, entry{stopping: by}) }

// taskEnded notes that a task has ended.
func (r *referee) taskEnded(id string) {
	r.noteTask(id, entry{ended: true})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = slices.DeleteFunc(r.open, func(a attempt) bool { return a.task == id })
}

func (r *referee) noteTask(id string, e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.take() // what handlers did before; an error shows in look
	e.Task = id
	r.log = append(r.log, e)
}

// busyKill says whether scale-in or a deployment has ended a task that worked.
func (r *referee) busyKill() bool { return len(r.judge(nil, nil).busyKills) > 0 }

// endedBySignal says whether an exit code is that of a program that a signal ended.
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
	busyKills                []string // handlers that scale-in or a deployment ended
}

// err is nil if every promise was kept.
func (v verdict) err() error {
	var broken []error
	for _, p := range []struct {
		what string
		list []string
	}{{"lost", v.lost}, {"out of order", v.outOfOrder}, {"killed while busy", v.busyKills}} {
		if len(p.list) > 0 {
			broken = append(broken, fmt.Errorf("%s: %d, the first: %s", p.what, len(p.list), p.list[0]))
		}
	}
	return errors.Join(broken...)
}

// judge replays what happened. Messages in remaining or deadLettered, by id, are
// still in a queue.
func (r *referee) judge(remaining, deadLettered map[string]bool) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := newJudgement(r.sent, deadLettered)
	for _, e := range r.log {
		if !e.Start && e.Message != "" {
			j.lastEnd[e.Message]++ // how many there will be
		}
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
			j.v.lost = append(j.v.lost, m.String())
		}
	}
	j.v.sent, j.v.redelivered = len(r.sent), len(j.redelivered)
	return j.v
}

// judgement is what is known at a moment of the replay.
type judgement struct {
	v           verdict
	messages    map[string]*sent   // by id
	groups      map[string][]*sent // in order
	settled     map[string]int     // how many of a group's first messages are
	done        map[string]bool    // by id
	dead        map[string]bool    // by id: to be dead-lettered in the end
	lastEnd     map[string]int     // ends of a message's handlers that are to come
	redelivered map[string]bool    // by id
	newest      map[string]int     // highest number begun, by group
	open        map[attempt]bool   // handlers at work
	stopping    map[string]string  // tasks that were told to stop, and by whom
}

// attempt is a handler of a message in a task.
type attempt struct{ task, message string }

func newJudgement(list []sent, dead map[string]bool) *judgement {
	j := &judgement{
		messages: map[string]*sent{}, groups: map[string][]*sent{}, settled: map[string]int{},
		done: map[string]bool{}, dead: dead,
		lastEnd: map[string]int{}, redelivered: map[string]bool{}, newest: map[string]int{},
		open: map[attempt]bool{}, stopping: map[string]string{},
	}
	for i := range list {
		m := &list[i]
		j.messages[m.id] = m
		j.groups[m.group] = append(j.groups[m.group], m)
	}
	for _, group := range j.groups {
		slices.SortFunc(group, func(a, b *sent) int { return a.number - b.number })
	}
	return j
}

func (j *judgement) replay(e entry) {
	m, known := j.messages[e.Message]
	switch {
	case e.stopping != "":
		j.stopping[e.Task] = e.stopping
	case e.ended:
		j.endTask(e.Task)
	case !known:
		// Somebody else sent it.
	case e.Start:
		j.begin(m, e)
	default:
		j.end(m, e)
	}
}

// begin: no message begins before all those ahead of it in its group are settled, none
// again after a later one, and none while another one of its group is at work. A worker
// may try one again within its lease.
func (j *judgement) begin(m *sent, e entry) {
	if e.ReceiveCount > 1 {
		j.redelivered[m.id] = true
	}
	if m.number < j.newest[m.group] {
		j.disorder("%s begins after number %d", m, j.newest[m.group])
	}
	j.newest[m.group] = max(j.newest[m.group], m.number)
	if first := j.firstUnsettled(m.group); first != nil && first.number < m.number {
		j.disorder("%s begins before number %d is done", m, first.number)
	}
	now := attempt{e.Task, m.id}
	if j.open[now] {
		j.v.interrupted++ // it was killed, and so could not report its end
	}
	for a := range j.open {
		if other := j.messages[a.message]; other.group == m.group && a != now {
			j.disorder("%s begins in task %s while task %s works on number %d", m, e.Task, a.task,
				other.number)
		}
	}
	j.open[now] = true
}

func (j *judgement) disorder(format string, args ...any) {
	j.v.outOfOrder = append(j.v.outOfOrder, fmt.Sprintf(format, args...))
}

// firstUnsettled is the first message of a group that is neither done nor, after its
// last handler, on its way to the dead-letter queue.
func (j *judgement) firstUnsettled(name string) *sent {
	group := j.groups[name]
	for j.settled[name] < len(group) {
		m := group[j.settled[name]]
		if !j.done[m.id] && !(j.dead[m.id] && j.lastEnd[m.id] == 0) {
			return m
		}
		j.settled[name]++
	}
	return nil
}

// end: whatever its exit code, a handler that failed after its task was told to stop
// was interrupted.
func (j *judgement) end(m *sent, e entry) {
	delete(j.open, attempt{e.Task, m.id})
	j.lastEnd[m.id]--
	if e.ExitCode == 0 {
		j.done[m.id] = true
		return
	}
	if by, told := j.stopping[e.Task]; told {
		j.interrupt(m, e.Task, by)
	} else if endedBySignal(e.ExitCode) {
		j.v.interrupted++ // by the worker: its lease was lost, or its time was up
	}
}

// endTask: what the task had begun and not ended was interrupted.
func (j *judgement) endTask(task string) {
	for a := range j.open {
		if a.task == task {
			delete(j.open, a)
			j.interrupt(j.messages[a.message], task, j.stopping[task])
		}
	}
}

func (j *judgement) interrupt(m *sent, task, by string) {
	j.v.interrupted++
	if by == "scale-in" || by == "deployment" {
		j.v.busyKills = append(j.v.busyKills, fmt.Sprintf("%s in task %s, by %s", m, task, by))
	}
}

func (m sent) String() string { return fmt.Sprintf("message %d of %s", m.number, m.group) }
