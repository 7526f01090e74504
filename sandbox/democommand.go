package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/demo"
	"fargate-queue-worker/sandbox/live"
)

// runFlags say how a stack is run.
type runFlags struct {
	handler           string
	minute            time.Duration
	port              int
	withoutProtection bool
}

// flags of running a stack, as a set that a command adds to its own.
func (r *runFlags) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&r.handler, "handler", "",
		"shell `command` to run for each message, as in \"python job.py\"; "+
			"without it the command that the stack declares, or what the worker does by itself "+
			"(in a demo: sleep as long as a message asks)")
	f.DurationVar(&r.minute, "minute", 2*time.Second,
		"how long a minute of CloudWatch and auto scaling takes")
	f.IntVar(&r.port, "port", 0, "port to listen on; 0 is any that is free")
	f.BoolVar(&r.withoutProtection, "without-protection", false,
		"give tasks no ECS agent, so that scale-in can stop busy ones")
	return f
}

// defaultSeed of what is random.
const defaultSeed = 1

// check says which flags are wrong.
func (r *runFlags) check() error {
	const shortest, longest = 100 * time.Millisecond, time.Minute
	var wrong []error
	if r.minute < shortest || r.minute > longest {
		wrong = append(wrong, fmt.Errorf("--minute: %s: needs to be %s to %s", r.minute, shortest, longest))
	}
	if r.port < 0 || r.port > 65535 {
		wrong = append(wrong, fmt.Errorf("--port: %d: needs to be 0 to 65535", r.port))
	}
	return errors.Join(append(wrong, checkShellCommand(r.handler))...)
}

// checkShellCommand asks the shell whether it knows the first word of a line, if that
// is all it takes to know.
func checkShellCommand(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || !plainWord.MatchString(words[0]) {
		return nil
	}
	if exec.Command("/bin/sh", "-c", `command -v -- "$1"`, "sh", words[0]).Run() != nil {
		const want = `give one with its arguments, as in "python job.py"`
		return fmt.Errorf("--handler: %q: there is no program %s; %s", line, words[0], want)
	}
	return nil
}

var plainWord = regexp.MustCompile(`^[\w./+-]+$`)

// options of running a stack with a worker.
func (r *runFlags) options(worker, folder string) live.Options {
	control := cloud.DefaultControlOptions()
	control.Minute = r.minute
	control.StartDelay = func(int) time.Duration { return r.minute / 2 }
	o := live.Options{
		Worker: worker, Port: r.port, Folder: folder, Control: control, Seed: defaultSeed,
		WithoutProtection: r.withoutProtection,
	}
	if strings.TrimSpace(r.handler) != "" {
		o.Handler = []string{"/bin/sh", "-c", r.handler}
	}
	return o
}

type demoCommand struct {
	runFlags
	workload    demo.Workload
	timeline    string
	deadLetters bool
	keepLogs    bool
	pulumi      optionalBool
}

func newDemoCommand(c *common) *cobra.Command {
	d := &demoCommand{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Deploy a stack, send messages, watch tasks come, work and go",
		Long: `Deploys a stack onto the model of AWS, sends messages to its queue, runs its tasks as
worker processes until none is left, and prints a summary. It fails if a message is
lost, a busy task is killed, or tasks stay.`,
		Example: `  go run ./sandbox demo --messages 40 --handler "python3 worker/examples/python/job.py"
  go run ./sandbox demo --stack prod --config maxCapacity=3`,
		Args: noArguments,
		RunE: c.inProject(d.run),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&d.workload.Messages, "messages", 100, "number of messages to send")
	f.IntVar(&d.workload.Groups, "groups", 60, "number of groups that the messages belong to")
	f.StringVar(&d.workload.Body, "body", "",
		"`text` of each message; by default a job's number and group, as JSON")
	f.Float64Var(&d.workload.Seconds, "seconds", 2, "seconds of work that a message asks for")
	f.BoolVar(&d.workload.Spread, "spread", false, "make the work random, from none to twice --seconds")
	f.Float64Var(&d.workload.Rate, "rate", 40, "messages sent per second; 0 is all at once")
	f.Uint64Var(&d.workload.Seed, "seed", defaultSeed, "seed of what is random")
	f.BoolVar(&d.deadLetters, "dead-letters", false, "let messages end in the dead-letter queue")
	f.BoolVar(&d.keepLogs, "keep-logs", false, "keep the logs of the tasks, as a demo that fails does")
	f.Var(&d.pulumi, "pulumi", "deploy with the Pulumi CLI, which is built if there is none; "+
		"by default only if one is on the PATH")
	f.Lookup("pulumi").NoOptDefVal = "true"
	f.StringVar(&d.timeline, "timeline", "", "`file` to write the picture to (SVG); by default in .sandbox")
	f.AddFlagSet(d.runFlags.flags())
	return cmd
}

// run deploys the stack to an account of its own, so that demos do not disturb each
// other, nor what up has deployed.
func (d *demoCommand) run(c common) (err error) {
	if err := errors.Join(d.workload.Check(), d.check(), checkFolder("--timeline", d.timeline)); err != nil {
		return err
	}
	folder, err := makeDemoFolder(c.folder())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.tidy(c, folder, err != nil)) }()
	worker, err := live.BuildWorker(c, c.root, folder)
	if err != nil {
		return err
	}
	account, err := d.deploy(c, folder)
	if err != nil {
		return err
	}
	if d.timeline == "" {
		d.timeline = filepath.Join(c.folder(), fmt.Sprintf("timeline-%s.svg", c.stack)) // the latest
	}
	summary, err := demo.Run(c, account, demo.Options{
		Live: d.options(worker, folder), Workload: d.workload,
		View: func() demo.View { return view(c) }, Timeline: d.timeline,
		Abandon: c.abandon, DeadLettersAllowed: d.deadLetters, Title: d.title(c.stack),
	})
	if summary.Took > 0 {
		summary.Print(c.output)
	}
	if _, missing := os.Stat(d.timeline); missing == nil {
		fmt.Fprintln(c.output, "  timeline                     ", fromHere(d.timeline))
	}
	return err
}

// title says what ran.
func (d *demoCommand) title(stack string) string {
	work := fmt.Sprintf("each sleeps %g s", d.workload.Seconds)
	switch {
	case d.handler != "":
		work = "each is handled by " + d.handler
	case d.workload.Spread:
		work = fmt.Sprintf("each sleeps 0 to %g s", 2*d.workload.Seconds)
	}
	return fmt.Sprintf("Stack %s: %d messages in %d groups, %s", stack, d.workload.Messages,
		d.workload.Groups, work)
}

// tidy removes the demo's folder, but for the logs if it failed or they are asked for.
func (d *demoCommand) tidy(c common, folder string, failed bool) error {
	logs, err := filepath.Glob(filepath.Join(folder, "logs", "*"))
	if !failed && !d.keepLogs || err != nil || len(logs) == 0 {
		return errors.Join(err, os.RemoveAll(folder))
	}
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if entry.Name() != "logs" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(folder, entry.Name())))
		}
	}
	fmt.Fprintln(c.output, "  logs of the tasks            ", fromHere(filepath.Join(folder, "logs")))
	return err
}

// fromHere is a path as a person would type it.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(here, path); err == nil && len(short) < len(path) {
		return short
	}
	return path
}

// checkFolder says whether a file can be written where a flag says.
func checkFolder(flag, file string) error {
	if file == "" {
		return nil
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s: %q: is a folder; name a file", flag, file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: %q: its folder needs to exist", flag, file)
	}
	return nil
}

// view is a screen for a terminal, and lines for all else.
func view(c common) demo.View {
	if file, ok := c.output.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		return demo.NewScreen(file, c.interrupt)
	}
	return &demo.Lines{Output: c.output}
}
