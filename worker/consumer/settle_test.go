package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
)

func TestNothingStartsBeforeTheDeleteIsConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2")
		w.server.Fault = func(action string) awsapi.Fault {
			if action == "DeleteMessageBatch" {
				return awsapi.Fault{Delay: 5 * time.Second}
			}
			return awsapi.Fault{}
		}
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			if m.Body == "a2" {
				assert.NotContains(t, w.bodies(w.queueURL), "a1", "a2 starts after a1 is gone")
			}
			return nil
		})
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

func TestAHeadComesBackAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3")
		var calls record
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			calls.add("%s %d", m.Body, m.ReceiveCount)
			if m.Body == "a1" && m.ReceiveCount < 5 {
				return RetryAfter(time.Hour, errors.New("not yet")) // more than the lease can hold
			}
			return nil
		})
		time.Sleep(5 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1 1", "a1 2", "a1 3", "a1 4", "a1 5", "a2 3", "a3 3"}, calls.all(),
			"the messages behind it are received with it every second time only")
	})
}

func TestARequestThatIsNotAnsweredIsNotDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2")
		silent := 3
		mute := roundTripper(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.Header.Get("X-Amz-Target"), "DeleteMessageBatch") && silent > 0 {
				silent--
				header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
				return &http.Response{StatusCode: http.StatusOK, Header: header,
					Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
			}
			return w.server.RoundTrip(req)
		})
		stop := w.runOn(mute, w.config(), func(_ context.Context, m *Message) error {
			if m.Body == "a2" {
				assert.NotContains(t, w.bodies(w.queueURL), "a1")
			}
			return nil
		})
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

func TestExponential(t *testing.T) {
	t.Parallel()
	c, err := New(nil, nil, Config{QueueURL: "q"})
	require.NoError(t, err)
	for attempt, want := range map[int]time.Duration{1: time.Second, 3: 4 * time.Second, 10: time.Minute,
		100: time.Minute} {
		got := c.exponential(time.Second, time.Minute, attempt)
		assert.LessOrEqual(t, got, want)
		assert.GreaterOrEqual(t, got, want/2)
	}
	assert.LessOrEqual(t, c.exponential(3*time.Hour, 11*time.Hour, 50), 11*time.Hour, "no overflow")
}

func TestDeletesOfGroupsShareBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range 10 {
			w.send(fmt.Sprint("group", i), fmt.Sprint("m", i))
		}
		deletes := 0
		w.server.Fault = func(action string) awsapi.Fault {
			if action == "DeleteMessageBatch" {
				deletes++
			}
			return awsapi.Fault{}
		}
		stop := w.run(w.config(), func(context.Context, *Message) error { return nil })
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, 1, deletes)
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

func TestFailedEntriesOfABatchAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range 10 {
			w.send(fmt.Sprint("group", i), fmt.Sprint("m", i))
		}
		metrics := &counts{}
		config := w.config()
		config.Observe = metrics.observe
		w.server.Fault = func(action string) awsapi.Fault { return awsapi.Fault{FailEntries: true} }
		stop := w.run(config, func(context.Context, *Message) error { return nil })
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.queueURL))
		assert.Equal(t, 10, metrics.get(Done))
		assert.Equal(t, 10, metrics.messages)
	})
}
