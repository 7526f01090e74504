package demo

import (
	"context"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/live"
)

// Watch shows a stack that runs until ctx ends, whoever sends messages to it, and then what
// its tasks finish. Of the options it uses the minute, View and Abandon.
func Watch(ctx context.Context, region *live.Region, account *cloud.Account, o Options) error {
	stack, err := stackOf(account)
	if err != nil {
		return err
	}
	d := &demo{o: o, stack: stack}
	d.observe(region)
	defer d.view.Close()
	ticker := time.NewTicker(frameInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if _, err := d.show(); err != nil {
				return err
			}
		case <-ctx.Done():
			d.drain()
			return nil
		}
	}
}
