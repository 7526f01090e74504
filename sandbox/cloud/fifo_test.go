package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const hidden = 30 * time.Second

// fifo is a queue with a dead-letter queue after three receives.
func fifo(t *testing.T, change ...func(*Queue)) (box, failed *Mailbox) {
	t.Helper()
	a := NewAccount("us-west-1")
	deadLetter, err := a.CreateQueue(Queue{Name: "failed.fifo", FIFO: true})
	require.NoError(t, err)
	settings := Queue{
		Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true,
		RedrivePolicy: fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, deadLetter.ARN),
	}
	for _, c := range change {
		c(&settings)
	}
	q, err := a.CreateQueue(settings)
	require.NoError(t, err)
	box, err = a.Mailbox(q.URL)
	require.NoError(t, err)
	failed, err = a.Mailbox(deadLetter.URL)
	require.NoError(t, err)
	return box, failed
}

func put(t *testing.T, b *Mailbox, now time.Time, group string, bodies ...string) []*Message {
	t.Helper()
	var sent []*Message
	for _, body := range bodies {
		m, err := b.Send(now, Message{GroupID: group, Body: body})
		require.NoError(t, err)
		sent = append(sent, m)
	}
	return sent
}

func bodiesOf(messages []*Message) []string {
	list := []string{}
	for _, m := range messages {
		list = append(list, m.Body)
	}
	return list
}

func TestReceiveTakesAGroupAsFarAsItCanThenOthers(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1", "a2", "a3")
	put(t, b, dawn, "b", "b1", "b2")
	assert.Equal(t, []string{"a1", "a2", "a3", "b1"}, bodiesOf(b.Receive(dawn, 4, hidden, "", nil)))
	assert.Empty(t, b.Receive(dawn, 10, hidden, "", nil), "b2 waits behind b1")
}

func TestAGroupIsBlockedUpToItsFirstHiddenMessage(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1", "a2", "a3")
	got := b.Receive(dawn, 3, hidden, "", nil)
	require.NoError(t, b.ChangeVisibility(dawn, got[1].ReceiptHandle, 0))
	require.NoError(t, b.ChangeVisibility(dawn, got[2].ReceiptHandle, 0))
	assert.Empty(t, b.Receive(dawn, 10, hidden, "", nil), "the tail waits for its head")

	require.NoError(t, b.ChangeVisibility(dawn, got[0].ReceiptHandle, 0))
	got = b.Receive(dawn, 1, hidden, "", nil)
	assert.Equal(t, []string{"a1"}, bodiesOf(got))
	require.NoError(t, b.Delete(dawn, got[0].ReceiptHandle))
	assert.Equal(t, []string{"a2", "a3"}, bodiesOf(b.Receive(dawn, 10, hidden, "", nil)), "a delete unblocks")
}

func TestMessagesBeforeTheHiddenOneAreNotBlocked(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1", "a2", "a3")
	got := b.Receive(dawn, 3, hidden, "", nil)
	require.NoError(t, b.ChangeVisibility(dawn, got[0].ReceiptHandle, 0))
	require.NoError(t, b.ChangeVisibility(dawn, got[2].ReceiptHandle, 0))
	assert.Equal(t, []string{"a1"}, bodiesOf(b.Receive(dawn, 10, hidden, "", nil)), "a2 blocks a3, not a1")
}

func TestVisibilityEnds(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1")
	first := b.Receive(dawn, 1, hidden, "", nil)[0]
	handle := first.ReceiptHandle
	next, ok := b.NextChange(dawn)
	assert.True(t, ok)
	assert.Equal(t, dawn.Add(hidden), next)
	assert.Empty(t, b.Receive(dawn.Add(hidden-time.Second), 1, hidden, "", nil))
	again := b.Receive(dawn.Add(hidden), 1, hidden, "", nil)
	require.Len(t, again, 1)
	assert.Equal(t, 2, again[0].ReceiveCount)
	assert.Equal(t, dawn, again[0].FirstReceived)
	assert.NotEqual(t, handle, again[0].ReceiptHandle)
	require.ErrorContains(t, b.Delete(dawn.Add(hidden), handle), "The receipt handle has expired",
		"of another receive")
}

func TestAnExpiredHandleIsAnErrorEvenIfNobodyElseCame(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1")
	m := b.Receive(dawn, 1, hidden, "", nil)[0]
	late := dawn.Add(hidden)
	require.ErrorContains(t, b.Delete(late, m.ReceiptHandle), "The receipt handle has expired")
	require.ErrorContains(t, b.ChangeVisibility(late, m.ReceiptHandle, hidden),
		"not available for visibility timeout change")
	assert.Len(t, b.Messages(), 1)
}

func TestDeletingAgainIsNoError(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1")
	m := b.Receive(dawn, 1, hidden, "", nil)[0]
	require.NoError(t, b.Delete(dawn, m.ReceiptHandle))
	require.NoError(t, b.Delete(dawn.Add(time.Minute), m.ReceiptHandle))
	require.ErrorContains(t, b.ChangeVisibility(dawn, m.ReceiptHandle, 0), "does not exist")
	require.ErrorContains(t, b.Delete(dawn, "nonsense"), "not a valid receipt handle")
}

func TestTwelveHoursFromTheReceive(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1")
	m := b.Receive(dawn, 1, MaxVisibility, "", nil)[0]
	later := dawn.Add(11 * time.Hour)
	require.ErrorContains(t, b.ChangeVisibility(later, m.ReceiptHandle, 61*time.Minute), "beyond the limit",
		"it is refused, not shortened")
	require.NoError(t, b.ChangeVisibility(later, m.ReceiptHandle, time.Hour))
	require.ErrorContains(t, b.ChangeVisibility(later, m.ReceiptHandle, 13*time.Hour), "between 0 and 43200")
	again := b.Receive(dawn.Add(MaxVisibility), 1, hidden, "", nil)
	require.Len(t, again, 1)
	require.NoError(t, b.ChangeVisibility(dawn.Add(MaxVisibility), again[0].ReceiptHandle, MaxVisibility),
		"counted anew from each receive")
}

func TestAttemptIDs(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1", "a2")
	first := b.Receive(dawn, 10, hidden, "attempt", nil)
	handles := []string{first[0].ReceiptHandle, first[1].ReceiptHandle}
	later := dawn.Add(10 * time.Second)
	again := b.Receive(later, 10, hidden, "attempt", nil)
	assert.Equal(t, []string{"a1", "a2"}, bodiesOf(again))
	assert.Equal(t, handles, []string{again[0].ReceiptHandle, again[1].ReceiptHandle},
		"the same messages under the same handles")
	assert.Equal(t, 1, again[0].ReceiveCount)
	assert.Empty(t, b.Receive(dawn.Add(hidden+5*time.Second), 10, hidden, "", nil),
		"hidden anew from the repetition on")
	assert.Empty(t, b.Receive(later, 10, hidden, "another", nil))

	require.NoError(t, b.Delete(later, handles[0]))
	assert.Empty(t, b.Receive(later, 10, hidden, "attempt", nil), "not once one of them is deleted")
}

func TestAttemptIDsAreForgotten(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	put(t, b, dawn, "a", "a1")
	b.Receive(dawn, 1, time.Hour, "attempt", nil)
	assert.Empty(t, b.Receive(dawn.Add(deduplicationInterval), 1, time.Hour, "attempt", nil))
}

func TestDeduplication(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	first := put(t, b, dawn, "a", "same")[0]
	m := b.Receive(dawn, 1, hidden, "", nil)[0]
	require.NoError(t, b.Delete(dawn, m.ReceiptHandle))
	again, err := b.Send(dawn.Add(4*time.Minute), Message{GroupID: "b", Body: "same"})
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID, "remembered after the delete, and for the whole queue")
	assert.Empty(t, b.Messages())
	put(t, b, dawn.Add(deduplicationInterval), "a", "same")
	assert.Len(t, b.Messages(), 1, "five minutes later it is new")
	_, err = b.Send(dawn.Add(deduplicationInterval),
		Message{GroupID: "a", Body: "same", DeduplicationID: "own"})
	require.NoError(t, err)
	assert.Len(t, b.Messages(), 2, "an id of its own counts instead of the body")
}

func TestDeduplicationByGroup(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t, func(q *Queue) {
		q.DeduplicationScope, q.FIFOThroughputLimit = "messageGroup", "perMessageGroupId"
	})
	put(t, b, dawn, "a", "same")
	put(t, b, dawn, "b", "same")
	assert.Len(t, b.Messages(), 2)
}

func TestRedriveOnTheReceiveAfterTheLast(t *testing.T) {
	t.Parallel()
	b, failed := fifo(t)
	sent := put(t, b, dawn, "a", "a1", "a2")
	now := dawn
	for range 3 {
		require.Equal(t, []string{"a1"}, bodiesOf(b.Receive(now, 1, hidden, "", failed)))
		now = now.Add(hidden)
	}
	assert.Empty(t, failed.Messages(), "the move happens on the next receive")
	assert.Equal(t, []string{"a2"}, bodiesOf(b.Receive(now, 1, hidden, "", failed)))
	moved := failed.Messages()
	require.Equal(t, []string{"a1"}, bodiesOf(moved))
	assert.Equal(t, sent[0].ID, moved[0].DeduplicationID)
	assert.Equal(t, "a", moved[0].GroupID)
	assert.Equal(t, now, moved[0].Sent, "its retention starts anew")
	assert.Zero(t, moved[0].ReceiveCount)
}

func TestEveryMessageOfABatchIsCounted(t *testing.T) {
	t.Parallel()
	b, failed := fifo(t)
	put(t, b, dawn, "a", "a1", "a2", "a3")
	now := dawn
	for range 3 {
		b.Receive(now, 10, hidden, "", failed)
		now = now.Add(hidden)
	}
	assert.Empty(t, b.Receive(now, 10, hidden, "", failed))
	assert.Equal(t, []string{"a1", "a2", "a3"}, bodiesOf(failed.Messages()),
		"two of them were never tried: the receive-count trap")
}

func TestCounts(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t, func(q *Queue) { q.DelaySeconds = 60 })
	put(t, b, dawn, "a", "a1", "a2")
	assert.Equal(t, Counts{Delayed: 2}, b.Counts(dawn))
	later := dawn.Add(time.Minute)
	assert.Equal(t, Counts{Visible: 2}, b.Counts(later))
	m := b.Receive(later, 1, hidden, "", nil)[0]
	assert.Equal(t, Counts{Visible: 1, InFlight: 1, GroupsInFlight: 1}, b.Counts(later))
	require.NoError(t, b.Delete(later, m.ReceiptHandle))
	assert.Equal(t, Counts{Visible: 1}, b.Counts(later))
	b.Purge()
	assert.Equal(t, Counts{}, b.Counts(later))
}

func TestRetention(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t, func(q *Queue) { q.MessageRetentionSeconds = 3600 })
	put(t, b, dawn, "a", "a1")
	assert.Len(t, b.Receive(dawn.Add(time.Hour), 1, hidden, "", nil), 1)
	assert.Empty(t, b.Receive(dawn.Add(time.Hour+2*time.Minute), 1, hidden, "", nil))
	assert.Empty(t, b.Messages())
}

func TestNoMoreInFlightThanSQSAllows(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	for i := range maxInFlight + 5 {
		put(t, b, dawn, fmt.Sprint("group", i), fmt.Sprint(i))
	}
	received := 0
	for {
		got := len(b.Receive(dawn, 10, hidden, "", nil))
		if got == 0 {
			break
		}
		received += got
	}
	assert.Equal(t, maxInFlight, received, "no error, just no messages")
	assert.NotEmpty(t, b.Receive(dawn.Add(hidden), 10, hidden, "", nil),
		"what is visible again counts no more")
}

func TestGroupsTakeTurns(t *testing.T) {
	t.Parallel()
	b, _ := fifo(t)
	for i := range 5 {
		put(t, b, dawn, fmt.Sprint("group", i), fmt.Sprint("first of ", i), fmt.Sprint("second of ", i))
	}
	for i := range 5 {
		assert.Equal(t, []string{fmt.Sprint("first of ", i)}, bodiesOf(b.Receive(dawn, 1, hidden, "", nil)))
	}
}

func TestOnlyFIFOQueuesHaveMailboxes(t *testing.T) {
	t.Parallel()
	a := NewAccount("us-west-1")
	q, err := a.CreateQueue(Queue{Name: "standard"})
	require.NoError(t, err)
	_, err = a.Mailbox(q.URL)
	require.ErrorContains(t, err, "FIFO queues only")
	_, err = a.Mailbox("https://nowhere")
	require.ErrorContains(t, err, "does not exist")
}
