package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/demo"
	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/live"
	"fargate-queue-worker/sandbox/stackfile"
)

// folder keeps the sandbox's state.
func (c common) folder() string { return filepath.Join(c.root, ".sandbox") }

func (c common) open() (*deploy.Stack, error) {
	if _, err := stackfile.Load(c.root, c.stack, c.config...); err != nil {
		return nil, err // before a folder is made for it
	}
	if err := lock(c.folder(), c.stack); err != nil {
		return nil, err
	}
	return deploy.Open(c, deploy.Options{
		Root: c.root, Folder: c.folder(), Stack: c.stack, Config: c.config, Output: c.output,
	})
}

// upCommand deploys; the flags of running a stack go with --keep.
type upCommand struct {
	runFlags
	running       *pflag.FlagSet // those of runFlags
	refresh, keep bool
}

func newUpCommand(c *common) *cobra.Command {
	u := &upCommand{}
	u.running = u.runFlags.flags()
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Deploy a stack; with --keep run it until Ctrl-C",
		Long: `Deploys a stack onto the model of AWS and keeps its state in .sandbox: a second up
changes nothing. With --keep it runs the stack until Ctrl-C: its queue answers the AWS
CLI and any SDK, and its tasks run.`,
		Example: `  go run ./sandbox up --stack prod
  go run ./sandbox up --keep --handler "cat; sleep 1"`,
		Args: noArguments,
		RunE: c.inProject(u.run),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&u.refresh, "refresh", false, "read the resources' real state first")
	f.BoolVar(&u.keep, "keep", false, "run the stack; the flags below go with it")
	f.AddFlagSet(u.running)
	return cmd
}

func (u *upCommand) run(c common) error {
	if err := errors.Join(u.check(), u.checkKeep()); err != nil {
		return err
	}
	s, err := c.open()
	if err != nil {
		return err
	}
	var opts []optup.Option
	if u.refresh {
		opts = append(opts, optup.Refresh())
	}
	if _, err := s.Up(c, opts...); err != nil || !u.keep {
		return err
	}
	return u.keepRunning(c, s)
}

// checkKeep refuses flags of running a stack that is not to run.
func (u *upCommand) checkKeep() error {
	var wrong []error
	if !u.keep {
		u.running.VisitAll(func(f *pflag.Flag) {
			if f.Changed {
				wrong = append(wrong,
					fmt.Errorf("--%s: %s: goes with --keep, which runs the stack", f.Name, f.Value))
			}
		})
	}
	return errors.Join(wrong...)
}

// keepRunning runs the stack until a person stops it.
func (u *upCommand) keepRunning(c common, s *deploy.Stack) error {
	folder := filepath.Join(c.folder(), c.stack)
	worker, err := live.BuildWorker(c, c.root, folder)
	if err != nil {
		return err
	}
	consumer, err := s.Account.QueueConsumer()
	if err != nil {
		return err
	}
	options := u.options(worker, folder)
	region, err := live.Start(c, s.Account, options)
	if err != nil {
		return err
	}
	explain(c.output, region, s.Account, consumer)
	err = demo.Watch(c, region, s.Account, demo.Options{
		Live: options, View: func() demo.View { return view(c) }, Abandon: c.abandon,
	})
	return errors.Join(err, region.Close())
}

// explain says how to reach what runs, and on how much CPU it does.
func explain(output io.Writer, region *live.Region, account *cloud.Account, consumer cloud.QueueConsumer) {
	fmt.Fprintf(output, `
The stack runs, and with it the messages it is sent, until Ctrl-C. For the AWS CLI or any SDK:

export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_DEFAULT_REGION=%[2]s
export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DISABLE_HOST_PREFIX_INJECTION=true
`, region.URL, account.Region)
	for _, url := range slices.Sorted(maps.Keys(account.Queues)) {
		if account.Queues[url].RedrivePolicy == "" {
			fmt.Fprintln(output, "# dead letters, if any:", url)
			continue
		}
		// Version 1 of the AWS CLI does not read AWS_ENDPOINT_URL.
		fmt.Fprintf(output, "aws sqs --endpoint-url %s send-message --message-group-id a"+
			" --message-deduplication-id $(date +%%s) --message-body hello --queue-url %s\n", region.URL, url)
	}
	fmt.Fprintf(output, "# CPU limit: %s\n# logs of the tasks: %s\n\n",
		region.Host.CPULimit(consumer.Definition), fromHere(region.LogFolder()))
}

func newPreviewCommand(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "preview",
		Short: "Show what up would do",
		Args:  noArguments,
		RunE:  c.inProject(preview),
	}
}

func preview(c common) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	_, err = s.Preview(c)
	return err
}

func newDestroyCommand(c *common) *cobra.Command {
	return &cobra.Command{
		Use:   "destroy",
		Short: "Remove the stack that up has deployed",
		Args:  noArguments,
		RunE:  c.inProject(destroy),
	}
}

func destroy(c common) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	_, err = s.Destroy(c)
	return err
}
