package simulate

import (
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// WorkerSettings are how a system's workers behave.
type WorkerSettings struct {
	// Concurrency is how many groups a task works on at once.
	Concurrency int
	// Protection is whether a task is protected from scale-in while it works, as far
	// as a handler may take (HandlerTimeout), and for HoldDown after.
	Protection               bool
	HandlerTimeout, HoldDown time.Duration
	// Lease is how long a message stays hidden after the task that worked on it was
	// killed.
	Lease time.Duration
	// Drain is how long a handler may go on after SIGTERM.
	Drain time.Duration
}

// How the project's worker renews its protection.
const (
	settling         = time.Minute
	protectionMargin = 5 * time.Minute
)

// worker is a task that runs: it takes messages and works on each group's one by one.
type worker struct {
	e        *engine
	task     *cloud.Task
	leases   []*lease
	stopping bool
	ended    bool

	working        int       // handlers now
	since          time.Time // working is what it is since then
	used           float64   // CPU percent times seconds since it was asked
	asked          time.Time
	protectedUntil time.Time
	idleSince      time.Time
}

// lease is a group's messages, in work one after the other.
type lease struct {
	messages []*cloud.Message // the first is in work
	stopped  bool
}

// StartTask implements cloud.TaskHost.
func (e *engine) StartTask(now time.Time, t *cloud.Task) {
	w := &worker{e: e, task: t, since: now, asked: now, idleSince: now}
	e.workers = append(e.workers, w)
	e.byTask[t.ARN] = w
	e.result.started(e)
}

// StopTask implements cloud.TaskHost.
func (e *engine) StopTask(now time.Time, t *cloud.Task) {
	w := e.byTask[t.ARN]
	if w == nil || w.ended {
		return
	}
	w.stopping = true
	e.removeWorker(w)
	for _, l := range w.leases {
		w.handBack(l.messages[1:], 0)
		l.messages = l.messages[:1]
	}
	if len(w.leases) == 0 {
		w.end()
		return
	}
	e.at(now.Add(e.system.Worker.Drain), w.interrupt)
}

// KillTask implements cloud.TaskHost.
func (e *engine) KillTask(_ time.Time, t *cloud.Task) {
	if w := e.byTask[t.ARN]; w != nil && !w.ended {
		w.interrupt()
	}
}

// CPU implements cloud.TaskHost.
func (e *engine) CPU(now time.Time, t *cloud.Task) float64 {
	w := e.byTask[t.ARN]
	if w == nil {
		return 0
	}
	e.box.Touch(now) // its polls keep the queue's metrics coming
	w.account()
	seconds := now.Sub(w.asked).Seconds()
	w.asked = now
	if seconds <= 0 {
		return 0
	}
	cpu := w.used / seconds
	w.used = 0
	return cpu
}

// account adds up the CPU since the number of handlers changed.
func (w *worker) account() {
	percent := min(100, w.e.idle+float64(w.working)*w.e.workload.CPU.Working)
	w.used += percent * w.e.now.Sub(w.since).Seconds()
	w.since = w.e.now
}

// receive polls once, if there is a free slot, and says whether something came.
func (w *worker) receive() bool {
	free := w.e.system.Worker.Concurrency - len(w.leases)
	if w.stopping || free <= 0 {
		return false
	}
	// Hidden for as long as it can be: the worker extends its lease while it works.
	got := w.e.box.Receive(w.e.now, min(free, cloud.BatchSize), cloud.MaxVisibility, "", w.e.dead)
	w.e.countDeadLetters()
	if len(got) == 0 {
		return false
	}
	w.e.result.Requests++
	for _, m := range got {
		if m.ReceiveCount > 1 {
			w.e.result.Redeliveries++
		}
	}
	if !w.protect() {
		w.handBack(got, 0)
		w.stopping = true
		w.e.removeWorker(w)
		if len(w.leases) == 0 {
			w.end()
		}
		return false
	}
	for len(got) > 0 {
		n := 1
		for n < len(got) && got[n].GroupID == got[0].GroupID {
			n++
		}
		l := &lease{messages: slices.Clone(got[:n])}
		w.leases = append(w.leases, l)
		w.begin(l)
		got = got[n:]
	}
	return true
}

// protect makes sure that protection reaches as far as a handler may take; a refusal
// means that the service wants fewer tasks.
func (w *worker) protect() bool {
	settings := w.e.system.Worker
	if !settings.Protection || w.protectedUntil.Sub(w.e.now) >= settings.HandlerTimeout+settling {
		return true
	}
	lease := settings.HandlerTimeout + protectionMargin
	if w.e.control.Protect(w.e.now, w.task, true, lease) != "" {
		return false
	}
	w.protectedUntil = w.e.now.Add(lease)
	return true
}

// begin starts the handler of a lease's first message.
func (w *worker) begin(l *lease) {
	m := l.messages[0]
	j := w.e.pending[m.ID]
	if !j.started {
		j.started = true
		w.e.pending[m.ID] = j
		w.e.result.waited(w.e.now.Sub(j.sent), j.first)
		w.e.result.begun.add(w.e.now.Sub(j.sent))
	}
	w.account()
	w.working++
	if limit := w.e.system.Worker.HandlerTimeout; limit > 0 && j.work > limit {
		w.e.at(w.e.now.Add(limit), func() { w.fail(l) })
		return
	}
	w.e.at(w.e.now.Add(j.work), func() { w.done(l) })
}

// retryPause is about how long the worker hides a message whose handler failed.
const retryPause = 30 * time.Second

// fail hands back a message whose handler was cancelled since its time was up, and
// those behind it.
func (w *worker) fail(l *lease) {
	if l.stopped {
		return
	}
	w.account()
	w.working--
	w.handBack(l.messages[1:], 0)
	w.handBack(l.messages[:1], retryPause)
	w.e.at(w.e.now.Add(retryPause), w.e.receiveAll)
	w.release(l)
}

// done deletes the message and goes on to the next of its group.
func (w *worker) done(l *lease) {
	if l.stopped {
		return
	}
	m := l.messages[0]
	work := w.e.pending[m.ID].work
	w.account()
	w.working--
	if err := w.e.box.Delete(w.e.now, m.ReceiptHandle); err != nil {
		// Work of more than 12 hours has lost its message, as in SQS.
		w.e.result.Redeliveries++
	} else {
		delete(w.e.pending, m.ID)
		w.e.result.Done++
	}
	w.e.result.Requests += 2 // its send and its delete
	if lease := w.e.system.Worker.Lease; lease > 0 {
		w.e.result.Requests += int(work / (lease / 3)) // extensions of its lease
	}
	if l.messages = l.messages[1:]; len(l.messages) > 0 {
		w.begin(l)
		return
	}
	w.release(l)
	w.e.receiveAll() // the group may have more
}

func (w *worker) release(l *lease) {
	l.stopped = true
	w.leases = slices.DeleteFunc(w.leases, func(o *lease) bool { return o == l })
	if len(w.leases) > 0 {
		return
	}
	w.idleSince = w.e.now
	if w.stopping {
		w.end()
		return
	}
	since := w.idleSince
	w.e.at(w.e.now.Add(w.e.system.Worker.HoldDown), func() { w.unprotect(since) })
}

// unprotect ends the protection of a task that has been idle since.
func (w *worker) unprotect(since time.Time) {
	if w.ended || len(w.leases) > 0 || !w.idleSince.Equal(since) || w.protectedUntil.IsZero() {
		return
	}
	w.protectedUntil = time.Time{}
	w.e.control.Protect(w.e.now, w.task, false, 0)
}

// handBack makes messages visible after a time, the last first.
func (w *worker) handBack(messages []*cloud.Message, after time.Duration) {
	for _, m := range slices.Backward(messages) {
		// One whose time is up is visible already.
		_ = w.e.box.ChangeVisibility(w.e.now, m.ReceiptHandle, after)
	}
}

// interrupt ends a task whose time is up, at work or not.
func (w *worker) interrupt() {
	if w.ended {
		return
	}
	if w.working > 0 {
		w.e.result.BusyKills++
		w.e.result.Interrupted += w.working
	}
	for _, l := range w.leases {
		l.stopped = true
		w.handBack(l.messages, w.e.system.Worker.Lease)
	}
	w.account()
	w.leases, w.working = nil, 0
	w.end()
	if w.e.system.Worker.Lease > 0 {
		w.e.at(w.e.now.Add(w.e.system.Worker.Lease), w.e.receiveAll) // they are visible again
	}
}

func (w *worker) end() {
	w.ended = true
	w.e.removeWorker(w)
	w.e.control.TaskEnded(w.e.now, w.task)
	w.e.result.taskEnded(w.task, w.e.now)
	delete(w.e.byTask, w.task.ARN)
	w.e.receiveAll() // what it handed back
}

func (e *engine) removeWorker(w *worker) {
	e.workers = slices.DeleteFunc(e.workers, func(o *worker) bool { return o == w })
}
