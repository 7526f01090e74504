package cloud

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rules of SQS FIFO queues. Sources: Amazon SQS developer guide, "FIFO queue
// delivery logic", "Exactly-once processing", "Visibility timeout", "Dead-letter
// queues"; API reference of ReceiveMessage and ChangeMessageVisibility.
const (
	// deduplicationInterval is how long a deduplication id is remembered, also after
	// its message was deleted.
	deduplicationInterval = 5 * time.Minute
	// MaxVisibility is how long a message can be kept from the moment it was received.
	MaxVisibility = 12 * time.Hour
	// maxInFlight is how many messages of a FIFO queue can be in flight.
	maxInFlight = 120_000
	// batchSize is the most messages of a receive, and the most entries of a batch.
	batchSize = 10
)

// Mailbox holds the messages of a FIFO queue.
type Mailbox struct {
	account  *Account
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
	// taken are the messages received of late, kept once takenKept is above 0.
	taken     []taken
	takenKept time.Duration
	// handlePrefix begins the receipt handles of this queue.
	handlePrefix string
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
	if a.ids == nil {
		a.SeedMessageIDs([32]byte{})
	}
	box, ok := a.mailboxes[queueURL]
	if !ok {
		box = &Mailbox{
			account: a, handlePrefix: fmt.Sprintf("%08x-", fingerprint32(queueURL)),
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
	if err := b.queue.check(&m); err != nil {
		return nil, err
	}
	if m.DeduplicationID == "" {
		sum := sha256.Sum256([]byte(m.Body))
		m.DeduplicationID = hex.EncodeToString(sum[:])
	}
	m.ID = b.account.ids.next()
	return b.put(now, &m), nil
}

// put stores a message under its ids, unless it is a duplicate.
func (b *Mailbox) put(now time.Time, m *Message) *Message {
	key := b.dedupKey(m)
	if before, ok := b.sent[key]; ok {
		return before.message
	}
	b.sequence++
	m.Sequence, m.Sent = b.sequence, now
	if b.queue.DelaySeconds > 0 {
		m.visibleAt = now.Add(time.Duration(b.queue.DelaySeconds) * time.Second)
	}
	b.add(m)
	b.sent[key] = &dedupEntry{message: m, expires: now.Add(deduplicationInterval)}
	b.forgetAt(now.Add(deduplicationInterval), func() { delete(b.sent, key) })
	return m
}

func (b *Mailbox) dedupKey(m *Message) string {
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
func (b *Mailbox) Receive(
	now time.Time, most int, visibility time.Duration, attemptID string, deadLetter *Mailbox,
) []*Message {
	b.tidy(now)
	if again := b.repeat(now, visibility, attemptID); again != nil {
		return again
	}
	return b.ReceiveAnew(now, most, visibility, attemptID, deadLetter)
}

// ReceiveAnew is Receive for a call that has been waiting: it gives nothing again.
func (b *Mailbox) ReceiveAnew(
	now time.Time, most int, visibility time.Duration, attemptID string, deadLetter *Mailbox,
) []*Message {
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

func (b *Mailbox) takeFrom(
	group *messageGroup, now time.Time, most int, visibility time.Duration, deadLetter *Mailbox,
) []*Message {
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

// redrive moves a message that was received too often. Its id becomes its deduplication
// id, so that messages which shared one stay apart.
func (b *Mailbox) redrive(now time.Time, m *Message, deadLetter *Mailbox) bool {
	policy, err := b.queue.Redrive()
	if err != nil || deadLetter == nil || policy.MaxReceiveCount == 0 ||
		m.ReceiveCount < policy.MaxReceiveCount {
		return false
	}
	deadLetter.tidy(now)
	deadLetter.put(now, m.moved(m.ID, m.ID, b.queue.ARN))
	b.remove(m)
	delete(b.handles, m.ReceiptHandle)
	return true
}

// moved is a copy for another queue, where it was not received yet.
func (m *Message) moved(id, deduplicationID, source string) *Message {
	return &Message{
		ID: id, Body: m.Body, GroupID: m.GroupID, DeduplicationID: deduplicationID, Attributes: m.Attributes,
		TraceHeader: m.TraceHeader, DeadLetterSource: source,
	}
}

func (b *Mailbox) hide(now time.Time, m *Message, visibility time.Duration) {
	if m.FirstReceived.IsZero() {
		m.FirstReceived = now
	}
	delete(b.handles, m.ReceiptHandle)
	b.noteTaken(now, m)
	m.ReceiveCount++
	m.received, m.changed = now, false
	m.ReceiptHandle = b.handlePrefix + m.ID + "#" + strconv.Itoa(m.ReceiveCount)
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
	attempt := &receiveAttempt{messages: messages, expires: now.Add(deduplicationInterval)}
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
// again, as on FIFO queues it does; deleting again what is gone is not an error.
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
	b.forgetAt(now.Add(deduplicationInterval), func() { delete(b.handles, handle) })
	return nil
}

// ChangeVisibility hides a received message for a time from now on, or shows it
// again (0). All in all it can be hidden for 12 hours from the receive.
func (b *Mailbox) ChangeVisibility(now time.Time, handle string, visibility time.Duration) error {
	b.tidy(now)
	if visibility < 0 || visibility > MaxVisibility {
		return refuse("InvalidParameterValue",
			"Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200",
			int(visibility.Seconds()),
		)
	}
	m, err := b.held(now, handle)
	if err != nil || m.deleted {
		return refuse("InvalidParameterValue",
			"Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "+
				"available for visibility timeout change.", handle,
		)
	}
	if now.Add(visibility).After(m.received.Add(MaxVisibility)) {
		return refuse("InvalidParameterValue",
			"Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for "+
				"the message is beyond the limit [43200 seconds]", int(visibility.Seconds()),
		)
	}
	m.visibleAt, m.changed = now.Add(visibility), true
	return nil
}

// held finds the message of a handle that is still good.
func (b *Mailbox) held(now time.Time, handle string) (*Message, error) {
	m, ok := b.handles[handle]
	if !ok && !strings.HasPrefix(handle, b.handlePrefix) {
		return nil, refuse("ReceiptHandleIsInvalid",
			"The input receipt handle %q is not a valid receipt handle.", handle,
		)
	}
	if !ok || !m.deleted && m.VisibleAt(now) {
		return nil, &Error{
			Code: "InvalidParameterValue", EntryCode: "ReceiptHandleIsInvalid",
			Message: "Value " + handle +
				" for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
		}
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
	if b.inFlight >= maxInFlight {
		b.inFlight = b.Counts(now).InFlight
	}
	return b.inFlight >= maxInFlight
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
	retention := time.Duration(b.queue.messageRetention()) * time.Second
	for _, group := range slices.Clone(b.order) {
		for len(group.messages) > 0 && now.Sub(group.messages[0].Sent) > retention {
			b.remove(group.messages[0])
		}
	}
}

// fingerprint32 is a number that stands for a text.
func fingerprint32(text string) uint32 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint32(sum[:])
}
