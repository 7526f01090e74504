package consumer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
			time.Sleep(11 * time.Second)
			a2, _ := w.message("a2")
			assert.True(t, a2.VisibleAt(time.Now()), "handed back when the poll has ended, behind a1")
			require.NoError(t, <-done)
			assert.Equal(t, 50*time.Second, time.Since(stopped).Truncate(time.Second), "as long as a1 took")
			assert.Equal(t, []string{"a2"}, w.bodies(w.queueURL))
		})
	})
	t.Run("an idle worker is gone after its poll", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			stop := w.run(w.config(), func(context.Context, *Message) error { return nil })
			time.Sleep(5 * time.Second)
			stopped := time.Now()
			require.NoError(t, stop())
			assert.LessOrEqual(t, time.Since(stopped), 10*time.Second,
				"when its poll has ended, which is not cut off")
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
			assert.Equal(t, 105*time.Second, time.Since(stopped).Truncate(time.Second),
				"the stop timeout less its margin")
			assert.Equal(t, []string{ErrStopping.Error()}, causes.all())
			a1, _ := w.message("a1")
			assert.Equal(t, 1, a1.ReceiveCount)
			assert.True(t, a1.VisibleAt(time.Now().Add(2*time.Second)),
				"handed back, not left to its visibility timeout")
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
	t.Run("an answer that is lost while stopping is recovered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			ctx, cancel := context.WithCancel(context.Background())
			arrive := true
			cut := roundTripper(func(req *http.Request) (*http.Response, error) {
				response, err := w.server.RoundTrip(req)
				if err == nil && arrive &&
					strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ReceiveMessage") {
					arrive = false
					cancel() // SIGTERM, while the answer with the message is on its way
					time.Sleep(time.Millisecond)
					return nil, errors.New("connection reset by peer")
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
	err     error
	until   time.Time
	refused atomic.Bool
}

// unwantedError is a ScaleInPending: for a pause, or for good.
type unwantedError struct{ pause time.Duration }

var _ ScaleInPending = unwantedError{}

func (unwantedError) Error() string                   { return "DEPLOYMENT_BLOCKED" }
func (e unwantedError) ScaleInPending() time.Duration { return e.pause }

func (r *refusing) Ready(context.Context) error {
	if r.refused.Load() && time.Now().Before(r.until) {
		return r.err
	}
	return nil
}

func (r *refusing) Hold(context.Context) (func(), error) {
	if time.Now().Before(r.until) {
		r.refused.Store(true)
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
			config.Protection = &refusing{err: errors.New("the agent does not answer"), until: granted}
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
			config.Protection = &refusing{err: unwantedError{}, until: time.Now().Add(time.Hour)}
			c, err := New(client(w.server), HandlerFunc(func(context.Context, *Message) error {
				assert.Fail(t, "nothing may start unprotected")
				return nil
			}), config)
			require.NoError(t, err)
			require.NoError(t, c.Run(t.Context()), "and exits with 0, by itself")
			for _, body := range []string{"a1", "a2"} {
				m, _ := w.message(body)
				assert.True(t, m.VisibleAt(time.Now().Add(HeadStart)), "%s is handed back", body)
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
		config.Protection = &refusing{err: errors.New("the agent does not answer"),
			until: time.Now().Add(6 * time.Hour)}
		stop := w.run(config, func(context.Context, *Message) error { return nil })
		time.Sleep(7 * time.Hour)
		require.NoError(t, stop())
		assert.Empty(t, w.bodies(w.failed))
		assert.Empty(t, w.bodies(w.queueURL))
	})
}

// holding is a Protection that a function stands for. Once it has failed, Ready asks it,
// too.
func holding(hold func(ctx context.Context) (func(), error)) Protection {
	return &heldBy{hold: hold}
}

type heldBy struct {
	hold   func(ctx context.Context) (func(), error)
	failed atomic.Bool
}

func (h *heldBy) Ready(ctx context.Context) error {
	if !h.failed.Load() {
		return nil
	}
	_, err := h.Hold(ctx)
	return err
}

func (h *heldBy) Hold(ctx context.Context) (func(), error) {
	release, err := h.hold(ctx)
	h.failed.Store(err != nil)
	return release, err
}

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

func TestEachStartIsProtected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1", "a2")
		protected := true
		config := w.config()
		config.Protection = holding(func(context.Context) (func(), error) {
			if !protected {
				return nil, errors.New("the renewal was refused")
			}
			return func() {}, nil
		})
		stop := w.run(config, func(_ context.Context, m *Message) error {
			assert.True(t, protected, "%s starts unprotected", m.Body)
			protected = false // for whatever comes next
			return nil
		})
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a2"}, w.bodies(w.queueURL))
	})
}
