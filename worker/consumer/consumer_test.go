package consumer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

func TestGroupsInOrderAndInParallel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3")
		w.send("b", "b1", "b2")
		var seen record
		began := time.Now()
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			seen.add("%s starts at %s", m.Body, time.Since(began).Truncate(time.Second))
			time.Sleep(10 * time.Second)
			return nil
		})
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.ElementsMatch(t, []string{
			"a1 starts at 0s", "b1 starts at 0s", "a2 starts at 10s", "b2 starts at 10s", "a3 starts at 20s",
		}, seen.all())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

func TestOneReceiveNeverTakesMoreGroupsThanCanStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range 8 {
			w.send(fmt.Sprint("group", i), fmt.Sprint("m", i))
		}
		config := w.config()
		config.Concurrency = 3
		var live, most atomic.Int32
		stop := w.run(config, func(context.Context, *Message) error {
			most.Store(max(most.Load(), live.Add(1)))
			defer live.Add(-1)
			inFlight := 0
			w.server.Do(func(a *cloud.Account, now time.Time) {
				box, _ := a.Mailbox(w.queueURL)
				inFlight = box.Counts(now).InFlight
			})
			assert.LessOrEqual(t, inFlight, 3)
			time.Sleep(time.Minute)
			return nil
		})
		time.Sleep(10 * time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, int32(3), most.Load())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		fail   func(call int) error // of the head
		calls  int                  // of the head, within ten minutes
		buried []string
		left   []string
	}{
		"once": {
			reason: "a second attempt here is enough",
			fail: func(call int) error {
				if call == 1 {
					return errors.New("no luck")
				}
				return nil
			},
			calls: 2, buried: []string{}, left: []string{},
		},
		"panic": {
			reason: "a panic is a failed message, not a dead worker",
			fail: func(call int) error {
				if call == 1 {
					panic("no luck")
				}
				return nil
			},
			calls: 2, buried: []string{}, left: []string{},
		},
		"permanent": {
			reason: "a message that can never succeed goes aside, and lets those behind it through",
			fail:   func(int) error { return Permanent(errors.New("not a job")) },
			calls:  1, buried: []string{"a1"}, left: []string{},
		},
		"later": {
			reason: "the handler says when",
			fail: func(call int) error {
				if call == 1 {
					return RetryAfter(time.Hour, errors.New("not yet"))
				}
				return nil
			},
			calls: 1, buried: []string{}, left: []string{"a1", "a2"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 10)
				w.send("a", "a1", "a2")
				w.send("b", "b1")
				calls := 0
				var others record
				stop := w.run(w.config(), func(_ context.Context, m *Message) error {
					if m.Body != "a1" {
						others.add("%s", m.Body)
						return nil
					}
					calls++
					return tc.fail(calls)
				})
				time.Sleep(10 * time.Minute)
				require.NoError(t, stop())
				assert.Equal(t, tc.calls, calls, tc.reason)
				assert.Equal(t, tc.buried, w.bodies(w.failed), tc.reason)
				assert.Equal(t, tc.left, w.bodies(w.queueURL), tc.reason)
				assert.Contains(t, others.all(), "b1", "other groups go on")
			})
		})
	}
}

func TestAFailingHeadDoesNotBurnItsFollowers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.send("a", "a1", "a2", "a3", "a4")
		var calls, followers record
		began := time.Now()
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			if m.Body == "a1" {
				calls.add("received %d times, after %s", m.ReceiveCount, time.Since(began).Round(time.Minute))
				return errors.New("never")
			}
			followers.add("%s received %d times", m.Body, m.ReceiveCount)
			return nil
		})
		time.Sleep(4 * time.Hour)
		require.NoError(t, stop())
		assert.Len(t, calls.all(), DefaultMaxAttempts)
		assert.Equal(t, []string{"a1"}, w.bodies(w.failed))
		assert.Equal(t, []string{"a2 received 1 times", "a3 received 1 times", "a4 received 1 times"},
			followers.all())
	})
}

func TestBlockedGroupsAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		w.send("a", "a1", "a2")
		metrics := &counts{}
		config := w.config()
		config.Observe = metrics.observe
		config.MaxAttempts = 10
		stop := w.run(config, func(context.Context, *Message) error { return errors.New("never") })
		time.Sleep(20 * time.Minute)
		groups, oldest := metrics.blocked()
		assert.Equal(t, 1, groups)
		assert.InDelta(t, 20*time.Minute, oldest, float64(time.Minute))
		require.NoError(t, stop())
	})
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestALostAnswerToAReceiveIsRecovered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1")
		lose := true
		w.server.Fault = func(action string) awsapi.Fault {
			if action == "ReceiveMessage" && lose {
				lose = false
				return awsapi.Fault{LoseResponse: true}
			}
			return awsapi.Fault{}
		}
		began := time.Now()
		var seen record
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			seen.add("received %d times, after less than %s", m.ReceiveCount,
				time.Since(began).Truncate(10*time.Second)+10*time.Second)
			return nil
		})
		time.Sleep(5 * time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, []string{"received 1 times, after less than 10s"}, seen.all(),
			"and not hidden until its visibility timeout")
	})
}

func TestRunFailsIfTheQueueCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		config := w.config()
		config.QueueURL += "x"
		c, err := New(client(w.server), HandlerFunc(func(context.Context, *Message) error {
			return nil
		}), config)
		require.NoError(t, err)
		require.ErrorContains(t, c.Run(t.Context()), "receiving from "+config.QueueURL)
	})
}

func TestMessageCarriesWhatTheSenderGave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		sent := time.Now().Truncate(time.Millisecond)
		w.server.Do(func(a *cloud.Account, now time.Time) {
			box, _ := a.Mailbox(w.queueURL)
			_, err := box.Send(now, cloud.Message{
				GroupID: "a", DeduplicationID: "once", Body: "hello",
				TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
				Attributes: map[string]cloud.MessageAttribute{"kind": {DataType: "String",
					StringValue: "greeting"}},
			})
			assert.NoError(t, err)
		})
		got := make(chan *Message, 1)
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			got <- m
			return Permanent(errors.New("aside"))
		})
		m := <-got
		time.Sleep(time.Second)
		require.NoError(t, stop())
		assert.Equal(t, "hello", m.Body)
		assert.Equal(t, "a", m.GroupID)
		assert.Equal(t, "once", m.DeduplicationID)
		assert.Equal(t, 1, m.ReceiveCount)
		assert.NotEmpty(t, m.SequenceNumber)
		assert.True(t, sent.Equal(m.SentAt))
		assert.Equal(t, "greeting", *m.Attributes["kind"].StringValue)
		assert.Equal(t, "Root=1-5759e988-bd862e3fe1be46a994272793", m.TraceHeader)
		w.server.Do(func(a *cloud.Account, _ time.Time) {
			box, _ := a.Mailbox(w.failed)
			buried := box.Messages()[0]
			assert.Equal(t, "a", buried.GroupID)
			assert.Equal(t, m.ID, buried.DeduplicationID, "so that a repetition is harmless")
			assert.Equal(t, "greeting", buried.Attributes["kind"].StringValue)
			assert.Equal(t, m.TraceHeader, buried.TraceHeader)
		})
	})
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, Config{QueueURL: "url"}.Validate())
	err := Config{
		Concurrency: -1, VisibilityTimeout: time.Millisecond, WaitTime: 21 * time.Second,
		HandlerTimeout: 12 * time.Hour,
		MaxAttempts:    -1, Backoff: time.Hour, StopTimeout: time.Second, StopSignal: time.Second,
	}.Validate()
	for _, want := range []string{
		`QueueURL: "": needs to be the URL`, "Concurrency: -1", "VisibilityTimeout: 1ms", "WaitTime: 21s",
		"HandlerTimeout: 12h0m0s",
		"MaxAttempts: -1", "MaxBackoff: 15m0s: needs to be from the first wait (1h0m0s)", "StopTimeout: 1s",
		"StopSignal: 1s",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(nil, nil, Config{})
	require.Error(t, err)
}
