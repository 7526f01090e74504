package simulate

import (
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// what a worker does, by which it is compared with the real one.
type what string

const (
	received     what = "received"
	started      what = "started"
	done         what = "done"
	deadLettered what = "dead-lettered"
	handedBack   what = "handed back"
	protected    what = "protected"
	refused      what = "refused"
	unprotected  what = "unprotected"
)

// note is something that a worker did.
type note struct {
	at   time.Time
	task string
	what what
	body string        // of the message
	nth  int           // receive of the message
	wait time.Duration // for which it is hidden
}

// note records what a worker does, if anybody asks.
func (e *engine) note(w *worker, what what, m *cloud.Message, wait time.Duration) {
	if e.observe == nil {
		return
	}
	n := note{at: e.now, task: w.task.ID(), what: what, wait: wait}
	if m != nil {
		n.body, n.nth = m.Body, m.ReceiveCount
	}
	e.observe(n)
}
