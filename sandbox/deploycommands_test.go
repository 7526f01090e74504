package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/sandbox/live"
)

// TestExplain: how to send a message to the stack that runs, and how much CPU its tasks get.
func TestExplain(t *testing.T) {
	t.Parallel()
	account, err := declared.Account("..", "dev")
	require.NoError(t, err)
	consumer, err := account.QueueConsumer()
	require.NoError(t, err)
	region, err := live.Start(t.Context(), account, live.Options{
		Worker: "/bin/true", Folder: t.TempDir(), Control: cloud.DefaultControlOptions(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, region.Close()) })
	var text bytes.Buffer
	explain(&text, region, account, consumer)
	assert.Contains(t, text.String(), "\nexport AWS_ENDPOINT_URL="+region.URL+" AWS_REGION=us-west-2 ")
	assert.Contains(t, text.String(), "\naws sqs --endpoint-url "+region.URL+" send-message ")
	assert.Contains(t, text.String(), "--queue-url "+consumer.Queue.URL+"\n")
	assert.Regexp(t, `\n# CPU limit: (0\.5 vCPU a task, by cgroup|none: .+; handlers may use more .+)\n# `+
		`logs of the tasks: .+/logs\n`,
		text.String())
}
