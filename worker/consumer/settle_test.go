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
	"fargate-queue-worker/sandbox/cloud"
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

func TestReleaseIsTailFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3")
		var order record
		watch := roundTripper(func(req *http.Request) (*http.Response, error) {
			response, err := w.server.RoundTrip(req)
			if strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ChangeMessageVisibilityBatch") {
				visible := []string{}
				w.server.Do(func(a *cloud.Account, now time.Time) {
					box, _ := a.Mailbox(w.queueURL)
					for _, m := range box.Messages() {
						if m.VisibleAt(now) {
							visible = append(visible, m.Body)
						}
					}
				})
				order.add("%v", visible)
			}
			return response, err
		})
		stop := w.runOn(watch, w.config(), func(context.Context, *Message) error { return RetryAfter(0, errors.New("again")) })
		time.Sleep(time.Millisecond)
		require.NoError(t, stop())
		require.GreaterOrEqual(t, len(order.all()), 2)
		assert.Equal(t, []string{"[a2 a3]", "[a2 a3]"}, order.all()[:2], "the head blocks its tail; it is handed back itself for later")
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
				return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
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
	for attempt, want := range map[int]time.Duration{1: time.Second, 3: 4 * time.Second, 10: time.Minute, 100: time.Minute} {
		got := exponential(time.Second, time.Minute, attempt)
		assert.LessOrEqual(t, got, want)
		assert.GreaterOrEqual(t, got, want/2)
	}
	assert.LessOrEqual(t, exponential(3*time.Hour, 11*time.Hour, 50), 11*time.Hour, "no overflow")
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
		config.Metrics = metrics
		w.server.Fault = func(action string) awsapi.Fault { return awsapi.Fault{FailEntries: true} }
		stop := w.run(config, func(context.Context, *Message) error { return nil })
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.queueURL))
		assert.Equal(t, 10, metrics.done)
		assert.Equal(t, 10, metrics.received)
	})
}
