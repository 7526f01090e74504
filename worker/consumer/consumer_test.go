package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
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

func TestTheWholeGroupIsKeptFromTheReceiveOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3")
		metrics := &counts{}
		config := w.config()
		config.Metrics = metrics
		stop := w.run(config, func(context.Context, *Message) error {
			time.Sleep(2 * time.Hour) // two hundred and forty visibility timeouts
			return nil
		})
		time.Sleep(7 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, 3, metrics.done)
		assert.Equal(t, 3, metrics.received, "none was received twice")
		assert.Zero(t, metrics.lost)
	})
}

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
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3", "a4")
		var followers record
		stop := w.run(w.config(), func(_ context.Context, m *Message) error {
			if m.Body == "a1" {
				return errors.New("never")
			}
			followers.add("%s received %d times", m.Body, m.ReceiveCount)
			return nil
		})
		time.Sleep(4 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1"}, w.bodies(w.failed), "SQS redrives the head after ten receives")
		assert.Equal(t, []string{"a2 received 2 times", "a3 received 2 times", "a4 received 2 times"}, followers.all())
	})
}

func TestBlockedGroupsAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		w.send("a", "a1", "a2")
		metrics := &counts{}
		config := w.config()
		config.Metrics = metrics
		stop := w.run(config, func(context.Context, *Message) error { return errors.New("never") })
		time.Sleep(30 * time.Minute)
		metrics.locked(func() {
			assert.Equal(t, 1, metrics.blockedGroups)
			assert.InDelta(t, 30*time.Minute, metrics.blockedFor, float64(time.Minute))
		})
		require.NoError(t, stop())
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
		assert.Equal(t, []string{"[a2 a3]", "[a1 a2 a3]"}, order.all()[:2], "the head blocks its tail until it is handed back itself")
	})
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestALostLeaseCancelsTheHandler(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world){
		"expired, by SQS's clock": func(w *world) { w.server.Skew(time.Minute) },
		"no extension gets through": func(w *world) {
			w.server.Fault = func(action string) awsapi.Fault {
				return awsapi.Fault{Throttle: strings.HasPrefix(action, "ChangeMessage")}
			}
		},
	}
	for name, harm := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 10)
				w.send("a", "a1")
				metrics := &counts{}
				config := w.config()
				config.Metrics = metrics
				var causes record
				first := true
				stop := w.run(config, func(ctx context.Context, _ *Message) error {
					if !first {
						return nil
					}
					first = false
					harm(w)
					<-ctx.Done()
					causes.add("%v", context.Cause(ctx))
					w.server.Fault = nil
					return nil // done, but too late: it must not be deleted
				})
				time.Sleep(5 * time.Minute)
				require.NoError(t, stop())
				assert.Equal(t, []string{ErrLeaseLost.Error()}, causes.all())
				assert.Equal(t, 1, metrics.lost)
				assert.Equal(t, 2, metrics.received, "the message came again")
				assert.Equal(t, 1, metrics.done)
			})
		})
	}
}

func TestTheTwelveHoursEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2")
		metrics := &counts{}
		config := w.config()
		config.Metrics = metrics
		began := time.Now()
		var ends record
		stop := w.run(config, func(ctx context.Context, m *Message) error {
			if m.Body == "a1" && m.ReceiveCount == 1 {
				time.Sleep(6 * time.Hour)
				return nil
			}
			if m.ReceiveCount == 1 {
				<-ctx.Done() // six hours later the twelve of its receive are over
				ends.add("%s after %s", context.Cause(ctx), time.Since(began).Round(time.Minute))
			}
			return nil
		})
		time.Sleep(13 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"the lease on the message's group is lost after 11h59m0s"}, ends.all())
		assert.Empty(t, w.bodies(w.queueURL), "the second receive did it")
	})
}

func TestHandlerTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1")
		config := w.config()
		config.HandlerTimeout = 7 * time.Minute
		began := time.Now()
		var ends record
		stop := w.run(config, func(ctx context.Context, _ *Message) error {
			if len(ends.all()) > 0 {
				return nil
			}
			<-ctx.Done()
			ends.add("%s after %s", context.Cause(ctx), time.Since(began))
			return ctx.Err()
		})
		time.Sleep(20 * time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, []string{"the handler's time is up after 7m0s"}, ends.all())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

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
			seen.add("received %d times, after less than %s", m.ReceiveCount, time.Since(began).Truncate(10*time.Second)+10*time.Second)
			return nil
		})
		time.Sleep(5 * time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, []string{"received 1 times, after less than 10s"}, seen.all(), "and not hidden until its visibility timeout")
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("running handlers end, waiting messages go back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1", "a2")
			stop := w.run(w.config(), func(context.Context, *Message) error {
				time.Sleep(time.Minute)
				return nil
			})
			time.Sleep(10 * time.Second)
			stopped := time.Now()
			done := make(chan error, 1)
			go func() { done <- stop() }()
			time.Sleep(time.Second)
			a2, _ := w.message("a2")
			assert.True(t, a2.VisibleAt(time.Now()), "handed back at once, behind a1")
			require.NoError(t, <-done)
			assert.Equal(t, 50*time.Second, time.Since(stopped).Truncate(time.Second), "as long as a1 took")
			assert.Equal(t, []string{"a2"}, w.bodies(w.queueURL))
		})
	})
	t.Run("handlers that take too long are cancelled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1")
			var causes record
			stop := w.run(w.config(), func(ctx context.Context, _ *Message) error {
				<-ctx.Done()
				causes.add("%v", context.Cause(ctx))
				return ctx.Err()
			})
			time.Sleep(time.Second)
			stopped := time.Now()
			require.NoError(t, stop())
			assert.Equal(t, 105*time.Second, time.Since(stopped).Truncate(time.Second), "the stop timeout less its margin")
			assert.Equal(t, []string{ErrStopping.Error()}, causes.all())
			a1, _ := w.message("a1")
			assert.Equal(t, 1, a1.ReceiveCount)
			assert.True(t, a1.VisibleAt(time.Now().Add(2*time.Second)), "handed back, not left to its visibility timeout")
		})
	})
	t.Run("a handler that does not return is left behind", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1")
			hung := make(chan struct{})
			stop := w.run(w.config(), func(context.Context, *Message) error {
				<-hung
				return nil
			})
			time.Sleep(time.Second)
			stopped := time.Now()
			require.NoError(t, stop())
			assert.Equal(t, 110*time.Second, time.Since(stopped).Truncate(time.Second))
			a1, _ := w.message("a1")
			assert.False(t, a1.VisibleAt(time.Now()), "nobody else gets it while the handler may be at it")
			close(hung)
		})
	})
	t.Run("a poll that is cut off is recovered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			ctx, cancel := context.WithCancel(context.Background())
			arrive := true
			cut := roundTripper(func(req *http.Request) (*http.Response, error) {
				response, err := w.server.RoundTrip(req)
				if err == nil && arrive && strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ReceiveMessage") {
					arrive = false
					cancel() // SIGTERM, while the answer with the message is on its way
					return nil, context.Canceled
				}
				return response, err
			})
			c, err := New(client(cut), HandlerFunc(func(context.Context, *Message) error {
				assert.Fail(t, "nothing may start any more")
				return nil
			}), w.config())
			require.NoError(t, err)
			w.send("a", "a1")
			require.NoError(t, c.Run(ctx))
			a1, _ := w.message("a1")
			assert.Equal(t, 1, a1.ReceiveCount)
			assert.True(t, a1.VisibleAt(time.Now()), "handed back at once")
		})
	})
}

// refusing is a Protection that says no for a while.
type refusing struct {
	err   error
	until time.Time
}

type unwantedError struct{}

func (unwantedError) Error() string  { return "DEPLOYMENT_BLOCKED" }
func (unwantedError) Unwanted() bool { return true }

func (r refusing) Hold(context.Context) (func(), error) {
	if time.Now().Before(r.until) {
		return nil, r.err
	}
	return func() {}, nil
}

func TestProtectionRefused(t *testing.T) {
	t.Parallel()
	t.Run("nothing starts until it is granted", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 100)
			w.send("a", "a1", "a2")
			granted := time.Now().Add(5 * time.Minute)
			config := w.config()
			config.Protection = refusing{errors.New("the agent does not answer"), granted}
			var seen record
			stop := w.run(config, func(_ context.Context, m *Message) error {
				assert.False(t, time.Now().Before(granted))
				seen.add("%s", m.Body)
				return nil
			})
			time.Sleep(4 * time.Minute)
			a1, _ := w.message("a1")
			assert.Less(t, a1.ReceiveCount, 12, "it does not receive as fast as it can")
			time.Sleep(10 * time.Minute)
			require.NoError(t, stop())
			assert.Equal(t, []string{"a1", "a2"}, seen.all())
		})
	})
	t.Run("the worker goes when the service wants fewer tasks", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1", "a2")
			config := w.config()
			config.Protection = refusing{unwantedError{}, time.Now().Add(time.Hour)}
			c, err := New(client(w.server), HandlerFunc(func(context.Context, *Message) error {
				assert.Fail(t, "nothing may start unprotected")
				return nil
			}), config)
			require.NoError(t, err)
			require.NoError(t, c.Run(t.Context()), "and exits with 0, by itself")
			for _, body := range []string{"a1", "a2"} {
				m, _ := w.message(body)
				assert.True(t, m.VisibleAt(time.Now()), "%s is handed back", body)
			}
		})
	})
}

func TestAnOutageOfTheAgentBurnsNoReceives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		for i := range 30 {
			w.send(fmt.Sprint("group", i), fmt.Sprint("m", i))
		}
		config := w.config()
		config.Protection = refusing{errors.New("the agent does not answer"), time.Now().Add(6 * time.Hour)}
		stop := w.run(config, func(context.Context, *Message) error { return nil })
		time.Sleep(7 * time.Hour)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.failed))
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

// holding is a Protection that a function stands for.
type holding func(ctx context.Context) (func(), error)

func (h holding) Hold(ctx context.Context) (func(), error) { return h(ctx) }

func TestNothingStartsAfterTheSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1")
		config := w.config()
		config.Protection = holding(func(context.Context) (func(), error) {
			time.Sleep(15 * time.Second) // the agent takes its time
			return func() {}, nil
		})
		stop := w.run(config, func(context.Context, *Message) error {
			assert.Fail(t, "SIGTERM came before the agent's answer")
			return nil
		})
		time.Sleep(5 * time.Second)
		require.NoError(t, stop())
		a1, _ := w.message("a1")
		assert.True(t, a1.VisibleAt(time.Now()))
	})
}

func TestAnUnwantedTaskFinishesWhatItHasBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1")
		config := w.config()
		unwanted := false
		config.Protection = holding(func(context.Context) (func(), error) {
			if unwanted {
				return nil, unwantedError{}
			}
			return func() {}, nil
		})
		c, err := New(client(w.server), HandlerFunc(func(ctx context.Context, _ *Message) error {
			unwanted = true
			w.send("b", "b1")
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(3 * time.Hour): // far beyond the stop timeout: nobody has sent SIGTERM
				return nil
			}
		}), config)
		require.NoError(t, err)
		require.NoError(t, c.Run(t.Context()))
		assert.Equal(t, []string{"b1"}, w.bodies(w.queueURL))
	})
}

func TestAGroupIsNotKeptForAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		w.send("a", "a1")
		hung := make(chan struct{})
		var live, most atomic.Int32
		first := true
		stop := w.run(w.config(), func(context.Context, *Message) error {
			most.Store(max(most.Load(), live.Add(1)))
			defer live.Add(-1)
			if first {
				first = false
				w.server.Skew(time.Minute) // the lease is gone, but the handler does not care
				<-hung
			}
			return nil
		})
		time.Sleep(5 * time.Minute)
		a1, _ := w.message("a1")
		assert.Greater(t, a1.ReceiveCount, 2, "it is handed back for others to take")
		close(hung)
		time.Sleep(20 * time.Minute)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.queueURL))
		assert.Equal(t, int32(1), most.Load(), "never two handlers of one group")
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

// TestNoLeaseIsLostWithoutTrouble: in calm weather, whatever the settings, every
// message is received once and no lease is lost.
func TestNoLeaseIsLostWithoutTrouble(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.server.Fault = func(string) awsapi.Fault {
				return awsapi.Fault{DelayAnswer: time.Duration(random.IntN(200)) * time.Millisecond}
			}
			metrics := &counts{}
			config := w.config()
			config.Metrics = metrics
			config.VisibilityTimeout = time.Duration(10+random.IntN(60)) * time.Second
			config.Concurrency = 1 + random.IntN(20)
			stop := w.run(config, func(context.Context, *Message) error {
				time.Sleep(time.Duration(random.IntN(100)) * time.Second)
				return nil
			})
			messages := 1 + random.IntN(30)
			for i := range messages {
				time.Sleep(time.Duration(random.IntN(40)) * time.Second)
				w.send(fmt.Sprint("group", random.IntN(5)), fmt.Sprint(i))
			}
			time.Sleep(2 * time.Hour)
			require.NoError(t, stop())
			assert.Zero(t, metrics.lost)
			assert.Equal(t, messages, metrics.received)
			assert.Equal(t, messages, metrics.done)
		})
	}
}

func TestRunFailsIfTheQueueCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		config := w.config()
		config.QueueURL += "x"
		c, err := New(client(w.server), HandlerFunc(func(context.Context, *Message) error { return nil }), config)
		require.NoError(t, err)
		require.ErrorContains(t, c.Run(t.Context()), "receiving from "+config.QueueURL)
	})
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

func TestMessageCarriesWhatTheSenderGave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		sent := time.Now().Truncate(time.Millisecond)
		w.server.Do(func(a *cloud.Account, now time.Time) {
			box, _ := a.Mailbox(w.queueURL)
			_, err := box.Send(now, cloud.Message{
				GroupID: "a", DeduplicationID: "once", Body: "hello", TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793",
				Attributes: map[string]cloud.MessageAttribute{"kind": {DataType: "String", StringValue: "greeting"}},
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
		Concurrency: -1, VisibilityTimeout: time.Millisecond, WaitTime: 21 * time.Second, HandlerTimeout: 12 * time.Hour,
		Attempts: -1, Backoff: time.Hour, StopTimeout: time.Second,
	}.Validate()
	for _, want := range []string{
		`QueueURL: "": needs to be the URL`, "Concurrency: -1", "VisibilityTimeout: 1ms", "WaitTime: 21s", "HandlerTimeout: 12h0m0s",
		"Attempts: -1", "MaxBackoff: 15m0s: needs to be from the first wait (1h0m0s)", "StopTimeout: 1s",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = New(nil, nil, Config{})
	require.Error(t, err)
}
