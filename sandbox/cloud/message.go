package cloud

import "time"

// Message is a message of a FIFO queue.
type Message struct {
	// ID is chosen by Send. It stays when SQS moves the message to a dead-letter queue.
	ID              string
	Body            string
	GroupID         string
	DeduplicationID string
	// DelaySeconds of the message alone, which FIFO queues refuse.
	DelaySeconds  int
	Sequence      uint64
	Sent          time.Time
	FirstReceived time.Time // zero before the first receive
	ReceiveCount  int
	// Attributes are the sender's, as the API has them.
	Attributes map[string]MessageAttribute
	// TraceHeader is the system attribute AWSTraceHeader, empty without one.
	TraceHeader string
	// DeadLetterSource is the ARN of the queue whose redrive policy moved the message
	// here, empty if it was sent here.
	DeadLetterSource string
	// ReceiptHandle is that of the latest receive.
	ReceiptHandle string

	received  time.Time // of the latest receive
	visibleAt time.Time
	deleted   bool
	changed   bool // visibility changed or deleted since the latest receive
}

// MessageAttribute is an attribute that a sender put on a message.
type MessageAttribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

// VisibleAt says whether a message is visible at a time.
func (m *Message) VisibleAt(now time.Time) bool { return !m.visibleAt.After(now) }
