package lambda

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

// told is what the test function knows.
type told struct {
	Event       events.SQSEvent
	RequestID   string
	ARN         string
	Deadline    int64
	Trace       string
	Environment []string
	Memory      int
	Name        string
	Version     string
}

func ask(t *testing.T, p *Pool, log *buffer, m *consumer.Message) (answer told) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), time.UnixMilli(time.Now().Add(time.Minute).UnixMilli()))
	defer cancel()
	require.NoError(t, p.Handle(ctx, m))
	eventually(t, func() bool {
		for line := range strings.Lines(log.String()) {
			var record struct{ Msg, Message, Group, RequestID string }
			require.NoError(t, json.Unmarshal([]byte(line), &record))
			if json.Unmarshal([]byte(record.Msg), &answer) == nil && answer.RequestID != "" {
				assert.Equal(
					t,
					[]string{m.ID, m.GroupID, answer.RequestID},
					[]string{record.Message, record.Group, record.RequestID},
				)
				return true
			}
		}
		return false
	})
	deadline, _ := ctx.Deadline()
	assert.Equal(t, deadline.UnixMilli(), answer.Deadline)
	return answer
}

func TestWhatAFunctionGets(t *testing.T) {
	t.Parallel()
	p, log := startPool(t, "function", nil)
	m := message("tell")
	m.TraceHeader, m.AttributesMD5 = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "a0"
	m.Attributes = map[string]types.MessageAttributeValue{
		"text":   {DataType: aws.String("String"), StringValue: aws.String("a")},
		"number": {DataType: aws.String("Number.int"), StringValue: aws.String("1")},
		"binary": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
	}
	answer := ask(t, p, log, m)
	require.Len(t, answer.Event.Records, 1)
	record := answer.Event.Records[0]
	assert.Equal(t, events.SQSMessage{
		MessageId: "m-1", ReceiptHandle: "h-1", Body: "tell",
		Md5OfBody: "fe17ec3c451f132ef82a3a54e84a461e", Md5OfMessageAttributes: "a0",
		Attributes: m.SystemAttributes,
		MessageAttributes: map[string]events.SQSMessageAttribute{
			"text": {
				StringValue:      aws.String("a"),
				DataType:         "String",
				StringListValues: []string{},
				BinaryListValues: [][]byte{},
			},
			"number": {
				StringValue:      aws.String("1"),
				DataType:         "Number.int",
				StringListValues: []string{},
				BinaryListValues: [][]byte{},
			},
			"binary": {
				BinaryValue:      []byte{0, 1},
				DataType:         "Binary",
				StringListValues: []string{},
				BinaryListValues: [][]byte{},
			},
		},
		EventSourceARN: "arn:aws:sqs:us-west-1:123456789012:jobs.fifo",
		EventSource:    "aws:sqs", AWSRegion: "us-west-1",
	}, record)
	assert.Equal(t, "arn:aws:lambda:us-west-1:123456789012:function:jobs", answer.ARN)
	assert.Equal(t, m.TraceHeader, answer.Trace)
	assert.Equal(t, []any{256, "jobs", "$LATEST"}, []any{answer.Memory, answer.Name, answer.Version})
}

func TestATraceIsAlwaysThere(t *testing.T) {
	t.Parallel()
	p, log := startPool(t, "function", nil)
	answer := ask(t, p, log, message("tell"))
	assert.Regexp(
		t,
		regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`),
		answer.Trace,
	)
}

func TestErrorsOfAFunction(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body      string
		report    bool
		permanent []string
		want      map[string]any // nil is done
		stack     bool
		isFinal   bool
	}{
		"done": {body: "ok"},
		"an error": {
			body: "fail",
			want: map[string]any{"errorType": "customError", "errorMessage": "no such customer"},
		},
		"a body of 1 MiB": {body: strings.Repeat("<", 1<<20)},
		"a stream that breaks": {
			body: "stream",
			want: map[string]any{"errorType": "customError", "errorMessage": "no such customer"},
		},
		"a permanent one": {
			body:      "fail",
			permanent: []string{"other", "customError"},
			isFinal:   true,
			want:      map[string]any{"errorType": "customError", "errorMessage": "no such customer"},
		},
		"a panic": {
			body:  "panic",
			stack: true,
			want:  map[string]any{"errorType": "string", "errorMessage": "oh"},
		},
		"an exit": {
			body: "exit",
			want: map[string]any{
				"errorType":    typeExit,
				"errorMessage": "the process has ended: exit status 4",
				"exitCode":     4,
				"stderr":       "the last words",
			},
		},
		"a kill": {
			body: "kill",
			want: map[string]any{
				"errorType":    typeExit,
				"errorMessage": "the process has ended: signal: killed",
				"signal":       "killed",
			},
		},
		"a response of 6 MB": {
			body: "large",
			want: map[string]any{
				"errorType":    "Function.ResponseSizeTooLarge",
				"errorMessage": "the response is larger than 6 MB",
			},
		},
		"a report that counts": {
			body:   "report",
			report: true,
			want: map[string]any{
				"errorType":    typeBatchItemFailure,
				"errorMessage": "the function reports the message in batchItemFailures",
			},
		},
		"a report that does not":  {body: "report"},
		"no report where it does": {body: "ok", report: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := startPool(
				t,
				"function",
				func(c *Config) { c.ReportBatchItemFailures, c.PermanentErrors = tc.report, tc.permanent },
			)
			err := p.Handle(t.Context(), message(tc.body))
			assert.Equal(t, tc.isFinal, consumer.IsPermanent(err))
			if tc.want == nil {
				require.NoError(t, err)
			} else {
				got := details(t, err)
				assert.Equal(t, tc.stack, got["stack"] != nil)
				delete(got, "stack")
				assert.Equal(t, tc.want, got)
			}
			require.NoError(
				t,
				p.Handle(t.Context(), message("ok")),
				"the next message is handled, by a new process if need be",
			)
		})
	}
}

func TestOtherRuntimes(t *testing.T) {
	t.Parallel()
	p, log := startPool(t, "raw", func(c *Config) { c.ReportBatchItemFailures = true })
	err := p.Handle(t.Context(), message("node"))
	assert.Equal(
		t,
		map[string]any{
			"errorType":    "TypeError",
			"errorMessage": "undefined",
			"stack":        []any{"TypeError: x", "    at f"},
		},
		details(t, err),
	)
	err = p.Handle(t.Context(), message("text"))
	assert.Equal(t, map[string]any{"errorMessage": "not JSON"}, details(t, err))
	require.ErrorContains(t, p.Handle(t.Context(), message("malformed")), "not one with batchItemFailures")
	require.NoError(t, p.Handle(t.Context(), message("twice")))
	eventually(t, func() bool { return strings.Contains(log.String(), "once more") })
	for _, want := range []string{
		"next again: {", "InvalidStateTransition", "another id: 400", "the answer: 202", "once more: 400",
	} {
		assert.Contains(t, log.String(), want)
	}
}

func TestAProcessThatAsksForNothingMore(t *testing.T) {
	t.Parallel()
	p, log := newPool(t, "raw", nil)
	p.finishTimeout = 50 * time.Millisecond
	require.NoError(t, p.Ready(t.Context()))
	require.NoError(t, p.Handle(t.Context(), message("silent")))
	require.NoError(t, p.Handle(t.Context(), message("ok")), "a new process takes it")
	assert.Contains(t, log.String(), "asks for no other event")
}

func TestAFunctionThatDoesNotStart(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ function, want string }{
		"it says why": {
			"init error",
			"the function does not start: Runtime.ImportModuleError: No module named 'app'",
		},
		"it exits": {
			"init exit",
			"the function does not start: exit status 3; its last lines: no database",
		},
		"it hangs": {
			"init hang",
			"the function does not start: it has not asked for an event within 200ms\nsignal: terminated",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := newPool(t, tc.function, func(c *Config) { c.Processes = 2 })
			if tc.function == "init hang" {
				p.initTimeout = 200 * time.Millisecond
			}
			require.EqualError(t, p.Ready(t.Context()), tc.want)
		})
	}
	t.Run("there is none", func(t *testing.T) {
		t.Parallel()
		_, err := New(Config{Args: []string{"no-such-program"}})
		require.ErrorContains(t, err, `"no-such-program": executable file not found`)
	})
}

func TestTheEndOfTheContextEndsTheProcess(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body  string
		cause error
		want  map[string]any
	}{
		"a timeout": {
			"hang",
			consumer.ErrHandlerTimeout,
			map[string]any{
				"errorType":    typeTimeout,
				"errorMessage": consumer.ErrHandlerTimeout.Error(),
				"stderr":       "it hangs",
			},
		},
		"a lost lease": {
			"hang",
			consumer.ErrLeaseLost,
			map[string]any{"errorMessage": consumer.ErrLeaseLost.Error(), "stderr": "it hangs"},
		},
		"one that ignores SIGTERM, at a stop": {
			"stubborn",
			consumer.ErrStopping,
			map[string]any{"errorMessage": consumer.ErrStopping.Error()},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, log := startPool(t, "function", func(c *Config) { c.StopGrace = 100 * time.Millisecond })
			ctx, cancel := context.WithCancelCause(t.Context())
			result := make(chan error, 1)
			go func() { result <- p.Handle(ctx, message(tc.body)) }()
			eventually(t, func() bool { return strings.Contains(log.String(), "it hangs") })
			cancel(tc.cause)
			err := <-result
			require.ErrorIs(t, err, tc.cause)
			assert.Equal(t, tc.want, details(t, err))
			require.NoError(t, p.Handle(t.Context(), message("ok")), "a new process takes the next")
		})
	}
}

func TestNoProcessIsNoFailure(t *testing.T) {
	t.Parallel()
	p, log := startPool(t, "function", nil)
	busy, release := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Handle(busy, message("hang")) }()
	eventually(t, func() bool { return strings.Contains(log.String(), "it hangs") })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := p.Handle(ctx, message("ok"))
	require.ErrorIs(t, err, errNoProcess)
	assert.IsType(t, consumer.RetryAfter(time.Second, err), err)
	release()
	require.Error(t, <-done)
}

// TestNoProcessStartsAnyMore: the pool has failed once none of its processes starts.
func TestNoProcessStartsAnyMore(t *testing.T) {
	t.Parallel()
	p, _ := newPool(t, "function", func(c *Config) { c.Processes = 2 })
	reason := consumer.ErrLeaseLost // any
	for refused := 1; refused < hopelessStarts+3; refused++ {
		p.judge(refused, reason)
	}
	require.NoError(t, p.Err(), "the other one works")
	p.hope()
	p.judge(hopelessStarts, reason)
	require.NoError(t, p.Err(), "one came back")
	p.judge(hopelessStarts, reason)
	<-p.Failed()
	require.ErrorIs(t, p.Err(), reason)
	require.ErrorIs(t, p.Handle(t.Context(), message("ok")), errNoProcess)
}

func TestPause(t *testing.T) {
	t.Parallel()
	var sum, before time.Duration
	for failures := range hopelessStarts {
		assert.GreaterOrEqual(t, pause(failures), before)
		before = pause(failures)
		sum += before
	}
	assert.Zero(t, pause(0), "a process that has answered is started anew at once")
	assert.InDelta(t, 51, sum.Seconds(), 1, "as hopelessStarts says")
	assert.Equal(t, longestPause, pause(1000))
}

func TestProcessesWorkSideBySide(t *testing.T) {
	t.Parallel()
	p, log := startPool(t, "function", func(c *Config) { c.Processes = 3 })
	ctx, cancel := context.WithCancel(t.Context())
	var handlers sync.WaitGroup
	for range 3 {
		handlers.Go(func() { assert.Error(t, p.Handle(ctx, message("hang"))) })
	}
	eventually(t, func() bool { return strings.Count(log.String(), "it hangs") == 3 })
	cancel()
	handlers.Wait()
}
