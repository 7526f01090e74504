// Package command runs a program as the handler of messages: any language will do.
package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/process"
)

// Exit codes of a program that mean something, from sysexits.h. Code 0 is done; any
// other, and death by a signal, is a failed attempt.
const (
	// permanentExitCode says that the message can never succeed: EX_DATAERR.
	permanentExitCode = 65
	// retryExitCode says that the message is to be tried again later, which is not a
	// failure: EX_TEMPFAIL.
	retryExitCode = 75
)

// retryDelay is how long a message waits after retryExitCode, and its group with it.
const retryDelay = time.Minute

// Handler runs a program once per message: the body on standard input, what is known
// of the message in the environment, its output line by line into the log. When the
// context ends, the program and all it started get SIGTERM, then SIGKILL. On Linux the
// program dies with the worker.
type Handler struct {
	// Args are the program and its arguments.
	Args []string
	// Logger gets the program's output.
	Logger *slog.Logger
	// StopGrace is what the program has between SIGTERM and SIGKILL when the worker
	// stops. Otherwise, and by default, that is process.KillDelay.
	StopGrace time.Duration
}

// New checks that the program can be found.
func New(args []string, logger *slog.Logger) (*Handler, error) {
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, fmt.Errorf("the handler's program: %w", err)
	}
	return &Handler{Args: args, Logger: logger}, nil
}

// Handle implements consumer.Handler. A failed run is a *process.Failure.
func (h *Handler) Handle(ctx context.Context, m *consumer.Message) error {
	attributes, err := newAttributesFile(m)
	if err != nil {
		return err
	}
	defer attributes.remove()
	logger := h.Logger.With("message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount)
	stdout := process.NewOutput(func(line string) { logger.Info(line, "stream", "stdout") })
	stderr := process.NewOutput(func(line string) { logger.Info(line, "stream", "stderr") })
	cmd := exec.Command(h.Args[0], h.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(m.Body), stdout, stderr
	cmd.Env = append(os.Environ(), environment(m, attributes.path)...)
	program, err := process.Start(cmd)
	if err != nil {
		return err
	}
	select {
	case <-program.Exited():
	case <-ctx.Done():
		program.Stop(process.Grace(ctx, consumer.ErrStopping, h.StopGrace))
	}
	stdout.Flush()
	stderr.Flush()
	return verdict(ctx, program.Err(), stderr.Tail())
}

// verdict reads how a program ended.
func verdict(ctx context.Context, exit error, stderr string) error {
	failure := &process.Failure{Err: exit, Exit: exit, Stderr: stderr}
	var code *exec.ExitError
	switch {
	case ctx.Err() != nil:
		failure.Err = context.Cause(ctx) // even if it then exits with 0
		return failure
	case exit == nil:
		return nil
	case errors.As(exit, &code) && code.ExitCode() == permanentExitCode:
		return consumer.Permanent(failure)
	case errors.As(exit, &code) && code.ExitCode() == retryExitCode:
		return consumer.RetryAfter(retryDelay, failure)
	default:
		return failure
	}
}
