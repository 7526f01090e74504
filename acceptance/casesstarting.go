package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// longestStart is how long the first task may take with the machine asking each minute, in minutes:
// 1 min 50 s.
const longestStart = 110.0 / 60

var startingCases = []Case{
	{
		Name:    "second-preview",
		Assumed: "a second preview changes nothing",
		IfNot: "AWS answers with something else than was declared, or a default of its own. Send us the" +
			" preview: the declaration has to say the same.",
		Minutes: 1, run: secondPreview,
	},
	{
		Name:    "machine-runs",
		Assumed: "the wake-up machine runs each minute, and none of its runs fails",
		IfNot: "Run it by hand and read the error, as the runbook says under “Tasks start late”. Until it" +
			" is mended the alarm starts the first task, minutes later.",
		Minutes: 8, run: machineRuns,
	},
	{
		Name:    "first-start",
		Assumed: "the first task runs within 1 min 50 s of the first message",
		IfNot: "See “Tasks start late” in the runbook. If only the image takes long to pull, make it" +
			" smaller or raise minCapacity; wakeIntervalSeconds: 10 saves half a minute.",
		Minutes: 6, run: firstStart,
	},
	{
		Name:    "ring-at-once",
		Assumed: "a machine that is rung right after a send sees the message within 6 s",
		IfNot: "Counts of SQS are older than two seconds. Ring again after some seconds, or leave it to the" +
			" schedule; the model's CountLag has to be longer.",
		Minutes: 6, run: ringAtOnce,
	},
}

func secondPreview(ctx context.Context, b *Bench) (Finding, error) {
	changes, err := b.Stack.Preview(ctx)
	if err != nil {
		return Finding{}, err
	}
	if len(changes) == 0 {
		return Finding{true, "no changes"}, nil
	}
	b.note("preview: %s", strings.Join(changes, ", "))
	return refuted("%s", strings.Join(changes, ", ")), nil
}

func machineRuns(ctx context.Context, b *Bench) (Finding, error) {
	const watched = 4 // minutes
	span := period{began: time.Now()}
	if err := b.sleep(ctx, b.minutes(watched)); err != nil {
		return Finding{}, err
	}
	span.ended = time.Now()
	if err := b.sleep(ctx, b.minutes(lateMinutes)); err != nil {
		return Finding{}, err
	}
	got, err := b.data(ctx, span,
		query("started", "AWS/States", "ExecutionsStarted", "Sum", "StateMachineArn", b.WakeARN),
		query("failed", "AWS/States", "ExecutionsFailed", "Sum", "StateMachineArn", b.WakeARN))
	if err != nil {
		return Finding{}, err
	}
	started, failed := sum(got["started"].values), sum(got["failed"].values)
	return Finding{
		AsAssumed: started >= watched-1 && failed == 0,
		Seen:      fmt.Sprintf("%g runs in %d minutes, %g of them failed", started, watched, failed),
	}, nil
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

func firstStart(ctx context.Context, b *Bench) (Finding, error) {
	if err := b.settle(ctx); err != nil {
		return Finding{}, err
	}
	sent := time.Now()
	id, err := b.send(ctx, b.QueueURL, "first", job{Seconds: 1})
	if err != nil {
		return Finding{}, err
	}
	var took time.Duration
	if err := b.until(ctx, "a task runs", func() (bool, error) {
		tasks, err := b.tasks(ctx, ecstypes.DesiredStatusRunning)
		for _, t := range tasks {
			if t.StartedAt != nil {
				took = t.StartedAt.Sub(sent)
				b.note("task %s was created at %s and started at %s", idOf(*t.TaskArn),
					t.CreatedAt.UTC().Format(time.RFC3339), t.StartedAt.UTC().Format(time.RFC3339))
				return true, nil
			}
		}
		return false, err
	}); err != nil {
		return Finding{}, err
	}
	_, err = b.untilDone(ctx, id)
	return Finding{
		AsAssumed: took <= b.minutes(longestStart),
		Seen:      fmt.Sprintf("it ran %s after the message was sent", took.Round(time.Second)),
	}, err
}

func ringAtOnce(ctx context.Context, b *Bench) (Finding, error) {
	if err := b.settle(ctx); err != nil {
		return Finding{}, err
	}
	id, err := b.send(ctx, b.QueueURL, "ring", job{Seconds: 1})
	if err != nil {
		return Finding{}, err
	}
	sent := time.Now()
	run, err := b.states.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &b.WakeARN})
	if err != nil {
		return Finding{}, err
	}
	b.note("rung: %s", aws.ToString(run.ExecutionArn))
	const soon = 6.0 / 60
	var took time.Duration
	if err := b.until(ctx, "a task is wanted", func() (bool, error) {
		took = time.Since(sent)
		s, err := b.service(ctx)
		return s.DesiredCount > 0, err
	}); err != nil {
		return Finding{}, err
	}
	b.note("a task is wanted")
	_, err = b.untilDone(ctx, id)
	return Finding{
		AsAssumed: took <= b.minutes(soon)+b.Poll,
		Seen: fmt.Sprintf("a task was wanted %s after the ring, looked at each %s",
			took.Round(time.Second), b.Poll),
	}, err
}
