package advise

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"fargate-queue-worker/sandbox/simulate"
)

// Target is what settings have to hold.
type Target struct {
	// P95 is within which time 95 % of the messages have to begin. 0 means no limit: then the
	// shortest is searched that the budget allows.
	P95 time.Duration
	// Budget is the most that a month may cost, in US dollars. 0 means no limit.
	Budget float64
}

// Check says which values are wrong.
func (t Target) Check() error {
	var wrong []error
	if t.P95 < 0 {
		wrong = append(wrong, fmt.Errorf("--p95: %s: needs to be a duration above 0, such as 2m", t.P95))
	}
	if !(t.Budget >= 0) { // also refuses NaN
		wrong = append(wrong, fmt.Errorf("--budget: %g: needs to be dollars a month, above 0", t.Budget))
	}
	if t.P95 == 0 && t.Budget == 0 {
		wrong = append(wrong, errors.New("--p95: 0s: needs to be above 0 without --budget"))
	}
	return errors.Join(wrong...)
}

// String is the target in words.
func (t Target) String() string {
	text := "start 95 % of the messages as soon as possible"
	if t.P95 > 0 {
		text = fmt.Sprintf("start 95 %% of the messages within %s", t.P95)
	}
	if t.Budget > 0 {
		text += fmt.Sprintf(", for at most $%.2f a month", t.Budget)
	}
	return text
}

// best and better are what is searched, in words.
func (t Target) best() string {
	if t.P95 == 0 {
		return "fastest"
	}
	return "cheapest"
}

func (t Target) better() string {
	if t.P95 == 0 {
		return "faster"
	}
	return "cheaper"
}

// outcome of a trial, as far as the target asks for it.
type outcome struct {
	p95     time.Duration
	dollars float64
	// lost messages are not done, or were dead-lettered, and killed are busy tasks.
	lost, killed int
	slowdown     float64
	fellBehind   bool
}

func outcomeOf(r *simulate.Result) outcome {
	return outcome{
		p95: r.All.Quantile(95), dollars: r.CostAMonth(), lost: r.Undone + r.DeadLettered,
		killed: r.BusyKills, slowdown: r.Slowdown(), fellBehind: r.FellBehind,
	}
}

// worse is the worse of each figure.
func (o outcome) worse(other outcome) outcome {
	return outcome{
		p95: max(o.p95, other.p95), dollars: max(o.dollars, other.dollars), lost: max(o.lost, other.lost),
		killed: max(o.killed, other.killed), slowdown: max(o.slowdown, other.slowdown),
		fellBehind: o.fellBehind || other.fellBehind,
	}
}

// missed is by which factor a target is missed, 1 or less if it holds. Work that is lost or
// slowed down misses every target.
func (t Target) missed(o outcome) float64 {
	factor := o.slowdown / simulate.NoticeableSlowdown
	if t.P95 > 0 {
		factor = max(factor, float64(o.p95)/float64(t.P95))
	}
	if t.Budget > 0 {
		factor = max(factor, o.dollars/t.Budget)
	}
	const hopeless = 1000
	if o.fellBehind || o.lost+o.killed > 0 {
		factor += hopeless
	}
	return factor
}

// compare says which outcome is the better one, as cmp.Compare does: that which holds the
// target at the least cost, or else misses it by less. Without a limit for the waits these
// take the place of the cost.
func (t Target) compare(a, b outcome) int {
	return cmp.Or(
		cmp.Compare(max(1, t.missed(a)), max(1, t.missed(b))), cmp.Compare(t.score(a), t.score(b)),
		cmp.Compare(a.p95, b.p95), cmp.Compare(a.dollars, b.dollars),
	)
}

// score is what is to be small: the cost, or the waits if they have no limit.
func (t Target) score(o outcome) float64 {
	if t.P95 == 0 {
		return o.p95.Seconds()
	}
	return o.dollars
}

// why a target is missed.
func (t Target) why(o outcome) string {
	switch {
	case o.fellBehind:
		return "ever more messages wait"
	case o.lost > 0:
		return fmt.Sprintf("%d messages are not done", o.lost)
	case o.killed > 0:
		return fmt.Sprintf("%d tasks are killed while they work", o.killed)
	case o.slowdown > simulate.NoticeableSlowdown:
		return fmt.Sprintf("handlers take %.1f times as long, for want of CPU", o.slowdown)
	case t.P95 > 0 && o.p95 > t.P95:
		return fmt.Sprintf("p95 wait %s", o.p95.Round(time.Second))
	}
	return fmt.Sprintf("$%.2f a month", o.dollars)
}
