package consumer

import (
	"context"
	"time"
)

// drain hands back what waits, lets running handlers finish, and cancels them when
// the process has to end. It returns what polling ended with.
func (c *Consumer) drain(polled <-chan error, cancelWork context.CancelCauseFunc) error {
	c.handBackTails()
	var err error // of polling; read it after finished
	finished := make(chan struct{})
	go func() {
		err = <-polled
		c.groups.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return err
	case <-c.killed:
	}
	deadline := c.killedAt.Add(c.config.StopTimeout - c.config.StopSignal)
	if waitUntil(finished, deadline) {
		return err
	}
	if groups := c.slots.working(); groups > 0 {
		c.config.Logger.Warn("handlers are cancelled: their time is up", "groups", groups)
	}
	cancelWork(ErrStopping)
	if waitUntil(finished, deadline.Add(CancelGrace(c.config.StopSignal))) {
		return err
	}
	if c.slots.working() == 0 && waitUntil(finished, c.killedAt.Add(c.config.StopTimeout-time.Second)) {
		return err // a poll took longer than the handlers
	}
	c.config.Logger.Error("handlers do not return; their messages become visible by themselves",
		"groups", len(c.currentLeases()))
	return nil
}

// handBackTails hands back the messages that wait behind a head that is worked on.
func (c *Consumer) handBackTails() {
	for _, l := range c.currentLeases() {
		c.groups.Go(func() {
			c.awaitOwnPolls()
			if tail := l.takeTail(); tail != nil {
				c.observeHandBack(tail, 0)
				c.changeVisibility(tail, 0, 0)
			}
		})
	}
}

// waitUntil says whether a channel was closed in time.
func waitUntil(closed <-chan struct{}, deadline time.Time) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-closed:
		return true
	case <-timer.C:
		return false
	}
}
