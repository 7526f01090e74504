package simulate

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"fargate-queue-worker/sandbox/cloud"
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
	idle     float64        // CPU of a task without work, in percent of what it reserves

	now     time.Time
	events  eventHeap
	serial  int
	workers []*worker          // running, in the order they started
	byTask  map[string]*worker // by task ARN
	turn    int                // whose turn it is to poll
	pending map[string]job     // sent and not done, by message id
	sent    int
	ideal   ideal

	result *Result
}

// job is a message's, until it is done.
type job struct {
	work    time.Duration
	sent    time.Time
	started bool
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
func run(system System, w *Workload, p Parameters) (*Result, error) {
	box, err := system.Account.Mailbox(system.Queue.URL)
	if err != nil {
		return nil, err
	}
	e := &engine{
		system: system, workload: w, box: box, now: begin,
		byTask: map[string]*worker{}, pending: map[string]job{}, result: newResult(system.Name, w.Name, p),
	}
	if system.DeadLetters != nil {
		if e.dead, err = system.Account.Mailbox(system.DeadLetters.URL); err != nil {
			return nil, err
		}
	}
	e.idle = w.CPU.Idle * measuredVCPU / system.size().vcpu
	e.result.size, e.result.metrics = system.size(), system.alarmMetrics()
	options := p.Control
	options.StartDelay = func(int) time.Duration {
		// By the time, so that all systems find the same Fargate.
		random := rand.New(rand.NewPCG(p.Seed, uint64(e.now.UnixNano())))
		return p.StartFrom + time.Duration(random.Float64()*float64(p.StartTo-p.StartFrom))
	}
	e.control = cloud.NewControl(system.Account, begin, e, options)
	next, stop := iter.Pull(w.Jobs(p.Seed, p.Days))
	defer stop()
	e.everyMinute(begin.Add(time.Minute))
	if system.Poller != nil {
		e.poll(system.Poller)
	}
	e.loop(next, begin.Add(time.Duration(p.Days)*day))
	e.finish()
	return e.result, nil
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

func (e *engine) loop(next func() (Job, bool), end time.Time) {
	job, more := next()
	for limit := end.Add(day); ; {
		arrival := begin.Add(job.At)
		t := e.control.Next()
		if len(e.events) > 0 && e.events[0].at.Before(t) {
			t = e.events[0].at
		}
		arrives := more && !arrival.After(t)
		if arrives {
			t = arrival
		}
		if t.After(limit) || !more && t.After(end) && e.quiet() {
			return
		}
		e.now = t
		switch {
		case arrives:
			e.send(job)
			job, more = next()
		case len(e.events) > 0 && !e.events[0].at.After(t):
			heap.Pop(&e.events).(event).do()
		default:
			e.control.Advance(t)
			e.receiveAll()
		}
	}
}

// quiet says whether nothing is left to do and to stop.
func (e *engine) quiet() bool {
	return len(e.pending) == 0 && len(e.control.Tasks()) <= e.system.least()
}

func (e *engine) send(j Job) {
	e.sent++
	m, err := e.box.Send(e.now, cloud.Message{Body: "job", GroupID: strconv.Itoa(j.Group), DeduplicationID: strconv.Itoa(e.sent)})
	if err != nil {
		panic(err) // a message with a group and a deduplication id of its own
	}
	e.pending[m.ID] = job{work: j.Work, sent: e.now, first: e.ideal.add(e.now, j)}
	e.receiveAll()
}

// receiveAll lets workers with free slots poll, one after the other, as long as one
// of them gets something.
func (e *engine) receiveAll() {
	for failed := 0; failed < len(e.workers); {
		e.turn = (e.turn + 1) % len(e.workers)
		if e.workers[e.turn].receive() {
			failed = 0
		} else {
			failed++
		}
	}
}

// everyMinute takes the samples of the minute that ends.
func (e *engine) everyMinute(t time.Time) {
	e.at(t.Add(-time.Nanosecond), func() {
		counts := e.box.Counts(e.now)
		if e.system.EveryMinute != nil {
			e.system.EveryMinute(e.control, counts, e.box, e.now)
		}
		e.result.sample(e, counts)
		e.everyMinute(t.Add(time.Minute))
	})
}

// poll runs a scaler that is none of AWS's.
func (e *engine) poll(p *Poller) {
	e.at(e.now.Add(p.Interval), func() {
		e.control.Advance(e.now)
		counts := e.box.Counts(e.now)
		e.box.Touch(e.now)
		e.system.Service.DesiredCount = p.desired(e.now, counts, e.system.Service.DesiredCount)
		e.control.Advance(e.now)
		e.poll(p)
	})
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
	e.result.LeftRunning = len(e.control.Tasks())
	e.result.Activities = e.control.Activities()
	e.result.end = e.now
}
