package advise

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"fargate-queue-worker/sandbox/simulate"
)

// trials simulate settings, each once for a number of days, on all processors.
type trials struct {
	stack      simulate.Stack
	workload   *simulate.Workload
	parameters simulate.Parameters
	// a day takes so much effort to simulate, and so much was spent.
	dayEffort, spent float64
	known            map[key]outcome
	settings         map[settings]bool // that were tried
	progress         func(tried int)
}

type key struct {
	settings settings
	days     int
}

// trial is what came of settings.
type trial struct {
	settings settings
	outcome
}

// messagesOfEffort take as long to simulate as a day of an idle stack.
const messagesOfEffort = 1500

func newTrials(stack simulate.Stack, w *simulate.Workload, p simulate.Parameters) *trials {
	return &trials{
		stack: stack, workload: w, parameters: p,
		dayEffort: 1 + float64(w.Messages(p.Days))/float64(p.Days)/messagesOfEffort,
		known:     map[key]outcome{}, settings: map[settings]bool{},
		progress: func(int) {},
	}
}

// at simulates settings for a number of days, in the usual reading.
func (t *trials) at(ctx context.Context, all []settings, days int) ([]trial, error) {
	sample := t.workload.Sample(days)
	parameters := t.parameters
	parameters.Days = days
	done := make([]trial, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range all {
		done[i].settings = s
		known, ok := t.known[key{s, days}]
		if ok {
			done[i].outcome = known
			continue
		}
		t.spend(s, days)
		group.Go(func() (err error) {
			done[i].outcome, err = t.simulate(ctx, s, sample, parameters)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, trial := range done {
		t.known[key{trial.settings, days}] = trial.outcome
	}
	return done, nil
}

func (t *trials) spend(s settings, days int) {
	t.spent += float64(days) * t.dayEffort
	t.settings[s] = true
	t.progress(len(t.settings))
}

func (t *trials) simulate(
	ctx context.Context, s settings, w *simulate.Workload, p simulate.Parameters,
) (outcome, error) {
	stack := t.stack
	stack.Overrides = append(stack.Overrides[:len(stack.Overrides):len(stack.Overrides)], s.overrides()...)
	result, err := simulate.Trial(ctx, stack, w, p)
	if err != nil {
		return outcome{}, err
	}
	return outcomeOf(result), nil
}

// Checked settings were simulated for all days, in every reading of AWS.
type checked struct {
	trial           // as usual
	worst   outcome // of all readings
	reading string  // the first one that misses the target; "" if it holds in all
}

func (c checked) holds() bool { return c.reading == "" }

// check settings in one reading after the other, until one misses the target.
func (t *trials) check(ctx context.Context, s settings, target Target) (checked, error) {
	c := checked{trial: trial{settings: s}}
	variations := t.parameters.Variations()
	together := max(2, runtime.GOMAXPROCS(0))
	for first := 0; first < len(variations); first += together {
		part := variations[first:min(first+together, len(variations))]
		outcomes := make([]outcome, len(part))
		group, ctx := errgroup.WithContext(ctx)
		for i, v := range part {
			group.Go(func() (err error) {
				outcomes[i], err = t.simulate(ctx, s, t.workload, v.Parameters)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return c, err
		}
		for i, o := range outcomes {
			t.spend(s, t.parameters.Days)
			if first+i == 0 {
				c.outcome, c.worst = o, o
			}
			c.worst = c.worst.worse(o)
			if target.missed(c.worst) > 1 {
				c.reading = part[i].Name
				return c, nil
			}
		}
	}
	return c, nil
}
