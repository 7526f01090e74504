package simulate

import (
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// lease is the hold on the received messages of a group: the head, which is worked on,
// and those behind it.
type lease struct {
	w          *worker
	messages   []*cloud.Message // the head first
	receivedAt time.Time
	slot       bool
	attempts   int       // failed, on the head
	due        time.Time // of the next attempt; zero unless the head waits for it
	handling   *handling // nil while no handler runs
	over       bool
}

func newLease(w *worker, messages []*cloud.Message) *lease {
	return &lease{w: w, messages: messages, receivedAt: w.e.now, slot: true}
}

// left is for how long the messages can be kept.
func (l *lease) left() time.Duration {
	return l.receivedAt.Add(consumer.LongestLease - consumer.LeaseMargin).Sub(l.w.e.now)
}

// attempt calls the handler on the head, under protection.
func (l *lease) attempt() {
	l.due = time.Time{}
	switch w := l.w; {
	case l.over:
	case w.stopping:
		l.handBack(0)
	case !w.settings().Fits(l.left()):
		w.single = w.e.now.Add(consumer.LongestLease)
		l.handBack(0)
	case !w.guard.hold():
		l.handBack(0)
	default:
		l.call()
	}
}

func (l *lease) call() {
	e, m := l.w.e, l.messages[0]
	j := e.begin(m)
	e.note(l.w, started, m, 0)
	began := e.now
	limit := l.w.settings().HandlerTimeout
	lost := limit == 0 || l.left() < limit
	if lost {
		limit = l.left()
	}
	l.handling = l.w.cpu.start(j.Work, limit, func(timeIsUp bool) {
		l.handling = nil
		l.w.guard.idle()
		l.countExtensions(e.now.Sub(began))
		switch {
		case timeIsUp && lost:
			l.lost()
		case timeIsUp:
			l.failed(consumer.ErrHandlerTimeout)
		default:
			l.returned(e.failure(m))
		}
	})
}

// returned settles the head on which the handler has returned.
func (l *lease) returned(err error) {
	if err != nil {
		l.failed(err)
		return
	}
	e, m := l.w.e, l.messages[0]
	e.note(l.w, done, m, 0)
	e.result.note(consumer.Done, e.now)
	if e.delete(m) {
		delete(e.pending, m.ID)
		e.result.Done++
	}
	l.next()
}

// next goes on to the message behind the head, which is settled.
func (l *lease) next() {
	l.messages, l.attempts = l.messages[1:], 0
	if len(l.messages) > 0 {
		l.attempt()
		return
	}
	l.over = true
	l.w.remove(l)
	l.w.beginPoll()
	l.w.e.woken = true // the group may have more
}

// failed does what the worker decides about a head on which the handler failed.
func (l *lease) failed(err error) {
	w, m := l.w, l.messages[0]
	later := consumer.IsLater(err)
	if later {
		w.e.result.note(consumer.Postponed, w.e.now)
	} else {
		w.e.result.note(consumer.Failed, w.e.now)
		l.attempts++
	}
	verdict, wait := w.settings().AfterFailure(consumer.Failure{
		Err: err, Attempts: l.attempts, ReceiveCount: m.ReceiveCount, LeaseLeft: l.left(),
	})
	if !later {
		wait += w.e.jitter(wait / consumer.JitterDivisor)
	}
	switch verdict {
	case consumer.DeadLetter:
		w.e.deadLetter(w, m)
		l.next()
	case consumer.HandBack:
		l.handBack(wait)
	default:
		l.wait(wait)
	}
}

// wait keeps the messages until the next attempt on the head, without a slot unless too
// many do.
func (l *lease) wait(wait time.Duration) {
	w := l.w
	l.due = w.e.now.Add(wait)
	w.e.result.note(consumer.Blocked, w.e.now)
	w.e.at(l.due, func() {
		if l.over {
			return
		}
		if l.slot {
			l.attempt()
			return
		}
		w.entering = append(w.entering, l)
		w.enterSlots()
	})
	waiting := 0
	for _, o := range w.leases {
		if !o.slot {
			waiting++
		}
	}
	if waiting < consumer.WaitingPerSlot*w.settings().Concurrency {
		w.leaveSlot(l)
		w.beginPoll()
		w.e.woken = true
	}
}

// lost ends a lease that SQS lets nobody extend any more.
func (l *lease) lost() {
	l.over = true
	l.w.e.result.note(consumer.LeaseLost, l.w.e.now)
	l.runOut()
	l.w.remove(l)
	l.w.beginPoll()
	l.w.e.woken = true
}

// runOut lets the messages become visible when the last extension has run out.
func (l *lease) runOut() {
	w := l.w
	extended := w.lastBeat()
	if l.receivedAt.After(extended) {
		extended = l.receivedAt
	}
	expires := extended.Add(w.settings().VisibilityTimeout)
	if limit := l.receivedAt.Add(consumer.LongestLease - consumer.LeaseMargin); expires.After(limit) {
		expires = limit
	}
	for _, m := range slices.Backward(l.messages) {
		// One whose 12 hours are over is visible already.
		_ = w.e.box.ChangeVisibility(w.e.now, m.ReceiptHandle, max(0, expires.Sub(w.e.now)))
	}
	w.e.wakeAt(expires)
}

// handBack ends the lease: its head is hidden for a time, those behind it a while longer,
// so that the next poll takes the head alone. While nothing may start, it waits for the
// worker's own poll to end, which would take them.
func (l *lease) handBack(wait time.Duration) {
	l.w.afterPoll(func() {
		if l.over {
			return
		}
		l.over = true
		wait := consumer.HandBackWait(wait, l.left())
		for i, m := range l.messages {
			l.hide(m, wait)
			if i == 0 {
				wait += consumer.HeadStart
			}
		}
		l.handedBack()
		l.w.remove(l)
		l.w.beginPoll()
		l.w.e.woken = true
	})
}

// handBackTail makes the messages behind the head visible, which blocks them. That is a
// call of its own, which comes after what the lease does in the same moment.
func (l *lease) handBackTail() {
	l.w.e.at(l.w.e.now, func() {
		l.w.afterPoll(func() {
			if l.over || len(l.messages) < 2 {
				return
			}
			for _, m := range l.messages[1:] {
				l.hide(m, 0)
			}
			l.messages = l.messages[:1]
			l.handedBack()
		})
	})
}

func (l *lease) handedBack() {
	l.w.e.result.Requests.changeVisibility(1)
	l.w.e.result.note(consumer.HandedBack, l.w.e.now)
}

func (l *lease) hide(m *cloud.Message, wait time.Duration) {
	l.w.e.note(l.w, handedBack, m, wait)
	// One whose 12 hours are over is visible already.
	_ = l.w.e.box.ChangeVisibility(l.w.e.now, m.ReceiptHandle, wait)
	l.w.e.wakeAt(l.w.e.now.Add(wait))
}

// countExtensions counts the calls that kept the messages hidden meanwhile.
func (l *lease) countExtensions(d time.Duration) {
	l.w.e.result.Requests.changeVisibility(
		int(d / (l.w.settings().VisibilityTimeout / consumer.BeatsPerTimeout)),
	)
}
