package lambda

import (
	"io"
	"net/http"
	"net/http/httptest"
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

func TestFunctionOf(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v4/id":
			_, _ = io.WriteString(
				w,
				`{"LogOptions":{"awslogs-group":"group","awslogs-stream":"stream"},"Limits":{"CPU":2}}`,
			)
		case "/v4/id/task":
			_, _ = io.WriteString(w, `{"Limits":{"CPU":0.25,"Memory":2048}}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(metadata.Close)
	queue := QueueOf("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo", "")
	cases := map[string]struct {
		name, metadata string
		want           Function
	}{
		"a task": {"", metadata.URL + "/v4/id", Function{
			"jobs", "arn:aws:lambda:us-west-1:123456789012:function:jobs", 204, "group", "stream",
		}},
		"a name": {"mine", metadata.URL + "/v4/id", Function{
			"mine", "arn:aws:lambda:us-west-1:123456789012:function:mine", 204, "group", "stream",
		}},
		"no task": {"", "", Function{
			"jobs", "arn:aws:lambda:us-west-1:123456789012:function:jobs", 128, "/aws/lambda/jobs", "jobs",
		}},
		"no metadata": {"", metadata.URL, Function{
			"jobs", "arn:aws:lambda:us-west-1:123456789012:function:jobs", 128, "/aws/lambda/jobs", "jobs",
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_LAMBDA_FUNCTION_NAME", tc.name)
			t.Setenv("ECS_CONTAINER_METADATA_URI_V4", tc.metadata)
			assert.Equal(t, tc.want, FunctionOf(t.Context(), queue, 10))
		})
	}
}
