package dlq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fargate-queue-worker/worker/consumer"
)

// redrive sends messages back to a queue, those of a group in order, to the end of their
// groups; of a group that is not "" only. Each is deleted from the dead-letter queue when
// SQS has confirmed that it is in the other, and is sent with its id as deduplication id:
// if the program is killed in between, a repetition within five minutes sends it not
// twice. It reports each message that it has sent, and stops at the first failure.
func (q queue) redrive(
	ctx context.Context, queueURL, group string, sent func(m message, newID string),
) error {
	return q.walk(ctx, func(l letter) (removed bool, err error) {
		if group != "" && l.group() != group {
			return false, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if time.Since(l.receivedAt) > hidden/2 {
			return false, errors.New("sending takes so long that messages become visible; run it again")
		}
		output, err := q.Client.SendMessage(ctx, l.copyTo(queueURL))
		if err != nil {
			return false, fmt.Errorf("sending message %s of group %s back; it is still a dead letter: %w",
				l.id(), l.group(), err)
		}
		// What was sent is deleted even if the program has been asked to stop.
		deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		_, err = q.Client.DeleteMessage(deleting, &sqs.DeleteMessageInput{
			QueueUrl: aws.String(q.URL), ReceiptHandle: l.ReceiptHandle,
		})
		if err != nil {
			return false, fmt.Errorf("message %s of group %s was sent back, but could not be deleted; "+
				"run it again within five minutes, so that SQS drops the repetition: %w",
				l.id(), l.group(), err)
		}
		sent(l.message(), aws.ToString(output.MessageId))
		return true, nil
	})
}

// copyTo is the message for another queue, without the reason.
func (l letter) copyTo(queueURL string) *sqs.SendMessageInput {
	attributes := maps.Clone(l.MessageAttributes)
	delete(attributes, consumer.FailureReasonAttribute)
	input := &sqs.SendMessageInput{
		QueueUrl: aws.String(queueURL), MessageBody: l.Body, MessageAttributes: attributes,
		MessageGroupId: aws.String(l.group()), MessageDeduplicationId: l.MessageId,
	}
	if trace := l.system(types.MessageSystemAttributeNameAWSTraceHeader); trace != "" {
		const name = string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)
		input.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			name: {DataType: aws.String("String"), StringValue: aws.String(trace)},
		}
	}
	return input
}
