package consumer

import (
	"context"
	"time"
)

// stopWork lets no more work start.
func (c *Consumer) stopWork() { c.stopOnce.Do(func() { close(c.stop) }) }

func (c *Consumer) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// drain hands back what waits, lets running handlers finish, and cancels them when
// the process has to end.
func (c *Consumer) drain(cancelWork context.CancelCauseFunc) {
	for _, l := range c.currentLeases() {
		if tail := l.takeTail(); tail != nil {
			c.running.Go(func() { c.changeVisibility(tail, 0) })
		}
	}
	finished := make(chan struct{})
	go func() {
		c.running.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return
	case <-c.killed:
	}
	deadline := c.killedAt.Add(c.StopTimeout - stopMargin)
	if waitUntil(finished, deadline) {
		return
	}
	c.Logger.Warn("handlers are cancelled: their time is up", "groups", len(c.currentLeases()))
	cancelWork(ErrStopping)
	if !waitUntil(finished, deadline.Add(cancelGrace)) {
		c.Logger.Error("handlers do not return; their messages become visible by themselves", "groups", len(c.currentLeases()))
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
