package consumer

import (
	"context"
	"errors"
	"time"
)

// outcome is what became of the head of a group.
type outcome int

const (
	done      outcome = iota // deleted, or in the dead-letter queue
	failed                   // to be handed back and tried again
	abandoned                // somebody else's now
	unstarted                // to be handed back as it is
)

// runGroup works through the messages of a lease, one by one, each after SQS has
// confirmed the delete of the one before.
func (c *Consumer) runGroup(l *lease, before *lease) {
	defer c.finish(l, before)
	if !c.awaitPredecessor(before) {
		wait := time.Duration(0)
		if !c.stopping() {
			wait = c.handBackFor(l, exponential(c.Backoff, c.MaxBackoff, l.receiveCount))
		}
		c.release(l.takeAll(), wait)
		return
	}
	for m := l.head(); m != nil; m = l.head() {
		result, wait := c.handleHead(l, m)
		switch result {
		case done:
			c.blocked.remove(l.groupID)
		case failed:
			c.blocked.add(l.groupID, time.Now(), wait)
			c.cut() // the next poll takes the head without those behind it
			c.release(l.takeAll(), wait)
			return
		case unstarted:
			c.release(l.takeAll(), 0)
			return
		case abandoned:
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
	case <-c.stop:
	}
	return false
}

// handleHead handles a message and settles it. A failed one is tried again here
// first, while the lease holds, since that costs the messages behind it nothing.
func (c *Consumer) handleHead(l *lease, m *Message) (result outcome, wait time.Duration) {
	for attempt := 1; ; attempt++ {
		if c.stopping() {
			return unstarted, 0
		}
		result, err := c.attempt(l, m)
		if result != failed {
			return result, 0
		}
		if errors.Is(context.Cause(l.ctx), ErrStopping) {
			return unstarted, 0 // it was cancelled, which is no fault of the message
		}
		c.Metrics.Retried(m)
		c.Logger.Warn("the handler failed", append(about(m), "attempt", attempt, "error", err)...)
		var retry retryError
		if errors.As(err, &retry) {
			return failed, c.handBackFor(l, retry.after)
		}
		if attempt >= c.Attempts || c.pause(l, exponential(c.Backoff, c.MaxBackoff, attempt)) != nil {
			return failed, c.handBackFor(l, exponential(c.Backoff, c.MaxBackoff, max(m.ReceiveCount, 1)))
		}
	}
}

// attempt calls the handler once, under protection, and settles what it has done.
func (c *Consumer) attempt(l *lease, m *Message) (outcome, error) {
	release, err := c.Protection.Hold(l.ctx)
	if l.expire() || l.ctx.Err() != nil {
		if err == nil {
			release()
		}
		return interrupted(l), nil
	}
	if err != nil {
		c.refused(err)
		return unstarted, err
	}
	defer release()
	if c.stopping() {
		return unstarted, nil // it was not, before the agent was asked
	}
	began := time.Now()
	err = c.call(l, m)
	handling, age := time.Since(began), began.Sub(m.SentAt)
	if l.lost() {
		return abandoned, err // even if it is done: the handle is good for nothing
	}
	if err == nil {
		return c.conclude(l, m, func() { c.Metrics.Done(m, handling, age) }), nil
	}
	if IsPermanent(err) && c.DeadLetterQueueURL != "" {
		return c.bury(l, m, err), err
	}
	return failed, err
}

// handBackFor is how long a failed message is hidden: whole seconds, no longer than
// SQS takes, and past the poll that is being cut short, which would take the
// messages behind it along.
func (c *Consumer) handBackFor(l *lease, wait time.Duration) time.Duration {
	whole := max(2*shortestWait, (wait + time.Second - 1).Truncate(time.Second))
	return max(0, min(whole, time.Until(l.limit).Truncate(time.Second)))
}

// call runs the handler with its limit of time.
func (c *Consumer) call(l *lease, m *Message) error {
	ctx, cancel := context.WithTimeoutCause(l.ctx, c.HandlerTimeout, ErrHandlerTimeout)
	defer cancel()
	return safely(ctx, c.handler, m)
}

// interrupted is what becomes of a message whose lease ended before its handler began.
func interrupted(l *lease) outcome {
	if l.lost() {
		return abandoned
	}
	return unstarted
}

// conclude deletes a message that needs no more work.
func (c *Consumer) conclude(l *lease, m *Message, count func()) outcome {
	if err := c.settle(l, m); err != nil {
		c.Logger.Warn("a message is done but could not be deleted; it will come again", append(about(m), "error", err)...)
		return abandoned
	}
	count()
	return done
}

// bury moves a message that can never succeed to the dead-letter queue.
func (c *Consumer) bury(l *lease, m *Message, reason error) outcome {
	if err := c.deadLetter(m); err != nil {
		c.Logger.Warn("putting a message into the dead-letter queue failed", append(about(m), "error", err)...)
		return failed
	}
	c.Logger.Warn("a message went to the dead-letter queue", append(about(m), "error", reason)...)
	return c.conclude(l, m, func() { c.Metrics.DeadLettered(m) })
}

// pause waits between two attempts, unless the lease or the worker ends.
func (c *Consumer) pause(l *lease, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	case <-c.stop:
		return ErrStopping
	}
}
