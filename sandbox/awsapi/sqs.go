package awsapi

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// do carries out an action.
func (s *Server) do(ctx context.Context, action string, body []byte, fault Fault) (any, error) {
	if action == "ReceiveMessage" {
		var request receiveRequest
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		messages, err := s.receive(ctx, request)
		if err != nil {
			return nil, err
		}
		return received(messages), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.servePolls()
	c := call{account: s.account, now: s.now(), body: body, failEntries: fault.FailEntries}
	perform, ok := actions[action]
	if !ok {
		return nil, &cloud.Error{Code: "UnsupportedOperation", Message: "the sandbox does not do " + action}
	}
	return perform(c)
}

// call is a request under the lock.
type call struct {
	account     *cloud.Account
	now         time.Time
	body        []byte
	failEntries bool
}

var actions = map[string]func(call) (any, error){
	"SendMessage":                  call.sendMessage,
	"SendMessageBatch":             call.sendMessageBatch,
	"DeleteMessage":                call.deleteMessage,
	"DeleteMessageBatch":           call.deleteMessageBatch,
	"ChangeMessageVisibility":      call.changeVisibility,
	"ChangeMessageVisibilityBatch": call.changeVisibilityBatch,
	"GetQueueAttributes":           call.getQueueAttributes,
	"GetQueueUrl":                  call.getQueueURL,
	"ListQueues":                   call.listQueues,
	"PurgeQueue":                   call.purgeQueue,
}

// mailbox reads the request and finds the queue it names.
func (c call) mailbox(request any, queueURL *string) (*cloud.Mailbox, error) {
	if err := json.Unmarshal(c.body, request); err != nil {
		return nil, err
	}
	return findMailbox(c.account, *queueURL)
}

// findMailbox goes by the last part of the URL, so that a client may use another
// host than AWS's.
func findMailbox(a *cloud.Account, queueURL string) (*cloud.Mailbox, error) {
	return a.Mailbox(a.QueueURL(queueURL[strings.LastIndex(queueURL, "/")+1:]))
}

type message struct {
	MessageBody             string
	MessageGroupId          string
	MessageDeduplicationId  string
	MessageAttributes       map[string]cloud.MessageAttribute
	MessageSystemAttributes map[string]cloud.MessageAttribute
}

func (m message) stored() cloud.Message {
	return cloud.Message{
		Body: m.MessageBody, GroupID: m.MessageGroupId, DeduplicationID: m.MessageDeduplicationId,
		Attributes: m.MessageAttributes, TraceHeader: m.MessageSystemAttributes["AWSTraceHeader"].StringValue,
	}
}

type sent struct {
	ID               string `json:"Id,omitempty"`
	MD5OfMessageBody string
	MessageId        string
	SequenceNumber   string
}

func (c call) send(box *cloud.Mailbox, id string, m message) (sent, error) {
	stored, err := box.Send(c.now, m.stored())
	if err != nil {
		return sent{}, err
	}
	return sent{ID: id, MD5OfMessageBody: md5Hex(m.MessageBody), MessageId: stored.ID, SequenceNumber: SequenceNumber(stored)}, nil
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
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) { return c.send(box, e.Id, e.message) }
	})
}

func (c call) deleteMessage() (any, error) {
	var request struct{ QueueUrl, ReceiptHandle string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, box.Delete(c.now, request.ReceiptHandle)
}

func (c call) deleteMessageBatch() (any, error) {
	var request struct {
		QueueUrl string
		Entries  []struct{ Id, ReceiptHandle string }
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) { return map[string]string{"Id": e.Id}, box.Delete(c.now, e.ReceiptHandle) }
	})
}

func (c call) changeVisibility() (any, error) {
	var request struct {
		QueueUrl, ReceiptHandle string
		VisibilityTimeout       int
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, box.ChangeVisibility(c.now, request.ReceiptHandle, seconds(request.VisibilityTimeout))
}

func (c call) changeVisibilityBatch() (any, error) {
	var request struct {
		QueueUrl string
		Entries  []struct {
			Id, ReceiptHandle string
			VisibilityTimeout int
		}
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) {
			return map[string]string{"Id": e.Id}, box.ChangeVisibility(c.now, e.ReceiptHandle, seconds(e.VisibilityTimeout))
		}
	})
}

// batchResult is the answer to a batch: what was done and what failed, by entry.
type batchResult struct {
	Successful []any
	Failed     []failedEntry
}

type failedEntry struct {
	Id, Code, Message string
	SenderFault       bool
}

// batch carries out entries, each of which has an id of its own, and fails or
// succeeds for itself.
func batch(c call, entries int, entry func(i int) (id string, do func() (any, error))) (any, error) {
	if entries == 0 {
		return nil, &cloud.Error{Code: "AWS.SimpleQueueService.EmptyBatchRequest", Message: "There should be at least one entry in the request."}
	}
	if entries > cloud.BatchSize {
		return nil, &cloud.Error{Code: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", Message: "Maximum number of entries per request are 10."}
	}
	seen := map[string]bool{}
	for i := range entries {
		id, _ := entry(i)
		if seen[id] {
			return nil, &cloud.Error{Code: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", Message: "Id " + id + " repeated."}
		}
		seen[id] = true
	}
	result := batchResult{Successful: []any{}, Failed: []failedEntry{}}
	for i := range entries {
		id, do := entry(i)
		if c.failEntries && i%2 == 1 {
			result.Failed = append(result.Failed, failedEntry{Id: id, Code: "InternalError", Message: "as asked"})
			continue
		}
		done, err := do()
		if err != nil {
			result.Failed = append(result.Failed, failed(id, err))
			continue
		}
		result.Successful = append(result.Successful, done)
	}
	return result, nil
}

func failed(id string, err error) failedEntry {
	var refusal *cloud.Error
	if errors.As(err, &refusal) {
		return failedEntry{Id: id, Code: refusal.Code, Message: refusal.Message, SenderFault: true}
	}
	return failedEntry{Id: id, Code: "InternalError", Message: err.Error()}
}

// receiveRequest is a ReceiveMessage request.
type receiveRequest struct {
	QueueUrl                string
	MaxNumberOfMessages     int
	VisibilityTimeout       *int
	WaitTimeSeconds         *int
	ReceiveRequestAttemptId string
}

// limits are how many messages are asked for and for how long they are to be hidden,
// with the defaults of SQS and of the queue.
func (r receiveRequest) limits(queue *cloud.Queue) (most int, visibility time.Duration) {
	most, visibility = max(r.MaxNumberOfMessages, 1), seconds(queue.VisibilityTimeout())
	if r.VisibilityTimeout != nil {
		visibility = seconds(*r.VisibilityTimeout)
	}
	return most, visibility
}

// checkReceive finds the queue of a request and how long to wait for messages; the
// caller holds the lock.
func (s *Server) checkReceive(request receiveRequest) (box *cloud.Mailbox, wait time.Duration, err error) {
	box, err = findMailbox(s.account, request.QueueUrl)
	if err != nil {
		return nil, 0, err
	}
	wait = seconds(box.Queue().ReceiveWaitTimeSeconds)
	if request.WaitTimeSeconds != nil {
		wait = seconds(*request.WaitTimeSeconds)
	}
	most, visibility := request.limits(box.Queue())
	if most > cloud.BatchSize || wait < 0 || wait > seconds(20) || visibility < 0 || visibility > cloud.MaxVisibility {
		return nil, 0, &cloud.Error{Code: "InvalidParameterValue", Message: "1 to 10 messages, a wait of 0 to 20 s, a visibility of 0 to 43200 s"}
	}
	return box, wait, nil
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
	Attributes                                map[string]string
	MessageAttributes                         map[string]cloud.MessageAttribute `json:",omitempty"`
}

// received answers with all attributes, asked for or not.
func received(messages []*cloud.Message) any {
	list := make([]receivedMessage, len(messages))
	for i, m := range messages {
		list[i] = receivedMessage{
			MessageId: m.ID, ReceiptHandle: m.ReceiptHandle, MD5OfBody: md5Hex(m.Body), Body: m.Body, MessageAttributes: m.Attributes,
			Attributes: map[string]string{
				"SenderId": cloud.AccountID, "SentTimestamp": milliseconds(m.Sent),
				"ApproximateReceiveCount":          strconv.Itoa(m.ReceiveCount),
				"ApproximateFirstReceiveTimestamp": milliseconds(m.FirstReceived),
				"MessageGroupId":                   m.GroupID, "MessageDeduplicationId": m.DeduplicationID, "SequenceNumber": SequenceNumber(m),
			},
		}
		if m.TraceHeader != "" {
			list[i].Attributes["AWSTraceHeader"] = m.TraceHeader
		}
	}
	return map[string]any{"Messages": list}
}

func (c call) getQueueAttributes() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	box.Touch(c.now)
	queue, counts := box.Queue(), box.Counts(c.now)
	attributes := map[string]string{
		"QueueArn": queue.ARN, "FifoQueue": "true",
		"ContentBasedDeduplication":             strconv.FormatBool(queue.ContentBasedDeduplication),
		"VisibilityTimeout":                     strconv.Itoa(queue.VisibilityTimeout()),
		"MessageRetentionPeriod":                strconv.Itoa(queue.MessageRetention()),
		"ReceiveMessageWaitTimeSeconds":         strconv.Itoa(queue.ReceiveWaitTimeSeconds),
		"DelaySeconds":                          strconv.Itoa(queue.DelaySeconds),
		"ApproximateNumberOfMessages":           strconv.Itoa(counts.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(counts.InFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(counts.Delayed),
	}
	if queue.RedrivePolicy != "" {
		attributes["RedrivePolicy"] = queue.RedrivePolicy
	}
	return map[string]any{"Attributes": attributes}, nil
}

func (c call) getQueueURL() (any, error) {
	var request struct{ QueueName string }
	box, err := c.mailbox(&request, &request.QueueName)
	if err != nil {
		return nil, err
	}
	return map[string]string{"QueueUrl": box.Queue().URL}, nil
}

func (c call) listQueues() (any, error) {
	urls := []string{}
	for url := range c.account.Queues {
		urls = append(urls, url)
	}
	slices.Sort(urls)
	return map[string]any{"QueueUrls": urls}, nil
}

func (c call) purgeQueue() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	box.Purge()
	return struct{}{}, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// SequenceNumber of a message as SQS writes it: twenty digits, rising.
func SequenceNumber(m *cloud.Message) string {
	const firstOfAWS = 18_000_000_000_000_000_000
	return strconv.FormatUint(firstOfAWS+m.Sequence, 10)
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
