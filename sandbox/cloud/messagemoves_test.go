package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deadLettered is a queue whose messages have all gone to its dead-letter queue, and
// when that was.
func deadLettered(t *testing.T, bodies ...string) (b, failed *Mailbox, now time.Time) {
	t.Helper()
	b, failed = fifo(t)
	put(t, b, dawn, "a", bodies...)
	now = dawn
	for range 4 {
		b.Receive(now, 10, hidden, "", failed)
		now = now.Add(hidden)
	}
	require.Len(t, failed.Messages(), len(bodies))
	return b, failed, now
}

func startMove(
	t *testing.T, from *Mailbox, now time.Time, change ...func(*MessageMoveTask),
) *MessageMoveTask {
	t.Helper()
	task := MessageMoveTask{SourceARN: from.Queue().ARN}
	for _, c := range change {
		c(&task)
	}
	started, err := from.account.StartMessageMoveTask(now, task)
	require.NoError(t, err)
	return started
}

func TestAMoveTakesMessagesBackInOrder(t *testing.T) {
	t.Parallel()
	b, failed, now := deadLettered(t, "a1", "a2", "a3")
	put(t, b, now, "a", "a4")
	ids := failed.Messages()
	task := startMove(t, failed, now, func(t *MessageMoveTask) { t.Rate = 2 })
	assert.Equal(t, 3, task.ToMove)
	failed.account.MoveMessages(now.Add(time.Second))
	assert.Equal(t, []string{"a4", "a1", "a2"}, bodiesOf(b.Messages()),
		"two a second, behind what was sent meanwhile")
	assert.Equal(t, MoveRunning, task.Status)
	next, ok := failed.account.NextMove()
	assert.True(t, ok)
	assert.Equal(t, now.Add(1500*time.Millisecond), next)
	failed.account.MoveMessages(now.Add(time.Minute))
	assert.Equal(t, []string{"a4", "a1", "a2", "a3"}, bodiesOf(b.Messages()))
	assert.Empty(t, failed.Messages())
	assert.Equal(t, MoveCompleted, task.Status)
	assert.Equal(t, 3, task.Moved)
	moved := b.Messages()[1]
	assert.NotEqual(t, ids[0].ID, moved.ID, "a message of its own")
	assert.Equal(t, now.Add(500*time.Millisecond), moved.Sent)
	assert.Zero(t, moved.ReceiveCount)
	assert.Empty(t, moved.DeadLetterSource)
	_, ok = failed.account.NextMove()
	assert.False(t, ok)
}

// TestAMessageThatWasSentToTheDeadLetterQueue: developer guide, "Troubleshoot Amazon SQS
// dead-letter queue and DLQ redrive issues", CouldNotDetermineMessageSource.
func TestAMessageThatWasSentToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	b, failed, now := deadLettered(t, "a1")
	_, err := failed.Send(now, Message{Body: "direct", GroupID: "b", DeduplicationID: "1"})
	require.NoError(t, err)
	task := startMove(t, failed, now)
	failed.account.MoveMessages(now.Add(time.Minute))
	assert.Equal(t, MoveFailed, task.Status)
	assert.Equal(t, "CouldNotDetermineMessageSource", task.FailureReason)
	assert.Equal(t, 1, task.Moved, "what came before it stays where it is")
	assert.Equal(t, []string{"direct"}, bodiesOf(failed.Messages()), "nothing is lost")

	task = startMove(t, failed, now.Add(time.Minute), func(t *MessageMoveTask) {
		t.DestinationARN = b.Queue().ARN
	})
	failed.account.MoveMessages(now.Add(2 * time.Minute))
	assert.Equal(t, MoveCompleted, task.Status)
	assert.Equal(t, []string{"a1", "direct"}, bodiesOf(b.Messages()))
}

func TestAMoveLeavesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	b, failed, now := deadLettered(t, "a1", "a2")
	failed.Receive(now, 1, hidden, "", nil)
	task := startMove(t, failed, now)
	failed.account.MoveMessages(now.Add(time.Second))
	assert.Equal(t, MoveCompleted, task.Status)
	assert.Empty(t, b.Messages(), "a2 waits behind a1, which somebody looks at")
}

func TestACancelledMove(t *testing.T) {
	t.Parallel()
	b, failed, now := deadLettered(t, "a1", "a2", "a3")
	task := startMove(t, failed, now, func(t *MessageMoveTask) { t.Rate = 1 })
	failed.account.MoveMessages(now.Add(time.Second))
	cancelled, err := failed.account.CancelMessageMoveTask(task.Handle)
	require.NoError(t, err)
	assert.Equal(t, 1, cancelled.Moved)
	failed.account.MoveMessages(now.Add(time.Minute))
	assert.Equal(t, MoveCancelled, task.Status)
	assert.Equal(t, []string{"a1"}, bodiesOf(b.Messages()), "what was moved stays moved")
	_, err = failed.account.CancelMessageMoveTask(task.Handle)
	assertCode(t, "UnsupportedOperation", err, "CancelMessageMoveTask: only while it is RUNNING")
}

func TestMovesThatFail(t *testing.T) {
	t.Parallel()
	t.Run("where the messages came from is gone", func(t *testing.T) {
		t.Parallel()
		b, failed, now := deadLettered(t, "a1")
		task := startMove(t, failed, now)
		require.NoError(t, b.account.DeleteQueue(b.Queue().URL))
		failed.account.MoveMessages(now.Add(time.Minute))
		assert.Equal(t, []any{MoveFailed, "AWS.SimpleQueueService.NonExistentQueue"},
			[]any{task.Status, task.FailureReason})
		assert.Len(t, failed.Messages(), 1)
	})
	t.Run("the dead-letter queue is gone", func(t *testing.T) {
		t.Parallel()
		_, failed, now := deadLettered(t, "a1")
		task := startMove(t, failed, now)
		require.NoError(t, failed.account.DeleteQueue(failed.Queue().URL))
		failed.account.MoveMessages(now.Add(time.Minute))
		assert.Equal(t, MoveFailed, task.Status)
	})
	t.Run("a move that takes more than 36 hours", func(t *testing.T) {
		t.Parallel()
		b, failed, now := deadLettered(t, "a1")
		task := startMove(t, failed, now, func(t *MessageMoveTask) { t.Rate = 1 })
		for i := range int(longestMove.Seconds()) + 10 {
			at := now.Add(time.Duration(i) * time.Second)
			_, err := failed.Send(at, Message{Body: "x", GroupID: "a", DeduplicationID: fmt.Sprint(i)})
			require.NoError(t, err)
			task.DestinationARN = b.Queue().ARN
			failed.account.MoveMessages(at)
		}
		assert.Equal(t, MoveFailed, task.Status)
	})
}

func TestTheMovedMessageOfADuplicate(t *testing.T) {
	t.Parallel()
	b, failed := fifo(t)
	put(t, b, dawn, "a", "a1")
	_, err := failed.Send(dawn,
		Message{Body: "other", GroupID: "a", DeduplicationID: b.Messages()[0].DeduplicationID})
	require.NoError(t, err)
	startMove(t, failed, dawn, func(t *MessageMoveTask) { t.DestinationARN = b.Queue().ARN })
	failed.account.MoveMessages(dawn.Add(time.Second))
	assert.Equal(t, []string{"a1"}, bodiesOf(b.Messages()),
		"its deduplication id was used in the last five minutes")
}

// TestMovesThatAreRefused: API reference, StartMessageMoveTask.
func TestMovesThatAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		why    string
		change func(b, failed *Mailbox, t *MessageMoveTask)
		code   string
	}{
		"no such source": {"", func(_, _ *Mailbox, t *MessageMoveTask) {
			t.SourceARN += "x"
		}, "ResourceNotFoundException"},
		"no ARN": {"", func(_, _ *Mailbox, t *MessageMoveTask) {
			t.SourceARN = "jobs.fifo"
		}, "ResourceNotFoundException"},
		"no dead-letter": {"only those that other queues use as one",
			func(b, _ *Mailbox, t *MessageMoveTask) {
				t.SourceARN = b.Queue().ARN
			}, "InvalidParameterValue"},
		"no such destination": {"", func(_, _ *Mailbox, t *MessageMoveTask) {
			t.DestinationARN = "arn:x"
		}, "ResourceNotFoundException"},
		"to itself": {"", func(_, failed *Mailbox, t *MessageMoveTask) {
			t.DestinationARN = failed.Queue().ARN
		}, "InvalidParameterValue"},
		"to a standard queue": {"FIFO to FIFO", func(b, _ *Mailbox, t *MessageMoveTask) {
			q, _ := b.account.CreateQueue(Queue{Name: "standard"})
			t.DestinationARN = q.ARN
		}, "InvalidParameterValue"},
		"501 a second": {"500 at most", func(_, _ *Mailbox, t *MessageMoveTask) {
			t.Rate = 501
		}, "InvalidParameterValue"},
		"-1 a second": {"", func(_, _ *Mailbox, t *MessageMoveTask) {
			t.Rate = -1
		}, "InvalidParameterValue"},
		"a second one": {"one active task a source", func(_, failed *Mailbox, _ *MessageMoveTask) {
			_, _ = failed.account.StartMessageMoveTask(dawn, MessageMoveTask{SourceARN: failed.Queue().ARN})
		}, "InvalidParameterValue"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, failed := fifo(t)
			task := MessageMoveTask{SourceARN: failed.Queue().ARN}
			tc.change(b, failed, &task)
			_, err := failed.account.StartMessageMoveTask(dawn, task)
			assertCode(t, tc.code, err, tc.why)
		})
	}
	_, failed := fifo(t)
	_, err := failed.account.MessageMoveTasks(failed.Queue().ARN, 11)
	assertCode(t, "InvalidParameterValue", err, "ListMessageMoveTasks: ten at most")
	_, err = failed.account.MessageMoveTasks("arn:x", 1)
	assertCode(t, "ResourceNotFoundException", err, "ListMessageMoveTasks")
	_, err = failed.account.CancelMessageMoveTask("nonsense")
	assertCode(t, "ResourceNotFoundException", err, "CancelMessageMoveTask")
}
