package command

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

// script is a handler that runs a shell script, and its log.
func script(t *testing.T, text string) (*Handler, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	h, err := New([]string{"sh", "-c", text}, slog.New(slog.NewJSONHandler(log, nil)))
	require.NoError(t, err)
	return h, log
}

func testMessage() *consumer.Message {
	return &consumer.Message{
		ID: "m-1", Body: "the body\n", GroupID: "g-1", DeduplicationID: "d-1", SequenceNumber: "17",
		ReceiveCount: 2,
		SentAt:       time.UnixMilli(1700000000123),
		Attributes: map[string]types.MessageAttributeValue{
			"job-kind": {DataType: aws.String("String"), StringValue: aws.String("report")},
		},
		TraceHeader: "Root=1-2-3",
	}
}

func TestWhatAProgramGets(t *testing.T) {
	t.Parallel()
	h, log := script(
		t,
		`cat; env | grep -E '^(MESSAGE|_X_AMZN)' | sort
		cat "$MESSAGE_ATTRIBUTES_FILE"; sh -c 'sh -c "cat $MESSAGE_ATTRIBUTES_FILE"'`,
	)
	require.NoError(t, h.Handle(t.Context(), testMessage()))
	for _, line := range []string{
		"the body", "MESSAGE_ID=m-1", "MESSAGE_GROUP_ID=g-1", "MESSAGE_DEDUPLICATION_ID=d-1",
		"MESSAGE_SEQUENCE_NUMBER=17",
		"MESSAGE_RECEIVE_COUNT=2", "MESSAGE_SENT_AT=2023-11-14T22:13:20.123Z",
		"MESSAGE_ATTRIBUTE_JOB_KIND=report", "_X_AMZN_TRACE_ID=Root=1-2-3", "MESSAGE_BODY_LENGTH=9",
	} {
		assert.Contains(
			t,
			log.String(),
			`"msg":"`+line+`","message":"m-1","group":"g-1","receiveCount":2,"stream":"stdout"`,
		)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script    string
		fails     bool
		permanent bool
	}{
		"done":             {"exit 0", false, false},
		"can never be":     {"exit 65", true, true},
		"try again":        {"exit 1", true, false},
		"killed by itself": {"kill -9 $$", true, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := script(t, tc.script)
			err := h.Handle(t.Context(), testMessage())
			assert.Equal(t, tc.fails, err != nil)
			assert.Equal(t, tc.permanent, consumer.IsPermanent(err))
		})
	}
}

func TestExitCodeOfALaterRetry(t *testing.T) {
	t.Parallel()
	h, _ := script(t, "echo busy >&2; exit 75")
	err := h.Handle(t.Context(), testMessage())
	assert.Equal(t, consumer.RetryAfter(retryDelay, errors.Unwrap(err)), err)
	assert.Equal(t, map[string]any{"exitCode": 75, "stderr": "busy"}, details(t, err))
}

func TestAFailureSaysWhatHappened(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script string
		want   map[string]any
	}{
		"an exit code": {
			"echo one >&2; echo two >&2; exit 3",
			map[string]any{"exitCode": 3, "stderr": "one\ntwo"},
		},
		"a permanent one": {
			"echo no job >&2; exit 65",
			map[string]any{"exitCode": 65, "stderr": "no job"},
		},
		"a signal": {"kill -9 $$", map[string]any{"signal": "killed"}},
		"the last lines": {
			"seq 100 >&2; exit 1",
			map[string]any{"exitCode": 1, "stderr": numbers(81, 100)},
		},
		"no standard output": {"echo text; exit 1", map[string]any{"exitCode": 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := script(t, tc.script)
			assert.Equal(t, tc.want, details(t, h.Handle(t.Context(), testMessage())))
		})
	}
}

// details are what the consumer logs about an error.
func details(t *testing.T, err error) map[string]any {
	t.Helper()
	var detailed interface{ Details() map[string]any }
	require.ErrorAs(t, err, &detailed)
	return detailed.Details()
}

func numbers(from, to int) string {
	var lines []string
	for i := from; i <= to; i++ {
		lines = append(lines, strconv.Itoa(i))
	}
	return strings.Join(lines, "\n")
}

func TestErrorOutputIsLogged(t *testing.T) {
	t.Parallel()
	h, log := script(t, "echo oh >&2; printf 'no newline'; exit 1")
	require.Error(t, h.Handle(t.Context(), testMessage()))
	assert.Contains(t, log.String(), `"msg":"oh"`)
	assert.Contains(t, log.String(), `"stream":"stderr"`)
	assert.Contains(t, log.String(), `"msg":"no newline"`)
}

func TestALongLineIsCut(t *testing.T) {
	t.Parallel()
	h, log := script(t, "head -c 200000 /dev/zero | tr '\\0' x")
	require.NoError(t, h.Handle(t.Context(), testMessage()))
	assert.Equal(t, 4, strings.Count(log.String(), "\n"))
	assert.Equal(t, 200000, strings.Count(log.String(), "x"))
}

func TestTheEndOfTheContextIsPassedOn(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	h, log := script(
		t,
		`trap 'echo asked to stop; echo interrupted >&2; exit 0' TERM; touch `+ready+`
		while :; do sleep 0.05; done`,
	)
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() { result <- h.Handle(ctx, testMessage()) }()
	waitFor(t, func() bool { _, err := os.Stat(ready); return err == nil })
	cancel(consumer.ErrStopping)
	err := <-result
	require.ErrorIs(t, err, consumer.ErrStopping, "even if the program then exits with 0")
	assert.Contains(t, details(t, err)["stderr"], "interrupted")
	assert.Contains(t, log.String(), "asked to stop")
}

func TestWhatAProgramStartedGoesWithIt(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	h, _ := script(t, `sh -c 'trap "" TERM; echo $$ > `+pidFile+`; exec sleep 600' & wait`)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- h.Handle(ctx, testMessage()) }()
	var pid int
	waitFor(t, func() bool {
		text, err := os.ReadFile(pidFile)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	cancel()
	require.Error(t, <-result)
	waitFor(t, func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) })
}

// zombie says whether a process is dead but not reaped, which is up to init.
func zombie(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(text), ") Z ")
}

// waitFor polls a condition outside this process.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 10*time.Second, 10*time.Millisecond)
}

func TestAProgramThatDoesNotExist(t *testing.T) {
	t.Parallel()
	_, err := New([]string{"no-such-program"}, slog.Default())
	require.ErrorContains(t, err, `"no-such-program": executable file not found`)
}
