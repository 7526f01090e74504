package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// checkArguments makes the test binary a worker with the arguments after it.
const checkArguments = "TEST_WORKER_MAIN"

// TestCheck runs worker -check, and as a task would, against real HTTP.
func TestCheck(t *testing.T) {
	t.Parallel()
	account := cloud.NewAccount("us-west-1")
	queue, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true})
	require.NoError(t, err)
	api := httptest.NewServer(awsapi.NewServer(account))
	t.Cleanup(api.Close)
	agent := httptest.NewServer(&awsapi.Agent{TaskARN: "task"})
	t.Cleanup(agent.Close)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"failure":{"Arn":"task","Detail":null,"Reason":"TASK_NOT_VALID"}}`))
	}))
	t.Cleanup(outside.Close)
	denied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(
			[]byte(`{"error":{"Arn":"task","Code":"AccessDeniedException","Message":"not authorized"}}`),
		)
	}))
	t.Cleanup(denied.Close)
	settings := []string{
		"QUEUE_URL=" + queue.URL, "DLQ_URL=" + queue.URL, "AWS_ENDPOINT_URL=" + api.URL,
		"AWS_REGION=us-west-1",
		"AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "ECS_AGENT_URI=" + agent.URL,
	}
	cases := map[string]struct {
		args        []string
		environment []string
		code        int
		want        []string
	}{
		"all is well": {
			[]string{"-check", "--", "true"}, nil, 0,
			[]string{
				"ok      settings: valid\n", "ok      handler: can be started\n",
				"ok      queue: " + queue.URL + " can be read: 0 messages visible, 0 in flight\n",
				"ok      dead-letter queue: ", "ok      task protection: the agent answers\n",
			},
		},
		"by the environment": {
			[]string{"--", "true"},
			[]string{"WORKER_CHECK=true"},
			0,
			[]string{"ok      queue"},
		},
		"a task of no service": {
			[]string{"-check"}, []string{"ECS_AGENT_URI=" + outside.URL}, 0,
			[]string{"ok      task protection: the agent answers; this task is not of a service"},
		},
		"a right is missing": {
			[]string{"-check"}, []string{"ECS_AGENT_URI=" + denied.URL}, 1,
			[]string{
				"FAILED  task protection: the ECS agent refuses: AccessDeniedException: not authorized",
				"ok      queue",
			},
		},
		"no agent": {
			[]string{"-check"},
			[]string{"ECS_AGENT_URI=http://127.0.0.1:1"},
			1,
			[]string{"FAILED  task protection: asking"},
		},
		"no queue": {
			[]string{"-check"},
			[]string{"QUEUE_URL=" + queue.URL + "x"},
			1,
			[]string{"FAILED  queue: ", "NonExistentQueue", "ok      dead"},
		},
		"no program": {
			[]string{"-check", "--", "no-such"},
			nil,
			1,
			[]string{`FAILED  handler: the handler's program: exec: "no-such"`},
		},
		"a function that exits": {
			[]string{"-check", "-lambda", "--", "sh", "-c", "echo no module >&2; exit 3"}, nil, 1,
			[]string{
				"FAILED  handler: the function does not start: exit status 3; its last lines: no module",
			},
		},
		"a wrong setting": {
			[]string{"-check"}, []string{"CONCURRENCY=many"}, 1,
			[]string{
				`FAILED  settings: CONCURRENCY: "many": needs to be a whole number`,
				"ok      task protection",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], tc.args...)
			cmd.Env = append(append(os.Environ(), settings...),
				append(tc.environment, checkArguments+"=yes")...)
			output, err := cmd.Output()
			assert.Equal(t, tc.code, cmd.ProcessState.ExitCode(), "%v", err)
			for _, want := range tc.want {
				assert.Contains(t, string(output), want)
			}
		})
	}
}

func TestCheckOfAStandardQueue(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{"Attributes":{"QueueArn":"arn"}}`))
	}))
	t.Cleanup(api.Close)
	_, err := checkQueue(context.Background(), sqsAt(api.URL), "q")
	require.EqualError(t, err, "q is a standard queue; it needs to be a FIFO queue")
}

func sqsAt(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		BaseEndpoint: aws.String(endpoint),
	})
}
