package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Workload is what is sent to the queue.
type Workload struct {
	// Messages in all, 1 or more.
	Messages int
	// Groups that they belong to, 1 or more; work of one group is done in order.
	Groups int
	// Seconds of work that each message asks for, 0 or more.
	Seconds float64
	// Spread makes each message's work random, between none and twice Seconds.
	Spread bool
	// Rate in messages per second; 0 is all at once.
	Rate float64
	// Seed of what is random.
	Seed uint64
}

// secondsAttribute tells the handler how long to work.
const secondsAttribute = "Seconds"

// sleeping is the handler of a demo that is given none: work that waits, as that of
// many real jobs does.
var sleeping = []string{"/bin/sh", "-c", `exec sleep "$MESSAGE_ATTRIBUTE_SECONDS"`}

// Check says which values are wrong.
func (w Workload) Check() error {
	var wrong []error
	add := func(flag string, value any, want string) {
		wrong = append(wrong, fmt.Errorf("--%s: %v: needs to be %s", flag, value, want))
	}
	if w.Messages < 1 {
		add("messages", w.Messages, "1 or more")
	}
	if w.Groups < 1 {
		add("groups", w.Groups, "1 or more")
	}
	if w.Seconds < 0 || math.IsNaN(w.Seconds) || math.IsInf(w.Seconds, 0) {
		add("seconds", w.Seconds, "0 or more")
	}
	if w.Rate != 0 && !(w.Rate >= 0.001 && w.Rate <= 1e6) {
		add("rate", w.Rate, "0.001 to 1000000 messages per second, or 0 for all at once")
	}
	return errors.Join(wrong...)
}

// sent is a message that the queue has taken.
type sent struct {
	id, group string
	number    int // within its group, from 1
}

// send sends the workload to a queue at an endpoint, as any producer would, and
// reports each message.
func (w Workload) send(ctx context.Context, endpoint, region, queueURL string, report func(sent)) error {
	client := sqs.New(sqs.Options{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("producer", "sandbox", ""),
	})
	random := rand.New(rand.NewPCG(w.Seed, 0))
	start := time.Now()
	for i := range w.Messages {
		if w.Rate > 0 && !sleepUntil(ctx, start.Add(time.Duration(float64(i)/w.Rate*float64(time.Second)))) {
			return ctx.Err()
		}
		seconds := w.Seconds
		if w.Spread {
			seconds *= 2 * random.Float64()
		}
		m := sent{group: fmt.Sprintf("group-%d", i%w.Groups), number: i/w.Groups + 1}
		out, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: &queueURL, MessageGroupId: &m.group, MessageDeduplicationId: aws.String(strconv.Itoa(i)),
			MessageBody: aws.String(fmt.Sprintf(`{"job": %d, "group": %q}`, i+1, m.group)),
			MessageAttributes: map[string]types.MessageAttributeValue{
				secondsAttribute: {DataType: aws.String("Number"), StringValue: aws.String(strconv.FormatFloat(seconds, 'f', 3, 64))},
			},
		})
		if err != nil {
			return fmt.Errorf("sending message %d: %w", i+1, err)
		}
		m.id = *out.MessageId
		report(m)
	}
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
