package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithytime "github.com/aws/smithy-go/time"
)

// deleter deletes messages of different groups in shared batches.
type deleter struct {
	client   SQS
	queueURL string
	requests chan deletion
	// groups is how many are worked on: with as many deletes at hand no other can come.
	groups func() int
}

// deletion is a message to delete, and where to report how it went.
type deletion struct {
	handle string
	result chan error // buffered
}

// errNotOurs is a delete that SQS refused since the handle has expired.
var errNotOurs = errors.New("the receipt handle has expired")

// run gathers deletions for a few milliseconds, or until a batch is full or no group
// could add to it, until ctx ends.
func (d *deleter) run(ctx context.Context) {
	const gather = 2 * time.Millisecond
	var pending []deletion
	timer := time.NewTimer(gather)
	timer.Stop()
	flush := func() {
		timer.Stop()
		go d.delete(ctx, pending)
		pending = nil
	}
	for {
		select {
		case request := <-d.requests:
			pending = append(pending, request)
			switch {
			case len(pending) >= min(BatchSize, d.groups()):
				flush()
			case len(pending) == 1:
				timer.Reset(gather)
			}
		case <-timer.C:
			flush()
		case <-ctx.Done():
			for _, request := range pending {
				request.result <- ctx.Err()
			}
			return
		}
	}
}

func (d *deleter) delete(ctx context.Context, batch []deletion) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
	for i, request := range batch {
		entries[i] = types.DeleteMessageBatchRequestEntry{
			Id: aws.String(entryID(i)), ReceiptHandle: aws.String(request.handle),
		}
	}
	output, err := d.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
		QueueUrl: aws.String(d.queueURL), Entries: entries,
	})
	results := make([]error, len(batch))
	if err != nil {
		for i := range results {
			results[i] = err
		}
	} else {
		for i := range results {
			results[i] = errUnanswered
		}
		for _, done := range output.Successful {
			setResult(results, done.Id, nil)
		}
		for _, f := range output.Failed {
			setResult(results, f.Id, entryError(f))
		}
	}
	for i, request := range batch {
		request.result <- results[i]
	}
}

// errUnanswered is an entry that the answer to its batch does not mention.
var errUnanswered = errors.New("SQS did not say what became of the entry")

func setResult(results []error, id *string, result error) {
	if i, err := strconv.Atoi(aws.ToString(id)); err == nil && i >= 0 && i < len(results) {
		results[i] = result
	}
}

// entryError is a failed entry of a batch: not held any more, or worth a repetition.
func entryError(f types.BatchResultErrorEntry) error {
	err := fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
	if f.SenderFault {
		return errors.Join(errNotOurs, err)
	}
	return err
}

// one deletes a message and waits for the answer.
func (d *deleter) one(ctx context.Context, m *Message) error {
	request := deletion{handle: m.ReceiptHandle, result: make(chan error, 1)}
	select {
	case d.requests <- request:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-request.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle deletes the head of a lease and returns when SQS has confirmed it. While
// the message is held a failed delete is repeated, for as long as the last extension
// reaches; a handle that has expired is a lost lease, and never tried again.
func (c *Consumer) settle(l *lease, m *Message) error {
	ctx, cancel := context.WithDeadline(c.calls, l.beginDelete())
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := c.deleter.one(ctx, m)
		switch {
		case err == nil:
			l.dropHead()
			return nil
		case errors.Is(err, errNotOurs), ctx.Err() != nil:
			l.lose()
			return fmt.Errorf("deleting: %w", err)
		}
		c.config.Logger.Warn("a delete failed; it is tried again", append(about(m), "error", err)...)
		if smithytime.SleepWithContext(ctx,
			c.exponential(100*time.Millisecond, 5*time.Second, attempt)) != nil {
			l.lose()
			return fmt.Errorf("deleting: %w", err)
		}
	}
}

// about is what the log says of a message.
func about(m *Message) []any {
	return []any{"message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount}
}

func entryID(i int) string { return strconv.Itoa(i) }

// exponential is base, doubled with each attempt after the first, up to most, and
// shortened at random by up to half, so that workers do not move in step.
func (c *Consumer) exponential(base, most time.Duration, attempt int) time.Duration {
	d := most
	if shift := attempt - 1; shift < 63 && base <= most>>shift {
		d = base << shift
	}
	return d/2 + c.jitter(d/2)
}
