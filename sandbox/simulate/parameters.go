package simulate

import (
	"errors"
	"fmt"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Parameters are how a simulation runs, and what it assumes of AWS, with sources.
type Parameters struct {
	// Days to simulate, 1 or more. Default 30.
	Days int
	// Seed of what is random. Default 1.
	Seed uint64
	// PhasesSeed draws other phases for the same messages. Default 0.
	PhasesSeed uint64
	// Control is how CloudWatch is read: one minute until a metric shows, 15 until a
	// queue that was idle for six hours reports again (SQS developer guide,
	// "Monitoring Amazon SQS queues using CloudWatch").
	Control cloud.ControlOptions
	// StartFrom and StartTo are the bounds between which the start of a task takes
	// any time alike. Default 20 to 40 s, for an image of a few MB: AWS measured
	// about 23 s to provision a task (June 2026), others about 57 s with 413 MB
	// (elasticscale.com, April 2024).
	StartFrom, StartTo time.Duration
	// Rings says that producers start the machine that asks the queue right after a send.
	Rings bool
	// Prices that take the place of those of the stack's region.
	Prices PriceOverrides
	// Progress, if not nil, is asked to show that a day of a simulation begins, from 1.
	Progress func(workload, system string, day, days int)
}

// DefaultParameters are those of the documentation, or the usual ones.
func DefaultParameters() Parameters {
	return Parameters{
		Days: 30, Seed: 1, Control: cloud.DefaultControlOptions(),
		StartFrom: 20 * time.Second, StartTo: 40 * time.Second,
	}
}

// phases are when within a minute each thing happens.
func (p Parameters) phases() cloud.Phases {
	const spread = 1_000_003 // so that no other seed's phases are met
	return cloud.SeededPhases(p.Seed + spread*p.PhasesSeed)
}

// Check says which values are wrong.
func (p Parameters) Check() error {
	var wrong []error
	add := func(flag string, value any, want string) {
		wrong = append(wrong, fmt.Errorf("--%s: %v: needs to be %s", flag, value, want))
	}
	if p.Days < 1 || p.Days > longestDays {
		add("days", p.Days, fmt.Sprintf("1 to %d", longestDays))
	}
	if p.Control.MetricDelay < 0 || p.Control.MetricDelay > cloud.LongestMetricDelay {
		add("metric-delay", p.Control.MetricDelay,
			fmt.Sprintf("0 to %d minutes, as far back as an alarm looks", cloud.LongestMetricDelay))
	}
	if p.Control.WakeDelay < 0 || p.Control.WakeDelay > 60 {
		add("wake-delay", p.Control.WakeDelay, "0 to 60 minutes")
	}
	if p.StartFrom <= 0 || p.StartTo < p.StartFrom {
		add("start-from", p.StartFrom, "above 0 and at most --start-to")
	}
	return errors.Join(wrong...)
}

// longestDays is what fits into the histograms of waits.
const longestDays = 366
