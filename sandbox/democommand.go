package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/demo"
	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/live"
)

// runFlags say how a stack is run.
type runFlags struct {
	handler           string
	minute            time.Duration
	port              int
	withoutProtection bool
}

func (r *runFlags) flags(f *flag.FlagSet) {
	f.StringVar(&r.handler, "handler", "", "")
	f.DurationVar(&r.minute, "minute", 2*time.Second, "")
	f.IntVar(&r.port, "port", 0, "")
	f.BoolVar(&r.withoutProtection, "without-protection", false, "")
}

// options of running a stack with a worker.
func (r *runFlags) options(worker, folder string) (live.Options, error) {
	const shortest, longest = 100 * time.Millisecond, time.Minute
	if r.minute < shortest || r.minute > longest {
		return live.Options{}, fmt.Errorf("--minute: %s: needs to be %s to %s", r.minute, shortest, longest)
	}
	if r.port < 0 || r.port > 65535 {
		return live.Options{}, fmt.Errorf("--port: %d: needs to be 0 to 65535", r.port)
	}
	handler, err := shellCommand(r.handler)
	if err != nil {
		return live.Options{}, err
	}
	control := cloud.DefaultControlOptions()
	control.Minute = r.minute
	control.StartDelay = func() time.Duration { return r.minute / 2 }
	return live.Options{
		Worker: worker, Handler: handler, Port: r.port, Folder: folder, Control: control, WithoutProtection: r.withoutProtection,
	}, nil
}

var plainWord = regexp.MustCompile(`^[\w./+-]+$`)

// shellCommand is a command line as a shell reads it; its program has to exist.
func shellCommand(line string) ([]string, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, nil
	}
	if plainWord.MatchString(words[0]) {
		if _, err := exec.LookPath(words[0]); err != nil {
			return nil, fmt.Errorf("--handler: %q cannot be run: %w; give a program with its arguments, as in \"python job.py\"", line, err)
		}
	}
	return []string{"/bin/sh", "-c", line}, nil
}

type demoCommand struct {
	runFlags
	workload demo.Workload
	timeline string
}

func (d *demoCommand) flags(f *flag.FlagSet) {
	d.runFlags.flags(f)
	f.IntVar(&d.workload.Messages, "messages", 60, "")
	f.IntVar(&d.workload.Groups, "groups", 30, "")
	f.Float64Var(&d.workload.Seconds, "seconds", 2, "")
	f.BoolVar(&d.workload.Spread, "spread", false, "")
	f.Float64Var(&d.workload.Rate, "rate", 10, "")
	f.Uint64Var(&d.workload.Seed, "seed", 1, "")
	f.StringVar(&d.timeline, "timeline", "", "")
}

// run deploys the stack to an account of its own, so that demos do not disturb each
// other, nor what up has deployed.
func (d *demoCommand) run(c common) (err error) {
	if err := d.workload.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.folder(), 0o755); err != nil {
		return fmt.Errorf("making the sandbox's folder: %w", err)
	}
	folder, err := os.MkdirTemp(c.folder(), "demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	options, err := d.options(filepath.Join(folder, "worker"), folder)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(folder)
		} else {
			fmt.Fprintln(c.output, "logs of the tasks, if any ran:", filepath.Join(folder, "logs"))
		}
	}()
	if _, err := live.BuildWorker(c, c.root, folder); err != nil {
		return err
	}
	stack, err := deploy.Open(c, deploy.Options{Root: c.root, Folder: folder, CLIFolder: c.folder(), Stack: c.stack, Config: c.config, Output: c.output})
	if err != nil {
		return err
	}
	if _, err := stack.Up(c); err != nil {
		return err
	}
	if d.timeline == "" {
		d.timeline = filepath.Join(c.folder(), fmt.Sprintf("timeline-%s-%s.svg", c.stack, filepath.Base(folder)))
	}
	summary, err := demo.Run(c, stack.Account, demo.Options{
		Live: options, Workload: d.workload, View: d.view(c), Timeline: d.timeline, Abandon: c.abandon, Stopping: c.sayStopping,
		Title: fmt.Sprintf("stack %s: %d messages in %d groups, %g s of work each, a minute of CloudWatch is %s", c.stack, d.workload.Messages, d.workload.Groups, d.workload.Seconds, d.minute),
	})
	if summary.Took > 0 {
		summary.Print(c.output)
	}
	if err == nil {
		fmt.Fprintln(c.output, "  timeline                     ", d.timeline)
	}
	return err
}

// view is a screen for a terminal, and lines for all else.
func (d *demoCommand) view(c common) demo.View {
	if file, ok := c.output.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		return demo.NewScreen(file, c.interrupt)
	}
	return &demo.Lines{Output: c.output}
}
