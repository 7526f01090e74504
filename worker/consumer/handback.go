package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// HeadStart is how much longer the messages behind a head stay hidden than the head,
// when both are handed back. The next poll then takes the head alone, and spends no
// receive of the others.
const HeadStart = 2 * time.Second

// handBack ends a lease and hands its messages back: the head hidden for a time, those
// behind it a little longer. In whatever order SQS carries that out, and if it fails in
// part, a group is blocked up to its first hidden message, so no message overtakes
// another. A failed call is not repeated: what was not handed back becomes visible by
// itself.
func (c *Consumer) handBack(l *lease, wait time.Duration) {
	l.giveUp()
	c.awaitOwnPolls()
	wait = HandBackWait(wait, time.Until(l.limit))
	messages := l.release()
	if len(messages) == 0 {
		return
	}
	c.observeHandBack(messages, wait)
	c.changeVisibility(messages, wait, HeadStart)
}

// HandBackWait is for how long a head is hidden that is to wait for a time: whole seconds,
// no longer than what is left of its lease.
func HandBackWait(wait, left time.Duration) time.Duration {
	whole := (wait + time.Second - 1).Truncate(time.Second)
	return max(0, min(whole, left.Truncate(time.Second)-HeadStart))
}

// awaitOwnPolls waits, when nothing may start any more, or for now, until the polls under
// way have ended. They would take what is handed back, only to hand it back again.
func (c *Consumer) awaitOwnPolls() {
	if c.stopping() || !c.pause.over() {
		c.polls.await(c.calls)
	}
}

// handBackAll hands back the messages of several groups.
func (c *Consumer) handBackAll(leases []*lease) {
	var calls sync.WaitGroup
	for _, l := range leases {
		calls.Go(func() { c.handBack(l, 0) })
	}
	calls.Wait()
}

func (c *Consumer) observeHandBack(messages []*Message, wait time.Duration) {
	c.config.Observe(Event{Kind: HandedBack, Message: messages[0], Count: len(messages), Wait: wait})
}

// changeVisibility hides the first of some messages for a time, and the others for a
// while longer.
func (c *Consumer) changeVisibility(messages []*Message, wait, more time.Duration) {
	ctx, cancel := context.WithTimeout(c.calls, callTimeout)
	defer cancel()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = visibilityEntry(i, m, wait)
		wait += more
		more = 0
	}
	_, err := c.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(c.config.QueueURL), Entries: entries,
	})
	if err != nil {
		c.config.Logger.Warn("handing back messages failed; they become visible by themselves",
			append(about(messages[0]), "messages", len(messages), "error", err)...)
	}
}

func visibilityEntry(
	i int, m *Message, visibility time.Duration,
) types.ChangeMessageVisibilityBatchRequestEntry {
	return types.ChangeMessageVisibilityBatchRequestEntry{
		Id: aws.String(entryID(i)), ReceiptHandle: aws.String(m.ReceiptHandle),
		VisibilityTimeout: int32(visibility / time.Second),
	}
}
