package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
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
	// Body of each message; "" is the job's number and group, as JSON.
	Body string
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

// job is a message to send.
type job struct {
	at     time.Duration // after the first
	group  string
	number int // within its group, from 1
	work   float64
}

// plan is what is sent, and when, the same for the same seed.
func (w Workload) plan() iter.Seq2[int, job] {
	return func(yield func(int, job) bool) {
		random := rand.New(rand.NewPCG(w.Seed, 0))
		for i := range w.Messages {
			j := job{group: fmt.Sprintf("group-%d", i%w.Groups), number: i/w.Groups + 1, work: w.Seconds}
			if w.Rate > 0 {
				j.at = time.Duration(float64(i) / w.Rate * float64(time.Second))
			}
			if w.Spread {
				j.work *= 2 * random.Float64()
			}
			if !yield(i, j) {
				return
			}
		}
	}
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
		Region: region, BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("producer", "sandbox", ""),
	})
	start := time.Now()
	for i, j := range w.plan() {
		if j.at > 0 && !sleepUntil(ctx, start.Add(j.at)) {
			return ctx.Err()
		}
		seconds := strconv.FormatFloat(j.work, 'f', 3, 64)
		out, err := client.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: &queueURL, MessageGroupId: &j.group,
			MessageDeduplicationId: aws.String(strconv.Itoa(i)),
			MessageBody: aws.String(cmp.Or(w.Body,
				fmt.Sprintf(`{"job": %d, "group": %q}`, i+1, j.group))),
			MessageAttributes: map[string]types.MessageAttributeValue{
				secondsAttribute: {DataType: aws.String("Number"), StringValue: &seconds},
			},
		})
		if err != nil {
			return fmt.Errorf("sending message %d: %w", i+1, err)
		}
		report(sent{id: *out.MessageId, group: j.group, number: j.number})
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
