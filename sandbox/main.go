// Command sandbox deploys a stack of this project on the machine it runs on: the
// real program and the real Pulumi CLI, on an embedded model of AWS.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/stackfile"
)

const usage = `usage: go run ./sandbox <command> [flags]

commands:
  up        deploy a stack
  preview   show what up would do
  destroy   remove the stack

flags:
  --stack name        dev (default) or prod, or any other Pulumi.<name>.yaml
  --config key=value  override the stack's configuration; may be repeated
  --refresh           read the resources' real state first (up)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
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

func run(ctx context.Context, args []string, output io.Writer) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return usageError("which command?")
	}
	var (
		flags   = flag.NewFlagSet("sandbox", flag.ContinueOnError)
		stack   = flags.String("stack", "dev", "")
		refresh = flags.Bool("refresh", false, "")
		config  list
	)
	flags.Var(&config, "config", "")
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 0 {
		return usageError(fmt.Sprint("cannot read the flags: ", flags.Args(), err))
	}
	do, ok := commands[args[0]]
	if !ok {
		return usageError(fmt.Sprintf("there is no command %q", args[0]))
	}
	root, err := stackfile.FindRoot(".")
	if err != nil {
		return err
	}
	s, err := deploy.Open(ctx, deploy.Options{
		Root: root, Folder: filepath.Join(root, ".sandbox"), Stack: *stack, Config: config, Output: output,
	})
	if err != nil {
		return err
	}
	return do(ctx, s, *refresh)
}

var commands = map[string]func(ctx context.Context, s *deploy.Stack, refresh bool) error{
	"up": func(ctx context.Context, s *deploy.Stack, refresh bool) error {
		var opts []optup.Option
		if refresh {
			opts = append(opts, optup.Refresh())
		}
		_, err := s.Up(ctx, opts...)
		return err
	},
	"preview": func(ctx context.Context, s *deploy.Stack, _ bool) error {
		_, err := s.Preview(ctx)
		return err
	},
	"destroy": func(ctx context.Context, s *deploy.Stack, _ bool) error {
		_, err := s.Destroy(ctx)
		return err
	},
}
