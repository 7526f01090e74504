package consumer

import (
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Message is a message as a Handler gets it.
type Message struct {
	ID              string
	Body            string
	GroupID         string
	DeduplicationID string
	// SequenceNumber orders the messages of a group.
	SequenceNumber string
	// ReceiveCount is how often the message was received, this time included.
	ReceiveCount int
	// SentAt is when the message was sent.
	SentAt time.Time
	// Attributes are those that the sender put on it.
	Attributes map[string]types.MessageAttributeValue
	// TraceHeader is the X-Ray trace that the message belongs to, or "".
	TraceHeader string
	// ReceiptHandle of this receive. The worker extends and deletes the message by it; a
	// handler that does so itself loses the lease.
	ReceiptHandle string
	// SystemAttributes are all that SQS says of the message, by their names there; the
	// fields above are read from them.
	SystemAttributes map[string]string
	// AttributesMD5 is SQS's digest of Attributes, or "" without any.
	AttributesMD5 string
}

func newMessage(m types.Message) *Message {
	attribute := func(name types.MessageSystemAttributeName) string { return m.Attributes[string(name)] }
	// 0 if SQS sends none.
	count, _ := strconv.Atoi(attribute(types.MessageSystemAttributeNameApproximateReceiveCount))
	sent, _ := strconv.ParseInt(attribute(types.MessageSystemAttributeNameSentTimestamp), 10, 64)
	return &Message{
		ID:               aws.ToString(m.MessageId),
		Body:             aws.ToString(m.Body),
		GroupID:          attribute(types.MessageSystemAttributeNameMessageGroupId),
		DeduplicationID:  attribute(types.MessageSystemAttributeNameMessageDeduplicationId),
		SequenceNumber:   attribute(types.MessageSystemAttributeNameSequenceNumber),
		ReceiveCount:     count,
		SentAt:           time.UnixMilli(sent),
		Attributes:       maps.Clone(m.MessageAttributes),
		TraceHeader:      attribute(types.MessageSystemAttributeNameAWSTraceHeader),
		ReceiptHandle:    aws.ToString(m.ReceiptHandle),
		SystemAttributes: maps.Clone(m.Attributes),
		AttributesMD5:    aws.ToString(m.MD5OfMessageAttributes),
	}
}

// byGroup splits received messages into their groups, both in order of arrival.
func byGroup(messages []types.Message) [][]*Message {
	var groups [][]*Message
	index := map[string]int{}
	for _, received := range messages {
		m := newMessage(received)
		i, known := index[m.GroupID]
		if !known {
			i = len(groups)
			index[m.GroupID] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}
