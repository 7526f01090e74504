package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fargate-queue-worker/sandbox/simulate"
)

type simulateCommand struct {
	workloads  []string
	parameters simulate.Parameters
	noPeers    bool
	ranges     bool
	json       bool
	against    string
	activities bool
	out        string
	failOn     string
	notes      io.Writer // what is said to a person beside the report
}

func newSimulateCommand(c *common) *cobra.Command {
	s := &simulateCommand{notes: os.Stderr, parameters: simulate.DefaultParameters()}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a stack against workloads in virtual time, beside its alternatives",
		Long: `Runs a stack as its program declares it against workloads, in virtual time on the model
of AWS, beside what people would use instead: how long messages wait, which work is
killed, and what it costs.`,
		Example: `  go run ./sandbox simulate --workload mine.csv --out report.html
  go run ./sandbox simulate --config 'scalingSteps=[{"lower":1,"change":2}]'`,
		Args: noArguments,
		RunE: c.inProject(s.run),
	}
	f := cmd.Flags()
	f.SortFlags = false
	// --set is the name that --config had here.
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "set" {
			name = "config"
		}
		return pflag.NormalizedName(name)
	})
	f.StringArrayVar(&s.workloads, "workload", nil, "`name` of a workload that is shipped ("+
		strings.Join(simulate.ShippedNames(), ", ")+"), or a YAML or CSV file; may be repeated; "+
		"without it all that are shipped")
	f.AddFlagSet(parameterFlags(&s.parameters))
	f.Func("reading", "`name` of another reading of what AWS leaves open ("+
		strings.Join(simulate.ReadingNames(), ", ")+"); may be repeated", s.parameters.Read)
	f.BoolVar(&s.ranges, "ranges", false, "simulate all readings and other phases, too: "+
		"the range stands beside each figure that moves by more than a tenth")
	f.BoolVar(&s.noPeers, "no-peers", false, "simulate the stack alone")
	f.StringVar(&s.out, "out", "", "`file` to write a report with pictures to (HTML)")
	f.BoolVar(&s.json, "json", false, "print the results for machines")
	f.BoolVar(&s.activities, "activities", false, "print a line for each scaling activity of the stack")
	f.StringVar(&s.against, "against", "",
		"`file` with an earlier run's --json: print a Markdown table of what is different")
	f.StringVar(&s.failOn, "fail-on", "",
		"`conditions` under which to exit with an error, as in \"p95_wait>5m,killed>0\", of "+
			strings.Join(simulate.MeasureNames(), ", "))
	complete(cmd, "price", pricesToSet())
	complete(cmd, "reading", simulate.ReadingNames())
	cmd.AddCommand(newAdviseCommand(c))
	return cmd
}

// parameterFlags are what a simulation assumes of AWS, as a set that a command adds to its own.
func parameterFlags(p *simulate.Parameters) *pflag.FlagSet {
	f := pflag.NewFlagSet("parameters", pflag.ContinueOnError)
	f.SortFlags = false
	f.IntVar(&p.Days, "days", p.Days, "days to simulate")
	f.Uint64Var(&p.Seed, "seed", p.Seed, "seed of what is random")
	f.IntVar(&p.Control.MetricDelay, "metric-delay", p.Control.MetricDelay,
		"`minutes` until CloudWatch shows a metric")
	f.IntVar(&p.Control.WakeDelay, "wake-delay", p.Control.WakeDelay,
		"`minutes` more until it does after six idle hours")
	f.DurationVar(&p.StartFrom, "start-from", p.StartFrom, "the least that a task takes to start")
	f.DurationVar(&p.StartTo, "start-to", p.StartTo, "the most that a task takes to start")
	f.Func("price", "`name=dollars` in place of the price of the stack's region, such as "+
		"arm-vcpu=0.03238 an hour; may be repeated", p.Prices.Set)
	return f
}

// pricesToSet are the names of the prices, as --price begins.
func pricesToSet() []string {
	var names []string
	for _, name := range simulate.PriceNames() {
		names = append(names, name+"=")
	}
	return names
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
	s.parameters.Progress = func(workload, system string, day, days int) {
		progress.show("%s, %s: day %d of %d", workload, system, day, days)
	}
	stack := simulate.Stack{Root: c.root, Name: c.stack, Overrides: c.config}
	report := &simulate.Report{Stack: stack, Parameters: s.parameters}
	for _, w := range workloads {
		comparison, err := simulate.Compare(c, report.Stack, w, s.parameters, !s.noPeers)
		if err == nil && s.ranges {
			err = comparison.AddRanges(c, s.parameters)
		}
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
			fmt.Fprintf(s.notes,
				"sandbox: %s: about %d messages in %d days, on %d systems: this takes a while\n",
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
