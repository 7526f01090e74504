package cloud

import (
	"slices"
	"time"
)

// Counts are the queue's approximate numbers, here exact.
type Counts struct {
	Visible, InFlight, Delayed int
	// GroupsInFlight is how many message groups have a message in flight.
	GroupsInFlight int
}

// Counts says how many messages wait, are in flight, or are delayed.
func (b *Mailbox) Counts(now time.Time) Counts {
	b.expire(now)
	var c Counts
	for _, group := range b.order {
		before := c.InFlight
		for _, m := range group.messages {
			switch {
			case !m.visibleAt.After(now):
				c.Visible++
			case m.ReceiveCount == 0:
				c.Delayed++
			default:
				c.InFlight++
			}
		}
		if c.InFlight > before {
			c.GroupsInFlight++
		}
	}
	return c
}

// visibleBefore is how many messages were visible a while ago, up to the longest that it was
// asked for before.
func (b *Mailbox) visibleBefore(now time.Time, ago time.Duration) int {
	if ago <= 0 {
		return b.Counts(now).Visible
	}
	b.expire(now)
	then := now.Add(-ago)
	b.takenKept = max(b.takenKept, ago)
	n := 0
	for _, group := range b.order {
		for _, m := range group.messages {
			if !m.visibleAt.After(then) && !m.Sent.After(then) {
				n++
			}
		}
	}
	for _, t := range slices.Backward(b.taken) {
		if !t.at.After(then) {
			break
		}
		if !t.visible.After(then) {
			n++
		}
	}
	return n
}

// taken is a message that was received: from when it was visible, and until when.
type taken struct{ visible, at time.Time }

// noteTaken remembers for a while that a message was visible, if anybody asks.
func (b *Mailbox) noteTaken(now time.Time, m *Message) {
	if b.takenKept == 0 {
		return
	}
	visible := m.visibleAt
	if visible.Before(m.Sent) {
		visible = m.Sent
	}
	old := 0
	for old < len(b.taken) && now.Sub(b.taken[old].at) > longestCountLag {
		old++
	}
	b.taken = append(b.taken[old:], taken{visible, now})
}

// longestCountLag is how old counts can be. Source: SQS API reference, GetQueueAttributes.
const longestCountLag = time.Minute

// Sent is how many messages the queue has taken so far.
func (b *Mailbox) Sent() uint64 { return b.sequence }

// Groups is how many groups have messages.
func (b *Mailbox) Groups() int { return len(b.order) }

// Messages are those in the queue, by group and oldest first.
func (b *Mailbox) Messages() []*Message {
	var all []*Message
	for _, group := range b.order {
		all = append(all, group.messages...)
	}
	return all
}

// NextChange is when the next hidden or delayed message becomes visible.
func (b *Mailbox) NextChange(now time.Time) (time.Time, bool) {
	var next time.Time
	for _, group := range b.order {
		for _, m := range group.messages {
			if m.visibleAt.After(now) && (next.IsZero() || m.visibleAt.Before(next)) {
				next = m.visibleAt
			}
		}
	}
	return next, !next.IsZero()
}

// Queue returns the queue's attributes.
func (b *Mailbox) Queue() *Queue { return b.queue }

// Touch notes that a request used the queue, which keeps its metrics coming.
func (b *Mailbox) Touch(now time.Time) { b.used = now }

// usedSince says whether a request used the queue at a time or after it.
func (b *Mailbox) usedSince(t time.Time) bool { return !b.used.Before(t) }

// oldestAge is how long ago the oldest message was sent.
func (b *Mailbox) oldestAge(now time.Time) (time.Duration, bool) {
	var oldest time.Time
	for _, group := range b.order {
		if sent := group.messages[0].Sent; oldest.IsZero() || sent.Before(oldest) {
			oldest = sent
		}
	}
	return now.Sub(oldest), !oldest.IsZero()
}
