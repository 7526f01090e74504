package advise

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fargate-queue-worker/sandbox/stackfile"
)

// decision goes from what few days in the usual reading promise to what holds on all days and
// in every reading.
type decision struct {
	*search
	file    *stackfile.Stack
	own     checked // the stack as its file has it
	best    *checked
	checked map[settings]checked
}

const (
	// mostMisses is how many settings are checked in vain before there is one that holds.
	mostMisses = 10
	// shownMisses is how many settings are shown that would cost less and miss the target.
	shownMisses = 3
	// nearMiss is by which factor settings may seem to miss the target and yet be checked.
	nearMiss = 1.5
	// carefully is the most by which one that misses the target tightens the goal.
	carefully = 0.9
)

func (d *decision) make(ctx context.Context) (*Advice, error) {
	var err error
	if d.own, err = d.checkOwn(ctx); err != nil {
		return nil, err
	}
	for d.best == nil || d.spent < checkingUntil {
		next, ok := d.next()
		if !ok {
			break
		}
		c, err := d.check(ctx, next, d.target)
		if err != nil {
			return nil, err
		}
		d.checked[next] = c
		switch {
		case !c.holds():
			d.learn(c)
		case d.best == nil || d.target.compare(c.worst, d.best.worst) < 0:
			d.best = &c
			if _, err := d.halve(ctx, d.space.near(next)); err != nil {
				return nil, err
			}
		}
	}
	return d.advice(), nil
}

// checkOwn checks the stack as it is: if it holds the target, it is to be beaten.
func (d *decision) checkOwn(ctx context.Context) (checked, error) {
	own := settings{asIs: true}
	if _, err := d.halve(ctx, []settings{own}); err != nil {
		return checked{}, err
	}
	c, err := d.check(ctx, own, d.target)
	if err == nil && c.holds() {
		d.best = &c
	}
	d.checked[own] = c
	return c, err
}

// next settings to check: those that promise most, as long as that is more than what is known
// to hold. Some that seem to miss the target narrowly are checked, too.
func (d *decision) next() (settings, bool) {
	var open []trial
	for s, o := range d.ranked {
		if _, known := d.checked[s]; !known && d.promises(o) {
			open = append(open, trial{s, o})
		}
	}
	if len(open) == 0 {
		return settings{}, false
	}
	first := slices.MinFunc(open, func(a, b trial) int {
		return cmp.Or(d.goal.compare(a.outcome, b.outcome), compareSettings(a.settings, b.settings))
	})
	seemsToHold, misses := d.goal.missed(first.outcome) <= 1, len(d.misses())
	switch {
	case d.best == nil && seemsToHold:
		return first.settings, misses < mostMisses
	case d.best == nil:
		return first.settings, misses < shownMisses
	}
	return first.settings, seemsToHold || misses < shownMisses
}

// promises says whether an outcome on few days may be worth checking.
func (d *decision) promises(o outcome) bool {
	if d.best == nil {
		return true
	}
	const noticeably = 0.995
	toBeat := noticeably * d.target.score(d.ranked[d.best.settings])
	return d.target.score(o) < toBeat && d.target.missed(o) < nearMiss
}

// learn by how much the waits in other readings and on more days exceed those on few.
func (d *decision) learn(c checked) {
	if seen := d.ranked[c.settings].p95; d.target.P95 > 0 && c.worst.p95 > seen {
		goal := time.Duration(float64(d.target.P95) * float64(seen) / float64(c.worst.p95))
		d.goal.P95 = min(d.goal.P95, max(goal, time.Duration(carefully*float64(d.goal.P95))))
	}
}

// misses are settings that miss the target, and, if others hold it, cost less: the narrowest
// first.
func (d *decision) misses() []checked {
	var all []checked
	for _, c := range d.checked {
		better := d.best == nil || d.target.score(c.worst) < d.target.score(d.best.worst)
		if !c.holds() && !c.settings.asIs && better {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b checked) int {
		return cmp.Or(
			cmp.Compare(d.target.missed(a.worst), d.target.missed(b.worst)),
			compareSettings(a.settings, b.settings),
		)
	})
	return all
}

// compareSettings puts settings in an order that is always the same.
func compareSettings(a, b settings) int {
	return cmp.Or(
		cmp.Compare(a.concurrency, b.concurrency), cmp.Compare(a.cpu, b.cpu),
		cmp.Compare(a.maxCapacity, b.maxCapacity), cmp.Compare(a.adjustment, b.adjustment),
		cmp.Compare(a.perTask, b.perTask), cmp.Compare(a.idleMinutes, b.idleMinutes),
		cmp.Compare(a.wakeSeconds, b.wakeSeconds),
	)
}
