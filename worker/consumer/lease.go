package consumer

import (
	"context"
	"slices"
	"sync"
	"time"
)

// leaseState is where a lease stands. docs/architecture.md has the diagram.
type leaseState int

const (
	// leaseHeld: all messages are extended, and the head may be handled.
	leaseHeld leaseState = iota
	// leaseWaiting: all are extended, and the head waits for its next attempt.
	leaseWaiting
	// leaseDeleting: the head's delete is under way. The head is not extended: the
	// extension of a message that was just deleted would fail, and look like a loss.
	leaseDeleting
	// leaseReturning: all are extended until they are handed back; nothing starts.
	leaseReturning
	// leaseReleased: the messages were handed back.
	leaseReleased
	// leaseLost: others may have the messages.
	leaseLost
	// leaseEmpty: all messages are settled.
	leaseEmpty
)

func (s leaseState) String() string {
	return [...]string{"held", "waiting", "deleting", "returning", "released", "lost", "empty"}[s]
}

// leaseMoves are the allowed moves from one state to another. The last three states
// are final.
var leaseMoves = map[leaseState][]leaseState{
	leaseHeld:      {leaseWaiting, leaseDeleting, leaseReturning, leaseLost},
	leaseWaiting:   {leaseHeld, leaseReturning, leaseLost},
	leaseDeleting:  {leaseHeld, leaseEmpty, leaseLost},
	leaseReturning: {leaseReleased, leaseLost},
}

// lease is the hold on the received messages of one group: the head, which is worked
// on, and the tail that waits behind it. SQS blocks a group up to its first hidden
// message only, so the lease is extended as one, and lost as one.
type lease struct {
	groupID string
	// receiveCount of the first head.
	receiveCount int
	// ctx is that of the group's handlers; it ends when the lease does.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// done is closed when the group's goroutine has returned.
	done chan struct{}
	// limit is when SQS will let the messages go whatever we do.
	limit time.Time
	// onLoss is called when the lease is lost, once.
	onLoss func(l *lease, head *Message)
	// slot is whether the group occupies one of the consumer's slots. Only the group's
	// goroutine uses it.
	slot bool

	mu    sync.Mutex
	state leaseState
	// messages not settled yet, the head first.
	messages []*Message
	expires  time.Time
	expiry   *time.Timer
}

// newLease begins a lease on messages that were asked for at a time, and received
// with the given visibility.
func newLease(
	work context.Context, messages []*Message, askedAt, receivedAt time.Time, visibility time.Duration,
	onLoss func(l *lease, head *Message),
) *lease {
	l := &lease{
		groupID: messages[0].GroupID, receiveCount: max(messages[0].ReceiveCount, 1), messages: messages,
		done: make(chan struct{}), limit: askedAt.Add(LongestLease - LeaseMargin),
		expires: receivedAt.Add(visibility), onLoss: onLoss,
	}
	l.ctx, l.cancel = context.WithCancelCause(work)
	l.mu.Lock() // it may be over before it has begun
	defer l.mu.Unlock()
	l.expiry = time.AfterFunc(time.Until(l.expires), func() { l.loseIfExpired() })
	return l
}

// move changes the state if that is allowed, and says whether it was; the caller holds
// the lock. It is the only place that changes the state.
func (l *lease) move(to leaseState) bool {
	if !slices.Contains(leaseMoves[l.state], to) {
		return false
	}
	l.state = to
	if l.over() {
		l.expiry.Stop()
	}
	return true
}

// over says whether the state is final; the caller holds the lock.
func (l *lease) over() bool { return len(leaseMoves[l.state]) == 0 }

// loseIfExpired loses the lease if its time is up, and says whether it is. The timer
// does so, but may be late: an answer of SQS can come after what it gives has run out.
func (l *lease) loseIfExpired() bool {
	if time.Now().Before(l.expiresAt()) {
		return false // it was extended in the same moment
	}
	l.lose()
	return true
}

// lose ends the lease since others may have the messages; it says whether the lease was
// not over before.
func (l *lease) lose() bool {
	l.mu.Lock()
	var head *Message
	if len(l.messages) > 0 {
		head = l.messages[0]
	}
	lost := l.move(leaseLost)
	if lost {
		l.cancel(ErrLeaseLost)
	}
	l.mu.Unlock()
	if lost {
		l.onLoss(l, head)
	}
	return lost
}

// lost says whether the lease was lost.
func (l *lease) lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == leaseLost
}

// head is the oldest message not settled, nil if there is none or the lease is over.
func (l *lease) head() *Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() || len(l.messages) == 0 {
		return nil
	}
	return l.messages[0]
}

// wait says that the head waits for its next attempt; resume, that its time has come.
// Both say whether the lease still holds.
func (l *lease) wait() bool   { return l.moveTo(leaseWaiting) }
func (l *lease) resume() bool { return l.moveTo(leaseHeld) }

func (l *lease) moveTo(state leaseState) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.move(state)
}

// beginDelete stops extending the head, and returns until when it is held.
func (l *lease) beginDelete() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.move(leaseDeleting)
	return l.expires
}

// dropHead notes that the head is deleted.
func (l *lease) dropHead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = l.messages[1:]
	if len(l.messages) == 0 {
		l.move(leaseEmpty)
	} else {
		l.move(leaseHeld)
	}
}

// lastDeletePending says whether nothing is left but to hear that the last delete is
// done.
func (l *lease) lastDeletePending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == leaseDeleting && len(l.messages) == 1
}

// takeTail takes away the messages that wait behind the head, to hand them back.
func (l *lease) takeTail() []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != leaseHeld && l.state != leaseDeleting || len(l.messages) < 2 {
		return nil
	}
	tail := l.messages[1:]
	l.messages = l.messages[:1]
	return tail
}

// giveUp says that the messages are to be handed back, as soon as they can be.
func (l *lease) giveUp() { l.moveTo(leaseReturning) }

// release ends a lease that was given up and returns its messages, to be handed back; there are none if
// it is over already.
func (l *lease) release() []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.move(leaseReleased) {
		return nil
	}
	return l.messages
}

// extendable are the messages to extend, and the longest that SQS would take.
func (l *lease) extendable(now time.Time) ([]*Message, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() || !now.Before(l.expires) {
		return nil, 0 // it is about to be lost
	}
	messages := l.messages
	if l.state == leaseDeleting {
		messages = messages[1:]
	}
	return messages, l.limit.Sub(now).Truncate(time.Second)
}

// extended notes that all messages are hidden until a time.
func (l *lease) extended(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over() && until.After(l.expires) {
		l.expires = until
		l.expiry.Reset(time.Until(until))
	}
}

func (l *lease) expiresAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expires
}

// extends says whether a message is still to be extended.
func (l *lease) extends(m *Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.messages, m)
	return i >= 0 && !l.over() && !(i == 0 && l.state == leaseDeleting)
}
