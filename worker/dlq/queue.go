// Package dlq lists the messages of a dead-letter queue and sends them back to the queue
// that they came from. It needs an operator's rights, not a task's: to receive from the
// dead-letter queue, change visibility there and delete, and to send to the other queue.
package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// hidden is how long a message that is read here stays hidden from other readers, unless
// it is made visible before, which happens at the end. It is shorter than the five minutes
// for which SQS knows a deduplication id: what was sent and not deleted, because the
// program was killed in between, can be sent again and is not there twice.
const hidden = 2 * time.Minute

const (
	batchSize = 10
	// callTime limits what is done to its end when the program has been interrupted.
	callTime = 20 * time.Second
)

// SQS is what this package needs of the SQS client.
type SQS interface {
	ReceiveMessage(
		context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options),
	) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(
		context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options),
	) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	GetQueueAttributes(
		context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options),
	) (*sqs.GetQueueAttributesOutput, error)
}

// queue is a dead-letter queue.
type queue struct {
	Client SQS
	// URL of the dead-letter queue.
	URL string
}

// letter is a message of the queue, hidden from other readers.
type letter struct {
	types.Message
	receivedAt time.Time
}

func (l letter) id() string    { return aws.ToString(l.MessageId) }
func (l letter) group() string { return l.system(types.MessageSystemAttributeNameMessageGroupId) }

func (l letter) system(name types.MessageSystemAttributeName) string {
	return l.Attributes[string(name)]
}

// errInterrupted ends a walk early; it is not a failure.
var errInterrupted = errors.New("no more is needed")

// walk receives messages until SQS gives none that are new, and calls visit for each, the
// messages of a group in order. What visit does not remove is made visible again at the
// end. An error of visit ends the walk.
func (q queue) walk(ctx context.Context, visit func(letter) (removed bool, err error)) (err error) {
	held := map[string]letter{}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		err = errors.Join(err, q.show(ctx, held))
	}()
	seen := map[string]bool{}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		batch, err := q.receive(ctx)
		if err != nil {
			return err
		}
		for _, l := range batch {
			held[l.id()] = l
		}
		progress := false
		for _, l := range batch {
			progress = progress || !seen[l.id()]
			seen[l.id()] = true
			removed, err := visit(l)
			if removed {
				delete(held, l.id())
				progress = true
			}
			if errors.Is(err, errInterrupted) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if !progress {
			return nil
		}
	}
}

// receive receives a batch. It is not cut short when ctx ends: a poll outlives its
// connection, and would hide for that long what it finds.
func (q queue) receive(ctx context.Context) ([]letter, error) {
	const wait = 1 // second: a long poll asks all of SQS's servers
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	now := time.Now()
	output, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(q.URL), MaxNumberOfMessages: batchSize,
		WaitTimeSeconds: wait, VisibilityTimeout: int32(hidden / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("receiving from %s: %w", q.URL, err)
	}
	batch := make([]letter, len(output.Messages))
	for i, m := range output.Messages {
		batch[i] = letter{m, now}
	}
	return batch, nil
}

// show makes messages visible again.
func (q queue) show(ctx context.Context, held map[string]letter) error {
	var failures []error
	for batch := range slices.Chunk(slices.Collect(maps.Values(held)), batchSize) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		for i, l := range batch {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: l.ReceiptHandle, // for 0 seconds
			}
		}
		// An entry that fails is one that is visible already.
		_, err := q.Client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: aws.String(q.URL), Entries: entries,
		})
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("making messages visible again, which happens by itself within %s: %w", hidden, err)
	}
	return nil
}

// size is how many messages the queue holds, hidden ones included, by SQS's approximate
// counts.
func (q queue) size(ctx context.Context) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	output, err := q.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(q.URL), AttributeNames: names,
	})
	if err != nil {
		return 0, fmt.Errorf("counting the messages of %s: %w", q.URL, err)
	}
	sum := 0
	for _, name := range names {
		n, _ := strconv.Atoi(output.Attributes[string(name)]) // 0 if SQS does not say
		sum += n
	}
	return sum, nil
}
