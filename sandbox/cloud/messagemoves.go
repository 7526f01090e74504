package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The states of a message move task.
const (
	MoveRunning   = "RUNNING"
	MoveCompleted = "COMPLETED"
	MoveCancelled = "CANCELLED"
	MoveFailed    = "FAILED"
)

// MessageMoveTask moves the visible messages of a dead-letter queue, the oldest first,
// to where they came from or to a queue that is named. Sources: API reference,
// StartMessageMoveTask; developer guide, "Configure a dead-letter queue redrive" and
// "Troubleshoot dead-letter queue redrive issues".
type MessageMoveTask struct {
	Handle         string
	SourceARN      string
	DestinationARN string // "" is the queue that each message came from
	Rate           int    // messages a second, 1 to 500; 0 leaves it to SQS
	Status         string
	ToMove, Moved  int
	FailureReason  string // of a task that failed
	Started        time.Time

	next time.Time // when the next message moves
}

const (
	// fastestMove is the most messages a second that a task may ask for, and here what
	// SQS chooses if it is not asked for any.
	fastestMove = 500
	// longestMove is how long a task may run.
	longestMove = 36 * time.Hour
	// mostTasksListed is how many tasks of a queue are listed.
	mostTasksListed = 10
)

// StartMessageMoveTask begins to move messages; see MoveMessages.
func (a *Account) StartMessageMoveTask(now time.Time, t MessageMoveTask) (*MessageMoveTask, error) {
	source := a.queueByARN(t.SourceARN)
	if source == nil {
		return nil, noSuchResource("SourceArn")
	}
	if sources, err := a.DeadLetterSources(source.URL); err != nil || len(sources) == 0 {
		return nil, invalid("Source queue must be configured as a Dead Letter Queue.")
	}
	if t.DestinationARN != "" {
		destination := a.queueByARN(t.DestinationARN)
		switch {
		case destination == nil:
			return nil, noSuchResource("DestinationArn")
		case destination == source:
			return nil, invalid("Source queue arn and destination queue arn cannot be the same.")
		case destination.FIFO != source.FIFO:
			return nil, invalid("Source queue and destination queue must be of the same type.")
		}
	}
	if t.Rate != 0 {
		if err := CheckMoveRate(t.Rate); err != nil {
			return nil, err
		}
	}
	for _, other := range a.moves {
		if other.SourceARN == t.SourceARN && other.Status == MoveRunning {
			return nil, invalid(
				"There is already a task running. Only one active task is allowed for a source queue arn " +
					"at a given time.",
			)
		}
	}
	box, err := a.Mailbox(source.URL)
	if err != nil {
		return nil, err
	}
	a.Serial++
	t.Handle = fmt.Sprintf("%s/move/%d", t.SourceARN, a.Serial)
	t.Status, t.Started, t.ToMove = MoveRunning, now, box.Counts(now).Visible
	t.next = now.Add(t.interval())
	a.moves = append(a.moves, &t)
	return &t, nil
}

// CheckMoveRate holds a rate that was asked for to its range: 1 to 500 messages a second.
func CheckMoveRate(rate int) error {
	if rate < 1 || rate > fastestMove {
		return invalid(
			"Value %d for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 "+
				"and %d, if provided.", rate, fastestMove,
		)
	}
	return nil
}

func noSuchResource(parameter string) error {
	return refuse("ResourceNotFoundException",
		"The resource that you specified for the %s parameter doesn't exist.", parameter,
	)
}

// MessageMoveTasks are the tasks of a source, the latest first.
func (a *Account) MessageMoveTasks(sourceARN string, most int) ([]*MessageMoveTask, error) {
	if a.queueByARN(sourceARN) == nil {
		return nil, noSuchResource("SourceArn")
	}
	if most < 1 || most > mostTasksListed {
		return nil, invalid(
			"Value %d for parameter MaxResults is invalid. Reason: Must be between 1 and %d, if provided.",
			most, mostTasksListed,
		)
	}
	var tasks []*MessageMoveTask
	for _, t := range slices.Backward(a.moves) {
		if t.SourceARN == sourceARN && len(tasks) < most {
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// CancelMessageMoveTask stops a task that runs. What it has moved stays where it is.
func (a *Account) CancelMessageMoveTask(handle string) (*MessageMoveTask, error) {
	for _, t := range a.moves {
		switch {
		case t.Handle != handle:
		case t.Status != MoveRunning:
			return nil, refuse("UnsupportedOperation", "Only active tasks can be cancelled.")
		default:
			t.Status = MoveCancelled
			return t, nil
		}
	}
	return nil, refuse("ResourceNotFoundException", "Task does not exist.")
}

// MoveMessages lets the tasks go on to a time.
func (a *Account) MoveMessages(now time.Time) {
	for _, t := range a.moves {
		for t.Status == MoveRunning && !t.next.After(now) {
			a.moveOne(t)
			t.next = t.next.Add(t.interval())
		}
	}
}

// NextMove is when a task goes on next.
func (a *Account) NextMove() (next time.Time, ok bool) {
	for _, t := range a.moves {
		if t.Status == MoveRunning && (!ok || t.next.Before(next)) {
			next, ok = t.next, true
		}
	}
	return next, ok
}

func (t *MessageMoveTask) interval() time.Duration {
	rate := t.Rate
	if rate == 0 {
		rate = fastestMove
	}
	return time.Second / time.Duration(rate)
}

func (t *MessageMoveTask) fail(reason string) { t.Status, t.FailureReason = MoveFailed, reason }

// moveOne moves a task's next message. It becomes a new message there: with an id, a
// time of sending and receive counts of its own, at the end of its group. Its
// deduplication id stays, so that the queue may know it as a duplicate.
func (a *Account) moveOne(t *MessageMoveTask) {
	source, err := a.mailboxByARN(t.SourceARN)
	if err != nil {
		t.fail(queueGone)
		return
	}
	source.tidy(t.next)
	m := source.oldestVisible(t.next)
	if m == nil {
		t.Status = MoveCompleted
		return
	}
	destination := cmp.Or(t.DestinationARN, m.DeadLetterSource)
	if destination == "" {
		t.fail("CouldNotDetermineMessageSource") // it was sent to this queue, not moved to it
		return
	}
	target, err := a.mailboxByARN(destination)
	switch {
	case err != nil:
		t.fail(queueGone)
	case t.next.Sub(t.Started) > longestMove:
		t.fail("TimedOut")
	default:
		target.tidy(t.next)
		target.put(t.next, m.moved(a.ids.next(), m.DeduplicationID, ""))
		source.remove(m)
		delete(source.handles, m.ReceiptHandle)
		t.Moved++
	}
}

func (a *Account) mailboxByARN(arn string) (*Mailbox, error) {
	queue := a.queueByARN(arn)
	if queue == nil {
		return nil, refuse(queueGone, "the queue %s does not exist", arn)
	}
	return a.Mailbox(queue.URL)
}

// oldestVisible is the message that was sent first of those that can be received.
func (b *Mailbox) oldestVisible(now time.Time) (oldest *Message) {
	for _, group := range b.order {
		if m := group.messages[0]; m.VisibleAt(now) && (oldest == nil || m.Sequence < oldest.Sequence) {
			oldest = m
		}
	}
	return oldest
}
