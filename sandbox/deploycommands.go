package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/live"
)

// folder keeps the sandbox's state.
func (c common) folder() string { return filepath.Join(c.root, ".sandbox") }

func (c common) open() (*deploy.Stack, error) {
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
	refresh, keep bool
	given         *flag.FlagSet
}

func (u *upCommand) flags(f *flag.FlagSet) {
	u.runFlags.flags(f)
	f.BoolVar(&u.refresh, "refresh", false, "")
	f.BoolVar(&u.keep, "keep", false, "")
	u.given = f
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
		u.given.Visit(func(f *flag.Flag) {
			if slices.Contains([]string{"handler", "minute", "port", "without-protection"}, f.Name) {
				wrong = append(wrong, fmt.Errorf("--%s: %s: goes with --keep, which runs the stack", f.Name, f.Value))
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
	options.Output = c.output
	region, err := live.Start(c, s.Account, options)
	if err != nil {
		return err
	}
	explain(c.output, region, s.Account, consumer)
	tellActivities(c, region)
	c.sayStopping()
	region.Drain(c.abandon)
	return region.Close()
}

func (c common) sayStopping() {
	fmt.Fprintln(c.output, "stopping: tasks finish what they do; Ctrl-C again kills them")
}

// tellActivities says what auto scaling does, until a person stops it.
func tellActivities(c common, region *live.Region) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for told := 0; ; {
		select {
		case <-ticker.C:
		case <-c.Done():
			return
		}
		var activities []cloud.Activity
		region.Do(func(*cloud.Account, time.Time) { activities = region.Control.Activities() })
		_, _ = region.Host.Journal().Take() // nobody asks what became of each message here
		for _, a := range activities[told:] {
			fmt.Fprintln(c.output, "==", a)
		}
		told = len(activities)
	}
}

// explain says how to reach what runs, and on how much CPU it does.
func explain(output io.Writer, region *live.Region, account *cloud.Account, consumer cloud.QueueConsumer) {
	fmt.Fprintf(output, `
The stack runs, and with it the messages it is sent, until Ctrl-C. For the AWS CLI or any SDK:

export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_DEFAULT_REGION=%[2]s
export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
`, region.URL, account.Region)
	for _, url := range slices.Sorted(maps.Keys(account.Queues)) {
		if account.Queues[url].RedrivePolicy == "" {
			fmt.Fprintln(output, "# dead letters, if any:", url)
			continue
		}
		// Version 1 of the AWS CLI does not read AWS_ENDPOINT_URL.
		fmt.Fprintf(output, "aws sqs --endpoint-url %s send-message --message-group-id a"+
			" --message-deduplication-id 1 --message-body hello --queue-url %s\n", region.URL, url)
	}
	fmt.Fprintf(output, "# CPU limit: %s\n\n", region.Host.CPULimit(consumer.Definition))
}

type previewCommand struct{}

func (previewCommand) flags(*flag.FlagSet) {}

func (previewCommand) run(c common) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	_, err = s.Preview(c)
	return err
}

type destroyCommand struct{}

func (destroyCommand) flags(*flag.FlagSet) {}

func (destroyCommand) run(c common) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	_, err = s.Destroy(c)
	return err
}
