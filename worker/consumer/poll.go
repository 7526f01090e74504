package consumer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// poll receives messages while there are slots for them.
func (c *Consumer) poll(ctx, work context.Context) error {
	for received := false; ; received = true {
		slots, err := c.takeSlots(ctx)
		if err != nil {
			return nil // stopping
		}
		p := newPoll(c, slots)
		if err := c.receive(ctx, p, received); err != nil {
			c.slots.Release(int64(slots))
			if ctx.Err() != nil {
				return nil // stopping
			}
			return fmt.Errorf("receiving from %s: %w", c.QueueURL, err)
		}
		c.start(work, p)
	}
}

// receive runs a poll, with patience: the same one again and again, so that messages
// whose delivery got lost come after all. Only the first may be refused for good.
func (c *Consumer) receive(ctx context.Context, p *poll, received bool) error {
	for failures := 1; ; failures++ {
		err := p.run(c.cuttable(ctx))
		if err == nil || ctx.Err() != nil || !received && isRefusal(err) {
			return err
		}
		c.Logger.Warn("receiving failed; it is tried again", "error", err)
		if err := sleep(ctx, exponential(c.Backoff, 30*time.Second, failures)); err != nil {
			return err
		}
		if time.Since(p.askedAt) > attemptLife {
			p.renew()
		}
	}
}

// cuttable is a context for a poll that others may cut short.
func (c *Consumer) cuttable(ctx context.Context) context.Context {
	poll, cut := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutPoll != nil {
		c.cutPoll() // of the poll before; it is over
	}
	c.cutPoll = cut
	return poll
}

// cut ends the poll that is under way.
func (c *Consumer) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutPoll != nil {
		c.cutPoll()
	}
}

// takeSlots waits until work may start, and takes as many slots as a poll can fill.
// While a failed message is about to come back it takes one only: then it comes
// alone, and does not burn the receive counts of those behind it.
func (c *Consumer) takeSlots(ctx context.Context) (int, error) {
	c.mu.Lock()
	pause := time.Until(c.pauseUntil)
	c.mu.Unlock()
	if pause > 0 {
		if err := sleep(ctx, pause); err != nil {
			return 0, err
		}
	}
	if err := c.awaitProtection(ctx); err != nil {
		return 0, err
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	taken := 1
	if now := time.Now(); c.blocked.dueBetween(now, now.Add(c.WaitTime)) {
		return taken, nil
	}
	for taken < batchSize && c.slots.TryAcquire(1) {
		taken++
	}
	return taken, nil
}

// attemptLife is how long SQS remembers an attempt id, less a margin.
const attemptLife = 4 * time.Minute

// awaitProtection asks for protection before it receives, once it was refused: what is
// received only to be handed back comes nearer to the dead-letter queue each time.
func (c *Consumer) awaitProtection(ctx context.Context) error {
	for c.refusals.Load() > 0 {
		release, err := c.Protection.Hold(ctx)
		if err == nil {
			release()
			c.refusals.Store(0)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := sleep(ctx, c.refused(err)); err != nil {
			return err
		}
	}
	return nil
}

// poll is one receive.
type poll struct {
	c *Consumer
	// attempt tells SQS which receives are the same, so that a repetition after a lost
	// answer gets the same messages.
	attempt string
	slots   int
	askedAt time.Time
	// receivedAt is when the answer was asked for that arrived.
	receivedAt time.Time
	messages   []types.Message
}

func newPoll(c *Consumer, slots int) *poll {
	p := &poll{c: c, slots: slots}
	p.renew()
	return p
}

// renew makes it a receive of its own.
func (p *poll) renew() { p.attempt, p.askedAt = rand.Text(), time.Now() }

// shortestWait is the least that can be asked of SQS: the SDK leaves out a wait of 0,
// and the queue's own then applies, often 20 s.
const shortestWait = time.Second

// run receives. If the answer is lost or the poll is cut off it asks again, at once,
// for the same messages: they would be hidden from everybody otherwise.
func (p *poll) run(ctx context.Context) error {
	err := p.receive(ctx, min(p.c.WaitTime, (p.c.VisibilityTimeout/3).Truncate(time.Second)))
	if err == nil || isRefusal(err) {
		return err
	}
	if again := p.receive(context.WithoutCancel(ctx), shortestWait); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

func (p *poll) receive(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	p.receivedAt = time.Now()
	output, err := p.c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(p.c.QueueURL),
		MaxNumberOfMessages:         int32(p.slots),
		VisibilityTimeout:           int32(p.c.VisibilityTimeout / time.Second),
		WaitTimeSeconds:             int32(wait / time.Second),
		ReceiveRequestAttemptId:     aws.String(p.attempt),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return err
	}
	p.messages = output.Messages
	return nil
}

// isRefusal says whether SQS refused a request for what it is, so that repeating it
// is of no use.
func isRefusal(err error) bool {
	var refusal smithy.APIError
	throttles := []string{"RequestThrottled", "ThrottlingException", "Throttling", "TooManyRequestsException", "KmsThrottled"}
	return errors.As(err, &refusal) && refusal.ErrorFault() == smithy.FaultClient && !slices.Contains(throttles, refusal.ErrorCode())
}
