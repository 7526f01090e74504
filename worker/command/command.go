// Package command runs a program as the handler of messages: any language will do.
package command

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"fargate-queue-worker/worker/consumer"
)

// PermanentExitCode of a program says that the message can never succeed: EX_DATAERR
// of sysexits.h. Code 0 is done; any other, and death by a signal, is tried again.
const PermanentExitCode = 65

// killDelay is what a program has between SIGTERM and SIGKILL; less than a consumer
// waits for a cancelled handler.
const killDelay = 3 * time.Second

// Handler runs a program once per message: the body on standard input, what is known
// of the message in the environment, its output line by line into the log. When the
// context ends, the program and all it started get SIGTERM, then SIGKILL.
type Handler struct {
	// Args are the program and its arguments.
	Args []string
	// Logger gets the program's output.
	Logger *slog.Logger
}

// New checks that the program can be found.
func New(args []string, logger *slog.Logger) (*Handler, error) {
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, fmt.Errorf("the handler's program: %w", err)
	}
	return &Handler{Args: args, Logger: logger}, nil
}

// Handle implements consumer.Handler.
func (h *Handler) Handle(ctx context.Context, m *consumer.Message) error {
	cmd := exec.CommandContext(ctx, h.Args[0], h.Args[1:]...)
	cmd.Stdin = strings.NewReader(m.Body)
	cmd.Env = append(os.Environ(), environment(m)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return signalGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay

	logger := h.Logger.With("message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount)
	var streams sync.WaitGroup
	stdout, stderr := logLines(&streams, logger, "stdout"), logLines(&streams, logger, "stderr")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if cmd.Process != nil {
		_ = signalGroup(cmd, syscall.SIGKILL) // what the program left behind; often nothing
	}
	_ = stdout.Close() // pipes, which close without error
	_ = stderr.Close()
	streams.Wait()
	return verdict(ctx, err)
}

// verdict reads an exit code.
func verdict(ctx context.Context, err error) error {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() == PermanentExitCode:
		return consumer.Permanent(err)
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // the program is done; a child of it kept its output open
	default:
		return err
	}
}

// signalGroup reaches the program and all it started.
func signalGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	err := syscall.Kill(-cmd.Process.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// environment is what a program may know of its message; binary attributes are in
// base64.
func environment(m *consumer.Message) []string {
	vars := []string{
		"MESSAGE_ID=" + m.ID,
		"MESSAGE_GROUP_ID=" + m.GroupID,
		"MESSAGE_DEDUPLICATION_ID=" + m.DeduplicationID,
		"MESSAGE_SEQUENCE_NUMBER=" + m.SequenceNumber,
		"MESSAGE_RECEIVE_COUNT=" + strconv.Itoa(m.ReceiveCount),
		"MESSAGE_SENT_AT=" + m.SentAt.UTC().Format(time.RFC3339Nano),
	}
	for name, value := range m.Attributes {
		text := base64.StdEncoding.EncodeToString(value.BinaryValue)
		if value.StringValue != nil {
			text = *value.StringValue
		}
		vars = append(vars, "MESSAGE_ATTRIBUTE_"+variableName(name)+"="+text)
	}
	if m.TraceHeader != "" {
		// The name that the X-Ray and OpenTelemetry SDKs read.
		vars = append(vars, "_X_AMZN_TRACE_ID="+m.TraceHeader)
	}
	return vars
}

// variableName is an attribute's name in capitals, with _ for what a variable's name
// cannot have.
func variableName(attribute string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(attribute))
}

// logLines is a writer whose lines go to the log. A line of any length is cut into
// what the log takes.
func logLines(streams *sync.WaitGroup, logger *slog.Logger, stream string) io.WriteCloser {
	const longestLine = 64 << 10
	reader, writer := io.Pipe()
	streams.Go(func() {
		lines := bufio.NewReaderSize(reader, longestLine)
		for {
			line, _, err := lines.ReadLine()
			if err != nil {
				return // closed
			}
			logger.Info(string(line), "stream", stream)
		}
	})
	return writer
}
