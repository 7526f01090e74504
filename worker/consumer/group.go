package consumer

import (
	"context"
	"errors"
	"time"
)

// outcome is what became of the head of a group.
type outcome int

const (
	settled   outcome = iota // deleted, or in the dead-letter queue
	failed                   // the handler failed, or asked for later
	abandoned                // another worker may have it
	handBack                 // to be handed back
)

// runGroup works through the messages of a lease, one by one, each after SQS has
// confirmed the delete of the one before.
func (c *Consumer) runGroup(l *lease, before *lease) {
	defer c.finish(l, before)
	if !c.awaitPredecessor(before) {
		wait := time.Duration(0)
		if !c.stopping() {
			wait = c.exponential(time.Second, c.config.MaxBackoff, l.receiveCount)
		}
		c.handBack(l, wait)
		return
	}
	if !c.enterSlot(l) {
		c.handBack(l, 0)
		return
	}
	for m := l.head(); m != nil; m = l.head() {
		switch result, wait := c.handleHead(l, m); result {
		case settled:
			c.blocked.remove(l.groupID)
		case handBack:
			c.handBack(l, wait)
			return
		default:
			return
		}
	}
}

// awaitPredecessor waits for the handler of a lost lease on the same group, since two
// handlers of a group must never run. One that does not return is not waited for for
// ever: others can take the messages.
func (c *Consumer) awaitPredecessor(before *lease) bool {
	if before == nil {
		return true
	}
	timer := time.NewTimer(predecessorGrace)
	defer timer.Stop()
	select {
	case <-before.done:
		return true
	case <-timer.C:
	case <-c.stop.Done():
	}
	return false
}

// handleHead handles a message, as often as it may be tried within the lease, and
// settles it. Wait is for how long to hide it if it is to be handed back.
func (c *Consumer) handleHead(l *lease, m *Message) (result outcome, wait time.Duration) {
	for attempts := 0; ; {
		if c.stopping() {
			return handBack, 0
		}
		if !c.config.Fits(time.Until(l.limit)) {
			return handBack, 0
		}
		result, took, err := c.attempt(l, m)
		if !c.config.Fits(time.Until(l.limit)) {
			c.outlasted()
		}
		if result != failed {
			return result, 0
		}
		if !IsLater(err) {
			attempts++
		}
		verdict, wait := c.config.AfterFailure(Failure{
			Err: err, Attempts: attempts, ReceiveCount: m.ReceiveCount, LeaseLeft: time.Until(l.limit),
		})
		if verdict == DeadLetter {
			c.reportFailure(m, attempts, took, 0, err)
			return c.bury(l, m, attempts, err)
		}
		if !IsLater(err) {
			wait += c.jitter(wait / JitterDivisor)
		}
		c.blocked.add(l.groupID, time.Now(), wait)
		c.reportFailure(m, attempts, took, wait, err)
		due := time.Now().Add(wait)
		if verdict == HandBack || !c.waitInLease(l, wait) {
			return handBack, max(0, time.Until(due))
		}
	}
}

// attempt calls the handler once, under protection, and settles what it has done.
func (c *Consumer) attempt(l *lease, m *Message) (result outcome, took time.Duration, err error) {
	release, err := c.config.Protection.Hold(l.ctx)
	if l.loseIfExpired() || l.ctx.Err() != nil {
		if err == nil {
			release()
		}
		return handBack, 0, nil // if there still is something to hand back
	}
	if err != nil {
		c.refused(err)
		return handBack, 0, err
	}
	defer release()
	if c.stopping() {
		return handBack, 0, nil // it was not, before the agent was asked
	}
	began := time.Now()
	err = c.call(l, m)
	took = time.Since(began)
	switch {
	case l.lost():
		return abandoned, took, err // even if it is done: the handle has expired
	case err == nil:
		return c.conclude(l, m, Event{Kind: Done, Message: m, Took: took, Age: began.Sub(m.SentAt)}), took,
			nil
	case errors.Is(context.Cause(l.ctx), ErrStopping):
		return handBack, took, err // it was cancelled, which is not the fault of the message
	}
	return failed, took, err
}

// call runs the handler with its limit of time.
func (c *Consumer) call(l *lease, m *Message) error {
	ctx, cancel := context.WithTimeoutCause(l.ctx, c.config.HandlerTimeout, ErrHandlerTimeout)
	defer cancel()
	return safely(ctx, c.handler, m)
}

// reportFailure tells of a call that failed, or asked for later.
func (c *Consumer) reportFailure(m *Message, attempt int, took, wait time.Duration, err error) {
	if IsLater(err) {
		c.config.Observe(Event{Kind: Postponed, Message: m, Err: err, Took: took, Wait: wait})
		c.config.Logger.Info("the handler asks for later",
			append(about(m), "wait", wait.String(), "reason", err)...)
		return
	}
	c.config.Observe(Event{Kind: Failed, Message: m, Attempt: attempt, Err: err, Took: took, Wait: wait})
	record := append(about(m), "attempt", attempt, "wait", wait.String(), "error", err)
	if details := detailsOf(err); len(details) > 0 {
		record = append(record, "details", details)
	}
	c.config.Logger.Warn("the handler failed", record...)
}

// conclude deletes a message that needs no more work, and tells of it.
func (c *Consumer) conclude(l *lease, m *Message, event Event) outcome {
	if err := c.settle(l, m); err != nil {
		c.config.Logger.Warn("a message is done but could not be deleted; it will come again",
			append(about(m), "error", err)...)
		return abandoned
	}
	c.config.Observe(event)
	return settled
}
