// Command acceptance settles on AWS what documents leave open: it deploys a stack of its own, runs
// cases on it, and writes down what it saw. See docs/on-aws.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fargate-queue-worker/sandbox/stackfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		os.Exit(1)
	}
}

// command is what a person asked for.
type command struct {
	stack      string
	cases      []string
	yes, clean bool
	again      bool
	in         io.Reader
	out        io.Writer
}

func newCommand() *cobra.Command {
	c := &command{}
	cmd := &cobra.Command{
		Use:   "acceptance",
		Short: "Settles on AWS what documents leave open, and writes a report",
		Long: `Deploys a stack of its own with your AWS credentials and your Pulumi CLI, runs cases on it,
removes it, and writes what it saw to .acceptance/<stack>/report.md and report.json. Cases that
are settled are not run again. It says what it costs, and asks, before it makes anything.

cases:
` + listOf(Cases()),
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.in, c.out = cmd.InOrStdin(), cmd.OutOrStdout()
			return c.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.stack, "stack", "dev",
		"whose `configuration` to deploy: one that creates its network and image")
	f.StringArrayVar(&c.cases, "case", nil, "run this `case` alone; may be repeated")
	f.BoolVar(&c.again, "again", false, "run cases that are settled, too")
	f.BoolVar(&c.clean, "clean", false, "remove what an earlier run has left, and run nothing")
	f.BoolVar(&c.yes, "yes", false, "do not ask")
	return cmd
}

func listOf(cases []Case) string {
	var b strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&b, "  %-22s %s\n", c.Name, c.Assumed)
	}
	return b.String()
}

// chosen are the cases to run, in their order, without those that are settled.
func (c *command) chosen(settled []Result) ([]Case, error) {
	all := Cases()
	for _, name := range c.cases {
		if !slices.ContainsFunc(all, func(k Case) bool { return k.Name == name }) {
			return nil, fmt.Errorf("--case: %q: there is no such case; there are\n%s", name, listOf(all))
		}
	}
	return slices.DeleteFunc(all, func(k Case) bool {
		if len(c.cases) > 0 && !slices.Contains(c.cases, k.Name) {
			return true
		}
		return !c.again && slices.ContainsFunc(settled, func(r Result) bool {
			return r.Case == k.Name && r.Verdict != Undecided
		})
	}), nil
}

func (c *command) run(ctx context.Context) error {
	root, err := stackfile.FindRoot(".")
	if err != nil {
		return err
	}
	folder := filepath.Join(root, ".acceptance", c.stack)
	report, err := loadReport(folder)
	if err != nil {
		return err
	}
	cases, err := c.chosen(report.Results)
	if err != nil {
		return err
	}
	b, stack, err := c.prepare(ctx, root, folder)
	if err != nil {
		return err
	}
	if c.clean {
		return c.cleanUp(ctx, b)
	}
	if err := c.refuseStrangers(ctx, b, stack); err != nil {
		return err
	}
	if len(cases) == 0 {
		fmt.Fprintf(c.out, "every case is settled: %s; --again runs them again\n", report.file("md"))
		return nil
	}
	if err := c.agree(cases); err != nil {
		return err
	}
	return c.perform(ctx, b, cases, report)
}

// prepare looks for all that a run needs, and opens the stack.
func (c *command) prepare(ctx context.Context, root, folder string) (*Bench, *pulumiStack, error) {
	stack, err := newPulumiStack(root, c.stack, c.out)
	if err != nil {
		return nil, nil, err
	}
	if err := stack.findTools(ctx, c.clean); err != nil {
		return nil, nil, err
	}
	cfg, account, err := identify(ctx, stack.region)
	if err != nil {
		return nil, nil, err
	}
	b := NewBench(cfg, stack)
	b.Tag = stack.tag
	stack.account, stack.tagged = account, b.leftovers
	fmt.Fprintf(c.out, "account %s, region %s, stack %s\n", account, stack.region, stack.name)
	return b, stack, stack.open(ctx, folder)
}

// refuseStrangers looks for what has the stack's tag though this machine knows nothing of it.
func (c *command) refuseStrangers(ctx context.Context, b *Bench, stack *pulumiStack) error {
	if stack.exists {
		fmt.Fprintln(c.out, "an earlier run has left resources; this one goes on with them")
		return nil
	}
	arns, err := b.leftovers(ctx)
	if err != nil || len(arns) == 0 {
		return err
	}
	return fmt.Errorf("these have the tag %s=%s, and their state is not in .acceptance: another machine runs"+
		" this, or has left them. Run --clean there, or remove them by hand:\n  %s",
		tagKey, b.Tag, strings.Join(removals(arns), "\n  "))
}

// agree says what the cases cost, and asks.
func (c *command) agree(cases []Case) error {
	span, dollars := estimate(cases)
	fmt.Fprintf(c.out, "%d cases, about %s, at most $%.2f. They make a VPC, a cluster, a repository with an"+
		" image, a queue and a service, and remove them at the end.\n",
		len(cases), span, dollars)
	if c.yes {
		return nil
	}
	fmt.Fprint(c.out, "Go on? Only yes does: ")
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was made")
	}
	return nil
}

// perform deploys, runs the cases, and removes the stack, whatever happens.
func (c *command) perform(ctx context.Context, b *Bench, cases []Case, report *Report) (err error) {
	defer func() {
		fmt.Fprintf(c.out, "report: %s\nremoving the stack; if that is cut off, --clean does it\n",
			report.file("md"))
		err = errors.Join(err, b.Stack.Destroy(ctx))
	}()
	if b.Outputs, err = b.Stack.Up(ctx); err != nil {
		return err
	}
	for _, k := range cases {
		fmt.Fprintf(c.out, "%s %s: %s, about %d min\n",
			time.Now().Format(time.TimeOnly), k.Name, k.Assumed, k.Minutes)
		result := k.Perform(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err() // it was not the case's fault
		}
		fmt.Fprintf(c.out, "  %s: %s\n", result.Verdict, result.Seen)
		if err := report.add(result); err != nil {
			return err
		}
	}
	return report.verdict()
}

// cleanUp removes the stack, and says what it could not.
func (c *command) cleanUp(ctx context.Context, b *Bench) error {
	failed := b.Stack.Destroy(ctx)
	arns, err := b.leftovers(ctx)
	if err != nil {
		return errors.Join(failed, err)
	}
	if len(arns) > 0 {
		return errors.Join(failed, fmt.Errorf("these still have the tag %s=%s (some for a minute after they"+
			" are gone); to remove one by hand:\n  %s", tagKey, b.Tag, strings.Join(removals(arns), "\n  ")))
	}
	if failed == nil {
		fmt.Fprintln(c.out, "nothing is left")
	}
	return failed
}
