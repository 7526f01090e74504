package cloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzMailbox holds a FIFO queue against a naive one that is a list of messages, for every
// sequence of calls that is read from the bytes: two each, a call and its argument. Which
// group is served first is SQS's to choose, so that is not compared.
func FuzzMailbox(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 1, 9, 2, 0, 1, 9, 3, 0})
	f.Add([]byte{0, 0, 0, 4, 0, 8, 1, 2, 4, 0, 5, 3, 1, 10, 2, 1})
	f.Add([]byte{0, 0, 1, 10, 5, 3, 1, 10, 5, 3, 1, 10, 5, 3, 1, 10, 5, 3})
	f.Add([]byte{0, 0, 0, 0, 5, 5, 0, 0, 1, 0x1a, 1, 0x1a, 3, 0x10, 1, 0x1a})
	f.Add([]byte{0, 0, 0, 4, 6, 0, 0, 1, 1, 10, 5, 3, 1, 10})
	f.Fuzz(func(t *testing.T, data []byte) {
		box, failed := fifo(t)
		n := &naiveQueue{T: t, box: box, failed: failed, now: dawn, attempts: map[string]naiveAttempt{}}
		for step := range slices.Chunk(data[:min(len(data), 200)], 2) {
			if len(step) == 2 {
				n.do(step[0]%7, int(step[1]))
				n.compare()
			}
		}
	})
}

// naiveQueue is a FIFO queue as its documentation reads, beside the one that is tested.
type naiveQueue struct {
	*testing.T
	box, failed *Mailbox
	now         time.Time
	messages    []*naiveMessage // oldest first
	sent        []naiveSend
	attempts    map[string]naiveAttempt
	handles     []naiveHandle
}

type naiveMessage struct {
	id, group         string
	receives          int
	received, visible time.Time
	deleted, moved    bool
	handle            string
	// changes counts what makes an attempt id forget the message.
	changes int
}

type naiveSend struct {
	id string
	at time.Time
}

type naiveAttempt struct {
	messages []*naiveMessage
	changes  []int
	at       time.Time
}

type naiveHandle struct {
	text    string
	message *naiveMessage
}

func (n *naiveQueue) do(call byte, argument int) {
	switch call {
	case 0:
		n.send(fmt.Sprint("group", argument%3), fmt.Sprint("body", argument/3%8))
	case 1:
		attempt := ""
		if argument >= 16 {
			attempt = fmt.Sprint("attempt", argument/16%3)
		}
		n.receive(1+argument%batchSize, attempt)
	case 2, 3:
		if len(n.handles) > 0 {
			n.delete(n.handles[argument%len(n.handles)])
		}
	case 4:
		if len(n.handles) > 0 {
			spans := []time.Duration{0, 10 * time.Second, time.Minute, 11 * time.Hour, 12 * time.Hour}
			n.changeVisibility(n.handles[argument%len(n.handles)], spans[argument%len(spans)])
		}
	case 5:
		// In 100 steps no message gets as old as its retention, which the naive queue does not know.
		spans := []time.Duration{time.Second, 10 * time.Second, 29 * time.Second, hidden, time.Minute,
			5 * time.Minute, 50 * time.Minute}
		n.now = n.now.Add(spans[argument%len(spans)])
	case 6:
		if argument%8 == 0 {
			n.purge()
		}
	}
}

func (n *naiveQueue) send(group, body string) {
	m, err := n.box.Send(n.now, Message{GroupID: group, Body: body})
	require.NoError(n, err)
	for _, before := range n.sent {
		if strings.HasPrefix(before.id, body+"=") && n.now.Sub(before.at) < 5*time.Minute {
			assert.Equal(n, before.id, body+"="+m.ID, "a duplicate is the message that was sent first")
			return
		}
	}
	n.sent = append(n.sent, naiveSend{body + "=" + m.ID, n.now})
	n.messages = append(n.messages, &naiveMessage{id: m.ID, group: group})
}

// here are the messages that the queue still has.
func (n *naiveQueue) here() []*naiveMessage {
	return slices.DeleteFunc(slices.Clone(n.messages), func(m *naiveMessage) bool {
		return m.deleted || m.moved
	})
}

func (n *naiveQueue) visible(m *naiveMessage) bool { return !m.visible.After(n.now) }

// blocked says whether a message stands behind one of its group that is in flight.
func (n *naiveQueue) blocked(m *naiveMessage) bool {
	for _, other := range n.here() {
		if other == m {
			return false
		}
		if other.group == m.group && !n.visible(other) {
			return true
		}
	}
	return false
}

const naiveMaxReceives = 3 // of the queue that fifo makes

func (n *naiveQueue) receive(most int, attempt string) {
	var free []*naiveMessage
	for _, m := range n.here() {
		if n.visible(m) && !n.blocked(m) {
			free = append(free, m)
		}
	}
	again := n.repeats(attempt)
	got := n.box.Receive(n.now, most, hidden, attempt, n.failed)
	if again != nil {
		require.Len(n, got, len(again), "the same attempt, the same messages")
		for i, m := range again {
			require.Equal(n, m.id, got[i].ID)
			require.Equal(n, m.handle, got[i].ReceiptHandle)
			m.visible = n.now.Add(hidden)
		}
		return
	}
	n.noteMoved(free)
	taken := n.noteTaken(free, got)
	n.assertInOrder(free, taken, most)
	if attempt != "" && len(taken) > 0 {
		n.attempts[attempt] = naiveAttempt{taken, changesOf(taken), n.now}
	}
}

// repeats are the messages that a receive under an attempt id has to give again.
func (n *naiveQueue) repeats(attempt string) []*naiveMessage {
	before, known := n.attempts[attempt]
	if !known || n.now.Sub(before.at) >= 5*time.Minute ||
		!slices.Equal(before.changes, changesOf(before.messages)) {
		return nil
	}
	for _, m := range before.messages {
		if m.deleted || m.moved || n.visible(m) {
			return nil
		}
	}
	return before.messages
}

func changesOf(messages []*naiveMessage) []int {
	var changes []int
	for _, m := range messages {
		changes = append(changes, m.changes)
	}
	return changes
}

// noteMoved finds what has gone to the dead-letter queue: only what was received too often.
func (n *naiveQueue) noteMoved(free []*naiveMessage) {
	for _, m := range n.failed.Messages() {
		i := slices.IndexFunc(n.messages, func(own *naiveMessage) bool { return own.id == m.ID })
		require.GreaterOrEqual(n, i, 0, "a message that was never sent")
		own := n.messages[i]
		if own.moved {
			continue
		}
		require.Contains(n, free, own, "only what could be received moves")
		require.GreaterOrEqual(n, own.receives, naiveMaxReceives)
		own.moved = true
	}
}

func (n *naiveQueue) noteTaken(free []*naiveMessage, got []*Message) []*naiveMessage {
	var taken []*naiveMessage
	for _, m := range got {
		i := slices.IndexFunc(free, func(own *naiveMessage) bool { return own.id == m.ID })
		require.GreaterOrEqual(n, i, 0, "%s was not to be received", m.ID)
		own := free[i]
		require.Less(n, own.receives, naiveMaxReceives, "it belongs into the dead-letter queue")
		own.receives++
		own.changes++
		own.received, own.visible, own.handle = n.now, n.now.Add(hidden), m.ReceiptHandle
		require.Equal(n, own.receives, m.ReceiveCount)
		n.handles = append(n.handles, naiveHandle{m.ReceiptHandle, own})
		taken = append(taken, own)
	}
	return taken
}

// assertInOrder holds that no message was passed over: within a group never, and of groups
// at most those that there was no room for, one of which may have been served in part.
func (n *naiveQueue) assertInOrder(free, taken []*naiveMessage, most int) {
	left := map[string]bool{}
	served := map[string]bool{}
	for _, m := range free {
		switch {
		case slices.Contains(taken, m):
			require.False(n, left[m.group], "a message was passed over in %s", m.group)
			served[m.group] = true
		case !m.moved:
			left[m.group] = true
		}
	}
	require.LessOrEqual(n, len(taken), most)
	if len(taken) < most {
		require.Empty(n, left, "there was room for more")
	}
	partly := 0
	for group := range served {
		if left[group] {
			partly++
		}
	}
	require.LessOrEqual(n, partly, 1, "a group is taken as far as it can be before the next")
}

// holds says whether a handle is that of the latest receive, whose time is not over.
func (n *naiveQueue) holds(h naiveHandle) bool {
	return h.message.handle == h.text && !h.message.moved && !n.visible(h.message)
}

func (n *naiveQueue) delete(h naiveHandle) {
	err := n.box.Delete(n.now, h.text)
	if h.message.deleted {
		return // an error or none: SQS promises neither
	}
	require.Equal(n, n.holds(h), err == nil, "delete: %v", err)
	if err == nil {
		h.message.deleted = true
	}
}

func (n *naiveQueue) changeVisibility(h naiveHandle, to time.Duration) {
	m := h.message
	fits := !n.now.Add(to).After(m.received.Add(MaxVisibility))
	err := n.box.ChangeVisibility(n.now, h.text, to)
	require.Equal(n, !m.deleted && n.holds(h) && fits, err == nil, "change to %s: %v", to, err)
	if err == nil {
		m.visible = n.now.Add(to)
		m.changes++
	}
}

func (n *naiveQueue) purge() {
	n.box.Purge()
	for _, m := range n.here() {
		m.deleted = true
	}
}

// compare the numbers of both queues.
func (n *naiveQueue) compare() {
	var want Counts
	groups := map[string]bool{}
	for _, m := range n.here() {
		if n.visible(m) {
			want.Visible++
			continue
		}
		want.InFlight++
		groups[m.group] = true
	}
	want.GroupsInFlight = len(groups)
	require.Equal(n, want, n.box.Counts(n.now))
}
