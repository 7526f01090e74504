package main

import (
	"flag"
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/live"
)

// folder keeps the sandbox's state.
func (c common) folder() string { return filepath.Join(c.root, ".sandbox") }

func (c common) open() (*deploy.Stack, error) {
	return deploy.Open(c, deploy.Options{Root: c.root, Folder: c.folder(), Stack: c.stack, Config: c.config, Output: c.output})
}

type upCommand struct {
	runFlags
	refresh, keep bool
}

func (u *upCommand) flags(f *flag.FlagSet) {
	u.runFlags.flags(f)
	f.BoolVar(&u.refresh, "refresh", false, "")
	f.BoolVar(&u.keep, "keep", false, "")
}

func (u *upCommand) run(c common) error {
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

// keepRunning runs the stack until a person stops it.
func (u *upCommand) keepRunning(c common, s *deploy.Stack) error {
	folder := filepath.Join(c.folder(), c.stack)
	worker, err := live.BuildWorker(c, c.root, folder)
	if err != nil {
		return err
	}
	options, err := u.options(worker, folder)
	if err != nil {
		return err
	}
	options.Output = c.output
	region, err := live.Start(c, s.Account, options)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.output, `
The stack runs; Ctrl-C lets its tasks finish and stops it. Messages are lost then.

  export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
`, region.URL, s.Account.Region)
	for url := range s.Account.Queues {
		fmt.Fprintln(c.output, "  queue", url)
	}
	<-c.Done()
	fmt.Fprintln(c.output, "stopping: tasks may finish what they do; Ctrl-C again kills them")
	region.Drain(c.abandon)
	return region.Close()
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
