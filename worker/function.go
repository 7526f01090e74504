package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"

	"fargate-queue-worker/worker/lambda"
	"fargate-queue-worker/worker/settings"
)

// runFunction keeps the processes of a function running and hands messages to them. It
// receives none before each of them has initialised.
func runFunction(ctx context.Context, s settings.Settings, runtime []string, logger *slog.Logger) error {
	pool, err := newPool(ctx, s, runtime, logger)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := pool.Ready(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it had begun
		}
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-pool.Failed():
			stop()
		case <-ctx.Done():
		}
	}()
	return errors.Join(consume(ctx, s, pool, logger), pool.Err())
}

// prepareFunction finds out whether the function initialises, in one process.
func prepareFunction(ctx context.Context, s settings.Settings, runtime []string, logger *slog.Logger) error {
	s.Concurrency = 1
	pool, err := newPool(ctx, s, runtime, logger)
	if err != nil {
		return err
	}
	defer pool.Close()
	return pool.Ready(ctx)
}

func newPool(
	ctx context.Context, s settings.Settings, runtime []string, logger *slog.Logger,
) (*lambda.Pool, error) {
	if len(runtime) == 0 {
		return nil, errors.New("worker -lambda needs the function's runtime: " +
			"worker -lambda -- python -m awslambdaric app.handler")
	}
	queue := lambda.QueueOf(s.QueueURL, cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")))
	return lambda.New(lambda.Config{
		Args: runtime, Processes: s.Concurrency, Logger: logger,
		Function: lambda.FunctionOf(ctx, queue, s.Concurrency), Queue: queue,
		ReportBatchItemFailures: s.ReportBatchItemFailures, PermanentErrors: s.PermanentErrors,
		StopGrace: stopGrace(s),
	})
}
