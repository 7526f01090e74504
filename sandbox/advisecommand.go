package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fargate-queue-worker/sandbox/advise"
	"fargate-queue-worker/sandbox/simulate"
)

type adviseCommand struct {
	workload   string
	target     advise.Target
	parameters simulate.Parameters
	waitsOpen  func() bool // whether no wait was named
}

// defaultP95 is the wait that is aimed at if neither it nor a budget is named.
const defaultP95 = 2 * time.Minute

func newAdviseCommand(c *common) *cobra.Command {
	a := &adviseCommand{parameters: simulate.DefaultParameters()}
	cmd := &cobra.Command{
		Use:   "advise",
		Short: "Search the cheapest settings that keep the waits of a workload short",
		Long: `Searches the settings of a stack (scalingSteps, adjustmentType, maxCapacity, concurrency,
cpu, memory, idleMinutes and wakeIntervalSeconds) that start 95 % of a workload's messages
in time, in every reading of what AWS leaves open, at the least cost, and prints them as
lines for the stack's file. With a budget alone it searches the shortest waits for it.`,
		Example: `  go run ./sandbox simulate advise --workload mine.csv --p95 5m
  go run ./sandbox simulate advise --workload mine.yaml --budget 20`,
		Args: noArguments,
		RunE: c.inProject(a.run),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&a.workload, "workload", "", "`name` of a workload that is shipped ("+
		strings.Join(simulate.ShippedNames(), ", ")+"), or a YAML or CSV file")
	f.DurationVar(&a.target.P95, "p95", defaultP95, "within which 95 % of the messages have to begin")
	f.Float64Var(&a.target.Budget, "budget", 0, "`dollars` that a month may cost at most; "+
		"without --p95, the settings with the shortest waits for it")
	f.AddFlagSet(parameterFlags(&a.parameters))
	complete(cmd, "price", pricesToSet())
	a.waitsOpen = func() bool { return f.Changed("budget") && !f.Changed("p95") }
	return cmd
}

func (a *adviseCommand) run(c common) error {
	if a.waitsOpen() {
		a.target.P95 = 0
	}
	if a.workload == "" {
		return errors.New("--workload: needs to be one that is shipped, or a YAML or CSV file")
	}
	if err := errors.Join(a.target.Check(), a.parameters.Check()); err != nil {
		return err
	}
	w, err := simulate.LoadWorkload(a.workload)
	if err != nil {
		return err
	}
	progress := newProgress(os.Stderr)
	defer progress.clear()
	stack := simulate.Stack{Root: c.root, Name: c.stack, Overrides: c.config}
	advice, err := advise.Search(c, stack, w, a.parameters, a.target, func(tried int) {
		progress.show("%s: %d settings tried", w.Name, tried)
	})
	progress.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("the search was interrupted; there is no advice")
	case err != nil:
		return err
	}
	return advice.WriteText(c.output)
}
