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

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/worker/protection"
)

// TestAllTasksAreRefused: two workers are each held by a long job, and the agent refuses
// to protect them any longer. Short jobs still start within five minutes, and none is
// received so often that it comes near the dead-letter queue.
func TestAllTasksAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		var refuse atomic.Bool
		var starts record
		var waited atomic.Int64
		exits, both := make(chan string, 2), make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for i := range 2 {
			agent := &awsapi.Agent{Answer: func(protect bool, _ time.Duration) awsapi.AgentAnswer {
				if protect && refuse.Load() {
					return awsapi.AgentAnswer{Failure: "DEPLOYMENT_BLOCKED"}
				}
				return awsapi.AgentAnswer{}
			}}
			config := w.config()
			config.HandlerTimeout = 2 * time.Hour
			config.Protection = protection.New(protection.Options{
				AgentURI: "http://agent", HandlerTimeout: config.HandlerTimeout, Logger: config.Logger,
				Client: &http.Client{Transport: agent},
			})
			name := fmt.Sprint("worker", i)
			var receives atomic.Int32
			gate := roundTripper(func(req *http.Request) (*http.Response, error) {
				receive := strings.HasSuffix(req.Header.Get("X-Amz-Target"), "ReceiveMessage")
				if i == 0 && receive && receives.Add(1) > 1 {
					<-both // the second job is for the second worker
				}
				return w.server.RoundTrip(req)
			})
			c, err := New(client(gate), HandlerFunc(func(_ context.Context, m *Message) error {
				assert.True(t, agent.Protected())
				if m.GroupID == "long" || m.GroupID == "longer" {
					starts.add("%s", m.GroupID)
					time.Sleep(time.Hour)
					return nil
				}
				waited.Store(max(waited.Load(), int64(time.Since(m.SentAt))))
				assert.LessOrEqual(t, m.ReceiveCount, 4)
				time.Sleep(5 * time.Second)
				return nil
			}), config)
			require.NoError(t, err)
			w.send([]string{"long", "longer"}[i], fmt.Sprint("long", i))
			go func() {
				assert.NoError(t, c.Run(ctx))
				exits <- name
			}()
			time.Sleep(time.Second)
		}
		require.Len(t, starts.all(), 2)
		close(both)
		refuse.Store(true)
		const short = 30
		for i := range short {
			time.Sleep(100 * time.Second)
			w.send(fmt.Sprint("short", i), fmt.Sprint(i))
		}
		time.Sleep(5 * time.Minute)
		assert.Empty(t, exits, "the long jobs run")
		t.Logf("the longest wait: %s", time.Duration(waited.Load()))
		assert.Less(t, time.Duration(waited.Load()), 5*time.Minute)
		assert.Len(t, w.bodies(w.queueURL), 2, "only the long jobs are left")
		time.Sleep(30 * time.Minute)
		assert.Len(t, exits, 2, "idle and refused, they leave")
	})
}

// TestATaskWithShortJobsLeaves: one that is refused while its jobs are short exits in
// its first pause, and leaves what has not begun to others.
func TestATaskWithShortJobsLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		for i := range 50 {
			w.send(fmt.Sprint("group", i%5), fmt.Sprint(i))
		}
		refused := time.Now().Add(100 * time.Second)
		agent := &awsapi.Agent{Answer: func(protect bool, _ time.Duration) awsapi.AgentAnswer {
			if protect && time.Now().After(refused) {
				return awsapi.AgentAnswer{Failure: "DEPLOYMENT_BLOCKED"}
			}
			return awsapi.AgentAnswer{}
		}}
		config := w.config()
		config.HandlerTimeout = time.Hour
		config.Protection = protection.New(protection.Options{
			AgentURI: "http://agent", HandlerTimeout: config.HandlerTimeout, Logger: config.Logger,
			Client: &http.Client{Transport: agent},
		})
		c, err := New(client(w.server), HandlerFunc(func(context.Context, *Message) error {
			time.Sleep(40 * time.Second)
			return nil
		}), config)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, c.Run(t.Context()), "by itself")
		assert.Less(t, time.Since(began), 6*time.Minute)
		left := w.bodies(w.queueURL)
		assert.NotEmpty(t, left)
		time.Sleep(HeadStart)
		assert.Empty(t, w.inFlight())
	})
}

func TestStopSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send("a", "a1")
		events := &counts{}
		config := w.config()
		config.StopSignal, config.Observe = 105*time.Second, events.observe
		var stopped time.Time
		stop := w.run(config, func(ctx context.Context, _ *Message) error {
			<-ctx.Done()
			assert.Equal(t, 15*time.Second, time.Since(stopped))
			time.Sleep(90 * time.Second) // it writes a checkpoint
			return errors.New("not done yet")
		})
		time.Sleep(time.Second)
		stopped = time.Now()
		require.NoError(t, stop())
		assert.InDelta(t, 105*time.Second, time.Since(stopped), float64(time.Second))
		assert.Zero(t, events.get(Failed), "what the signal ends is not a failure")
		a1, _ := w.message("a1")
		assert.True(t, a1.VisibleAt(time.Now()), "it is handed back")
	})
}
