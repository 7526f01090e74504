package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var messageCases = []Case{
	{
		Name: "dead-letter-alone",
		Assumed: "a message that fails goes to the dead-letter queue alone: those of its group and of" +
			" others are done",
		IfNot: "The worker's log says why the message could not be moved; its role needs sqs:SendMessage on" +
			" the dead-letter queue, see the output taskPolicy.",
		Minutes: 4, run: deadLetterAlone,
	},
	{
		Name: "hung-up-poll",
		Assumed: "a long poll outlives its connection: what arrives until its wait is over is hidden for a" +
			" visibility timeout",
		IfNot: "Good news: a poll that is cut off costs nothing, and the worker could cut its polls when it" +
			" stops. awsapi's PollsEndWithConnection is the reading then.",
		Minutes: 1, run: hungUpPoll,
	},
}

// lastCases are done when all others are.
var lastCases = []Case{{
	Name:    "nothing-left",
	Assumed: "destroy ends by itself and leaves nothing",
	IfNot: "Remove what the report lists. If a task worked, run it again: see “A deployment or destroy" +
		" hangs” in the runbook.",
	Minutes: 6, run: nothingLeft,
}}

func deadLetterAlone(ctx context.Context, b *Bench) (Finding, error) {
	failing, err := b.send(ctx, b.QueueURL, "failing", job{Exit: 65})
	if err != nil {
		return Finding{}, err
	}
	var others []string
	for _, group := range []string{"failing", "other"} {
		id, err := b.send(ctx, b.QueueURL, group, job{Seconds: 1})
		if err != nil {
			return Finding{}, err
		}
		others = append(others, id)
	}
	if err := b.until(ctx, "nothing is left in the queue", func() (bool, error) {
		visible, inFlight, err := b.counts(ctx, b.QueueURL)
		return visible+inFlight == 0, err
	}); err != nil {
		return Finding{}, err
	}
	var letters []string
	for {
		got, err := b.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &b.DeadLetterQueueURL, MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
		})
		if err != nil {
			return Finding{}, err
		}
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			b.note("in the dead-letter queue: %s", *m.Body)
			letters = append(letters, *m.Body)
			if _, err := b.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{
				QueueUrl: &b.DeadLetterQueueURL, ReceiptHandle: m.ReceiptHandle,
			}); err != nil {
				return Finding{}, err
			}
		}
	}
	done := 0
	for _, id := range others {
		line, err := b.done(ctx, id)
		if err != nil {
			return Finding{}, err
		}
		if line != nil {
			done++
		}
	}
	alone := len(letters) == 1 && strings.Contains(letters[0], "65")
	return Finding{
		AsAssumed: alone && done == len(others),
		Seen: fmt.Sprintf("%d messages in the dead-letter queue after %s failed, %d of the %d others"+
			" are done", len(letters), failing, done, len(others)),
	}, nil
}

// pollSeconds is the wait of the poll that is cut off, cutAfter when.
const pollSeconds, cutAfter = 20, 2

// hungUpPoll polls the dead-letter queue, which nobody consumes.
func hungUpPoll(ctx context.Context, b *Bench) (Finding, error) {
	if visible, inFlight, err := b.counts(ctx, b.DeadLetterQueueURL); err != nil || visible+inFlight > 0 {
		return Finding{}, errors.Join(err,
			fmt.Errorf("the dead-letter queue has %d messages; it has to be empty", visible+inFlight))
	}
	polling, cut := context.WithTimeout(ctx, cutAfter*time.Second)
	defer cut()
	_, err := b.sqs.ReceiveMessage(polling, &sqs.ReceiveMessageInput{
		QueueUrl: &b.DeadLetterQueueURL, WaitTimeSeconds: pollSeconds,
	}, func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
	if err == nil {
		return Finding{}, errors.New("the poll was answered before it was cut off")
	}
	b.note("a poll of %d s was cut off after %d s", pollSeconds, cutAfter)
	id, err := b.send(ctx, b.DeadLetterQueueURL, "poll", job{})
	if err != nil {
		return Finding{}, err
	}
	const counted = 5 * time.Second // counts are some seconds old
	if err := b.sleep(ctx, counted); err != nil {
		return Finding{}, err
	}
	got, err := b.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &b.DeadLetterQueueURL,
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		return Finding{}, err
	}
	if len(got.Messages) == 0 {
		b.note("message %s cannot be received", id)
		return Finding{true, "the poll that was cut off took the message"}, b.purgeDeadLetters(ctx)
	}
	b.note("message %s was received", id)
	return refuted("the message was received by the next poll"), b.purgeDeadLetters(ctx)
}

func (b *Bench) purgeDeadLetters(ctx context.Context) error {
	_, err := b.sqs.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &b.DeadLetterQueueURL})
	return err
}

// tagKey is the tag that all resources of an acceptance stack have.
const tagKey = "acceptance"

// leftovers are the ARNs of what has the stack's tag. What AWS keeps of resources that are gone
// does not count: revisions of task definitions, which cost nothing.
func (b *Bench) leftovers(ctx context.Context) (arns []string, err error) {
	tagged := &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []types.TagFilter{{Key: aws.String(tagKey), Values: []string{b.Tag}}},
	}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(b.tagging, tagged)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.ResourceTagMappingList {
			if !strings.Contains(*r.ResourceARN, ":task-definition/") {
				arns = append(arns, *r.ResourceARN)
			}
		}
	}
	return arns, nil
}

func nothingLeft(ctx context.Context, b *Bench) (Finding, error) {
	if err := b.Stack.Destroy(ctx); err != nil {
		return Finding{}, err
	}
	var arns []string
	// The index of tags, and the queues' deletion, take a minute.
	const forgotten = 3
	for began := time.Now(); ; {
		var err error
		if arns, err = b.leftovers(ctx); err != nil {
			return Finding{}, err
		}
		if len(arns) == 0 || time.Since(began) > b.minutes(forgotten) {
			break
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return Finding{}, err
		}
	}
	if len(arns) == 0 {
		return Finding{true, "no resource has the stack's tag"}, nil
	}
	b.note("left: %s", strings.Join(arns, ", "))
	return refuted("%d resources are left: %s", len(arns), strings.Join(arns, ", ")), nil
}
