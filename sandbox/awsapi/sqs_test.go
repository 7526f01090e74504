package awsapi

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// overHTTP is a real client of a server on loopback.
func overHTTP(t *testing.T) (*Server, *sqs.Client, *string) {
	t.Helper()
	account := cloud.NewAccount("us-west-1")
	q, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true})
	require.NoError(t, err)
	server := NewServer(account)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	client := sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		BaseEndpoint: aws.String(listener.URL), Retryer: aws.NopRetryer{},
	})
	return server, client, aws.String(q.URL)
}

func TestARealClientOverHTTP(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, client, queue := overHTTP(t)
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("jobs.fifo")})
	require.NoError(t, err)
	assert.Equal(t, *queue, *url.QueueUrl)
	sent, err := client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: queue, MessageBody: aws.String("one"), MessageGroupId: aws.String("a"),
		MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"),
			StringValue: aws.String("x")}},
	})
	require.NoError(t, err)
	batch, err := client.SendMessageBatch(ctx,
		&sqs.SendMessageBatchInput{QueueUrl: queue, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("0"), MessageBody: aws.String("two"), MessageGroupId: aws.String("a")},
			{Id: aws.String("1"), MessageBody: aws.String("three")},
		}})
	require.NoError(t, err)
	assert.Len(t, batch.Successful, 1)
	assert.Equal(t, "MissingParameter", *batch.Failed[0].Code)

	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	require.NoError(t, err)
	require.Len(t, received.Messages, 2)
	one := received.Messages[0]
	assert.Equal(t, *sent.MessageId, *one.MessageId)
	assert.Equal(t, *sent.SequenceNumber, one.Attributes["SequenceNumber"])
	assert.Equal(t, "a", one.Attributes["MessageGroupId"])
	assert.Equal(t, "1", one.Attributes["ApproximateReceiveCount"])
	assert.Equal(t, "x", *one.MessageAttributes["kind"].StringValue)

	changed, err := client.ChangeMessageVisibilityBatch(ctx,
		&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: queue,
			Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
				{Id: aws.String("0"), ReceiptHandle: received.Messages[1].ReceiptHandle,
					VisibilityTimeout: 0},
				{Id: aws.String("1"), ReceiptHandle: aws.String("nonsense"), VisibilityTimeout: 0},
			}})
	require.NoError(t, err)
	assert.Len(t, changed.Successful, 1)
	assert.True(t, changed.Failed[0].SenderFault)
	attributes, err := client.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: []types.QueueAttributeName{"All"}})
	require.NoError(t, err)
	assert.Equal(t, "1", attributes.Attributes["ApproximateNumberOfMessages"])
	assert.Equal(t, "1", attributes.Attributes["ApproximateNumberOfMessagesNotVisible"])

	_, err = client.DeleteMessage(ctx,
		&sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: one.ReceiptHandle})
	require.NoError(t, err)
	deleted, err := client.DeleteMessageBatch(ctx,
		&sqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("0"), ReceiptHandle: received.Messages[1].ReceiptHandle},
		}})
	require.NoError(t, err)
	assert.Equal(t, "ReceiptHandleIsInvalid", *deleted.Failed[0].Code, "it was handed back")
	assert.True(t, deleted.Failed[0].SenderFault)
	_, err = client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: queue})
	require.NoError(t, err)
}

func TestErrorsAsAWSWordsThem(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, client, queue := overHTTP(t)
	_, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(*queue + "x")})
	var missing *types.QueueDoesNotExist
	require.ErrorAs(t, err, &missing)
	_, err = client.DeleteMessage(ctx,
		&sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: aws.String("nonsense")})
	var invalid *types.ReceiptHandleIsInvalid
	require.ErrorAs(t, err, &invalid)
	_, err = client.DeleteMessageBatch(ctx,
		&sqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: []types.DeleteMessageBatchRequestEntry{}})
	require.Error(t, err)
	twice := types.DeleteMessageBatchRequestEntry{Id: aws.String("0"), ReceiptHandle: aws.String("x")}
	_, err = client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: queue,
		Entries: []types.DeleteMessageBatchRequestEntry{twice, twice}})
	var notDistinct *types.BatchEntryIdsNotDistinct
	require.ErrorAs(t, err, &notDistinct)
	_, err = client.AddPermission(ctx, &sqs.AddPermissionInput{QueueUrl: queue, Label: aws.String("l"),
		AWSAccountIds: []string{"1"}, Actions: []string{"*"}})
	require.ErrorContains(t, err, "the sandbox does not do AddPermission")
	_, err = client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 11})
	require.ErrorContains(t, err, "MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10")
}

// TestALongPollWakes on a send, a delete, and the end of a visibility timeout.
func TestALongPollWakes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, client, queue := overHTTP(t)
	receive := func(visibility int32) chan []types.Message {
		got := make(chan []types.Message, 1)
		go func() {
			output, err := client.ReceiveMessage(ctx,
				&sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: 20, VisibilityTimeout: visibility})
			if err == nil {
				got <- output.Messages
			}
			close(got)
		}()
		return got
	}
	send := func(body string) {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue,
			MessageBody: aws.String(body), MessageGroupId: aws.String("a")})
		require.NoError(t, err)
	}
	began := time.Now()
	first := receive(600)
	send("one")
	one := <-first
	require.Len(t, one, 1, "by a send")
	send("two")
	second := receive(1)
	_, err := client.DeleteMessage(ctx,
		&sqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: one[0].ReceiptHandle})
	require.NoError(t, err)
	require.Len(t, <-second, 1, "by a delete")
	require.Len(t, <-receive(1), 1, "by the end of a visibility timeout")
	assert.Less(t, time.Since(began), 15*time.Second, "long before the wait is over")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server, client, queue := overHTTP(t)
	var fault Fault
	server.Fault = func(string) Fault { return fault }
	send := func(body string) error {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue,
			MessageBody: aws.String(body), MessageGroupId: aws.String("a")})
		return err
	}
	inQueue := func() (n int) {
		server.Do(func(a *cloud.Account, _ time.Time) {
			box, _ := a.Mailbox(*queue)
			n = len(box.Messages())
		})
		return n
	}
	fault = Fault{Throttle: true}
	require.ErrorContains(t, send("one"), "RequestThrottled")
	assert.Zero(t, inQueue(), "without effect")
	fault = Fault{LoseResponse: true}
	require.Error(t, send("two"))
	assert.Equal(t, 1, inQueue(), "after the effect")
	fault = Fault{FailEntries: true}
	output, err := client.SendMessageBatch(ctx,
		&sqs.SendMessageBatchInput{QueueUrl: queue, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("0"), MessageBody: aws.String("three"), MessageGroupId: aws.String("a")},
			{Id: aws.String("1"), MessageBody: aws.String("four"), MessageGroupId: aws.String("a")},
		}})
	require.NoError(t, err)
	assert.Len(t, output.Successful, 1)
	assert.False(t, output.Failed[0].SenderFault)
	fault = Fault{Delay: time.Hour}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = client.ListQueues(short, &sqs.ListQueuesInput{})
	require.Error(t, err)
}
