package consumer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tests of what an endpoint does that is not the sandbox's calm one: polls that outlive
// their connections, latency, refusals, more than was asked for.

func TestOneFailureWhilePollsOutliveTheirConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.send("a", "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9")
		var calls record
		config := w.config()
		config.VisibilityTimeout = time.Minute
		stop := w.runOn(&line{w: w, name: "worker", linger: true}, config,
			func(_ context.Context, m *Message) error {
				if m.Body == "m0" {
					return errors.New("never")
				}
				calls.add("%s %d", m.Body, m.ReceiveCount)
				return nil
			})
		time.Sleep(3 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"m0"}, w.bodies(w.failed), "those behind it are innocent")
		assert.Equal(t, []string{"m1 1", "m2 1", "m3 1", "m4 1", "m5 1", "m6 1", "m7 1", "m8 1", "m9 1"},
			calls.all())
	})
}

func TestAnIdleWorkerThatStopsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		config := w.config()
		config.VisibilityTimeout = time.Minute
		stop := w.runOn(&line{w: w, name: "first", linger: true}, config,
			func(context.Context, *Message) error {
				return nil
			})
		time.Sleep(5 * time.Second)
		require.NoError(t, stop())
		w.send("a", "a1")
		time.Sleep(5 * time.Second)
		began := time.Now()
		var starts record
		stop = w.runOn(&line{w: w, name: "second", linger: true}, config,
			func(_ context.Context, m *Message) error {
				starts.add("%s %d after %s", m.Body, m.ReceiveCount,
					time.Since(began).Truncate(2*time.Second))
				return nil
			})
		time.Sleep(5 * time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1 1 after 0s"}, starts.all())
	})
}

// slow is an endpoint with a latency. It counts the receives under way.
type slow struct {
	next    http.RoundTripper
	latency time.Duration

	mu             sync.Mutex
	receiving      int
	most, receives int
}

func (s *slow) RoundTrip(req *http.Request) (*http.Response, error) {
	receive := strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ReceiveMessage")
	if receive {
		s.mu.Lock()
		s.receives++
		s.receiving++
		s.most = max(s.most, s.receiving)
		s.mu.Unlock()
	}
	time.Sleep(s.latency)
	response, err := s.next.RoundTrip(req)
	if receive {
		s.mu.Lock()
		s.receiving--
		s.mu.Unlock()
	}
	return response, err
}

func (s *slow) counts() (receives, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receives, s.most
}

// timeOf is how long a worker takes for the messages of many groups, but for those of
// one that fails.
func timeOf(t *testing.T, failing bool, concurrency int) (took time.Duration, endpoint *slow) {
	t.Helper()
	const groups, each = 100, 15
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range groups {
			for n := range each {
				w.send(fmt.Sprint("group", i), fmt.Sprintf("group%d/%d", i, n))
			}
		}
		endpoint = &slow{next: w.server, latency: 15 * time.Millisecond}
		config := w.config()
		config.VisibilityTimeout, config.Concurrency = time.Minute, concurrency
		var left atomic.Int64
		left.Store((groups - 1) * each)
		began := time.Now()
		stop := w.runOn(endpoint, config, func(_ context.Context, m *Message) error {
			if m.GroupID == "group0" {
				if failing {
					return errors.New("never")
				}
				return nil
			}
			time.Sleep(time.Millisecond)
			if left.Add(-1) == 0 {
				took = time.Since(began)
			}
			return nil
		})
		time.Sleep(20 * time.Minute)
		require.NoError(t, stop())
		assert.Zero(t, left.Load())
	})
	return took, endpoint
}

func TestAFailingGroupDoesNotSlowTheOthers(t *testing.T) {
	t.Parallel()
	calm, _ := timeOf(t, false, DefaultConcurrency)
	troubled, _ := timeOf(t, true, DefaultConcurrency)
	t.Logf("%s with none, %s with one", calm, troubled)
	assert.Less(t, troubled, calm*12/10)
}

func TestReceivesInParallel(t *testing.T) {
	t.Parallel()
	t.Run("with a backlog", func(t *testing.T) {
		t.Parallel()
		took, endpoint := timeOf(t, false, 100)
		receives, most := endpoint.counts()
		t.Logf("1,500 messages of 100 groups in %s, %d receives, %d at once", took, receives, most)
		assert.Greater(t, most, 1)
		assert.LessOrEqual(t, most, 10)
		assert.Less(t, took, 1500*time.Second/1500, "more than a thousand a second")
	})
	t.Run("not when idle", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			endpoint := &slow{next: w.server}
			config := w.config()
			config.VisibilityTimeout, config.Concurrency = time.Minute, 100
			stop := w.runOn(endpoint, config, func(context.Context, *Message) error { return nil })
			time.Sleep(time.Hour)
			receives, most := endpoint.counts()
			assert.Equal(t, 1, most)
			assert.LessOrEqual(t, receives, 181, "one for each 20 s")
			require.NoError(t, stop())
		})
	})
}

// refusal is SQS's answer to a request that it refuses.
func refusal(req *http.Request, code string) *http.Response {
	body := fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":"as asked"}`, code)
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		Request: req,
	}
}

func TestRefusedRights(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "ExpiredToken",
		"ExpiredTokenException",
		"UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSecurity",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 10)
				deny := roundTripper(func(req *http.Request) (*http.Response, error) {
					return refusal(req, code), nil
				})
				c, err := New(client(deny), HandlerFunc(func(context.Context, *Message) error {
					return nil
				}), w.config())
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				require.ErrorContains(t, c.Run(ctx), code)
				assert.InDelta(t, patience, time.Since(began), float64(time.Minute))
			})
		})
	}
	t.Run("rights that come late, and go for a while", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send("a", "a1")
			began := time.Now()
			deny := roundTripper(func(req *http.Request) (*http.Response, error) {
				if at := time.Since(began); at < 40*time.Second || at > 2*time.Minute && at < time.Hour {
					return refusal(req, "AccessDeniedException"), nil
				}
				return w.server.RoundTrip(req)
			})
			var done record
			stop := w.runOn(deny, w.config(), func(_ context.Context, m *Message) error {
				done.add("%s", m.Body)
				return nil
			})
			time.Sleep(90 * time.Second)
			assert.Equal(t, []string{"a1"}, done.all())
			w.send("a", "a2")
			time.Sleep(2 * time.Hour)
			require.NoError(t, stop())
			assert.Equal(t, []string{"a1", "a2"}, done.all())
		})
	})
}

// TestMoreMessagesThanAskedFor: each group waits for a slot.
func TestMoreMessagesThanAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range 20 {
			w.send(fmt.Sprint("group", i), fmt.Sprint("m", i))
		}
		generous := roundTripper(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ReceiveMessage") {
				var request map[string]any
				if err := json.NewDecoder(req.Body).Decode(&request); err != nil {
					return nil, err
				}
				request["MaxNumberOfMessages"] = 10
				body, err := json.Marshal(request)
				if err != nil {
					return nil, err
				}
				req.Body = io.NopCloser(bytes.NewReader(body))
			}
			return w.server.RoundTrip(req)
		})
		config := w.config()
		config.Concurrency = 3
		var live, most atomic.Int32
		stop := w.runOn(generous, config, func(context.Context, *Message) error {
			most.Store(max(most.Load(), live.Add(1)))
			defer live.Add(-1)
			time.Sleep(time.Minute)
			return nil
		})
		time.Sleep(time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, int32(3), most.Load())
		assert.Empty(t, w.bodies(w.queueURL))
	})
}
