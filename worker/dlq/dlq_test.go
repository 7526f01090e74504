package dlq

import (
	"bytes"
	"context"
	"encoding/json"
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
	"fargate-queue-worker/worker/consumer"
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
	c := Command{
		Client: client,
		Getenv: func(name string) string { return environment[name] },
		Output: &out,
		Notes:  &about,
	}
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
			consumer.FailureReasonAttribute: {DataType: "String",
				StringValue: `{"error":"exit status 65","details":{"exitCode":65,"stderr":"a\nno such ` +
					`customer\n"}}`},
		}})
		second := w.put(cloud.Message{GroupID: "a", Body: "2"})
		third := w.put(
			cloud.Message{
				GroupID: "b",
				Body:    "3",
				Attributes: map[string]cloud.MessageAttribute{
					consumer.FailureReasonAttribute: {DataType: "String", StringValue: "no JSON"},
				},
			},
		)
		output, notes, err := w.run(w.client, "list")
		require.NoError(w.t, err)
		sent := "2000-01-01T00:00:00Z"
		assert.Equal(w.t, strings.Join([]string{
			"ID                                    GROUP  SENT                  RECEIVED  REASON",
			first + "  b      " + sent + "  1         exit status 65: no such customer",
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
		list, err := queue{Client: w.client, URL: w.failed}.list(w.t.Context(), "")
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

// TestListIsInterrupted: the poll under way is not cut, since it would go on without us
// and take what has just been made visible.
func TestListIsInterrupted(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fail("a", "1", "2")
		ctx, cancel := context.WithCancel(w.t.Context())
		go func() {
			time.Sleep(500 * time.Millisecond) // in the last poll
			cancel()
		}()
		list, err := queue{Client: w.client, URL: w.failed}.list(ctx, "")
		require.NoError(w.t, err)
		assert.Len(w.t, list, 2)
		time.Sleep(time.Minute)
		assert.Equal(w.t, 2, w.visible(), "they are visible again")
		_, err = queue{Client: w.client, URL: w.failed}.list(ctx, "")
		require.ErrorIs(w.t, err, context.Canceled)
	})
}

func TestShow(t *testing.T) {
	inBubble(t, func(w *world) {
		w.fail("a", "0")
		id := w.put(
			cloud.Message{
				GroupID:         "a",
				Body:            `{"a": "<b>"}`,
				DeduplicationID: "d",
				TraceHeader:     "Root=1",
				Attributes: map[string]cloud.MessageAttribute{
					consumer.FailureReasonAttribute: {
						DataType:    "String",
						StringValue: `{"error":"oh"}`,
					}, "kind": {DataType: "String", StringValue: "report"},
				},
			},
		)
		output, _, err := w.run(w.client, "show", id)
		require.NoError(w.t, err)
		assert.Contains(w.t, output, `<b>`)
		var got message
		require.NoError(w.t, json.Unmarshal([]byte(output), &got))
		assert.NotEmpty(w.t, got.SequenceNumber)
		var reason map[string]string
		require.NoError(w.t, json.Unmarshal(got.Reason, &reason))
		assert.Equal(w.t, map[string]string{"error": "oh"}, reason)
		got.SequenceNumber, got.Reason = "", nil
		assert.Equal(w.t, message{
			ID: id, GroupID: "a", DeduplicationID: "d", Sent: time.Now().UTC().Truncate(time.Minute),
			ReceiveCount: 1,
			TraceHeader:  "Root=1",
			Attributes: map[string]attribute{
				"kind": {DataType: "String", StringValue: aws.String("report")},
			}, Body: `{"a": "<b>"}`,
		}, got)
		assert.Equal(w.t, 2, w.visible())

		_, _, err = w.run(w.client, "show", "no-such-id")
		require.ErrorContains(w.t, err, "no message of the id no-such-id can be seen")
	})
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"nothing":          {nil, `"": needs to be list, show or redrive`},
		"another action":   {[]string{"drop"}, `"drop": needs to be list, show or redrive`},
		"another flag":     {[]string{"list", "--groups", "a"}, "flag provided but not defined: -groups"},
		"too much":         {[]string{"list", "a"}, `"a": not expected`},
		"no queue to look": {[]string{"list"}, "DLQ_URL has to be set"},
		"no message":       {[]string{"show", "--dlq", "q"}, "needs the id of a message"},
		"no queue to send": {[]string{"redrive", "--dlq", "q"}, "QUEUE_URL has to be set"},
		"the queue is both": {
			[]string{"redrive", "--dlq", "q", "--queue", "q"},
			"is the dead-letter queue itself",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Command{
				Getenv: func(string) string { return "" },
				Output: &bytes.Buffer{},
				Notes:  &bytes.Buffer{},
			}
			require.ErrorContains(t, c.Run(t.Context(), tc.args), tc.want)
		})
	}
	var help bytes.Buffer
	require.NoError(
		t,
		Command{Getenv: func(string) string { return "" }, Output: &help}.Run(t.Context(), []string{"-h"}),
	)
	assert.Equal(t, Usage, help.String())
}
