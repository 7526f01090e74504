package cloud

import (
	"slices"
	"time"
)

// Counts are the queue's approximate numbers, here exact.
type Counts struct {
	Visible, InFlight, Delayed int
}

// Counts says how many messages wait, are in flight, or are delayed.
func (b *Mailbox) Counts(now time.Time) Counts {
	b.expire(now)
	var c Counts
	for _, group := range b.order {
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
	}
	return c
}

// groupsInFlight is how many message groups have a message in flight.
func (b *Mailbox) groupsInFlight(now time.Time) (n int) {
	b.expire(now)
	inFlight := func(m *Message) bool { return m.visibleAt.After(now) && m.ReceiveCount > 0 }
	for _, group := range b.order {
		if slices.ContainsFunc(group.messages, inFlight) {
			n++
		}
	}
	return n
}

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

// VisibleAt says whether a message is visible at a time.
func (m *Message) VisibleAt(now time.Time) bool { return !m.visibleAt.After(now) }

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
