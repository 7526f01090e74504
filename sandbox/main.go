// Command sandbox runs a stack of this project on the machine it runs on: the real
// program and the real Pulumi CLI, on an embedded model of AWS, with real workers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"fargate-queue-worker/sandbox/stackfile"
)

const usage = `usage: go run ./sandbox [command] [flags]

commands:
  demo      deploy a stack, send messages, watch tasks come, work and go (default)
  up        deploy a stack; with --keep run it until Ctrl-C
  preview   show what up would do
  destroy   remove the stack
  simulate  run the stack against workloads in virtual time, beside its alternatives

flags of all:
  --stack name        dev (default) or prod, or any other Pulumi.<name>.yaml
  --config key=value  override the stack's configuration; may be repeated

flags of up:
  --refresh           read the resources' real state first
  --keep              run the stack: its queue answers, its tasks run

flags of demo and up --keep:
  --handler command   the program to run for each message, as in "python job.py";
                      default: the command that the stack declares, else one that
                      sleeps as long as a message asks (demo) or the worker's own
  --minute duration   length of a minute of CloudWatch and auto scaling (2s)
  --port number       to listen on; 0 (default) is any that is free
  --without-protection  give tasks no ECS agent, so that scale-in can kill work

flags of demo:
  --messages n        to send (120)
  --groups n          that they belong to (60)
  --seconds s         of work each (2); with --spread none to twice that, at random
  --rate r            messages per second; 0 is all at once (40)
  --seed n            of what is random (1)
  --timeline file     for the picture; default in .sandbox
  --dead-letters      messages may end in the dead-letter queue

flags of simulate:
  --workload name     or a YAML or CSV file; may be repeated; default: all that are shipped
  --set key=value     try a change, as in scalingSteps='[{"lower":1,"change":2}]'
  --days n            to simulate (30)        --seed n   of what is random (1)
  --out report.html   a report with pictures  --json     results for machines
  --activities        a line for each scaling activity of the stack
  --against file      a Markdown table of what is different from an earlier run's --json
  --fail-on list      exit with an error if the stack is so: "p95_wait>5m,killed>0"
  --no-peers          the stack alone
  --metric-delay n    minutes until CloudWatch shows a metric (1)
  --wake-delay n      minutes more after six idle hours (15); --wake-zeros: it reports
                      zeros meanwhile instead of nothing
  --start-from d --start-to d   how long a task takes to start (20s to 40s)
  --price name=dollars          such as arm-vcpu=0.03238 an hour, in place of the price
                      of the stack's region; may be repeated
`

func main() {
	stop := newInterrupts()
	if err := run(stop, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// interrupts are a person's wishes to stop: at the first, what runs may finish; at
// the second it is killed.
type interrupts struct {
	context.Context
	abandon chan struct{}
	signals chan os.Signal
}

func newInterrupts() interrupts {
	ctx, cancel := context.WithCancel(context.Background())
	i := interrupts{Context: ctx, abandon: make(chan struct{}), signals: make(chan os.Signal, 2)}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-i.signals
		cancel()
		<-i.signals
		close(i.abandon)
	}()
	return i
}

// interrupt is what Ctrl-C does where the terminal does not.
func (i interrupts) interrupt() {
	select {
	case i.signals <- os.Interrupt:
	default: // two are on their way already
	}
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// usageError is a wrong command line.
type usageError string

func (e usageError) Error() string { return string(e) + "\n" + usage }

// common is what every command has to know.
type common struct {
	interrupts
	root   string
	stack  string
	config list
	output io.Writer
}

// command is what a person can ask for: it adds its flags, and runs.
type command interface {
	flags(f *flag.FlagSet)
	run(c common) error
}

var commands = map[string]func() command{
	"demo":    func() command { return &demoCommand{} },
	"up":      func() command { return &upCommand{} },
	"preview": func() command { return previewCommand{} },
	"destroy": func() command { return destroyCommand{} },

	"simulate": func() command { return &simulateCommand{notes: os.Stderr} },
}

func run(stop interrupts, args []string, output io.Writer) error {
	name := "demo"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	newCommand, ok := commands[name]
	if !ok {
		return usageError(fmt.Sprintf("there is no command %q", name))
	}
	do, c := newCommand(), common{interrupts: stop, output: output}
	f := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.stack, "stack", "dev", "")
	f.Var(&c.config, "config", "")
	do.flags(f)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(output, usage)
		return err
	case err != nil:
		return usageError(err.Error())
	case f.NArg() > 0:
		return usageError(fmt.Sprintf("%q is no flag", f.Arg(0)))
	}
	if c.root, err = stackfile.FindRoot("."); err != nil {
		return err
	}
	return do.run(c)
}
