package awsapi

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// inVirtualTime is a real client of a server without a network between them.
type inVirtualTime struct {
	t      *testing.T
	server *Server
	client *sqs.Client
	queue  *string
}

func newVirtual(t *testing.T, endWithConnection bool) inVirtualTime {
	t.Helper()
	account := cloud.NewAccount("us-west-1")
	q, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true})
	require.NoError(t, err)
	server := NewServer(account)
	server.PollsEndWithConnection = endWithConnection
	return inVirtualTime{t, server, sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient: &http.Client{Transport: server}, BaseEndpoint: aws.String("http://sqs"),
		Retryer: aws.NopRetryer{},
	}), aws.String(q.URL)}
}

func (v inVirtualTime) send(group, body string) {
	v.t.Helper()
	_, err := v.client.SendMessage(v.t.Context(), &sqs.SendMessageInput{
		QueueUrl: v.queue, MessageBody: aws.String(body), MessageGroupId: aws.String(group),
	})
	require.NoError(v.t, err)
}

func (v inVirtualTime) receive(ctx context.Context, wait int32, attempt string) ([]types.Message, error) {
	output, err := v.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: v.queue, WaitTimeSeconds: wait, VisibilityTimeout: 60,
		ReceiveRequestAttemptId:     aws.String(attempt),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		return nil, err
	}
	return output.Messages, nil
}

// hangUp begins a poll of 20 s and breaks its connection after 5 s.
func (v inVirtualTime) hangUp(attempt string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 5*time.Second)
	defer cancel()
	_, err := v.receive(ctx, 20, attempt)
	require.ErrorIs(v.t, err, context.DeadlineExceeded)
}

func TestALongPollOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		why        string
		endsWithIt bool
		sentAfter  time.Duration // after the connection broke
		gone       bool
	}{
		"a message while the poll lingers": {"it goes to nobody", false, 10 * time.Second, true},
		"a message after the poll's wait":  {"the poll is over", false, 16 * time.Second, false},
		"the other reading": {"the poll has ended with its connection", true,
			10 * time.Second, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newVirtual(t, tc.endsWithIt)
				v.hangUp("first")
				time.Sleep(tc.sentAfter)
				v.send("a", "one")
				synctest.Wait()
				got, err := v.receive(t.Context(), 1, "second")
				require.NoError(t, err)
				if !tc.gone {
					require.Len(t, got, 1, tc.why)
					assert.Equal(t, "1", got[0].Attributes["ApproximateReceiveCount"])
					return
				}
				require.Empty(t, got, tc.why)
				time.Sleep(59 * time.Second)
				got, err = v.receive(t.Context(), 1, "third")
				require.NoError(t, err)
				require.Len(t, got, 1, "its visibility timeout is over")
				assert.Equal(t, "2", got[0].Attributes["ApproximateReceiveCount"])
			})
		})
	}
}

// TestTheAttemptIDOfALingeringPoll: API reference, ReceiveMessage: calls with the
// attempt id of an earlier one return the same messages and receipt handles.
func TestTheAttemptIDOfALingeringPoll(t *testing.T) {
	t.Parallel()
	t.Run("a call that comes after the messages were taken gets them", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newVirtual(t, false)
			v.hangUp("same")
			v.send("a", "one")
			got, err := v.receive(t.Context(), 1, "same")
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, "1", got[0].Attributes["ApproximateReceiveCount"])
		})
	})
	t.Run("a call that waits already does not", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newVirtual(t, false)
			v.hangUp("same")
			go func() {
				time.Sleep(time.Second)
				v.send("a", "one")
			}()
			got, err := v.receive(t.Context(), 5, "same")
			require.NoError(t, err)
			assert.Empty(t, got, "the older poll has it; which of the two gets it is documented nowhere")
			got, err = v.receive(t.Context(), 1, "same")
			require.NoError(t, err)
			assert.Len(t, got, 1, "but asking again brings it")
		})
	})
	t.Run("a call that is over before the messages come gets nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newVirtual(t, false)
			v.hangUp("same")
			got, err := v.receive(t.Context(), 1, "same")
			require.NoError(t, err)
			assert.Empty(t, got)
			v.send("a", "one")
			got, err = v.receive(t.Context(), 1, "another")
			require.NoError(t, err)
			assert.Empty(t, got, "the lingering poll has it")
		})
	})
}

func TestWaitingPollsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, false)
		const polls = 5
		got := make([]string, polls)
		for i := range polls {
			go func() {
				messages, err := v.receive(t.Context(), 20, "")
				if assert.NoError(t, err) && assert.Len(t, messages, 1) {
					got[i] = *messages[0].Body
				}
			}()
			synctest.Wait()
		}
		for _, body := range []string{"0", "1", "2", "3", "4"} {
			v.send("group"+body, body)
		}
		synctest.Wait()
		assert.Equal(t, []string{"0", "1", "2", "3", "4"}, got, "who has waited longest is served first")
	})
}

func TestAClosedServerHasNoPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, false)
		v.hangUp("")
		closed := time.Now()
		ended := make(chan error)
		go func() {
			_, err := v.receive(t.Context(), 20, "")
			ended <- err
		}()
		synctest.Wait()
		v.server.Close()
		require.NoError(t, <-ended, "a client that waits gets no messages")
		assert.Equal(t, closed, time.Now())
		v.send("a", "one")
		got, err := v.receive(t.Context(), 1, "")
		require.NoError(t, err)
		assert.Len(t, got, 1, "no lingering poll has taken it")
	})
}

// TestABubbleEndsWithPollsThatLinger: they are not goroutines, which a test would have
// to wait for.
func TestABubbleEndsWithPollsThatLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { newVirtual(t, false).hangUp("") })
}

func TestALingeringPollTakesWhatBecomesVisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, false)
		v.send("a", "one")
		got, err := v.receive(t.Context(), 1, "")
		require.NoError(t, err)
		require.Len(t, got, 1)
		time.Sleep(50 * time.Second)
		v.hangUp("")
		time.Sleep(10 * time.Second) // the visibility timeout ends at its middle
		got, err = v.receive(t.Context(), 1, "")
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

// TestALongPollOutlivesItsConnectionOverHTTP: the same over a real connection, which
// net/http notices to be gone.
func TestALongPollOutlivesItsConnectionOverHTTP(t *testing.T) {
	t.Parallel()
	for name, endsWithIt := range map[string]bool{"lingers": false, "ends with the connection": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client, queue := overHTTP(t)
			server.PollsEndWithConnection = endsWithIt
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := client.ReceiveMessage(ctx,
				&sqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: 20})
			require.Error(t, err)
			waiting := func() (n int) {
				server.mu.Lock()
				defer server.mu.Unlock()
				return len(server.polls)
			}
			if endsWithIt {
				require.Eventually(t, func() bool { return waiting() == 0 }, 10*time.Second, time.Millisecond)
			}
			_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue,
				MessageBody: aws.String("one"), MessageGroupId: aws.String("a")})
			require.NoError(t, err)
			output, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue})
			require.NoError(t, err)
			assert.Equal(t, endsWithIt, len(output.Messages) == 1)
		})
	}
}

// TestLongPollsOfShortMinutes end sooner, but not at once.
func TestLongPollsOfShortMinutes(t *testing.T) {
	t.Parallel()
	for minute, want := range map[time.Duration]time.Duration{
		0: 18 * time.Second, time.Minute: 18 * time.Second, 2 * time.Second: 600 * time.Millisecond,
		time.Millisecond: shortestPoll,
	} {
		assert.Equal(t, want, (&Server{Minute: minute}).shortened(18*time.Second), "a minute of %s", minute)
	}
}
