package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// FailureReasonAttribute is the name of the message attribute, a FailureReason as JSON,
// that says in the dead-letter queue why a message is there. It is left out if the
// message has ten attributes already, the most that SQS allows, or no room for it.
const FailureReasonAttribute = "FailureReason"

// FailureReason is why a message went to the dead-letter queue.
type FailureReason struct {
	Error string `json:"error"`
	// Details are those of a DetailedError.
	Details map[string]any `json:"details,omitempty"`
	// Attempts is how often the handler was called within the last lease.
	Attempts     int       `json:"attempts"`
	ReceiveCount int       `json:"receiveCount"`
	Time         time.Time `json:"time"`
}

const (
	// maxAttributes is the most attributes of a message. Source: SQS developer guide,
	// "Amazon SQS message metadata".
	maxAttributes = 10
	// maxDetail and maxDetails bound a text of a FailureReason, and all its details, in
	// bytes. Of a longer text the end is kept, where programs say what went wrong.
	maxDetail  = 2 << 10
	maxDetails = 6 << 10
)

// bury moves a message that can never succeed, or failed too often, to the dead-letter
// queue. While that fails the group is kept, and it is tried again.
func (c *Consumer) bury(l *lease, m *Message, attempts int, reason error) (outcome, time.Duration) {
	for failures := 1; ; failures++ {
		err := c.sendToDeadLetterQueue(m, attempts, reason)
		if err == nil {
			break
		}
		c.config.Logger.Warn("putting a message into the dead-letter queue failed; it is tried again",
			append(about(m), "error", err)...)
		if !c.waitInLease(l, c.exponential(time.Second, time.Minute, failures)) {
			return handBack, 0
		}
	}
	c.config.Logger.Warn("a message went to the dead-letter queue",
		append(about(m), "attempts", attempts, "error", reason)...)
	return c.conclude(l, m, Event{Kind: DeadLettered, Message: m, Attempt: attempts, Err: reason}), 0
}

// sendToDeadLetterQueue puts a copy of a message there. The message's id as deduplication
// id, which SQS uses too when it redrives, makes a repetition harmless.
func (c *Consumer) sendToDeadLetterQueue(m *Message, attempts int, reason error) error {
	ctx, cancel := context.WithTimeout(c.calls, callTimeout)
	defer cancel()
	input := &sqs.SendMessageInput{
		QueueUrl: aws.String(c.config.DeadLetterQueueURL), MessageBody: aws.String(m.Body),
		MessageGroupId: aws.String(m.GroupID), MessageDeduplicationId: aws.String(m.ID),
		MessageAttributes: withReason(m, FailureReason{
			Error: tail(reason.Error(), maxDetail), Details: detailsOf(reason), Attempts: attempts,
			ReceiveCount: m.ReceiveCount, Time: time.Now().UTC(),
		}),
	}
	if m.TraceHeader != "" {
		trace := types.MessageSystemAttributeValue{
			DataType: aws.String("String"), StringValue: aws.String(m.TraceHeader),
		}
		input.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): trace,
		}
	}
	_, err := c.client.SendMessage(ctx, input)
	if err != nil && isRefusal(err) {
		input.MessageAttributes = m.Attributes // it may have been too large with the reason
		_, err = c.client.SendMessage(ctx, input)
	}
	return err
}

// withReason are the attributes of a message and why it failed, if there is room. The
// reason of an earlier failure, before a redrive, is replaced.
func withReason(m *Message, reason FailureReason) map[string]types.MessageAttributeValue {
	attributes := maps.Clone(m.Attributes)
	delete(attributes, FailureReasonAttribute)
	text, err := json.Marshal(reason)
	if err != nil || len(attributes) >= maxAttributes {
		return attributes
	}
	if attributes == nil {
		attributes = map[string]types.MessageAttributeValue{}
	}
	attributes[FailureReasonAttribute] = types.MessageAttributeValue{
		DataType: aws.String("String"), StringValue: aws.String(string(text)),
	}
	return attributes
}

// detailsOf are the details of an error, as much of them as is kept, nil if it has none.
func detailsOf(err error) map[string]any {
	var detailed DetailedError
	if !errors.As(err, &detailed) {
		return nil
	}
	all, kept, room := detailed.Details(), map[string]any{}, maxDetails
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		if text, ok := value.(string); ok {
			value = tail(text, min(maxDetail, room))
		}
		text, err := json.Marshal(value)
		if err != nil {
			text = []byte(fmt.Sprint(value))
		}
		if err != nil || len(text) > 2*maxDetail {
			value = tail(string(text), maxDetail)
		}
		if room -= len(name) + len(text); room < 0 {
			break
		}
		kept[name] = value
	}
	return kept
}

// tail is the end of a text that is longer than most bytes.
func tail(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	return "…" + strings.ToValidUTF8(text[len(text)-most:], "")
}
