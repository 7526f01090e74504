package main

import (
	"bytes"
	"context"
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
	against    string
	activities bool
	out        string
	failOn     string
	notes      io.Writer // what is said to a person beside the report
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
	f.Func("price", "", p.Prices.Set)
	f.BoolVar(&s.noPeers, "no-peers", false, "")
	f.BoolVar(&s.json, "json", false, "")
	f.StringVar(&s.against, "against", "", "")
	f.BoolVar(&s.activities, "activities", false, "")
	f.StringVar(&s.out, "out", "", "")
	f.StringVar(&s.failOn, "fail-on", "", "")
}

func (s *simulateCommand) run(c common) error {
	conditions, err := simulate.ParseConditions(s.failOn)
	if s.json && s.activities {
		err = errors.Join(err, errors.New("--activities: true: goes without --json"))
	}
	if s.against != "" && (s.json || s.activities) {
		err = errors.Join(err, fmt.Errorf("--against: %q: goes without --json and --activities", s.against))
	}
	before, readErr := s.readBefore()
	if err := errors.Join(err, readErr, s.parameters.Check(), checkFolder("--out", s.out)); err != nil {
		return err
	}
	workloads, err := s.load()
	if err != nil {
		return err
	}
	s.announce(workloads)
	progress := newProgress(os.Stderr)
	defer progress.clear()
	s.parameters.Progress = progress.show
	report := &simulate.Report{Stack: simulate.Stack{Root: c.root, Name: c.stack, Overrides: append(c.config, s.set...)}, Parameters: s.parameters}
	for _, w := range workloads {
		comparison, err := simulate.Compare(c, report.Stack, w, s.parameters, !s.noPeers)
		switch {
		case errors.Is(err, context.Canceled):
			return errors.New("the simulation was interrupted; there is no report")
		case err != nil:
			return err
		}
		report.Comparisons = append(report.Comparisons, comparison)
	}
	progress.clear()
	if err := s.write(c.output, report, before); err != nil {
		return err
	}
	if err := report.Check(conditions); err != nil {
		return fmt.Errorf("--fail-on:\n%w", err)
	}
	return nil
}

// readBefore reads the run to compare with, before anything is simulated.
func (s *simulateCommand) readBefore() ([]byte, error) {
	if s.against == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.against)
	if err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	return text, nil
}

func (s *simulateCommand) load() ([]*simulate.Workload, error) {
	if len(s.workloads) == 0 {
		return simulate.Shipped()
	}
	var all []*simulate.Workload
	var wrong []error
	for _, name := range s.workloads {
		w, err := simulate.LoadWorkload(name)
		if err == nil {
			_, err = w.Days(s.parameters.Days)
		}
		wrong = append(wrong, err)
		all = append(all, w)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	simulate.NameApart(all)
	return all, nil
}

// manyMessages take a minute or so to simulate.
const manyMessages = 5_000_000

// announce says beforehand what takes long.
func (s *simulateCommand) announce(workloads []*simulate.Workload) {
	systems := simulate.Systems
	if s.noPeers {
		systems = 1
	}
	for _, w := range workloads {
		days, err := w.Days(s.parameters.Days)
		if messages := w.Messages(days); err == nil && messages*systems > manyMessages {
			fmt.Fprintf(s.notes, "sandbox: %s: about %d messages in %d days, on %d systems: this takes a while\n",
				w.Name, messages, days, systems)
		}
	}
}

func (s *simulateCommand) write(output io.Writer, report *simulate.Report, before []byte) error {
	var err error
	switch {
	case s.json:
		err = report.WriteJSON(output)
	case s.against != "":
		if err = report.WriteChanges(output, bytes.NewReader(before)); err != nil {
			err = fmt.Errorf("--against: %q %w", s.against, err)
		}
	default:
		err = report.WriteTable(output)
	}
	if err != nil {
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
