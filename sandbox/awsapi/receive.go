package awsapi

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// receiveRequest is a ReceiveMessage request.
type receiveRequest struct {
	QueueUrl                string
	MaxNumberOfMessages     *int
	VisibilityTimeout       *int
	WaitTimeSeconds         *int
	ReceiveRequestAttemptId string
	// AttributeNames is the older name of MessageSystemAttributeNames.
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

// limits are how many messages are asked for, for how long they are to be hidden and
// how long to wait for them, with the defaults of SQS and of the queue.
func (r receiveRequest) limits(queue *cloud.Queue) (most int, visibility, wait time.Duration) {
	given := func(value *int, otherwise int) int {
		if value == nil {
			return otherwise
		}
		return *value
	}
	return given(r.MaxNumberOfMessages, 1), seconds(given(r.VisibilityTimeout, queue.VisibilityTimeout())),
		seconds(given(r.WaitTimeSeconds, queue.ReceiveWaitTimeSeconds))
}

// deadLetterOf finds the messages of a queue's dead-letter queue, nil if it has none.
func (s *Server) deadLetterOf(queue *cloud.Queue) *cloud.Mailbox {
	redrive, err := queue.Redrive()
	if err != nil || redrive.DeadLetterTargetARN == "" {
		return nil
	}
	name := redrive.DeadLetterTargetARN[strings.LastIndex(redrive.DeadLetterTargetARN, ":")+1:]
	box, err := findMailbox(s.account, name)
	if err != nil {
		return nil
	}
	return box
}

type receivedMessage struct {
	MessageId, ReceiptHandle, MD5OfBody, Body string
	Attributes                                map[string]string                 `json:",omitempty"`
	MD5OfMessageAttributes                    string                            `json:",omitempty"`
	MessageAttributes                         map[string]cloud.MessageAttribute `json:",omitempty"`
}

// answer has of each message the attributes that were asked for.
func (r receiveRequest) answer(messages []*cloud.Message) any {
	list := make([]receivedMessage, len(messages))
	for i, m := range messages {
		attributes := maps.Clone(m.Attributes)
		maps.DeleteFunc(attributes, func(name string, _ cloud.MessageAttribute) bool {
			return !r.wants(name)
		})
		list[i] = receivedMessage{
			MessageId: m.ID, ReceiptHandle: m.ReceiptHandle, MD5OfBody: md5OfBody(m.Body), Body: m.Body,
			Attributes: r.systemAttributes(m), MessageAttributes: attributes,
			MD5OfMessageAttributes: md5OfAttributes(attributes),
		}
	}
	return struct {
		Messages []receivedMessage `json:",omitempty"`
	}{list}
}

// wants says whether an attribute of a message was asked for: by its name, by a prefix
// such as "bar.*", or with all.
func (r receiveRequest) wants(name string) bool {
	return slices.ContainsFunc(r.MessageAttributeNames, func(wanted string) bool {
		prefix, isPrefix := strings.CutSuffix(wanted, "*")
		return wanted == name || wanted == "All" || wanted == ".*" ||
			isPrefix && strings.HasSuffix(prefix, ".") && strings.HasPrefix(name, prefix)
	})
}

// systemAttributes are what SQS says of a message. Source: API reference, ReceiveMessage.
var systemAttributes = map[string]func(m *cloud.Message) string{
	"SenderId":                func(*cloud.Message) string { return cloud.AccountID },
	"SentTimestamp":           func(m *cloud.Message) string { return milliseconds(m.Sent) },
	"ApproximateReceiveCount": func(m *cloud.Message) string { return strconv.Itoa(m.ReceiveCount) },
	"ApproximateFirstReceiveTimestamp": func(m *cloud.Message) string {
		return milliseconds(m.FirstReceived)
	},
	"MessageGroupId":           func(m *cloud.Message) string { return m.GroupID },
	"MessageDeduplicationId":   func(m *cloud.Message) string { return m.DeduplicationID },
	"SequenceNumber":           SequenceNumber,
	"AWSTraceHeader":           func(m *cloud.Message) string { return m.TraceHeader },
	"DeadLetterQueueSourceArn": func(m *cloud.Message) string { return m.DeadLetterSource },
}

func (r receiveRequest) systemNames() []string {
	return slices.Concat(r.AttributeNames, r.MessageSystemAttributeNames)
}

// checkNames refuses to give attributes that SQS does not have.
func (r receiveRequest) checkNames() error {
	for _, name := range r.systemNames() {
		if _, ok := systemAttributes[name]; !ok && name != "All" {
			return &cloud.Error{Code: "InvalidAttributeName", Message: "Unknown Attribute " + name + "."}
		}
	}
	return nil
}

func (r receiveRequest) systemAttributes(m *cloud.Message) map[string]string {
	names, values := r.systemNames(), map[string]string{}
	for name, of := range systemAttributes {
		if !slices.Contains(names, name) && !slices.Contains(names, "All") {
			continue
		}
		if value := of(m); value != "" {
			values[name] = value
		}
	}
	return values
}
