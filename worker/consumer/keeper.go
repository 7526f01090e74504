package consumer

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
)

// keeper extends all leases.
type keeper struct {
	client     SQS
	queueURL   string
	visibility time.Duration
	leases     func() []*lease
	warn       func(text string, args ...any)
}

// BeatsPerTimeout is how often a lease is extended in a visibility timeout.
const BeatsPerTimeout = 3

// run extends from a ticker, so that one slow extension does not put off the next,
// until ctx ends.
func (k *keeper) run(ctx context.Context) {
	ticker := time.NewTicker(k.visibility / BeatsPerTimeout)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.extendAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// beat is an extension of some leases in one call.
type beat struct {
	entries []types.ChangeMessageVisibilityBatchRequestEntry
	parts   []beatPart
}

// beatPart is a lease's share in a beat.
type beatPart struct {
	lease      *lease
	messages   []*Message
	visibility time.Duration
}

func (k *keeper) extendAll(ctx context.Context) {
	const callsAtOnce = 16
	var group errgroup.Group
	group.SetLimit(callsAtOnce)
	for _, b := range k.beats(time.Now()) {
		group.Go(func() error {
			k.extend(ctx, b)
			return nil
		})
	}
	_ = group.Wait() // the calls report for themselves
}

// beats packs the leases into batches, each lease whole.
func (k *keeper) beats(now time.Time) []beat {
	var beats []beat
	leases := k.leases()
	slices.SortFunc(leases, func(a, b *lease) int { return a.expiresAt().Compare(b.expiresAt()) })
	for _, l := range leases {
		messages, most := l.extendable(now)
		visibility := min(k.visibility, most)
		if len(messages) == 0 || visibility <= 0 {
			continue // past the limit the lease runs out by itself
		}
		if len(beats) == 0 || len(beats[len(beats)-1].entries)+len(messages) > BatchSize {
			beats = append(beats, beat{})
		}
		b := &beats[len(beats)-1]
		for _, m := range messages {
			b.entries = append(b.entries, visibilityEntry(len(b.entries), m, visibility))
		}
		b.parts = append(b.parts, beatPart{l, messages, visibility})
	}
	return beats
}

func (k *keeper) extend(ctx context.Context, b beat) {
	ctx, cancel := context.WithTimeout(ctx, min(callTimeout, k.visibility/4))
	defer cancel()
	began := time.Now()
	output, err := k.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(k.queueURL), Entries: b.entries,
	})
	if err != nil {
		k.warn("extending leases failed; the next beat tries again", "error", err)
		return
	}
	failures := map[string]types.BatchResultErrorEntry{}
	for i := range b.entries {
		failures[entryID(i)] = types.BatchResultErrorEntry{Code: aws.String("Unanswered")}
	}
	for _, done := range output.Successful {
		delete(failures, aws.ToString(done.Id))
	}
	for _, f := range output.Failed {
		failures[aws.ToString(f.Id)] = f
	}
	position := 0
	for _, part := range b.parts {
		whole := true
		for _, m := range part.messages {
			failure, failed := failures[entryID(position)]
			position++
			if !failed || !part.lease.extends(m) {
				continue // extended, or settled meanwhile
			}
			whole = false
			if failure.SenderFault && part.lease.lose() {
				k.warn("the extension of a lease was refused",
					append(about(m), "code", aws.ToString(failure.Code), "reason",
						aws.ToString(failure.Message))...)
			}
		}
		if whole {
			part.lease.extended(began.Add(part.visibility))
		}
	}
}
