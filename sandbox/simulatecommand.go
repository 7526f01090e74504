package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"fargate-queue-worker/sandbox/simulate"
)

type simulateCommand struct {
	workloads  list
	set        list
	parameters simulate.Parameters
	noPeers    bool
	json       bool
	activities bool
	out        string
	failOn     string
}

func (s *simulateCommand) flags(f *flag.FlagSet) {
	s.parameters = simulate.DefaultParameters()
	p := &s.parameters
	f.Var(&s.workloads, "workload", "")
	f.Var(&s.set, "set", "")
	f.IntVar(&p.Days, "days", p.Days, "")
	f.Uint64Var(&p.Seed, "seed", p.Seed, "")
	f.IntVar(&p.Control.MetricDelay, "metric-delay", p.Control.MetricDelay, "")
	f.IntVar(&p.Control.WakeDelay, "wake-delay", p.Control.WakeDelay, "")
	f.BoolVar(&p.Control.WakingReportsZeros, "wake-zeros", false, "")
	f.DurationVar(&p.StartFrom, "start-from", p.StartFrom, "")
	f.DurationVar(&p.StartTo, "start-to", p.StartTo, "")
	f.Func("price", "", func(text string) error { return p.Prices.Set(text) })
	f.BoolVar(&s.noPeers, "no-peers", false, "")
	f.BoolVar(&s.json, "json", false, "")
	f.BoolVar(&s.activities, "activities", false, "")
	f.StringVar(&s.out, "out", "", "")
	f.StringVar(&s.failOn, "fail-on", "", "")
}

func (s *simulateCommand) run(c common) error {
	conditions, err := simulate.ParseConditions(s.failOn)
	if s.json && s.activities {
		err = errors.Join(err, errors.New("--activities: true: goes without --json"))
	}
	if err := errors.Join(err, s.parameters.Check(), checkFolder("--out", s.out)); err != nil {
		return err
	}
	workloads, err := s.load()
	if err != nil {
		return err
	}
	report := &simulate.Report{Stack: simulate.Stack{Root: c.root, Name: c.stack, Overrides: append(c.config, s.set...)}, Parameters: s.parameters}
	for _, w := range workloads {
		comparison, err := simulate.Compare(report.Stack, w, s.parameters, !s.noPeers)
		if err != nil {
			return err
		}
		report.Comparisons = append(report.Comparisons, comparison)
	}
	if err := s.write(c.output, report); err != nil {
		return err
	}
	if err := report.Check(conditions); err != nil {
		return fmt.Errorf("--fail-on:\n%w", err)
	}
	return nil
}

func (s *simulateCommand) load() ([]*simulate.Workload, error) {
	if len(s.workloads) == 0 {
		return simulate.Shipped()
	}
	var all []*simulate.Workload
	for _, name := range s.workloads {
		w, err := simulate.LoadWorkload(name)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func (s *simulateCommand) write(output io.Writer, report *simulate.Report) error {
	if s.json {
		if err := report.WriteJSON(output); err != nil {
			return err
		}
	} else if err := report.WriteTable(output); err != nil {
		return err
	}
	if s.activities {
		report.WriteActivities(output)
	}
	if s.out == "" {
		return nil
	}
	file, err := os.Create(s.out)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(report.WriteHTML(file), file.Close())
}
