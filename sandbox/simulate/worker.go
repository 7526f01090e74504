package simulate

import (
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// WorkerSettings are how a system's workers behave.
type WorkerSettings struct {
	// Config is the consumer's, with its defaults.
	consumer.Config
	// Protection is whether a task is protected from scale-in while it works, as far
	// as a handler may take, and for HoldDown after.
	Protection bool
	HoldDown   time.Duration
	// Drain is how long a handler may go on after SIGTERM.
	Drain time.Duration
}

// worker is a task that runs: what the project's worker does, without its calls. Where
// that decides something, its own code does so here.
type worker struct {
	e      *engine
	task   *cloud.Task
	leases []*lease
	cpu    cpu
	guard  guard
	poll   *poll // the one that is under way
	// single is until when messages are received one by one, since a lease did not last
	// for all its messages.
	single time.Time
	// entering are the leases that wait for a slot, the first that came first; nil stands
	// for the next poll.
	entering []*lease
	// afterPolls waits for the poll under way to end.
	afterPolls []func()
	stopping   bool
	ended      bool
}

// StartTask implements cloud.TaskHost.
func (e *engine) StartTask(_ time.Time, t *cloud.Task) {
	w := &worker{e: e, task: t}
	w.cpu = newCPU(w)
	w.guard = newGuard(w)
	e.workers = append(e.workers, w)
	e.byTask[t.ARN] = w
	e.result.started(e)
	w.beginPoll()
	e.woken = true
}

// StopTask implements cloud.TaskHost.
func (e *engine) StopTask(now time.Time, t *cloud.Task) {
	w := e.byTask[t.ARN]
	if w == nil || w.ended {
		return
	}
	w.stop()
	if !w.ended {
		e.at(now.Add(w.settings().Drain), w.interrupt)
	}
}

// KillTask implements cloud.TaskHost.
func (e *engine) KillTask(_ time.Time, t *cloud.Task) {
	if w := e.byTask[t.ARN]; w != nil && !w.ended {
		w.kill()
	}
}

// CPU implements cloud.TaskHost.
func (e *engine) CPU(now time.Time, t *cloud.Task) float64 {
	w := e.byTask[t.ARN]
	if w == nil {
		return 0
	}
	e.box.Touch(now) // its polls keep the queue's metrics coming
	return w.cpu.utilization(now)
}

func (w *worker) settings() *WorkerSettings { return &w.e.system.Worker }

// working is how many groups have a slot.
func (w *worker) working() (n int) {
	for _, l := range w.leases {
		if l.slot {
			n++
		}
	}
	return n
}

// stop begins no more work; what runs may finish, and so does the poll under way.
func (w *worker) stop() {
	if w.stopping {
		return
	}
	w.stopping = true
	w.entering = slices.DeleteFunc(w.entering, func(l *lease) bool { return l == nil })
	for _, l := range slices.Clone(w.leases) {
		if l.handling == nil {
			l.handBack(max(0, l.due.Sub(w.e.now)))
		} else {
			l.handBackTail()
		}
	}
	if w.poll != nil {
		p := w.poll
		w.e.at(p.endsAfter(w.e.now), func() { w.endPoll(p) })
	}
	w.endIfDone()
}

// endIfDone ends the task of a worker that stops once nothing is left of its work.
func (w *worker) endIfDone() {
	if !w.ended && w.stopping && len(w.leases) == 0 && w.poll == nil {
		w.end()
	}
}

// remove takes a lease off the worker.
func (w *worker) remove(l *lease) {
	w.leases = slices.DeleteFunc(w.leases, func(o *lease) bool { return o == l })
	w.leaveSlot(l)
	w.endIfDone()
}

// interrupt cancels the handlers of a worker whose time to stop is nearly up; their
// messages are handed back.
func (w *worker) interrupt() {
	if w.ended {
		return
	}
	w.countKill()
	w.cpu.stopAll()
	for _, l := range slices.Clone(w.leases) {
		l.handling = nil
		l.handBack(0)
	}
	w.e.woken = true
	w.endIfDone()
}

// kill ends a worker at once. Its messages become visible when its leases run out.
func (w *worker) kill() {
	w.countKill()
	w.cpu.stopAll()
	for _, l := range w.leases {
		l.over = true
		l.runOut()
	}
	w.leases, w.poll = nil, nil
	w.guard.asked = false // nobody is left to end it
	w.end()
}

func (w *worker) countKill() {
	if n := w.cpu.handlers(); n > 0 {
		w.e.result.BusyKills++
		w.e.result.Interrupted += n
	}
}

func (w *worker) end() {
	w.ended = true
	w.guard.unprotect()
	w.e.workers = slices.DeleteFunc(w.e.workers, func(o *worker) bool { return o == w })
	w.e.control.TaskEnded(w.e.now, w.task)
	w.e.result.taskEnded(w.task, w.e.now)
	delete(w.e.byTask, w.task.ARN)
	w.e.woken = true // for what it handed back
}

// lastBeat is when the worker last extended its leases.
func (w *worker) lastBeat() time.Time {
	every := w.settings().VisibilityTimeout / consumer.BeatsPerTimeout
	return w.task.Started.Add(w.e.now.Sub(w.task.Started).Truncate(every))
}
