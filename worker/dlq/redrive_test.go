package dlq

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

func TestRedrive(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 25 {
			w.fail("a", fmt.Sprint(i))
		}
		id := w.put(
			cloud.Message{
				GroupID:     "b",
				Body:        "x",
				TraceHeader: "Root=1",
				Attributes: map[string]cloud.MessageAttribute{
					consumer.FailureReasonAttribute: {
						DataType:    "String",
						StringValue: "{}",
					}, "kind": {DataType: "String", StringValue: "report"},
					"bytes": {DataType: "Binary", BinaryValue: []byte{1}},
				},
			},
		)
		before := w.bodies(w.failed)
		output, notes, err := w.run(w.client, "redrive")
		require.NoError(w.t, err)
		assert.Equal(w.t, before, w.bodies(w.queue), "all of it, in order")
		assert.Empty(w.t, w.bodies(w.failed))
		sent := w.messages(w.queue)["b"][0]
		assert.Equal(w.t, id, sent.DeduplicationID)
		assert.Equal(w.t, "Root=1", sent.TraceHeader)
		assert.Equal(
			w.t,
			map[string]cloud.MessageAttribute{
				"kind":  {DataType: "String", StringValue: "report"},
				"bytes": {DataType: "Binary", BinaryValue: []byte{1}},
			},
			sent.Attributes,
		)
		assert.Contains(w.t, output, id+" of group b is message "+sent.ID+" now\n")
		assert.Contains(w.t, notes, "26 sent back.\n")
		assert.NotContains(w.t, notes, "left")
	})
}

func TestRedriveOfAGroup(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 30 {
			w.fail("a", fmt.Sprint("a", i))
			w.fail("b", fmt.Sprint("b", i))
		}
		before := w.bodies(w.failed)
		_, notes, err := w.run(w.client, "redrive", "--group", "b")
		require.NoError(w.t, err)
		assert.Equal(w.t, map[string]string{"b": before["b"]}, w.bodies(w.queue))
		assert.Equal(w.t, map[string]string{"a": before["a"]}, w.bodies(w.failed))
		assert.Equal(w.t, 30, w.visible(), "the others are visible again")
		assert.Contains(w.t, notes, "About 30 are left")
	})
}

// dying is a client that is gone after some calls: killed before the last of them had an
// effect, or after it.
type dying struct {
	SQS
	calls       int
	afterEffect bool
}

var errKilled = errors.New("killed")

func call[In, Out any](
	d *dying,
	ctx context.Context,
	in In,
	do func(context.Context, In, ...func(*sqs.Options)) (Out, error),
) (Out, error) {
	var none Out
	d.calls--
	switch {
	case d.calls > 0:
		return do(ctx, in)
	case d.calls == 0 && d.afterEffect:
		_, _ = do(ctx, in) // nobody is there for the answer
	}
	return none, errKilled
}

func (d *dying) ReceiveMessage(
	ctx context.Context,
	in *sqs.ReceiveMessageInput,
	_ ...func(*sqs.Options),
) (*sqs.ReceiveMessageOutput, error) {
	return call(d, ctx, in, d.SQS.ReceiveMessage)
}

func (d *dying) SendMessage(
	ctx context.Context,
	in *sqs.SendMessageInput,
	_ ...func(*sqs.Options),
) (*sqs.SendMessageOutput, error) {
	return call(d, ctx, in, d.SQS.SendMessage)
}

func (d *dying) DeleteMessage(
	ctx context.Context,
	in *sqs.DeleteMessageInput,
	_ ...func(*sqs.Options),
) (*sqs.DeleteMessageOutput, error) {
	return call(d, ctx, in, d.SQS.DeleteMessage)
}

func (d *dying) ChangeMessageVisibilityBatch(
	ctx context.Context,
	in *sqs.ChangeMessageVisibilityBatchInput,
	_ ...func(*sqs.Options),
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	return call(d, ctx, in, d.SQS.ChangeMessageVisibilityBatch)
}

// TestRedriveIsKilled kills a redrive at each of its calls: another one finishes it, and
// nothing is lost, out of order or there twice.
func TestRedriveIsKilled(t *testing.T) {
	for calls := 1; calls <= 28; calls++ {
		for _, afterEffect := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, after its effect %v", calls, afterEffect), func(t *testing.T) {
				inBubble(t, func(w *world) {
					for i := range 12 {
						w.fail(fmt.Sprint(i%2), fmt.Sprint(i))
					}
					before := w.bodies(w.failed)
					_, _, err := w.run(
						&dying{SQS: w.client, calls: calls, afterEffect: afterEffect},
						"redrive",
					)
					if calls <= 27 { // three receives, twelve sends and twelve deletes
						require.ErrorIs(t, err, errKilled)
					}
					time.Sleep(hidden + time.Second)
					_, _, err = w.run(w.client, "redrive")
					require.NoError(t, err)
					assert.Equal(t, before, w.bodies(w.queue))
					assert.Empty(t, w.bodies(w.failed))
				})
			})
		}
	}
}

// TestFailRedriveFailAgain: a message that is dead-lettered, sent back and dead-lettered
// again within five minutes is never taken for a repetition of itself.
func TestFailRedriveFailAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		w.put(cloud.Message{GroupID: "a", Body: "x"})
		for range 3 {
			_, _, err := w.run(w.client, "redrive")
			require.NoError(w.t, err)
			assert.Equal(w.t, map[string]string{"a": "x"}, w.bodies(w.queue))
			w.server.Do(func(a *cloud.Account, now time.Time) { // as SQS and the worker do it
				box, err := a.Mailbox(w.queue)
				require.NoError(w.t, err)
				m := box.Receive(now, 1, time.Minute, "", nil)[0]
				failed, err := a.Mailbox(w.failed)
				require.NoError(w.t, err)
				_, err = failed.Send(
					now,
					cloud.Message{GroupID: m.GroupID, Body: m.Body, DeduplicationID: m.ID},
				)
				require.NoError(w.t, err)
				require.NoError(w.t, box.Delete(now, m.ReceiptHandle))
			})
			assert.Equal(w.t, map[string]string{"a": "x"}, w.bodies(w.failed))
		}
	})
}
