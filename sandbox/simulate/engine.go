package simulate

import (
	"container/heap"
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// begin is when every simulation starts: a Monday at midnight.
var begin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// engine runs a system against a workload, event by event.
type engine struct {
	system   System
	workload *Workload
	control  *cloud.Control
	box      *cloud.Mailbox
	dead     *cloud.Mailbox // nil without a dead-letter queue
	deadSent uint64         // messages that it was sent, as far as they are counted

	now     time.Time
	events  eventHeap
	serial  int
	woken   bool               // workers may find something that they did not before
	workers []*worker          // running, in the order they started
	byTask  map[string]*worker // by task ARN
	turn    int                // whose turn it is to poll
	pending map[string]*job    // sent and not done, by message id
	random  *rand.Rand
	jitter  func(time.Duration) time.Duration // a random part of a duration
	observe func(note)                        // nil: nobody does
	rings   bool                              // see Parameters.Rings
	rang    time.Time                         // the last time
	sent    int
	ideal   ideal

	result *Result
}

// job is a message's, until it is done.
type job struct {
	Job
	sent    time.Time
	started bool
	calls   int  // of the handler that have returned
	first   bool // see ideal
}

// ideal is when all work so far would be done if every group had a task at once. A
// message that comes later is a first one, whatever the system.
type ideal struct {
	groups map[int]time.Time
	all    time.Time
}

func (i *ideal) add(now time.Time, j Job) (first bool) {
	first = !now.Before(i.all)
	if first {
		i.groups = map[int]time.Time{} // all are done
	}
	start := i.groups[j.Group]
	if start.Before(now) {
		start = now
	}
	end := start.Add(j.Work)
	i.groups[j.Group] = end
	if end.After(i.all) {
		i.all = end
	}
	return first
}

// event is something that a worker or a poller does at a time.
type event struct {
	at     time.Time
	serial int // of two at the same time, the earlier one
	do     func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].serial < h[j].serial
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *eventHeap) Push(x any) { *h = append(*h, x.(event)) }

// Pop implements heap.Interface.
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func (e *engine) at(t time.Time, do func()) {
	e.serial++
	heap.Push(&e.events, event{t, e.serial, do})
}

// run simulates days, and then as long as it takes until all is done and the tasks
// are back to the minimum, a day at most.
func run(ctx context.Context, system System, w *Workload, p Parameters) (*Result, error) {
	return runWithin(ctx, system, w, p, math.MaxInt)
}

// runWithin is run, but stops as soon as more messages than a limit are not done.
func runWithin(ctx context.Context, system System, w *Workload, p Parameters, limit int) (*Result, error) {
	options := p.Control
	options.Phases = p.phases()
	options.StartDelay = func(serial int) time.Duration {
		random := rand.New(rand.NewPCG(p.Seed, uint64(serial)))
		return p.StartFrom + time.Duration(random.Float64()*float64(p.StartTo-p.StartFrom))
	}
	e, err := newEngine(system, w, p, options)
	if err != nil {
		return nil, err
	}
	next, stop := iter.Pull(w.jobs(p.Seed, p.Days))
	defer stop()
	e.sampleEveryMinute(begin.Add(time.Minute))
	if system.EveryMinute != nil {
		e.callEveryMinute(p.phases(), 0)
	}
	if system.Poller != nil {
		first := time.Duration(p.phases()("poller", 0) * float64(system.Poller.Interval))
		e.at(begin.Add(first), func() { e.poll(system.Poller) })
	}
	end := begin.Add(time.Duration(p.Days) * day)
	over := func(t time.Time, more bool) bool {
		e.result.FellBehind = len(e.pending) > limit
		return e.result.FellBehind || !more && t.After(end) && e.quiet()
	}
	if err := e.runUntil(ctx, end.Add(day), next, over); err != nil {
		return nil, err
	}
	e.finish()
	return e.result, nil
}

func newEngine(system System, w *Workload, p Parameters, options cloud.ControlOptions) (*engine, error) {
	e := &engine{
		system: system, workload: w, now: begin, byTask: map[string]*worker{}, pending: map[string]*job{},
		random: rand.New(rand.NewPCG(p.Seed, 2)), result: newResult(system, w, p), rings: p.Rings,
	}
	e.jitter = func(d time.Duration) time.Duration { return time.Duration(e.random.Int64N(int64(d) + 1)) }
	var err error
	if e.box, err = system.Account.Mailbox(system.Queue.URL); err != nil {
		return nil, err
	}
	if system.DeadLetters != nil {
		if e.dead, err = system.Account.Mailbox(system.DeadLetters.URL); err != nil {
			return nil, err
		}
	}
	e.control = cloud.NewControl(system.Account, begin, e, options)
	e.control.Advance(begin)
	return e, nil
}

// countDeadLetters takes what went to the dead-letter queue out of what is to be done.
func (e *engine) countDeadLetters() {
	if e.dead == nil || e.dead.Sent() == e.deadSent {
		return
	}
	e.deadSent = e.dead.Sent()
	for _, m := range e.dead.Messages() {
		if _, waiting := e.pending[m.DeduplicationID]; waiting { // the id that it had
			delete(e.pending, m.DeduplicationID)
			e.result.DeadLettered++
		}
	}
}

// runUntil runs up to a time, or until it is over, with the jobs that are next.
func (e *engine) runUntil(
	ctx context.Context, limit time.Time, next func() (Job, bool), over func(t time.Time, more bool) bool,
) error {
	for job, more := next(); ctx.Err() == nil; {
		arrival := begin.Add(job.At)
		t := e.control.Next()
		if len(e.events) > 0 && e.events[0].at.Before(t) {
			t = e.events[0].at
		}
		arrives := more && !arrival.After(t)
		if arrives {
			t = arrival
		}
		if t.After(limit) || over(t, more) {
			return nil
		}
		e.now = t
		switch {
		case arrives:
			for at := job.At; more && job.At == at; job, more = next() {
				e.send(job)
			}
		case len(e.events) > 0 && !e.events[0].at.After(t):
			heap.Pop(&e.events).(event).do()
		default:
			e.control.Advance(t)
		}
		e.receiveAll()
	}
	return ctx.Err()
}

// quiet says whether nothing is left to do and to stop.
func (e *engine) quiet() bool {
	return len(e.pending) == 0 && len(e.control.Tasks()) <= e.system.least()
}

func (e *engine) send(j Job) {
	e.sent++
	e.result.Requests.Send()
	m, err := e.box.Send(e.now, cloud.Message{
		Body: strconv.Itoa(e.sent), GroupID: strconv.Itoa(j.Group), DeduplicationID: strconv.Itoa(e.sent),
	})
	if err != nil {
		panic(err) // a message with a group and a deduplication id of its own
	}
	e.pending[m.ID] = &job{Job: j, sent: e.now, first: e.ideal.add(e.now, j)}
	e.woken = true
	e.ring()
}

// ringsApart is how often a producer rings at most.
const ringsApart = 30 * time.Second

// ring starts the machine that asks the queue, as a producer may right after a send.
func (e *engine) ring() {
	if !e.rings || !e.rang.IsZero() && e.now.Sub(e.rang) < ringsApart {
		return
	}
	e.rang = e.now
	for arn := range e.system.Account.StateMachines {
		// A producer ignores what becomes of it.
		_ = e.control.StartExecution(e.now, arn, "{}")
	}
}

// receiveAll answers the polls of workers, one after the other, as long as one of them
// gets something, if anything has happened since none did. Where one gets nothing, no other
// does either, since a queue does not care who asks.
func (e *engine) receiveAll() {
	for e.woken {
		e.woken = false
		last := e.turn // to get something
		for without := 0; without < len(e.workers); {
			e.turn = (e.turn + 1) % len(e.workers)
			polls, got := e.workers[e.turn].receive()
			switch {
			case got:
				last, without = e.turn, 0
			case polls:
				without = len(e.workers)
			default:
				without++
			}
		}
		e.turn = last % max(1, len(e.workers))
	}
}

// wakeAt has polls look again at a time.
func (e *engine) wakeAt(t time.Time) { e.at(t, func() { e.woken = true }) }

// begin notes that a handler begins to work on a message, and returns the job in it.
func (e *engine) begin(m *cloud.Message) *job {
	j, ok := e.pending[m.ID]
	if !ok {
		return &job{} // it was done before, and has come again
	}
	if !j.started {
		j.started = true
		e.result.waited(e.now.Sub(j.sent), j.first)
		e.result.begun.add(e.now.Sub(j.sent))
	}
	return j
}

// failure is how a call of the handler has ended.
func (e *engine) failure(m *cloud.Message) error {
	j, ok := e.pending[m.ID]
	if !ok || j.calls >= len(j.Failures) {
		return nil
	}
	j.calls++
	return j.Failures[j.calls-1]
}

// delete removes a message that needs no more work, and reports whether it was held.
func (e *engine) delete(m *cloud.Message) bool {
	e.result.Requests.Delete()
	if err := e.box.Delete(e.now, m.ReceiptHandle); err != nil {
		// Work of more than 12 hours has lost its message, as in SQS.
		e.result.Redeliveries++
		return false
	}
	return true
}

// deadLetter puts a message on which the handler has failed for good into the
// dead-letter queue, under its id, as SQS does.
func (e *engine) deadLetter(w *worker, m *cloud.Message) {
	e.result.Requests.Send()
	copied := cloud.Message{Body: m.Body, GroupID: m.GroupID, DeduplicationID: m.ID}
	if _, err := e.dead.Send(e.now, copied); err != nil {
		panic(err) // the queue has taken it before
	}
	e.note(w, deadLettered, m, 0)
	e.result.note(consumer.DeadLettered, e.now)
	e.delete(m)
	e.countDeadLetters()
}

// sampleEveryMinute takes the samples of the minute that ends.
func (e *engine) sampleEveryMinute(t time.Time) {
	e.at(t.Add(-time.Nanosecond), func() {
		e.result.sample(e, e.box.Counts(e.now))
		e.sampleEveryMinute(t.Add(time.Minute))
	})
}

// callEveryMinute calls the function of a system that publishes metrics of its own.
func (e *engine) callEveryMinute(phases cloud.Phases, minute int) {
	const minutesADay = 24 * 60
	offset := time.Duration((float64(minute) + phases("function", minute/minutesADay)) * float64(time.Minute))
	e.at(begin.Add(offset), func() {
		e.control.Advance(e.now)
		e.system.EveryMinute(e.control, e.box.Counts(e.now), e.box, e.now)
		e.callEveryMinute(phases, minute+1)
	})
}

// poll runs a scaler that is none of AWS's.
func (e *engine) poll(p *Poller) {
	e.control.Advance(e.now)
	counts := e.box.Counts(e.now)
	e.box.Touch(e.now)
	e.system.Service.DesiredCount = p.desired(e.now, counts, e.system.Service.DesiredCount)
	e.control.Advance(e.now)
	e.at(e.now.Add(p.Interval), func() { e.poll(p) })
}

func (e *engine) finish() {
	e.result.Undone = len(e.pending)
	there := map[string]bool{}
	for _, m := range e.box.Messages() {
		there[m.ID] = true
	}
	for id, j := range e.pending {
		if !there[id] {
			e.result.Lost++
		}
		if !j.started {
			e.result.Unstarted++
			e.result.waited(e.now.Sub(j.sent), j.first) // at least
		}
	}
	for _, t := range e.control.Tasks() {
		e.result.taskEnded(t, e.now)
	}
	e.result.spare(e.system.least(), e.now)
	e.result.LeftRunning = len(e.control.Tasks())
	e.result.Activities = e.control.Activities()
	e.result.end = e.now
	e.result.Machine = e.control.ExpressUse()
}
