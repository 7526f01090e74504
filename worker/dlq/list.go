package dlq

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fargate-queue-worker/worker/consumer"
)

// message is a message of a dead-letter queue, for people.
type message struct {
	ID              string    `json:"id"`
	GroupID         string    `json:"group"`
	DeduplicationID string    `json:"deduplicationId"`
	SequenceNumber  string    `json:"sequenceNumber"`
	Sent            time.Time `json:"sent"`
	// ReceiveCount is how often the message was received, this time included.
	ReceiveCount int `json:"receiveCount"`
	// Reason is the worker's, null for a message that SQS moved.
	Reason      json.RawMessage      `json:"reason"`
	Attributes  map[string]attribute `json:"attributes,omitempty"`
	TraceHeader string               `json:"traceHeader,omitempty"`
	Body        string               `json:"body"`
}

// attribute is one that the sender put on a message.
type attribute struct {
	DataType    string  `json:"dataType"`
	StringValue *string `json:"stringValue,omitempty"`
	BinaryValue []byte  `json:"binaryValue,omitempty"`
}

// list returns the messages that can be seen, oldest first; of a group that is not ""
// only. Of each group SQS shows what fits into one receive, ten messages at most, until
// they are deleted, and nothing behind a message that another reader has received. All of
// them, other groups' included, are hidden from other readers while it lists (two minutes
// at most if it is killed, see hidden), and have been received once more than before.
func (q queue) list(ctx context.Context, group string) ([]message, error) {
	var list []message
	seen := map[string]bool{}
	err := q.walk(ctx, func(l letter) (bool, error) {
		if (group == "" || l.group() == group) && !seen[l.id()] {
			seen[l.id()] = true
			list = append(list, l.message())
		}
		return false, nil
	})
	slices.SortStableFunc(list, func(a, b message) int {
		return cmp.Or( // as numbers, which are longer than any integer
			cmp.Compare(len(a.SequenceNumber), len(b.SequenceNumber)),
			cmp.Compare(a.SequenceNumber, b.SequenceNumber),
		)
	})
	return list, err
}

// find returns the message of an id; an error if it cannot be seen.
func (q queue) find(ctx context.Context, id string) (found message, err error) {
	err = q.walk(ctx, func(l letter) (bool, error) {
		if l.id() != id {
			return false, nil
		}
		found = l.message()
		return false, errInterrupted
	})
	if err == nil && found.ID == "" {
		err = fmt.Errorf("no message of the id %s can be seen in %s: it is not there, is behind others "+
			"of its group, or another reader has received it", id, q.URL)
	}
	return found, err
}

func (l letter) message() message {
	// Both are 0 if SQS sends none.
	count, _ := strconv.Atoi(l.system(types.MessageSystemAttributeNameApproximateReceiveCount))
	sent, _ := strconv.ParseInt(l.system(types.MessageSystemAttributeNameSentTimestamp), 10, 64)
	m := message{
		ID: l.id(), GroupID: l.group(), Sent: time.UnixMilli(sent).UTC(), ReceiveCount: count,
		DeduplicationID: l.system(types.MessageSystemAttributeNameMessageDeduplicationId),
		SequenceNumber:  l.system(types.MessageSystemAttributeNameSequenceNumber),
		TraceHeader:     l.system(types.MessageSystemAttributeNameAWSTraceHeader),
		Attributes:      map[string]attribute{}, Body: aws.ToString(l.Body),
	}
	for name, value := range l.MessageAttributes {
		if name == consumer.FailureReasonAttribute {
			m.Reason = reason(aws.ToString(value.StringValue))
			continue
		}
		m.Attributes[name] = attribute{aws.ToString(value.DataType), value.StringValue, value.BinaryValue}
	}
	return m
}

// reason is JSON as it is, and other text as a string.
func reason(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	return quoted
}

// summary is the reason in short: its error and the last line of standard error, or all of
// what is not a consumer.FailureReason.
func (m message) summary() string {
	if m.Reason == nil {
		return "moved by SQS"
	}
	var why consumer.FailureReason
	if json.Unmarshal(m.Reason, &why) != nil || why.Error == "" {
		return string(m.Reason)
	}
	stderr, _ := why.Details["stderr"].(string)
	stderr = strings.TrimSpace(stderr)
	if last := stderr[strings.LastIndex(stderr, "\n")+1:]; last != "" {
		return why.Error + ": " + last
	}
	return why.Error
}
