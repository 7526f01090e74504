package protection

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/worker/consumer"
)

var (
	_ consumer.Protection     = (*Task)(nil)
	_ consumer.ScaleInPending = (*scaleInPendingError)(nil)
)

func newTask(agent *awsapi.Agent, limit time.Duration) *Task {
	return New(Options{
		AgentURI: "http://agent", HandlerTimeout: limit, Client: &http.Client{Transport: agent},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

func TestCallsAreMadeOnEdgesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := &awsapi.Agent{}
		task := newTask(agent, time.Hour)
		for range 100 { // a hundred short messages, with pauses below the hold-down
			release, err := task.Hold(t.Context())
			require.NoError(t, err)
			assert.True(t, agent.Protected())
			time.Sleep(10 * time.Second)
			release()
			time.Sleep(5 * time.Second)
		}
		const busy = 100 * 15 * time.Second
		calls := agent.Requests()
		assert.LessOrEqual(t, calls, 1+int(busy/(renewAfter)), "one to protect, and the renewals")
		assert.Greater(t, calls, 1, "a busy task learns whether it is wanted still")
		assert.True(t, agent.Protected())
		time.Sleep(DefaultHoldDown)
		synctest.Wait()
		assert.Equal(t, calls+1, agent.Requests(), "one to let go")
		assert.False(t, agent.Protected())
		time.Sleep(time.Hour)
		assert.Equal(t, calls+1, agent.Requests(), "an idle task is left in peace")
	})
}

func TestProtectionReachesAsFarAsAHandlerMay(t *testing.T) {
	t.Parallel()
	cases := map[string]time.Duration{
		"a minute":     time.Minute,
		"an hour":      time.Hour,
		"eleven hours": 11 * time.Hour,
	}
	for name, limit := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				agent := &awsapi.Agent{}
				task := newTask(agent, limit)
				began := time.Now()
				for time.Since(began) < 3*24*time.Hour { // always busy
					release, err := task.Hold(t.Context())
					require.NoError(t, err)
					time.Sleep(limit)
					require.True(t, agent.Protected(), "at the end of a handler")
					release()
				}
				renewals := float64(3*24*time.Hour) / float64(renewAfter)
				assert.Less(t, float64(agent.Requests()), renewals+1)
				require.NoError(t, task.Close(t.Context()))
			})
		})
	}
}

func TestTwoHandlersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := &awsapi.Agent{}
		task := newTask(agent, time.Hour)
		long, err := task.Hold(t.Context())
		require.NoError(t, err)
		short, err := task.Hold(t.Context())
		require.NoError(t, err)
		short()
		time.Sleep(30 * time.Minute)
		assert.True(t, agent.Protected(), "the other one is still at work")
		long()
		time.Sleep(DefaultHoldDown + time.Second)
		assert.False(t, agent.Protected())
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason   string
		answer   awsapi.AgentAnswer
		want     string // "" is granted
		scaleIn  bool
		requests int
	}{
		"granted": {answer: awsapi.AgentAnswer{}, requests: 1},
		"deployment blocked": {"a no comes with status 200",
			awsapi.AgentAnswer{Failure: "DEPLOYMENT_BLOCKED"},
			"protection refused: DEPLOYMENT_BLOCKED", true, 1},
		"other failure": {"nor is any other reason a yes", awsapi.AgentAnswer{Failure: "SOMETHING_ELSE"},
			"protection refused: SOMETHING_ELSE", false, 1},
		"no service": {"a task of no service is not scaled in",
			awsapi.AgentAnswer{Failure: "TASK_NOT_VALID"}, "", false, 1},
		"access denied": {
			"the body says what is missing",
			awsapi.AgentAnswer{Status: 400,
				Body: `{"requestID":"1","error":{"Arn":"a","Code":"AccessDeniedException","Message":"no ` +
					`ecs:UpdateTaskProtection"}}`},
			"the agent answered 400: AccessDeniedException: no ecs:UpdateTaskProtection", false, attempts,
		},
		"throttled": {"throttling passes, maybe",
			awsapi.AgentAnswer{Status: 400,
				Body: `{"error":{"Code":"ThrottlingException","Message":"Rate exceeded"}}`},
			"ThrottlingException", false, attempts},
		"timed out": {"so does a time-out",
			awsapi.AgentAnswer{Status: 504,
				Body: `{"error":{"Code":"RequestCanceled","Message":"Timed out"}}`}, "504: RequestCanceled",
			false, attempts},
		"no JSON": {"", awsapi.AgentAnswer{Status: 200, Body: "<html>"}, `no JSON: "<html>"`, false,
			attempts},
		"empty": {"", awsapi.AgentAnswer{Status: 200, Body: ""}, "no JSON", false, attempts},
		"empty object": {"", awsapi.AgentAnswer{Status: 200, Body: "{}"},
			"does not say that protection is true", false, attempts},
		"null": {"", awsapi.AgentAnswer{Status: 200, Body: "null"},
			"does not say that protection is true", false, attempts},
		"off": {"the opposite of what was asked",
			awsapi.AgentAnswer{Status: 200, Body: `{"protection":{"ProtectionEnabled":false}}`},
			"does not say that protection is true", false, attempts},
		"on, with an error": {"", awsapi.AgentAnswer{Status: 500,
			Body: `{"protection":{"ProtectionEnabled":true}}`}, "the agent answered 500", false, attempts},
		"does not answer": {"no call lasts for ever", awsapi.AgentAnswer{Delay: time.Hour},
			"context deadline exceeded", false, attempts},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
					return tc.answer
				}}
				task := newTask(agent, time.Hour)
				began := time.Now()
				release, err := task.Hold(t.Context())
				assert.LessOrEqual(t, time.Since(began), 26*time.Second, "calls are bounded")
				asked := 0 // whether a lost answer took effect
				if tc.requests == attempts {
					asked = 1
				}
				assert.Equal(t, tc.requests+asked, agent.Requests(), "attempts")
				if tc.want == "" {
					require.NoError(t, err, tc.reason)
					release()
					time.Sleep(time.Minute)
					return
				}
				require.ErrorContains(t, err, tc.want, tc.reason)
				var pending consumer.ScaleInPending
				assert.Equal(t, tc.scaleIn, errors.As(err, &pending), tc.reason)
			})
		})
	}
}

func TestAFaultThatPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
			if calls++; calls < attempts {
				return awsapi.AgentAnswer{Status: 500, Body: `{"error":{"Code":"ServerException"}}`}
			}
			return awsapi.AgentAnswer{}
		}}
		release, err := newTask(agent, time.Hour).Hold(t.Context())
		require.NoError(t, err)
		release()
		time.Sleep(time.Minute)
	})
}

func TestARefusedRenewalLetsWhatRunsRunOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var refuse atomic.Bool
		agent := &awsapi.Agent{Answer: func(protect bool, _ time.Duration) awsapi.AgentAnswer {
			if refuse.Load() && protect {
				return awsapi.AgentAnswer{Failure: "DEPLOYMENT_BLOCKED"}
			}
			return awsapi.AgentAnswer{}
		}}
		task := newTask(agent, time.Hour)
		release, err := task.Hold(t.Context())
		require.NoError(t, err)
		refuse.Store(true)
		time.Sleep(50 * time.Minute)
		_, err = task.Hold(t.Context())
		require.Error(t, err)
		var pending consumer.ScaleInPending
		require.ErrorAs(t, err, &pending)
		assert.Positive(t, pending.ScaleInPending(), "a busy task asks again later")
		assert.True(t, agent.Protected(), "the one that runs is protected")
		release()
		time.Sleep(time.Minute)
		assert.False(t, agent.Protected())
	})
}

// TestReadyDoesNotProtect: an idle task that polls is not protected for it, and its
// protection ends though it polls.
func TestReadyDoesNotProtect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := &awsapi.Agent{}
		task := newTask(agent, time.Hour)
		require.NoError(t, task.Ready(t.Context()))
		assert.Zero(t, agent.Requests())
		release, err := task.Hold(t.Context())
		require.NoError(t, err)
		release()
		for range 10 {
			require.NoError(t, task.Ready(t.Context()))
			time.Sleep(5 * time.Second)
		}
		assert.False(t, agent.Protected())
	})
}

// TestAnAgentThatFails: a task whose protection reaches far enough works on, and asks
// once a minute; one that has none receives nothing.
func TestAnAgentThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
			if down.Load() {
				return awsapi.AgentAnswer{Status: 500, Body: `{"error":{"Code":"ServerException"}}`}
			}
			return awsapi.AgentAnswer{}
		}}
		task := newTask(agent, time.Hour)
		release, err := task.Hold(t.Context())
		require.NoError(t, err)
		down.Store(true)
		before, began := agent.Requests(), time.Now()
		for time.Since(began) < 50*time.Minute {
			require.NoError(t, task.Ready(t.Context()))
			another, err := task.Hold(t.Context())
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			another()
		}
		assert.LessOrEqual(t, agent.Requests()-before, 50*attempts)
		assert.True(t, agent.Protected())
		time.Sleep(20 * time.Minute)
		_, err = task.Hold(t.Context())
		require.Error(t, err, "it does not reach far enough any more")
		require.Error(t, task.Ready(t.Context()))
		down.Store(false)
		require.NoError(t, task.Ready(t.Context()))
		release()
		time.Sleep(time.Minute)
		assert.False(t, agent.Protected())
	})
}

// TestLostAnswers: an answer may get lost after the effect. Then a task must not be
// taken for protected when it is not, nor be left protected when it is idle.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lose atomic.Bool
		agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
			if lose.Load() {
				return awsapi.AgentAnswer{Status: 504, Body: `{"error":{"Code":"RequestCanceled"}}`,
					Effect: true}
			}
			return awsapi.AgentAnswer{}
		}}
		task := newTask(agent, time.Hour)
		release, err := task.Hold(t.Context())
		require.NoError(t, err)
		release()
		lose.Store(true)
		time.Sleep(DefaultHoldDown + 10*time.Second) // it is unprotected, but nobody tells
		lose.Store(false)
		release, err = task.Hold(t.Context())
		require.NoError(t, err)
		assert.True(t, agent.Protected(), "it asks again")
		release()
		time.Sleep(time.Minute)
		assert.False(t, agent.Protected())

		lose.Store(true)
		release, err = task.Hold(t.Context())
		require.NoError(t, err, "the agent is asked whether it took effect")
		assert.True(t, agent.Protected())
		lose.Store(false)
		release()
		time.Sleep(time.Minute)
		assert.False(t, agent.Protected())
	})
}

func TestAFailedEndIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
			if down.Load() {
				return awsapi.AgentAnswer{Status: 500, Body: `{"error":{"Code":"ServerException"}}`}
			}
			return awsapi.AgentAnswer{}
		}}
		task := newTask(agent, 11*time.Hour)
		release, err := task.Hold(t.Context())
		require.NoError(t, err)
		down.Store(true)
		release()
		time.Sleep(10 * time.Minute)
		assert.True(t, agent.Protected())
		down.Store(false)
		time.Sleep(time.Minute)
		assert.False(t, agent.Protected(), "and not for eighteen hours")
	})
}

func TestHoldEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := &awsapi.Agent{Answer: func(bool, time.Duration) awsapi.AgentAnswer {
			return awsapi.AgentAnswer{Delay: 4 * time.Second}
		}}
		task := newTask(agent, time.Hour)
		first := make(chan func(), 1)
		go func() {
			release, _ := task.Hold(context.Background())
			first <- release
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := task.Hold(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "while the first call is under way")
		(<-first)()
		time.Sleep(time.Minute)
	})
}

// TestFromEnvironment is not parallel: it sets the environment.
func TestFromEnvironment(t *testing.T) {
	t.Setenv("ECS_AGENT_URI", "")
	assert.Nil(t, FromEnvironment(Options{}))
	t.Setenv("ECS_AGENT_URI", "http://169.254.170.2/api/1")
	assert.Equal(t, "http://169.254.170.2/api/1", FromEnvironment(Options{}).options.AgentURI)
}
