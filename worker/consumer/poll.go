package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithytime "github.com/aws/smithy-go/time"
)

// poll receives messages while there are slots for them. There is always one poll; each
// that comes back full starts another, if enough slots are free to fill it.
func (c *Consumer) poll(work context.Context) error {
	for received := false; ; {
		most, wait := c.pollSize(), c.config.PollWait()
		taken, until, err := c.slots.take(c.stop, most, wait)
		if err != nil {
			return nil // stopping
		}
		if !c.ready() {
			c.slots.giveBack(taken)
			c.pause.await(c.stop)
			continue
		}
		if !until.IsZero() {
			wait = min(wait, max(ShortestWait, time.Until(until).Truncate(time.Second)))
		}
		p := c.newPoll(taken, wait)
		if err := c.receive(p, received); err != nil {
			c.slots.giveBack(taken)
			if c.stopping() {
				return nil
			}
			return fmt.Errorf("receiving from %s: %w", c.config.QueueURL, err)
		}
		received = true
		c.begin(work, p)
	}
}

// pollMore receives once more beside the polls that are under way.
func (c *Consumer) pollMore(work context.Context) {
	most := c.pollSize()
	if c.stopping() || !c.slots.takeIfFree(most) {
		return
	}
	p := c.newPoll(most, ShortestWait)
	c.pollers.Go(func() {
		if !c.ready() || c.receive(p, true) != nil {
			c.slots.giveBack(most)
			return
		}
		c.begin(work, p)
	})
}

// pollSize is how many messages to ask for.
func (c *Consumer) pollSize() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.single) {
		return 1
	}
	return c.config.MessagesAPoll()
}

// outlasted notes that a call of the handler left too little of a lease for another. To
// receive several messages of a group then only spends receives of theirs, so for the
// time of a lease they come one by one.
func (c *Consumer) outlasted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.single = time.Now().Add(LongestLease)
}

// patience is how long the first poll may be refused for want of rights, which take a
// while to be known everywhere when they are new. Source: IAM user guide, "Changes that
// I make are not always immediately visible".
const patience = time.Minute

// receive runs a poll, again and again under the same attempt id, so that messages whose
// delivery got lost come after all. Only the first may be refused for good.
func (c *Consumer) receive(p *poll, received bool) error {
	c.polls.begin()
	defer c.polls.end()
	began := time.Now()
	for failures := 1; ; failures++ {
		err := p.run(c.calls)
		switch {
		case err == nil:
			return nil
		case c.stopping():
			return err
		case !received && isDenial(err):
			if time.Since(began) >= patience {
				return fmt.Errorf("refused for %s: %w", patience, err)
			}
		case !received && isRefusal(err):
			return err
		}
		c.config.Logger.Warn("receiving failed; it is tried again", "error", err)
		if err := smithytime.SleepWithContext(c.stop,
			c.exponential(time.Second, 30*time.Second, failures)); err != nil {
			return err
		}
		if time.Since(p.askedAt) > attemptLife {
			p.renew()
		}
	}
}

// attemptLife is how long SQS remembers an attempt id, less a margin.
const attemptLife = 4 * time.Minute

// poll is one receive.
type poll struct {
	c *Consumer
	// attempt is the id by which SQS knows which receives are the same, so that a
	// repetition after a lost answer gets the same messages.
	attempt string
	slots   int
	wait    time.Duration
	askedAt time.Time
	// receivedAt is when the answer was asked for that arrived.
	receivedAt time.Time
	messages   []types.Message
	// lingers is until when a try whose connection broke may go on at SQS.
	lingers time.Time
}

func (c *Consumer) newPoll(slots int, wait time.Duration) *poll {
	p := &poll{c: c, slots: slots, wait: wait}
	p.renew()
	return p
}

// renew makes it a receive of its own.
func (p *poll) renew() { p.attempt, p.askedAt = p.c.newID(), time.Now() }

// ShortestWait is the least that can be asked of SQS: the SDK leaves out a wait of 0,
// and the queue's own then applies, often 20 s.
const ShortestWait = time.Second

// run receives. It is never cut off: a long poll outlives its connection, and would take
// messages to nobody. If the connection breaks it asks again for the same messages, at
// once, and until the broken try must be over.
func (p *poll) run(ctx context.Context) error {
	for wait := p.wait; ; wait = ShortestWait {
		err := p.receive(ctx, wait)
		var answer smithy.APIError
		switch {
		case err == nil && (len(p.messages) > 0 || p.receivedAt.After(p.lingers)):
			return nil
		case err == nil:
			continue
		case errors.As(err, &answer):
			return err // it had no effect
		}
		p.lingers = time.Now().Add(callTimeout)
		again := p.receive(ctx, ShortestWait)
		if again != nil {
			return errors.Join(err, again)
		}
		if len(p.messages) > 0 {
			return nil
		}
	}
}

func (p *poll) receive(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	p.receivedAt = time.Now()
	output, err := p.c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(p.c.config.QueueURL),
		MaxNumberOfMessages:         int32(p.slots),
		VisibilityTimeout:           int32(p.c.config.VisibilityTimeout / time.Second),
		WaitTimeSeconds:             int32(wait / time.Second),
		ReceiveRequestAttemptId:     aws.String(p.attempt),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	}, once)
	if err != nil {
		return err
	}
	p.messages = output.Messages
	return nil
}

// once has the SDK try once: its own repetitions of a long poll would run into our limit
// of time, and so be cut off.
func once(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

// polls counts the polls under way.
type polls struct {
	mu    sync.Mutex
	n     int
	ended chan struct{} // closed when none is left
}

func (p *polls) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n++; p.n == 1 {
		p.ended = make(chan struct{})
	}
}

func (p *polls) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n--; p.n == 0 {
		close(p.ended)
	}
}

// await waits until no poll is under way, or ctx ends.
func (p *polls) await(ctx context.Context) {
	p.mu.Lock()
	n, ended := p.n, p.ended
	p.mu.Unlock()
	if n == 0 {
		return
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
