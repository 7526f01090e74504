package awsapi

import (
	"strconv"

	"fargate-queue-worker/sandbox/cloud"
)

// message is a message as a sender describes it.
type message struct {
	MessageBody             string
	MessageGroupId          string
	MessageDeduplicationId  string
	MessageAttributes       map[string]cloud.MessageAttribute
	MessageSystemAttributes map[string]cloud.MessageAttribute
	DelaySeconds            int
}

func (m message) stored() cloud.Message {
	return cloud.Message{
		Body: m.MessageBody, GroupID: m.MessageGroupId, DeduplicationID: m.MessageDeduplicationId,
		Attributes: m.MessageAttributes, DelaySeconds: m.DelaySeconds,
	}
}

type sent struct {
	ID                           string `json:"Id,omitempty"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string
}

func (c call) send(box *cloud.Mailbox, id string, m message) (result sent, err error) {
	wanted := m.stored()
	if wanted.TraceHeader, err = cloud.TraceHeader(m.MessageSystemAttributes); err != nil {
		return sent{}, err
	}
	stored, err := box.Send(c.now, wanted)
	if err != nil {
		return sent{}, err
	}
	return sent{
		ID: id, MessageId: stored.ID, SequenceNumber: SequenceNumber(stored),
		MD5OfMessageBody:             md5OfBody(m.MessageBody),
		MD5OfMessageAttributes:       md5OfAttributes(m.MessageAttributes),
		MD5OfMessageSystemAttributes: md5OfAttributes(m.MessageSystemAttributes),
	}, nil
}

func (c call) sendMessage() (any, error) {
	var request struct {
		QueueUrl string
		message
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return c.send(box, "", request.message)
}

func (c call) sendMessageBatch() (any, error) {
	var request struct {
		QueueUrl string
		Entries  []struct {
			Id string
			message
		}
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	messages := make([]cloud.Message, len(request.Entries))
	for i, e := range request.Entries {
		messages[i] = e.stored()
	}
	if err := cloud.CheckBatchSize(messages); err != nil {
		return nil, err
	}
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) { return c.send(box, e.Id, e.message) }
	})
}

// SequenceNumber of a message as SQS writes it: twenty digits, rising.
func SequenceNumber(m *cloud.Message) string {
	const firstOfAWS = 18_000_000_000_000_000_000
	return strconv.FormatUint(firstOfAWS+m.Sequence, 10)
}
