package consumer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
)

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
	// onLoss is told that the lease was lost, once.
	onLoss func(*lease)

	mu sync.Mutex
	// messages not settled yet, the head first.
	messages []*Message
	// settling is the head while its delete is under way. It is not extended: the
	// extension of a message that was just deleted would fail, and look like a loss.
	settling bool
	closed   bool
	expires  time.Time
	expiry   *time.Timer
}

// newLease begins a lease on messages that were asked for at a time, and received
// with the given visibility.
func newLease(work context.Context, messages []*Message, askedAt, receivedAt time.Time, visibility time.Duration, onLoss func(*lease)) *lease {
	l := &lease{
		groupID: messages[0].GroupID, receiveCount: max(messages[0].ReceiveCount, 1), messages: messages, done: make(chan struct{}),
		limit: askedAt.Add(longestLease - leaseMargin), expires: receivedAt.Add(visibility), onLoss: onLoss,
	}
	l.ctx, l.cancel = context.WithCancelCause(work)
	l.mu.Lock() // it may be over before it has begun
	defer l.mu.Unlock()
	l.expiry = time.AfterFunc(time.Until(l.expires), func() { l.expire() })
	return l
}

// expire loses the lease if its time is up, and says whether it is. The timer does
// so, but may be late: an answer of SQS can come after what it gives has run out.
func (l *lease) expire() bool {
	if time.Now().Before(l.expiresAt()) {
		return false // it was extended in the same moment
	}
	l.lose()
	return true
}

// lose ends the lease since others may have the messages; it says whether that is
// news.
func (l *lease) lose() bool {
	l.mu.Lock()
	news := !l.closed && !l.lost()
	if news {
		l.close()
		l.cancel(ErrLeaseLost)
	}
	l.mu.Unlock()
	if news {
		l.onLoss(l)
	}
	return news
}

// close ends the extensions; the caller holds the lock.
func (l *lease) close() {
	l.closed = true
	l.expiry.Stop()
}

// lost says whether the lease was lost.
func (l *lease) lost() bool { return errors.Is(context.Cause(l.ctx), ErrLeaseLost) }

// head is the oldest message not settled, nil if there is none or the lease is over.
func (l *lease) head() *Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.messages) == 0 {
		return nil
	}
	return l.messages[0]
}

// beginSettling stops extending the head, and returns until when it is ours.
func (l *lease) beginSettling() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settling = true
	return l.expires
}

// settled drops the head, which is deleted.
func (l *lease) settled() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settling = false
	if len(l.messages) > 0 {
		l.messages = l.messages[1:]
	}
	if len(l.messages) == 0 {
		l.close()
	}
}

// concluding says whether nothing is left but to hear that the last delete is done.
func (l *lease) concluding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settling && len(l.messages) == 1
}

// takeTail takes away the messages that wait behind the head, to hand them back.
func (l *lease) takeTail() []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.messages) < 2 {
		return nil
	}
	tail := l.messages[1:]
	l.messages = l.messages[:1]
	return tail
}

// takeAll ends the lease and takes away its messages, to hand them back; there are
// none if it is over already.
func (l *lease) takeAll() []*Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.close()
	return l.messages
}

// extendable are the messages to extend, and the longest that SQS would take.
func (l *lease) extendable(now time.Time) ([]*Message, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	messages := l.messages
	if l.settling && len(messages) > 0 {
		messages = messages[1:]
	}
	if l.closed {
		return nil, 0
	}
	return messages, l.limit.Sub(now).Truncate(time.Second)
}

// extended notes that all messages are hidden until a time.
func (l *lease) extended(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && until.After(l.expires) {
		l.expires = until
		l.expiry.Reset(time.Until(until))
	}
}

func (l *lease) expiresAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expires
}

// holds says whether a message is still to be extended.
func (l *lease) holds(m *Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, held := range l.messages {
		if held == m {
			return !l.closed && !(i == 0 && l.settling)
		}
	}
	return false
}

// keeper extends all leases.
type keeper struct {
	client     SQS
	queueURL   string
	visibility time.Duration
	leases     func() []*lease
	warn       func(text string, args ...any)
}

// run extends from a ticker, so that one slow extension does not put off the next,
// until ctx ends.
func (k *keeper) run(ctx context.Context) {
	const beatsPerTimeout = 3
	ticker := time.NewTicker(k.visibility / beatsPerTimeout)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.extendAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// beat is an extension of some leases in one call.
type beat struct {
	entries []types.ChangeMessageVisibilityBatchRequestEntry
	parts   []beatPart
}

// beatPart is a lease's share in a beat.
type beatPart struct {
	lease      *lease
	messages   []*Message
	visibility time.Duration
}

func (k *keeper) extendAll(ctx context.Context) {
	const callsAtOnce = 16
	var group errgroup.Group
	group.SetLimit(callsAtOnce)
	for _, b := range k.beats(time.Now()) {
		group.Go(func() error {
			k.extend(ctx, b)
			return nil
		})
	}
	_ = group.Wait() // the calls report for themselves
}

// beats packs the leases into batches, each lease whole.
func (k *keeper) beats(now time.Time) []beat {
	var beats []beat
	leases := k.leases()
	slices.SortFunc(leases, func(a, b *lease) int { return a.expiresAt().Compare(b.expiresAt()) })
	for _, l := range leases {
		messages, most := l.extendable(now)
		visibility := min(k.visibility, most)
		if len(messages) == 0 || visibility <= 0 {
			continue // past the limit the lease runs out by itself
		}
		if len(beats) == 0 || len(beats[len(beats)-1].entries)+len(messages) > batchSize {
			beats = append(beats, beat{})
		}
		b := &beats[len(beats)-1]
		for _, m := range messages {
			b.entries = append(b.entries, visibilityEntry(len(b.entries), m, visibility))
		}
		b.parts = append(b.parts, beatPart{l, messages, visibility})
	}
	return beats
}

func (k *keeper) extend(ctx context.Context, b beat) {
	ctx, cancel := context.WithTimeout(ctx, min(callTimeout, k.visibility/4))
	defer cancel()
	began := time.Now()
	output, err := k.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(k.queueURL), Entries: b.entries,
	})
	if err != nil {
		k.warn("extending leases failed; the next beat tries again", "error", err)
		return
	}
	failures := map[string]types.BatchResultErrorEntry{}
	for i := range b.entries {
		failures[entryID(i)] = types.BatchResultErrorEntry{Code: aws.String("Unanswered")}
	}
	for _, done := range output.Successful {
		delete(failures, aws.ToString(done.Id))
	}
	for _, f := range output.Failed {
		failures[aws.ToString(f.Id)] = f
	}
	position := 0
	for _, part := range b.parts {
		whole := true
		for _, m := range part.messages {
			failure, failed := failures[entryID(position)]
			position++
			if !failed || !part.lease.holds(m) {
				continue // extended, or settled meanwhile
			}
			whole = false
			if failure.SenderFault && part.lease.lose() {
				k.warn("a lease was refused", "group", part.lease.groupID, "message", m.ID, "receiveCount", m.ReceiveCount, "code", aws.ToString(failure.Code), "reason", aws.ToString(failure.Message))
			}
		}
		if whole {
			part.lease.extended(began.Add(part.visibility))
		}
	}
}
