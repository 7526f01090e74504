package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/caarlos0/env/v11"

	"fargate-queue-worker/worker/lambda"
)

// functionSettings are the part of the configuration that worker -lambda has besides.
type functionSettings struct {
	ReportBatchItemFailures bool     `env:"REPORT_BATCH_ITEM_FAILURES" envDefault:"false" what:"batchItemFailures in a response count, as Lambda's setting ReportBatchItemFailures has them do"`
	PermanentErrors         []string `env:"PERMANENT_ERRORS" what:"error types, separated by commas, that no repetition helps: the message goes to the dead-letter queue"`
}

// runFunction keeps the processes of a function running and hands messages to them. It
// receives none before each of them has initialised.
func runFunction(ctx context.Context, s settings, runtime []string, logger *slog.Logger) error {
	if len(runtime) == 0 {
		return errors.New("worker -lambda needs the function's runtime: worker -lambda -- python -m awslambdaric app.handler")
	}
	own, err := env.ParseAs[functionSettings]()
	if err != nil {
		return fmt.Errorf("the environment is not right (worker -help explains it):\n%w", err)
	}
	queue := lambda.QueueOf(s.QueueURL, cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")))
	pool, err := lambda.New(lambda.Config{
		Args: runtime, Processes: s.Concurrency, Function: lambda.FunctionOf(ctx, queue, s.Concurrency), Queue: queue,
		ReportBatchItemFailures: own.ReportBatchItemFailures, PermanentErrors: own.PermanentErrors, Logger: logger,
	})
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
