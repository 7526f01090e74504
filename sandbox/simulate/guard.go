package simulate

import (
	"time"

	"fargate-queue-worker/worker/protection"
)

// guard is the protection of a task from scale-in, by the decisions of the worker's own
// code.
type guard struct {
	w       *worker
	scaleIn protection.ScaleIn
	asked   bool // there may be protection to end
	refused bool // since it was last granted
	// pauseUntil is when to receive again.
	pauseUntil time.Time
	idleSpell  int // tells one from the next
}

func newGuard(w *worker) guard {
	return guard{w: w, scaleIn: protection.ScaleIn{HandlerTimeout: w.settings().HandlerTimeout,
		Jitter: w.e.jitter}}
}

func (g *guard) busy() bool { return g.w.cpu.handlers() > 0 }

// uncertain reports whether each poll has to ask anew whether it may receive.
func (g *guard) uncertain() bool { return g.refused }

// paused reports whether nothing is received for a while.
func (g *guard) paused() bool { return g.w.e.now.Before(g.pauseUntil) }

// ready reports whether messages may be received.
func (g *guard) ready() bool {
	if !g.w.settings().Protection {
		return true
	}
	now := g.w.e.now
	if g.paused() {
		return false
	}
	step := g.scaleIn.BeforeReceive(now, g.busy())
	ready := g.take(step)
	if step == protection.Ask {
		g.idle() // protection that no message follows ends as well
	}
	return ready
}

// hold makes sure that the task is protected for as long as a handler may take that
// starts now, and reports whether it is.
func (g *guard) hold() bool {
	if !g.w.settings().Protection {
		return true
	}
	g.idleSpell++
	held := g.take(g.scaleIn.BeforeStart(g.w.e.now))
	if !held {
		g.idle()
	}
	return held
}

// take carries out a step, and reports whether the task may go ahead.
func (g *guard) take(step protection.Step) bool {
	if step == protection.Ask {
		step = g.ask()
	}
	switch step {
	case protection.Wait:
		g.pause(g.scaleIn.Pause(g.w.e.now))
		return false
	case protection.Leave:
		g.w.stop()
		return false
	}
	return true
}

func (g *guard) ask() protection.Step {
	e := g.w.e
	g.asked = true
	refusal := e.control.Protect(e.now, g.w.task, true, protection.Lease(g.w.settings().HandlerTimeout))
	if refusal != "" {
		e.note(g.w, refused, nil, 0)
		g.refused = true
		return g.scaleIn.Refused(e.now, g.busy())
	}
	e.note(g.w, protected, nil, 0)
	g.refused = false
	g.scaleIn.Granted(e.now)
	return protection.Go
}

// pause receives nothing for a while.
func (g *guard) pause(d time.Duration) {
	e := g.w.e
	until := e.now.Add(d)
	if !until.After(g.pauseUntil) {
		return
	}
	g.pauseUntil = until
	for _, l := range g.w.leases {
		l.handBackTail()
	}
	e.at(until, func() {
		g.w.beginPoll()
		e.woken = true
	})
}

// idle is called when a handler has ended. After a while without any, protection ends; a
// task that may not be wanted leaves at once.
func (g *guard) idle() {
	if g.busy() || g.w.ended || !g.w.settings().Protection {
		return
	}
	e := g.w.e
	if g.paused() && g.w.working() == 0 {
		g.pauseUntil = time.Time{}
		e.at(e.now, g.w.beginPoll)
	}
	if !g.asked {
		return
	}
	g.idleSpell++
	spell := g.idleSpell
	e.at(e.now.Add(g.w.settings().HoldDown), func() {
		if g.idleSpell == spell && !g.w.ended {
			g.unprotect()
		}
	})
}

// unprotect ends the protection.
func (g *guard) unprotect() {
	if g.asked {
		g.asked = false
		g.scaleIn.Unprotected()
		g.w.e.control.Protect(g.w.e.now, g.w.task, false, 0)
		g.w.e.note(g.w, unprotected, nil, 0)
	}
}
