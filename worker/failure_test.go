package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// TestWhatBecomesOfAFailure: what a program says before it gives up is in the log's
// record of the failed attempt, and where an operator looks at dead letters.
func TestWhatBecomesOfAFailure(t *testing.T) {
	t.Parallel()
	account := cloud.NewAccount("us-west-1")
	queue, err := account.CreateQueue(
		cloud.Queue{Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true},
	)
	require.NoError(t, err)
	failed, err := account.CreateQueue(
		cloud.Queue{Name: "failed.fifo", FIFO: true, ContentBasedDeduplication: true},
	)
	require.NoError(t, err)
	server := awsapi.NewServer(account)
	api := httptest.NewServer(server)
	t.Cleanup(api.Close)
	server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(queue.URL)
		require.NoError(t, err)
		_, err = box.Send(now, cloud.Message{GroupID: "g", Body: "b"})
		require.NoError(t, err)
	})
	environment := append(
		os.Environ(),
		checkArguments+"=yes",
		"QUEUE_URL="+queue.URL,
		"DLQ_URL="+failed.URL,
		"AWS_ENDPOINT_URL="+api.URL,
		"AWS_REGION=us-west-1",
		"AWS_ACCESS_KEY_ID=key",
		"AWS_SECRET_ACCESS_KEY=secret",
		"ECS_AGENT_URI=",
	)
	worker := func(ctx context.Context, output *bytes.Buffer, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0], args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = environment, output, output
		return cmd
	}

	var log, list bytes.Buffer
	running := worker(t.Context(), &log, "--", "sh", "-c", "echo no such customer >&2; exit 65")
	require.NoError(t, running.Start())
	require.Eventually(
		t,
		func() bool { // it is deleted after it was sent
			return remaining(t, server, failed.URL) == 1 && remaining(t, server, queue.URL) == 0
		},
		10*time.Second,
		10*time.Millisecond,
	)
	require.NoError(t, running.Process.Kill())
	_ = running.Wait() // it was killed
	assert.Regexp(t, `"level":"WARN".*"stderr":"no such customer"`, log.String())

	require.NoError(t, worker(t.Context(), &list, "dlq", "list").Run(), "%s", &list)
	assert.Regexp(t, `g +\S+ +1 +exit status 65: no such customer`, list.String())
	list.Reset()
	require.NoError(t, worker(t.Context(), &list, "dlq", "redrive").Run(), "%s", &list)
	assert.Contains(t, list.String(), "1 sent back")
	assert.Equal(t, "1 0", fmt.Sprint(remaining(t, server, queue.URL), remaining(t, server, failed.URL)))
}
