package settings

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadSettings(t *testing.T) {
	t.Parallel()
	s, err := Read(map[string]string{
		"QUEUE_URL": "https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo", "DLQ_URL": "dlq",
		"HANDLER_TIMEOUT": "90m", "STOP_TIMEOUT_SECONDS": "60",
	})
	require.NoError(t, err)
	c := s.Consumer()
	assert.Equal(t, "jobs.fifo", s.QueueName())
	assert.Equal(t, "dlq", c.DeadLetterQueueURL)
	assert.Equal(t, 90*time.Minute, c.HandlerTimeout)
	assert.Equal(t, time.Minute, c.StopTimeout)
	assert.Equal(t, time.Minute, c.VisibilityTimeout)
	assert.Equal(t, 10, c.Concurrency)
}

func TestFunctionSettings(t *testing.T) {
	t.Parallel()
	s, err := Read(map[string]string{
		"QUEUE_URL": "q", "REPORT_BATCH_ITEM_FAILURES": "true", "PERMANENT_ERRORS": "ValueError, customError",
	})
	require.NoError(t, err)
	assert.True(t, s.ReportBatchItemFailures)
	assert.Equal(t, []string{"ValueError", "customError"}, s.PermanentErrors)
	s, err = Read(map[string]string{"QUEUE_URL": "q", "PERMANENT_ERRORS": ""})
	require.NoError(t, err)
	assert.Empty(t, s.PermanentErrors)
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		environment map[string]string
		want        []string
	}{
		"nothing": {map[string]string{},
			[]string{`QUEUE_URL: "": needs to be the URL of an SQS FIFO queue`}},
		"no number": {map[string]string{"CONCURRENCY": "many"},
			[]string{`CONCURRENCY: "many": needs to be a whole number, such as 10`}},
		"no duration": {
			map[string]string{"BACKOFF": "soon", "LOG_MESSAGES": "maybe"},
			[]string{`BACKOFF: "soon": needs to be a duration, such as 15s`,
				`LOG_MESSAGES: "maybe": needs to be true or false, such as true`},
		},
		"some that cannot be read and some that are out of range": {
			map[string]string{"QUEUE_URL": "x", "CONCURRENCY": "0", "BACKOFF": "5"},
			[]string{`BACKOFF: "5": needs to be a duration, such as 15s`,
				"CONCURRENCY: 0: needs to be above 0"},
		},
		"of functions": {
			map[string]string{"QUEUE_URL": "x", "REPORT_BATCH_ITEM_FAILURES": "maybe",
				"PERMANENT_ERRORS": "A,,B"},
			[]string{`REPORT_BATCH_ITEM_FAILURES: "maybe": needs to be true or false`,
				"PERMANENT_ERRORS: A,,B: needs to be error types"},
		},
		"out of range": {
			map[string]string{"QUEUE_URL": "q", "VISIBILITY_TIMEOUT": "1s", "HANDLER_TIMEOUT": "13h",
				"STOP_TIMEOUT_SECONDS": "10"},
			[]string{"VISIBILITY_TIMEOUT: 1s: needs to be whole seconds from 10s to 11h59m",
				"HANDLER_TIMEOUT: 13h0m0s: needs to be up to 11h58m0s",
				"STOP_TIMEOUT_SECONDS: 10s: needs to be above 15s"},
		},
		"zero and below": {
			map[string]string{"QUEUE_URL": "q", "CONCURRENCY": "0", "BACKOFF": "-1s",
				"PROTECTION_HOLD_DOWN": "0s"},
			[]string{"CONCURRENCY: 0: needs to be above 0", "BACKOFF: -1s: needs to be above 0",
				"PROTECTION_HOLD_DOWN: 0s: needs to be above 0"},
		},
		"a signal with no time": {
			map[string]string{"QUEUE_URL": "q", "STOP_SIGNAL_SECONDS": "9"},
			[]string{"STOP_SIGNAL_SECONDS: 9s: needs to be 15s or more"},
		},
		"a signal before the stop": {
			map[string]string{"QUEUE_URL": "q", "STOP_TIMEOUT_SECONDS": "30", "STOP_SIGNAL_SECONDS": "30"},
			[]string{"STOP_TIMEOUT_SECONDS: 30s: needs to be above 30s"},
		},
		"beyond Fargate": {
			map[string]string{"QUEUE_URL": "q", "STOP_TIMEOUT_SECONDS": "121", "STOP_SIGNAL_SECONDS": "106",
				"PROTECTION_HOLD_DOWN": "3m"},
			[]string{"STOP_TIMEOUT_SECONDS: 121: needs to be at most 120",
				"STOP_SIGNAL_SECONDS: 106: needs to be at most 105",
				"PROTECTION_HOLD_DOWN: 3m0s: needs to be below 3m0s"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(tc.environment)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestHelpHasEveryVariable(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	require.NoError(t, Print(&text))
	for _, name := range []string{"QUEUE_URL", "DLQ_URL", "CONCURRENCY", "HANDLER_TIMEOUT",
		"PROTECTION_HOLD_DOWN", "11h58m"} {
		assert.Contains(t, text.String(), name)
	}
}

var update = flag.Bool("update", false, "write the reference anew")

// TestSettingsReference keeps docs/worker-settings.md as the settings are:
// go test ./worker/settings -update.
func TestSettingsReference(t *testing.T) {
	t.Parallel()
	const file = "../../docs/worker-settings.md"
	var page strings.Builder
	page.WriteString(`# Settings of the worker

<!-- Written from worker/settings/settings.go by go test ./worker/settings -update; change it there. -->

Environment variables of the task. Some the stack sets, from its queues and from keys of their
own: ` + "`handlerTimeoutMinutes`, `concurrency` and `maxAttempts`" + `. The others go into
` + "`environment`" + ` in its configuration. A wrong value ends the worker at its
start, with the name of the variable and what would be right.

| variable | default | what it is |
|---|---|---|
`)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		tag := field.Tag
		value := tag.Get("envDefault")
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", tag.Get("env"), value, tag.Get("what"))
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(page.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), page.String(), "if the change is meant: go test ./worker/settings -update")
}
