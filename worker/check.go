package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"fargate-queue-worker/worker/settings"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/caarlos0/env/v11"
)

// checkVariable makes any call of the worker a check: of a task whose image has the
// program in its entry point, only the environment can be overridden.
const checkVariable = "WORKER_CHECK"

// checkTimeout limits each of the checks that ask AWS.
const checkTimeout = 15 * time.Second

var errCheckFailed = errors.New("the worker cannot work like this")

// runCheck finds out whether a worker with these arguments could work here, without
// receiving a message, and writes what it has found, a line for each check.
func runCheck(ctx context.Context, output io.Writer, prepare func(settings.Settings) error) error {
	failed := false
	report := func(name, found string, err error) {
		if err != nil {
			failed = true
			fmt.Fprintf(output, "FAILED  %s: %v\n", name, err)
			return
		}
		fmt.Fprintf(output, "ok      %s: %s\n", name, found)
	}
	s, err := settings.Read(env.ToMap(os.Environ()))
	report("settings", "valid", err)
	if err == nil {
		report("handler", "can be started", prepare(s))
		client, err := newSQS(ctx)
		if err != nil {
			return err
		}
		found, err := checkQueue(ctx, client, s.QueueURL)
		report("queue", found, err)
		if s.DeadLetterQueueURL != "" {
			found, err := checkQueue(ctx, client, s.DeadLetterQueueURL)
			report("dead-letter queue", found, err)
		}
	}
	found, err := checkAgent(ctx, os.Getenv("ECS_AGENT_URI"))
	report("task protection", found, err)
	if failed {
		return errCheckFailed
	}
	return nil
}

// checkQueue reads a queue's attributes.
func checkQueue(ctx context.Context, client *sqs.Client, queueURL string) (found string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	output, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       aws.String(queueURL),
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return "", fmt.Errorf("reading the attributes of %s: %w", queueURL, err)
	}
	attribute := func(name types.QueueAttributeName) string { return output.Attributes[string(name)] }
	if attribute(types.QueueAttributeNameFifoQueue) != "true" {
		return "", fmt.Errorf("%s is a standard queue; it needs to be a FIFO queue", queueURL)
	}
	return fmt.Sprintf("%s can be read: %s messages visible, %s in flight", queueURL,
		attribute(types.QueueAttributeNameApproximateNumberOfMessages),
		attribute(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)), nil
}

// checkAgent reads the task's protection from the ECS agent. A task that no service has
// started cannot be protected; that the agent says so is enough.
func checkAgent(ctx context.Context, agentURI string) (found string, err error) {
	if agentURI == "" {
		return "not asked, as this is not a task of ECS", nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, agentURI+"/task-protection/v1/state", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("asking the ECS agent: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Protection *struct{}                       `json:"protection"`
		Failure    *struct{ Reason string }        `json:"failure"`
		Error      *struct{ Code, Message string } `json:"error"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	switch {
	case err != nil:
		return "", fmt.Errorf("the ECS agent's answer, status %d: %w", response.StatusCode, err)
	case answer.Error != nil:
		return "", fmt.Errorf("the ECS agent refuses: %s: %s", answer.Error.Code, answer.Error.Message)
	case answer.Failure != nil && answer.Failure.Reason == "TASK_NOT_VALID":
		return "the agent answers; this task is not of a service", nil
	case answer.Failure != nil:
		return "", fmt.Errorf("the ECS agent refuses: %s", answer.Failure.Reason)
	case answer.Protection == nil:
		return "", fmt.Errorf("the ECS agent's answer, status %d, says nothing of protection",
			response.StatusCode)
	default:
		return "the agent answers", nil
	}
}
