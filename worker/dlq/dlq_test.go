package dlq

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// world is a queue and its dead-letter queue.
type world struct {
	t             *testing.T
	server        *awsapi.Server
	queue, failed string
	client        *sqs.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	account := cloud.NewAccount("us-west-1")
	w := &world{t: t, server: awsapi.NewServer(account)}
	for name, url := range map[string]*string{"jobs.fifo": &w.queue, "failed.fifo": &w.failed} {
		q, err := account.CreateQueue(cloud.Queue{Name: name, FIFO: true, ContentBasedDeduplication: true})
		require.NoError(t, err)
		*url = q.URL
	}
	w.client = sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient: &http.Client{Transport: w.server}, BaseEndpoint: aws.String("http://sqs"),
	})
	return w
}

// fail puts messages into the dead-letter queue, by their bodies.
func (w *world) fail(group string, bodies ...string) {
	for _, body := range bodies {
		w.put(cloud.Message{GroupID: group, Body: body})
	}
}

func (w *world) put(m cloud.Message) (id string) {
	w.t.Helper()
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.failed)
		require.NoError(w.t, err)
		stored, err := box.Send(now, m)
		require.NoError(w.t, err)
		id = stored.ID
	})
	return id
}

// messages are what a queue holds, by group, in order.
func (w *world) messages(queueURL string) map[string][]cloud.Message {
	w.t.Helper()
	list := map[string][]cloud.Message{}
	w.server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(queueURL)
		require.NoError(w.t, err)
		for _, m := range box.Messages() {
			list[m.GroupID] = append(list[m.GroupID], *m)
		}
	})
	return list
}

// bodies are those of the messages of a queue, by group, in order.
func (w *world) bodies(queueURL string) map[string]string {
	list := map[string]string{}
	for group, messages := range w.messages(queueURL) {
		var bodies []string
		for _, m := range messages {
			bodies = append(bodies, m.Body)
		}
		list[group] = strings.Join(bodies, " ")
	}
	return list
}

// visible is how many messages of the dead-letter queue anybody may receive.
func (w *world) visible() (n int) {
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.failed)
		require.NoError(w.t, err)
		n = box.Counts(now).Visible
	})
	return n
}

// run is worker dlq with arguments.
func (w *world) run(client SQS, args ...string) (output, notes string, err error) {
	var out, about bytes.Buffer
	environment := map[string]string{"DLQ_URL": w.failed, "QUEUE_URL": w.queue}
	c := Command{Client: client, Getenv: func(name string) string { return environment[name] }, Output: &out, Notes: &about}
	err = c.Run(w.t.Context(), args)
	return out.String(), about.String(), err
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

func TestList(t *testing.T) {
	inBubble(t, func(w *world) {
		first := w.put(cloud.Message{GroupID: "b", Body: "1", Attributes: map[string]cloud.MessageAttribute{
			ReasonAttribute: {DataType: "String", StringValue: `{"error":"no such\ncustomer","exitCode":65}`},
		}})
		second := w.put(cloud.Message{GroupID: "a", Body: "2"})
		third := w.put(cloud.Message{GroupID: "b", Body: "3", Attributes: map[string]cloud.MessageAttribute{ReasonAttribute: {DataType: "String", StringValue: "no JSON"}}})
		output, notes, err := w.run(w.client, "list")
		require.NoError(w.t, err)
		sent := "2000-01-01T00:00:00Z"
		assert.Equal(w.t, strings.Join([]string{
			"ID                                    GROUP  SENT                  RECEIVED  REASON",
			first + "  b      " + sent + "  1         no such customer",
			second + "  a      " + sent + "  1         moved by SQS",
			third + `  b      ` + sent + `  1         "no JSON"`, "",
		}, "\n"), output)
		assert.Equal(w.t, "Hidden from other readers while this lists; if it is killed, for up to 2m0s.\n"+
			"3 listed; they were hidden for 1s and are visible again, with a receive more.\n", notes)
		assert.Equal(w.t, 3, w.visible(), "they are visible again")

		output, _, err = w.run(w.client, "list", "--group", "a")
		require.NoError(w.t, err)
		assert.NotContains(w.t, output, first)
		assert.Contains(w.t, output, second)
		assert.Equal(w.t, 3, w.visible())
	})
}

func TestListOfALongGroup(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 25 {
			w.fail("a", fmt.Sprint(i))
		}
		output, notes, err := w.run(w.client, "list")
		require.NoError(w.t, err)
		assert.Equal(w.t, 11, strings.Count(output, "\n"), "a head and the ten that SQS shows")
		assert.Contains(w.t, notes, "About 25 are in the queue")
		assert.Equal(w.t, 25, w.visible())
	})
}

// TestListOfManyGroups: of a group whose messages do not all fit into a receive, those
// that do.
func TestListOfManyGroups(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 95 {
			w.fail(fmt.Sprint(i%40), fmt.Sprint(i))
		}
		list, err := Queue{Client: w.client, URL: w.failed}.List(w.t.Context(), "")
		require.NoError(w.t, err)
		groups, last := map[string]bool{}, -1
		for _, m := range list {
			groups[m.GroupID] = true
			number, err := strconv.Atoi(m.Body)
			require.NoError(w.t, err)
			assert.Greater(w.t, number, last, "oldest first")
			last = number
		}
		assert.Len(w.t, groups, 40)
		assert.Greater(w.t, len(list), 80)
		assert.Equal(w.t, 95, w.visible())
		_, notes, err := w.run(w.client, "list")
		require.NoError(w.t, err)
		assert.Contains(w.t, notes, "About 95 are in the queue")
	})
}

func TestListIsInterrupted(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fail("a", "1", "2")
		ctx, cancel := context.WithCancel(w.t.Context())
		go func() {
			time.Sleep(500 * time.Millisecond) // in the last poll
			cancel()
		}()
		_, err := Queue{Client: w.client, URL: w.failed}.List(ctx, "")
		require.ErrorIs(w.t, err, context.Canceled)
		assert.Equal(w.t, 2, w.visible(), "they are visible again")
	})
}

func TestShow(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fail("a", "0")
		id := w.put(cloud.Message{GroupID: "a", Body: `{"a": "<b>"}`, DeduplicationID: "d", TraceHeader: "Root=1", Attributes: map[string]cloud.MessageAttribute{
			ReasonAttribute: {DataType: "String", StringValue: `{"error":"oh"}`}, "kind": {DataType: "String", StringValue: "report"},
		}})
		output, _, err := w.run(w.client, "show", id)
		require.NoError(w.t, err)
		assert.Contains(w.t, output, `<b>`)
		var got Message
		require.NoError(w.t, json.Unmarshal([]byte(output), &got))
		assert.NotEmpty(w.t, got.SequenceNumber)
		var reason map[string]string
		require.NoError(w.t, json.Unmarshal(got.Reason, &reason))
		assert.Equal(w.t, map[string]string{"error": "oh"}, reason)
		got.SequenceNumber, got.Reason = "", nil
		assert.Equal(w.t, Message{
			ID: id, GroupID: "a", DeduplicationID: "d", Sent: time.Now().UTC().Truncate(time.Minute), ReceiveCount: 1, TraceHeader: "Root=1",
			Attributes: map[string]Attribute{"kind": {DataType: "String", StringValue: aws.String("report")}}, Body: `{"a": "<b>"}`,
		}, got)
		assert.Equal(w.t, 2, w.visible())

		_, _, err = w.run(w.client, "show", "no-such-id")
		require.ErrorContains(w.t, err, "no message of the id no-such-id can be seen")
	})
}

func TestRedrive(t *testing.T) {
	inBubble(t, func(w *world) {
		for i := range 25 {
			w.fail("a", fmt.Sprint(i))
		}
		id := w.put(cloud.Message{GroupID: "b", Body: "x", TraceHeader: "Root=1", Attributes: map[string]cloud.MessageAttribute{
			ReasonAttribute: {DataType: "String", StringValue: "{}"}, "kind": {DataType: "String", StringValue: "report"}, "bytes": {DataType: "Binary", BinaryValue: []byte{1}},
		}})
		before := w.bodies(w.failed)
		output, notes, err := w.run(w.client, "redrive")
		require.NoError(w.t, err)
		assert.Equal(w.t, before, w.bodies(w.queue), "all of it, in order")
		assert.Empty(w.t, w.bodies(w.failed))
		sent := w.messages(w.queue)["b"][0]
		assert.Equal(w.t, id, sent.DeduplicationID)
		assert.Equal(w.t, "Root=1", sent.TraceHeader)
		assert.Equal(w.t, map[string]cloud.MessageAttribute{"kind": {DataType: "String", StringValue: "report"}, "bytes": {DataType: "Binary", BinaryValue: []byte{1}}}, sent.Attributes)
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

func call[In, Out any](d *dying, ctx context.Context, in In, do func(context.Context, In, ...func(*sqs.Options)) (Out, error)) (Out, error) {
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

func (d *dying) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	return call(d, ctx, in, d.SQS.ReceiveMessage)
}

func (d *dying) SendMessage(ctx context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	return call(d, ctx, in, d.SQS.SendMessage)
}

func (d *dying) DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	return call(d, ctx, in, d.SQS.DeleteMessage)
}

func (d *dying) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
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
					_, _, err := w.run(&dying{SQS: w.client, calls: calls, afterEffect: afterEffect}, "redrive")
					if calls <= 27 { // three receives, twelve sends and twelve deletes
						require.ErrorIs(t, err, errKilled)
					}
					time.Sleep(Hidden + time.Second)
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
				_, err = failed.Send(now, cloud.Message{GroupID: m.GroupID, Body: m.Body, DeduplicationID: m.ID})
				require.NoError(w.t, err)
				require.NoError(w.t, box.Delete(now, m.ReceiptHandle))
			})
			assert.Equal(w.t, map[string]string{"a": "x"}, w.bodies(w.failed))
		}
	})
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"nothing":           {nil, `"": needs to be list, show or redrive`},
		"another action":    {[]string{"drop"}, `"drop": needs to be list, show or redrive`},
		"another flag":      {[]string{"list", "--groups", "a"}, "flag provided but not defined: -groups"},
		"too much":          {[]string{"list", "a"}, `"a": not expected`},
		"no queue to look":  {[]string{"list"}, "DLQ_URL has to be set"},
		"no message":        {[]string{"show", "--dlq", "q"}, "needs the id of a message"},
		"no queue to send":  {[]string{"redrive", "--dlq", "q"}, "QUEUE_URL has to be set"},
		"the queue is both": {[]string{"redrive", "--dlq", "q", "--queue", "q"}, "is the dead-letter queue itself"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Command{Getenv: func(string) string { return "" }, Output: &bytes.Buffer{}, Notes: &bytes.Buffer{}}
			require.ErrorContains(t, c.Run(t.Context(), tc.args), tc.want)
		})
	}
	var help bytes.Buffer
	require.NoError(t, Command{Getenv: func(string) string { return "" }, Output: &help}.Run(t.Context(), []string{"-h"}))
	assert.Equal(t, Usage, help.String())
}
