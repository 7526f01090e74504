package simulate

import (
	"slices"
	"time"
)

// cpu is what the handlers of a task share: the vCPU that it reserves. While they want
// more than that, each is slowed down alike, as Linux's scheduler does with equals.
type cpu struct {
	w *worker
	// capacity, idle and each are in percent of a vCPU: what the task reserves, what
	// the worker itself uses, and what a handler uses that is not slowed down.
	capacity, idle, each float64

	running []*handling
	since   time.Time // the number of handlers is what it is since then
	used    float64   // percent of a vCPU times seconds, since it was asked
	asked   time.Time
}

// handling is a call of a handler.
type handling struct {
	work, left time.Duration // if it is not slowed down
	began      time.Time
	// limit is when its time is up; zero if there is no limit.
	limit  time.Time
	finish func(timeIsUp bool)
	// generation tells the event of its end from those that a change of speed has
	// made void.
	generation int
}

func newCPU(w *worker) cpu {
	return cpu{
		w: w, capacity: 100 * w.e.system.size().vcpu, idle: w.e.workload.CPU.Idle * measuredVCPU,
		each: w.e.workload.CPU.Working, since: w.e.now, asked: w.e.now,
	}
}

// handlers is how many run.
func (c *cpu) handlers() int { return len(c.running) }

// speed of each handler, 1 if it is not slowed down.
func (c *cpu) speed() float64 {
	wanted := float64(len(c.running)) * c.each
	if available := c.capacity - c.idle; wanted > available {
		return available / wanted
	}
	return 1
}

// account adds up what was used and done since the number of handlers changed.
func (c *cpu) account() {
	now := c.w.e.now
	passed := now.Sub(c.since)
	c.since = now
	c.used += min(c.capacity, c.idle+float64(len(c.running))*c.each) * passed.Seconds()
	done := time.Duration(c.speed() * float64(passed))
	for _, h := range c.running {
		h.left -= done
	}
}

// utilization is what was used since it was last asked, in percent of what the task
// reserves.
func (c *cpu) utilization(now time.Time) float64 {
	c.account()
	seconds := now.Sub(c.asked).Seconds()
	c.asked = now
	if seconds <= 0 {
		return 0
	}
	used := c.used / seconds
	c.used = 0
	return 100 * used / c.capacity
}

// start begins a call that needs some work and has a limit of time, 0 for none.
func (c *cpu) start(work, limit time.Duration, finish func(timeIsUp bool)) *handling {
	before := c.speed()
	c.account()
	h := &handling{work: work, left: work, began: c.w.e.now, finish: finish}
	if limit > 0 {
		h.limit = c.w.e.now.Add(limit)
	}
	c.running = append(c.running, h)
	c.reschedule(before, h)
	return h
}

// stop ends a call.
func (c *cpu) stop(h *handling) {
	before := c.speed()
	c.account()
	c.w.e.result.work += h.work - max(0, h.left)
	c.w.e.result.handled += c.w.e.now.Sub(h.began)
	h.generation++
	c.running = slices.DeleteFunc(c.running, func(o *handling) bool { return o == h })
	c.reschedule(before, nil)
}

// stopAll ends all calls.
func (c *cpu) stopAll() {
	c.account()
	for _, h := range c.running {
		h.generation++
	}
	c.running = nil
}

// reschedule says anew when calls end, if the speed has changed, or of one that is new.
func (c *cpu) reschedule(before float64, added *handling) {
	speed := c.speed()
	if speed == before {
		if added != nil {
			c.schedule(added, speed)
		}
		return
	}
	for _, h := range c.running {
		c.schedule(h, speed)
	}
}

func (c *cpu) schedule(h *handling, speed float64) {
	h.generation++
	generation := h.generation
	end := c.w.e.now.Add(time.Duration(float64(max(0, h.left)) / speed))
	timeIsUp := !h.limit.IsZero() && end.After(h.limit)
	if timeIsUp {
		end = h.limit
	}
	c.w.e.at(end, func() {
		if h.generation == generation {
			c.stop(h)
			h.finish(timeIsUp)
		}
	})
}
