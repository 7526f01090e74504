package consumer

import (
	"context"
	"errors"
	"sync"
	"time"
)

// pause is the time in which nothing is received since protection was refused.
type pause struct {
	idle chan struct{} // gets a value when no group is worked on any more; buffered

	mu sync.Mutex
	// until is when to receive again.
	until time.Time
	// scaleIn says that the service wants fewer tasks: once idle, the task may have to
	// leave before the pause is over.
	scaleIn  bool
	refusals int // by an agent that fails, in a row
}

func (p *pause) signalIdle() {
	select {
	case p.idle <- struct{}{}:
	default:
	}
}

// over says whether messages may be received, as far as it is known.
func (p *pause) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !time.Now().Before(p.until)
}

// await waits until the pause is over, or a task that the service may not want is idle.
func (p *pause) await(ctx context.Context) {
	for {
		p.mu.Lock()
		left, scaleIn := time.Until(p.until), p.scaleIn
		p.mu.Unlock()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.idle:
			timer.Stop()
			if scaleIn {
				p.mu.Lock()
				p.until = time.Time{}
				p.mu.Unlock()
				return
			}
		}
	}
}

// ready notes that nothing stands against receiving.
func (p *pause) ready() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until, p.scaleIn, p.refusals = time.Time{}, false, 0
}

// forScaleIn begins a pause since the service wants fewer tasks, and says whether there
// was none yet.
func (p *pause) forScaleIn(d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := !p.scaleIn || !time.Now().Before(p.until)
	p.until, p.scaleIn = time.Now().Add(d), true
	return began
}

// forOutage begins a pause since the agent fails, unless there is one; grow says how
// long it is the nth time.
func (p *pause) forOutage(grow func(n int) time.Duration) (d time.Duration, began bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.until) {
		return 0, false
	}
	p.refusals++
	d = grow(p.refusals)
	p.until = time.Now().Add(d)
	return d, true
}

// ready says whether messages may be received now.
func (c *Consumer) ready() bool {
	if !c.pause.over() {
		return false
	}
	if err := c.config.Protection.Ready(c.stop); err != nil {
		c.refused(err)
		return false
	}
	c.pause.ready()
	return true
}

// refused notes that protection was refused: the worker receives nothing for a while,
// or stops, if the service wants fewer tasks for good.
func (c *Consumer) refused(err error) {
	var pending ScaleInPending
	switch {
	case c.stopping():
		return
	case errors.As(err, &pending):
		d := pending.ScaleInPending()
		if d <= 0 {
			c.config.Logger.Info("the service wants fewer tasks; the worker stops", "reason", err)
			c.stopWork()
			return
		}
		if c.pause.forScaleIn(d) {
			c.config.Logger.Info("the service wants fewer tasks; the worker receives nothing for a while",
				"pause", d)
			c.handBackTails()
		}
		return
	}
	d, began := c.pause.forOutage(func(n int) time.Duration {
		return c.exponential(5*time.Second, time.Minute, n)
	})
	if began {
		c.config.Logger.Warn("protection was refused: nothing starts, the messages are handed back",
			"pause", d, "error", err)
	}
}
