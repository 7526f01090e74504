// Command worker consumes an SQS FIFO queue on ECS Fargate: it runs a program once
// per message, in order within a group, and keeps its task from being stopped while
// it works. worker -help prints its settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/caarlos0/env/v11"

	"fargate-queue-worker/worker/command"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/dlq"
	"fargate-queue-worker/worker/emf"
	"fargate-queue-worker/worker/protection"
	"fargate-queue-worker/worker/settings"
)

// version is set when the image is built.
var version = "devel"

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	slog.SetDefault(logger)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], logger); err != nil {
		if len(os.Args) > 1 && os.Args[1] == "dlq" { // a person reads it
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		logger.Error("the worker failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, logger *slog.Logger) error {
	checking := os.Getenv(checkVariable) == "true"
	if len(args) > 0 && isFlag(args[0], "check") {
		checking, args = true, args[1:]
	}
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch {
	case first == "-h", isFlag(first, "help"):
		return printHelp(os.Stdout)
	case isFlag(first, "version"):
		_, err := fmt.Println("worker", version, goVersion())
		return err
	case first == "dlq":
		return dlq.Command{Getenv: os.Getenv, Output: os.Stdout, Notes: os.Stderr}.Run(ctx, args[1:])
	}
	start, prepare := runProgram, prepareProgram
	if isFlag(first, "lambda") {
		start, prepare, args = runFunction, prepareFunction, args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if checking {
		return runCheck(ctx, os.Stdout, func(s settings.Settings) error {
			return prepare(ctx, s, args, logger)
		})
	}
	s, err := settings.Read(env.ToMap(os.Environ()))
	if err != nil {
		return fmt.Errorf("the environment is not right (worker -help explains it):\n%w", err)
	}
	return start(ctx, s, args, logger)
}

// isFlag reports whether an argument is a flag, with one dash or two.
func isFlag(arg, name string) bool { return arg == "-"+name || arg == "--"+name }

// runProgram runs a program once per message.
func runProgram(ctx context.Context, s settings.Settings, program []string, logger *slog.Logger) error {
	handler, err := newHandler(s, program, logger)
	if err != nil {
		return err
	}
	return consume(ctx, s, handler, logger)
}

// prepareProgram finds out whether the program can be started.
func prepareProgram(_ context.Context, s settings.Settings, program []string, logger *slog.Logger) error {
	_, err := newHandler(s, program, logger)
	return err
}

// stopGrace is what programs have between SIGTERM and SIGKILL when the worker stops: what
// the consumer gives to its handlers, less the time that these take to return.
func stopGrace(s settings.Settings) time.Duration {
	const returning = 2 * time.Second
	return consumer.CancelGrace(s.Consumer().StopSignal) - returning
}

// newHandler is the program given, or one that logs each message.
func newHandler(s settings.Settings, program []string, logger *slog.Logger) (consumer.Handler, error) {
	if len(program) > 0 {
		handler, err := command.New(program, logger)
		if err != nil {
			return nil, err
		}
		handler.StopGrace = stopGrace(s)
		return handler, nil
	}
	return consumer.HandlerFunc(func(_ context.Context, m *consumer.Message) error {
		logger.Info("message", "message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount,
			"body", m.Body)
		return nil
	}), nil
}

func consume(ctx context.Context, s settings.Settings, handler consumer.Handler, logger *slog.Logger) error {
	client, err := newSQS(ctx)
	if err != nil {
		return err
	}
	task := protection.FromEnvironment(protection.Options{HandlerTimeout: s.HandlerTimeout,
		HoldDown: s.HoldDown, Logger: logger})
	metrics := emf.New(os.Stdout, s.QueueName())
	config := s.Consumer()
	config.Logger, config.Observe = logger, observer(metrics, logger, s.LogMessages)
	if task != nil {
		config.Protection = task
	}
	c, err := consumer.New(client, handler, config)
	if err != nil {
		return err
	}
	flushing, stopFlushing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFlushing()
	go flushEveryMinute(flushing, metrics, logger)
	logger.Info("the worker starts", "version", version, "queue", s.QueueName(), "concurrency", s.Concurrency)
	err = c.Run(ctx)
	return errors.Join(err, finish(task, metrics, logger))
}

// newSQS is a client by the SDK's own configuration.
func newSQS(ctx context.Context) (*sqs.Client, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("configuring the AWS SDK: %w", err)
	}
	return sqs.NewFromConfig(c), nil
}

// finish says the last things: what was counted, and that the task may go.
func finish(task *protection.Task, metrics *emf.Metrics, logger *slog.Logger) error {
	if task != nil {
		const atMost = 10 * time.Second
		ctx, cancel := context.WithTimeout(context.Background(), atMost)
		defer cancel()
		if err := task.Close(ctx); err != nil {
			logger.Warn("ending task protection failed; it ends with the task", "error", err)
		}
	}
	logger.Info("the worker has drained")
	return metrics.Flush(time.Now())
}

func flushEveryMinute(ctx context.Context, metrics *emf.Metrics, logger *slog.Logger) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			if err := metrics.Flush(now); err != nil {
				logger.Warn("writing metrics failed", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// observer counts what happens, and logs each message that is done.
func observer(metrics *emf.Metrics, logger *slog.Logger, logMessages bool) func(consumer.Event) {
	return func(e consumer.Event) {
		metrics.Observe(e)
		if m := e.Message; e.Kind == consumer.Done && logMessages {
			logger.Info("done", "message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount,
				"seconds", e.Took.Seconds(), "age", e.Age.Seconds())
		}
	}
}

func goVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "vcs.revision"
	})
	if revision < 0 {
		return info.GoVersion
	}
	return info.GoVersion + " " + info.Settings[revision].Value
}
