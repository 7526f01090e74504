package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"fargate-queue-worker/worker/lambda"
)

// functionHelp is what worker -help says of functions and dead letters.
const functionHelp = `
worker -lambda -- runtime arguments...

Keeps CONCURRENCY processes of a function of AWS Lambda running, such as python -m
awslambdaric app.handler, and hands them one message each as an SQS event.
REPORT_BATCH_ITEM_FAILURES=true has batchItemFailures in a response count, as Lambda's
setting of that name. PERMANENT_ERRORS are error types, separated by commas, that no
repetition helps: the message goes to the dead-letter queue at once.

worker -check [-lambda] [-- program arguments...]

Checks, without receiving a message, whether a worker could work here: settings, program
or function, queues, task protection. Exit code 0 if it could, 1 if not. WORKER_CHECK=true
does the same for an image that has other arguments in its entry point.

`

// functionSettings are the part of the configuration that functions have besides.
type functionSettings struct {
	reportBatchItemFailures bool
	permanentErrors         []string
}

func readFunctionSettings(getenv func(string) string) (s functionSettings, err error) {
	const report = "REPORT_BATCH_ITEM_FAILURES"
	switch value := getenv(report); value {
	case "true":
		s.reportBatchItemFailures = true
	case "false", "":
	default:
		return s, fmt.Errorf("%s: %q: needs to be true or false", report, value)
	}
	for name := range strings.SplitSeq(getenv("PERMANENT_ERRORS"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			s.permanentErrors = append(s.permanentErrors, name)
		}
	}
	return s, nil
}

// runFunction keeps the processes of a function running and hands messages to them. It
// receives none before each of them has initialised.
func runFunction(ctx context.Context, s settings, runtime []string, logger *slog.Logger) error {
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
func prepareFunction(ctx context.Context, s settings, runtime []string, logger *slog.Logger) error {
	s.Concurrency = 1
	pool, err := newPool(ctx, s, runtime, logger)
	if err != nil {
		return err
	}
	defer pool.Close()
	return pool.Ready(ctx)
}

func newPool(ctx context.Context, s settings, runtime []string, logger *slog.Logger) (*lambda.Pool, error) {
	if len(runtime) == 0 {
		return nil, errors.New("worker -lambda needs the function's runtime: " +
			"worker -lambda -- python -m awslambdaric app.handler")
	}
	own, err := readFunctionSettings(os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("the environment is not right (worker -help explains it):\n%w", err)
	}
	queue := lambda.QueueOf(s.QueueURL, cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")))
	return lambda.New(lambda.Config{
		Args: runtime, Processes: s.Concurrency, Logger: logger,
		Function: lambda.FunctionOf(ctx, queue, s.Concurrency), Queue: queue,
		ReportBatchItemFailures: own.reportBatchItemFailures, PermanentErrors: own.permanentErrors,
		StopGrace: s.stopGrace(),
	})
}
