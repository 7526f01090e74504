package lambda

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	c := Config{
		Args: []string{
			"python",
			"-m",
			"awslambdaric",
			"app.handler",
		}, Queue: QueueOf("https://sqs.us-west-1.amazonaws.com/1/jobs.fifo", ""),
		Function: Function{Name: "jobs", MemoryMB: 256, LogGroup: "group", LogStream: "stream"},
	}
	own := []string{
		"AWS_EXECUTION_ENV=AWS_ECS_FARGATE", "AWS_LAMBDA_MAX_CONCURRENCY=8",
		"AWS_LAMBDA_RUNTIME_API=other", "QUEUE_URL=q",
		"LAMBDA_TASK_ROOT=/var/task", "AWS_REGION=us-west-1", "AWS_DEFAULT_REGION=",
	}
	got := c.environment(own, "127.0.0.1:1")
	got = slices.DeleteFunc(
		got,
		func(v string) bool { return v == "AWS_DEFAULT_REGION=" },
	) // the later one counts
	slices.Sort(got)
	assert.Equal(t, []string{
		"AWS_DEFAULT_REGION=us-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_NAME=jobs", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=group",
		"AWS_LAMBDA_LOG_STREAM_NAME=stream",
		"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "AWS_REGION=us-west-1", "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
		"LAMBDA_TASK_ROOT=/var/task", "QUEUE_URL=q", "_HANDLER=app.handler",
	}, got)
}
