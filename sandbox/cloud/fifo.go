package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// The rules of SQS FIFO queues. Sources: Amazon SQS developer guide, "FIFO queue
// delivery logic", "Exactly-once processing", "Visibility timeout", "Dead-letter
// queues"; API reference of ReceiveMessage and ChangeMessageVisibility.
const (
	// DeduplicationInterval is how long a deduplication id is remembered, also after
	// its message was deleted.
	DeduplicationInterval = 5 * time.Minute
	// MaxVisibility is how long a message can be kept from the moment it was received.
	MaxVisibility = 12 * time.Hour
	// MaxInFlight is how many messages of a FIFO queue can be in flight.
	MaxInFlight = 120_000
	// BatchSize is the most messages of a receive, and the most entries of a batch.
	BatchSize = 10
)

// Message is a message of a FIFO queue.
type Message struct {
	ID              string
	Body            string
	GroupID         string
	DeduplicationID string
	Sequence        uint64
	Sent            time.Time
	FirstReceived   time.Time // zero before the first receive
	ReceiveCount    int
	// Attributes are the sender's, as the API has them.
	Attributes map[string]MessageAttribute
	// TraceHeader is the system attribute AWSTraceHeader.
	TraceHeader string
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

// Mailbox holds the messages of a FIFO queue.
type Mailbox struct {
	queue    *Queue
	groups   map[string]*messageGroup
	order    []*messageGroup // groups with messages, in the order they are served
	handles  map[string]*Message
	sent     map[string]*dedupEntry
	attempts map[string]*receiveAttempt
	sequence uint64
	deletes  int
	// inFlight is at least the number of messages in flight; see full.
	inFlight int
	swept    time.Time // when messages past their retention were last looked for
	used     time.Time // when a request last touched the queue
	// forget lists what expires with the deduplication interval, oldest first.
	forget []forgettable
}

type messageGroup struct {
	id       string
	messages []*Message // oldest first
}

type dedupEntry struct {
	message *Message
	expires time.Time
}

type receiveAttempt struct {
	messages []*Message
	handles  []string
	expires  time.Time
}

type forgettable struct {
	at     time.Time
	forget func()
}

// Mailbox returns the messages of a queue; it exists as long as the account is in
// memory.
func (a *Account) Mailbox(queueURL string) (*Mailbox, error) {
	q, err := a.queue(queueURL)
	if err != nil {
		return nil, err
	}
	if !q.FIFO {
		return nil, refuse("UnsupportedOperation", "the sandbox has FIFO queues only, and %s is none", q.Name)
	}
	if a.mailboxes == nil {
		a.mailboxes = map[string]*Mailbox{}
	}
	box, ok := a.mailboxes[queueURL]
	if !ok {
		box = &Mailbox{
			groups: map[string]*messageGroup{}, handles: map[string]*Message{},
			sent: map[string]*dedupEntry{}, attempts: map[string]*receiveAttempt{},
		}
		a.mailboxes[queueURL] = box
	}
	box.queue = q
	return box, nil
}

// Send puts a message into the queue, or returns the one that was sent under the
// same deduplication id within five minutes, whether or not it is still there.
func (b *Mailbox) Send(now time.Time, m Message) (*Message, error) {
	b.tidy(now)
	if m.GroupID == "" {
		return nil, refuse("MissingParameter", "The request must contain the parameter MessageGroupId.")
	}
	if m.DeduplicationID == "" {
		if !b.queue.ContentBasedDeduplication {
			return nil, refuse("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		sum := sha256.Sum256([]byte(m.Body))
		m.DeduplicationID = hex.EncodeToString(sum[:])
	}
	key := b.dedupKey(m)
	if before, ok := b.sent[key]; ok {
		return before.message, nil
	}
	b.sequence++
	m.Sequence, m.Sent = b.sequence, now
	m.ID = fmt.Sprintf("%08x-0000-4000-8000-%012x", fingerprint32(b.queue.Name), b.sequence)
	if b.queue.DelaySeconds > 0 {
		m.visibleAt = now.Add(time.Duration(b.queue.DelaySeconds) * time.Second)
	}
	stored := &m
	b.add(stored)
	b.sent[key] = &dedupEntry{message: stored, expires: now.Add(DeduplicationInterval)}
	b.forgetAt(now.Add(DeduplicationInterval), func() { delete(b.sent, key) })
	return stored, nil
}

func (b *Mailbox) dedupKey(m Message) string {
	if b.queue.DeduplicationScope == "messageGroup" {
		return m.GroupID + "\x00" + m.DeduplicationID
	}
	return m.DeduplicationID
}

func (b *Mailbox) add(m *Message) {
	group, ok := b.groups[m.GroupID]
	if !ok {
		group = &messageGroup{id: m.GroupID}
		b.groups[m.GroupID] = group
		b.order = append(b.order, group)
	}
	group.messages = append(group.messages, m)
}

// Receive takes up to most messages and hides them for visibility. Of a group it
// takes the oldest ones up to the first that is hidden, as many as it can, before
// it goes on to the next group. A repeated attempt id gives the same messages again
// and hides them anew, unless one of them was deleted, changed or has become visible.
// Messages received as often as the redrive policy says go to deadLetter instead.
func (b *Mailbox) Receive(now time.Time, most int, visibility time.Duration, attemptID string, deadLetter *Mailbox) []*Message {
	b.tidy(now)
	if again := b.repeat(now, visibility, attemptID); again != nil {
		return again
	}
	return b.ReceiveAnew(now, most, visibility, attemptID, deadLetter)
}

// ReceiveAnew is Receive for a call that has been waiting: it gives nothing again.
func (b *Mailbox) ReceiveAnew(now time.Time, most int, visibility time.Duration, attemptID string, deadLetter *Mailbox) []*Message {
	b.tidy(now)
	var received []*Message
	for served := 0; served < len(b.order) && len(received) < most && !b.full(now); {
		group := b.order[0]
		taken := b.takeFrom(group, now, most-len(received), visibility, deadLetter)
		received = append(received, taken...)
		if len(group.messages) == 0 {
			continue // redriven to the last; it left the order
		}
		b.order = append(b.order[1:], group)
		served++
	}
	if attemptID != "" && len(received) > 0 {
		b.remember(now, attemptID, received)
	}
	return received
}

func (b *Mailbox) takeFrom(group *messageGroup, now time.Time, most int, visibility time.Duration, deadLetter *Mailbox) []*Message {
	var taken []*Message
	for i := 0; i < len(group.messages) && len(taken) < most && !b.full(now); {
		m := group.messages[i]
		if m.visibleAt.After(now) {
			if m.ReceiveCount == 0 {
				i++ // delayed messages do not block their group
				continue
			}
			break
		}
		if b.redrive(now, m, deadLetter) {
			continue
		}
		b.hide(now, m, visibility)
		taken = append(taken, m)
		i++
	}
	return taken
}

// redrive moves a message that was received too often.
func (b *Mailbox) redrive(now time.Time, m *Message, deadLetter *Mailbox) bool {
	policy, err := b.queue.Redrive()
	if err != nil || deadLetter == nil || policy.MaxReceiveCount == 0 || m.ReceiveCount < policy.MaxReceiveCount {
		return false
	}
	moved := *m
	moved.DeduplicationID, moved.ReceiveCount, moved.FirstReceived = m.ID, 0, time.Time{}
	if _, err := deadLetter.Send(now, moved); err != nil {
		return false
	}
	b.remove(m)
	return true
}

func (b *Mailbox) hide(now time.Time, m *Message, visibility time.Duration) {
	if m.FirstReceived.IsZero() {
		m.FirstReceived = now
	}
	delete(b.handles, m.ReceiptHandle)
	m.ReceiveCount++
	m.received, m.changed = now, false
	m.ReceiptHandle = fmt.Sprintf("%s#%d", m.ID, m.ReceiveCount)
	b.handles[m.ReceiptHandle] = m
	m.visibleAt = now.Add(visibility)
	b.inFlight++
}

// repeat answers a receive with an attempt id that was used before.
func (b *Mailbox) repeat(now time.Time, visibility time.Duration, attemptID string) []*Message {
	attempt, ok := b.attempts[attemptID]
	if !ok || attemptID == "" {
		return nil
	}
	for i, m := range attempt.messages {
		if m.deleted || m.changed || m.ReceiptHandle != attempt.handles[i] || !m.visibleAt.After(now) {
			return nil
		}
	}
	for _, m := range attempt.messages {
		m.visibleAt = now.Add(visibility)
	}
	return attempt.messages
}

func (b *Mailbox) remember(now time.Time, attemptID string, messages []*Message) {
	attempt := &receiveAttempt{messages: messages, expires: now.Add(DeduplicationInterval)}
	for _, m := range messages {
		attempt.handles = append(attempt.handles, m.ReceiptHandle)
	}
	b.attempts[attemptID] = attempt
	b.forgetAt(attempt.expires, func() {
		if b.attempts[attemptID] == attempt {
			delete(b.attempts, attemptID)
		}
	})
}

// Delete removes a received message. The handle works until the message is visible
// again; deleting again what is gone is no error.
func (b *Mailbox) Delete(now time.Time, handle string) error {
	b.tidy(now)
	m, err := b.held(now, handle)
	if err != nil {
		return err
	}
	if m.deleted {
		return nil
	}
	b.remove(m)
	b.deletes++
	b.forgetAt(now.Add(DeduplicationInterval), func() { delete(b.handles, handle) })
	return nil
}

// ChangeVisibility hides a received message for a time from now on, or shows it
// again (0). All in all it can be hidden for 12 hours from the receive.
func (b *Mailbox) ChangeVisibility(now time.Time, handle string, visibility time.Duration) error {
	b.tidy(now)
	if visibility < 0 || visibility > MaxVisibility {
		return refuse("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200", int(visibility.Seconds()))
	}
	m, err := b.held(now, handle)
	if err != nil || m.deleted {
		return refuse("InvalidParameterValue", "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", handle)
	}
	if now.Add(visibility).After(m.received.Add(MaxVisibility)) {
		return refuse("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]", int(visibility.Seconds()))
	}
	m.visibleAt, m.changed = now.Add(visibility), true
	return nil
}

// held finds the message of a handle that is still good.
func (b *Mailbox) held(now time.Time, handle string) (*Message, error) {
	m, ok := b.handles[handle]
	if !ok {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", handle)
	}
	if m.deleted {
		return m, nil
	}
	if !m.visibleAt.After(now) {
		return nil, refuse("ReceiptHandleIsInvalid", "Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", handle)
	}
	return m, nil
}

// remove takes a message out of its group.
func (b *Mailbox) remove(m *Message) {
	group := b.groups[m.GroupID]
	i := slices.Index(group.messages, m)
	group.messages = slices.Delete(group.messages, i, i+1)
	if len(group.messages) == 0 {
		delete(b.groups, group.id)
		b.order = slices.DeleteFunc(b.order, func(g *messageGroup) bool { return g == group })
	}
	m.deleted, m.changed = true, true
}

// full says whether no more messages can be in flight. Messages that became visible
// again are only found by counting, which is done when it could matter.
func (b *Mailbox) full(now time.Time) bool {
	if b.inFlight >= MaxInFlight {
		b.inFlight = b.Counts(now).InFlight
	}
	return b.inFlight >= MaxInFlight
}

// Purge removes all messages.
func (b *Mailbox) Purge() {
	for _, m := range b.Messages() {
		m.deleted, m.changed = true, true
	}
	b.groups, b.order, b.inFlight = map[string]*messageGroup{}, nil, 0
}

func (b *Mailbox) forgetAt(at time.Time, forget func()) {
	b.forget = append(b.forget, forgettable{at, forget})
}

// tidy forgets what is past the deduplication interval and drops messages past
// their retention.
func (b *Mailbox) tidy(now time.Time) {
	b.used = now
	b.expire(now)
}

func (b *Mailbox) expire(now time.Time) {
	for len(b.forget) > 0 && !b.forget[0].at.After(now) {
		b.forget[0].forget()
		b.forget = b.forget[1:]
	}
	if now.Sub(b.swept) < time.Minute {
		return
	}
	b.swept = now
	retention := time.Duration(b.queue.MessageRetention()) * time.Second
	for _, group := range slices.Clone(b.order) {
		for len(group.messages) > 0 && now.Sub(group.messages[0].Sent) > retention {
			b.remove(group.messages[0])
		}
	}
}

func fingerprint32(text string) uint32 {
	sum := sha256.Sum256([]byte(text))
	return uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
}
