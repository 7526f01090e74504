package awsapi

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheRunbooksRedrive is what docs/runbook.md has for messages in the dead-letter
// queue, by a real client over HTTP.
func TestTheRunbooksRedrive(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, client, queue := overHTTP(t)
	made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("failed.fifo"),
		Attributes: map[string]string{"FifoQueue": "true"}})
	require.NoError(t, err)
	failed := made.QueueUrl
	arn := func(url *string) string {
		got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url,
			AttributeNames: []types.QueueAttributeName{"QueueArn"}})
		require.NoError(t, err)
		return got.Attributes["QueueArn"]
	}
	_, err = client.SetQueueAttributes(ctx,
		&sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, arn(failed)),
		}})
	require.NoError(t, err)
	sources, err := client.ListDeadLetterSourceQueues(ctx,
		&sqs.ListDeadLetterSourceQueuesInput{QueueUrl: failed})
	require.NoError(t, err)
	assert.Equal(t, []string{*queue}, sources.QueueUrls)

	send := func(to *string, body string) {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: to, MessageBody: aws.String(body),
			MessageGroupId: aws.String("a"), MessageDeduplicationId: aws.String(body)})
		require.NoError(t, err)
	}
	receive := func(from *string, visibility int32) (bodies []string) {
		got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: from, MaxNumberOfMessages: 10, VisibilityTimeout: visibility,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"DeadLetterQueueSourceArn"},
		})
		require.NoError(t, err)
		for _, m := range got.Messages {
			bodies = append(bodies, *m.Body+" "+m.Attributes["DeadLetterQueueSourceArn"])
		}
		return bodies
	}
	latest := func() types.ListMessageMoveTasksResultEntry {
		listed, err := client.ListMessageMoveTasks(ctx,
			&sqs.ListMessageMoveTasksInput{SourceArn: aws.String(arn(failed))})
		require.NoError(t, err)
		require.Len(t, listed.Results, 1)
		return listed.Results[0]
	}
	ended := func(status string) types.ListMessageMoveTasksResultEntry {
		server.Skew(10 * time.Second)
		task := latest()
		require.Equal(t, status, *task.Status)
		return task
	}

	send(queue, "one")
	send(queue, "two")
	require.Len(t, receive(queue, 1), 2)
	server.Skew(time.Second)
	require.Empty(t, receive(queue, 1), "they are dead-lettered when they are visible again")
	assert.Equal(t, []string{"one " + arn(queue), "two " + arn(queue)}, receive(failed, 1), "looking at them")
	server.Skew(time.Second)

	started, err := client.StartMessageMoveTask(ctx,
		&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arn(failed)),
			MaxNumberOfMessagesPerSecond: aws.Int32(5)})
	require.NoError(t, err)
	running := latest()
	assert.Equal(t, "RUNNING", *running.Status)
	assert.Equal(t, *started.TaskHandle, *running.TaskHandle)
	assert.EqualValues(t, 2, *running.ApproximateNumberOfMessagesToMove)
	assert.EqualValues(t, 5, *running.MaxNumberOfMessagesPerSecond)
	_, err = client.StartMessageMoveTask(ctx,
		&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arn(failed))})
	require.ErrorContains(t, err, "already a task running")
	done := ended("COMPLETED")
	assert.Nil(t, done.TaskHandle, "only of tasks that run")
	assert.EqualValues(t, 2, done.ApproximateNumberOfMessagesMoved)
	assert.Equal(t, []string{"one ", "two "}, receive(queue, 30))

	send(failed, "put-aside-by-the-worker")
	_, err = client.StartMessageMoveTask(ctx,
		&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arn(failed))})
	require.NoError(t, err)
	assert.Equal(t, "CouldNotDetermineMessageSource", *ended("FAILED").FailureReason)
	slow, err := client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{
		SourceArn: aws.String(arn(failed)), DestinationArn: aws.String(arn(queue)),
		MaxNumberOfMessagesPerSecond: aws.Int32(1),
	})
	require.NoError(t, err)
	_, err = client.CancelMessageMoveTask(ctx, &sqs.CancelMessageMoveTaskInput{TaskHandle: slow.TaskHandle})
	require.NoError(t, err)
	assert.Equal(t, "CANCELLED", *latest().Status)
	_, err = client.StartMessageMoveTask(ctx,
		&sqs.StartMessageMoveTaskInput{SourceArn: aws.String(arn(failed)),
			DestinationArn: aws.String(arn(queue))})
	require.NoError(t, err)
	assert.Equal(t, arn(queue), *ended("COMPLETED").DestinationArn)
	var missing *types.ResourceNotFoundException
	_, err = client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String("arn:x")})
	require.ErrorAs(t, err, &missing)
}
