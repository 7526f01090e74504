package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
)

func TestTheWholeGroupIsKeptFromTheReceiveOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2", "a3")
		metrics := &counts{}
		config := w.config()
		config.Observe = metrics.observe
		config.HandlerTimeout = 3 * time.Hour
		stop := w.run(config, func(context.Context, *Message) error {
			time.Sleep(2 * time.Hour) // two hundred and forty visibility timeouts
			return nil
		})
		time.Sleep(7 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, 3, metrics.get(Done))
		assert.Equal(t, 3, metrics.messages, "none was received twice")
		assert.Zero(t, metrics.get(LeaseLost))
	})
}

func TestALostLeaseCancelsTheHandler(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world, throttle *atomic.Bool){
		"expired, by SQS's clock":   func(w *world, _ *atomic.Bool) { w.server.Skew(time.Minute) },
		"no extension gets through": func(_ *world, throttle *atomic.Bool) { throttle.Store(true) },
	}
	for name, harm := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 10)
				var throttle atomic.Bool
				w.server.Fault = func(action string) awsapi.Fault {
					return awsapi.Fault{Throttle: throttle.Load() &&
						strings.HasPrefix(action, "ChangeMessage")}
				}
				w.send("a", "a1")
				metrics := &counts{}
				config := w.config()
				config.Observe = metrics.observe
				var causes record
				first := true
				stop := w.run(config, func(ctx context.Context, _ *Message) error {
					if !first {
						return nil
					}
					first = false
					harm(w, &throttle)
					<-ctx.Done()
					causes.add("%v", context.Cause(ctx))
					throttle.Store(false)
					return nil // done, but too late: it must not be deleted
				})
				time.Sleep(5 * time.Minute)
				require.NoError(t, stop())
				assert.Equal(t, []string{ErrLeaseLost.Error()}, causes.all())
				assert.Equal(t, 1, metrics.get(LeaseLost))
				assert.Equal(t, 2, metrics.messages, "the message came again")
				assert.Equal(t, 1, metrics.get(Done))
			})
		})
	}
}

// TestATailMessageHasItsTimeToo: behind a long head, a message is received again
// rather than begun in a lease that does not last for it.
func TestATailMessageHasItsTimeToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.send("a", "a1", "a2", "a3", "a4", "a5", "a6")
		var calls record
		stop := w.run(w.config(), func(ctx context.Context, m *Message) error {
			select {
			case <-ctx.Done():
				calls.add("%s cancelled: %s", m.Body, context.Cause(ctx))
				return ctx.Err()
			case <-time.After(7 * time.Hour):
				calls.add("%s %d", m.Body, m.ReceiveCount)
				return nil
			}
		})
		time.Sleep(50 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1 1", "a2 2", "a3 2", "a4 2", "a5 2", "a6 2"}, calls.all())
		assert.Empty(t, w.bodies(w.queueURL))
		assert.Empty(t, w.bodies(w.failed))
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

// TestNoLeaseIsLostWithoutTrouble: in calm weather, whatever the settings, every
// message is received once and no lease is lost.
func TestNoLeaseIsLostWithoutTrouble(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	upTo := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.server.Fault = func(string) awsapi.Fault {
				return awsapi.Fault{DelayAnswer: time.Duration(upTo(200)) * time.Millisecond}
			}
			metrics := &counts{}
			config := w.config()
			config.Observe = metrics.observe
			config.VisibilityTimeout = time.Duration(10+upTo(60)) * time.Second
			config.Concurrency = 1 + upTo(20)
			stop := w.run(config, func(context.Context, *Message) error {
				time.Sleep(time.Duration(upTo(100)) * time.Second)
				return nil
			})
			messages := 1 + upTo(30)
			for i := range messages {
				time.Sleep(time.Duration(upTo(40)) * time.Second)
				w.send(fmt.Sprint("group", upTo(5)), fmt.Sprint(i))
			}
			time.Sleep(2 * time.Hour)
			require.NoError(t, stop())
			assert.Zero(t, metrics.get(LeaseLost))
			assert.Equal(t, messages, metrics.messages)
			assert.Equal(t, messages, metrics.get(Done))
		})
	}
}

// TestAnAnswerAfterTheLeaseStartsNothing: another worker may have the messages by then. It
// runs often, since the lease's timer and the handler race.
func TestAnAnswerAfterTheLeaseStartsNothing(t *testing.T) {
	t.Parallel()
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1")
			var answered atomic.Bool
			w.server.Fault = func(action string) awsapi.Fault {
				if action == "ReceiveMessage" && !answered.Swap(true) {
					return awsapi.Fault{DelayAnswer: 12 * time.Second}
				}
				return awsapi.Fault{}
			}
			config := w.config()
			config.VisibilityTimeout = 10 * time.Second
			var starts record
			stop := w.run(config, func(_ context.Context, m *Message) error {
				starts.add("%s %d", m.Body, m.ReceiveCount)
				return nil
			})
			time.Sleep(time.Minute)
			require.NoError(t, stop())
			assert.Equal(t, []string{"a1 2"}, starts.all())
		})
	}
}

func TestLeaseMoves(t *testing.T) {
	t.Parallel()
	states := []leaseState{leaseHeld, leaseWaiting, leaseDeleting, leaseReturning, leaseReleased, leaseLost,
		leaseEmpty}
	allowed := map[string]bool{
		"held waiting": true, "held deleting": true, "held returning": true, "held lost": true,
		"waiting held": true, "waiting returning": true, "waiting lost": true,
		"returning released": true, "returning lost": true,
		"deleting held": true, "deleting empty": true, "deleting lost": true,
	}
	for _, from := range states {
		for _, to := range states {
			l := newTestLease(t)
			l.state = from
			move := fmt.Sprint(from, " ", to)
			assert.Equal(t, allowed[move], l.moveTo(to), move)
			if allowed[move] {
				assert.Equal(t, to, l.state, move)
			} else {
				assert.Equal(t, from, l.state, move)
			}
		}
	}
}

func newTestLease(t *testing.T) *lease {
	t.Helper()
	now := time.Now()
	messages := []*Message{{ID: "1", GroupID: "a"}, {ID: "2", GroupID: "a"}}
	l := newLease(t.Context(), messages, now, now, time.Hour, func(*lease, *Message) {})
	t.Cleanup(func() { l.expiry.Stop() })
	return l
}

// TestLeaseStates: what is extended, lost and handed back in each state.
func TestLeaseStates(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason           string
		reach            func(l *lease)
		extended, handed int
		tail             int // to be handed back apart
		head, ended      bool
	}{
		"held":    {"all are held", func(*lease) {}, 2, 2, 1, true, false},
		"waiting": {"all are kept for the next attempt", func(l *lease) { l.wait() }, 2, 2, 0, true, false},
		"resumed": {"", func(l *lease) { l.wait(); l.resume() }, 2, 2, 1, true, false},
		"deleting": {"an extension of the head could come after its delete", func(l *lease) {
			l.beginDelete()
		}, 1, 0, 1, true, false},
		"dropped": {"", func(l *lease) { l.beginDelete(); l.dropHead() }, 1, 1, 0, true, false},
		"empty": {"", func(l *lease) {
			for range 2 {
				l.beginDelete()
				l.dropHead()
			}
		}, 0, 0, 0, false, false},
		"lost": {"the handler is cancelled", func(l *lease) {
			l.lose()
		}, 0, 0, 0, false, true},
		"released": {"", func(l *lease) { l.giveUp(); l.release() }, 0, 0, 0, false, false},
		"lost after its release": {"is not lost", func(l *lease) {
			l.giveUp()
			l.release()
			l.lose()
		}, 0, 0, 0, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newTestLease(t)
			tc.reach(l)
			messages, _ := l.extendable(time.Now())
			assert.Len(t, messages, tc.extended, "extended: %s", tc.reason)
			assert.Equal(t, tc.head, l.head() != nil, "head")
			assert.Equal(t, tc.ended, l.ctx.Err() != nil, "handler cancelled: %s", tc.reason)
			assert.Len(t, l.takeTail(), tc.tail, "tail")
			l.giveUp()
			assert.Len(t, l.release(), max(0, tc.handed-tc.tail), "handed back")
		})
	}
}
