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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// TestTheDefaultCallsTakeTenMinutes, so that a dependency that is down for five costs no
// message, whenever it goes down.
func TestTheDefaultCallsTakeTenMinutes(t *testing.T) {
	t.Parallel()
	c := Config{}.WithDefaults()
	var at []time.Duration
	var all time.Duration
	for attempt := 1; attempt <= c.MaxAttempts; attempt++ {
		at = append(at, all)
		all += c.RetryWait(attempt)
	}
	assert.GreaterOrEqual(t, at[len(at)-1], 10*time.Minute)
	assert.Equal(t, []time.Duration{0, 15 * time.Second, time.Minute, 195 * time.Second, 10 * time.Minute},
		at)
	assert.Equal(t, 15*time.Minute, c.RetryWait(1000))
}

func TestAfterFailure(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	cases := map[string]struct {
		reason  string
		config  Config
		failure Failure
		verdict Verdict
		wait    time.Duration
	}{
		"first": {
			"a failed message keeps its lease", Config{},
			Failure{Err: wrong, Attempts: 1, LeaseLeft: 11 * time.Hour},
			RetryInLease, 15 * time.Second,
		},
		"third": {"", Config{}, Failure{Err: wrong, Attempts: 3, LeaseLeft: 11 * time.Hour}, RetryInLease,
			135 * time.Second},
		"last": {
			"it failed as often as it may", Config{},
			Failure{Err: wrong, Attempts: 5, LeaseLeft: 11 * time.Hour}, DeadLetter, 0,
		},
		"last, with nowhere to go": {
			"SQS's own redrive is left", Config{DeadLetterQueueURL: " "},
			Failure{Err: wrong, Attempts: 5, ReceiveCount: 2, LeaseLeft: 11 * time.Hour}, HandBack,
			45 * time.Second,
		},
		"permanent": {"", Config{}, Failure{Err: Permanent(wrong), Attempts: 1, LeaseLeft: time.Hour},
			DeadLetter, 0},
		"permanent, wrapped": {
			"", Config{}, Failure{Err: fmt.Errorf("so: %w", Permanent(wrong)), Attempts: 1}, DeadLetter, 0,
		},
		"later": {
			"the lease can hold the wait and the call", Config{},
			Failure{Err: RetryAfter(9*time.Hour, wrong), LeaseLeft: 11 * time.Hour}, RetryInLease,
			9 * time.Hour,
		},
		"later than the lease": {
			"", Config{}, Failure{Err: RetryAfter(11*time.Hour, wrong), LeaseLeft: 11 * time.Hour}, HandBack,
			11 * time.Hour,
		},
		"later, however often": {
			"it does not count as an attempt", Config{},
			Failure{Err: RetryAfter(time.Second, wrong), Attempts: 4, LeaseLeft: 11 * time.Hour},
			RetryInLease, time.Second,
		},
		"the end of a lease": {
			"a call has its whole time or does not begin", Config{},
			Failure{Err: wrong, Attempts: 1, LeaseLeft: time.Hour},
			HandBack, 15 * time.Second,
		},
		"the longest timeout": {
			"leaves half an hour", Config{HandlerTimeout: DefaultHandlerTimeout},
			Failure{Err: wrong, Attempts: 4, LeaseLeft: 11*time.Hour + 55*time.Minute}, RetryInLease,
			405 * time.Second,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.config.HandlerTimeout == 0 {
				tc.config.HandlerTimeout = time.Hour
			}
			if tc.config.DeadLetterQueueURL == "" {
				tc.config.DeadLetterQueueURL = "dlq"
			}
			tc.config.DeadLetterQueueURL = strings.TrimSpace(tc.config.DeadLetterQueueURL)
			verdict, wait := tc.config.WithDefaults().AfterFailure(tc.failure)
			assert.Equal(t, tc.verdict, verdict, tc.reason)
			assert.Equal(t, tc.wait, wait, tc.reason)
		})
	}
}

// TestADependencyIsDown for five minutes: no message is dead-lettered, nor received
// twice.
func TestADependencyIsDown(t *testing.T) {
	t.Parallel()
	for _, groups := range []int{20, 1000} {
		t.Run(fmt.Sprint(groups, " groups"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3)
				for i := range 1000 {
					w.send(fmt.Sprint("group", i%groups), fmt.Sprint("m", i))
				}
				up := time.Now().Add(5 * time.Minute)
				var again atomic.Int32
				stop := w.run(w.config(), func(_ context.Context, m *Message) error {
					if m.ReceiveCount > 1 {
						again.Add(1)
					}
					time.Sleep(time.Second)
					if time.Now().Before(up) {
						return errors.New("the database does not answer")
					}
					return nil
				})
				time.Sleep(2 * time.Hour)
				require.NoError(t, stop())
				assert.Empty(t, w.bodies(w.failed))
				assert.Empty(t, w.bodies(w.queueURL))
				assert.Zero(t, again.Load())
			})
		})
	}
}

func TestAWaitingGroupLeavesItsSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		config := w.config()
		config.Concurrency = 1
		const failing = 14 // more than may wait
		for i := range failing {
			w.send(fmt.Sprint("bad", i), fmt.Sprint("bad", i))
		}
		var mu atomic.Int32
		began := time.Now()
		var good record
		stop := w.run(config, func(_ context.Context, m *Message) error {
			assert.Equal(t, int32(1), mu.Add(1), "one at a time")
			defer mu.Add(-1)
			if m.GroupID != "good" {
				return errors.New("never")
			}
			good.add("after %s", time.Since(began).Truncate(time.Second))
			return nil
		})
		time.Sleep(time.Minute)
		assert.Len(t, w.inFlight(), WaitingPerSlot+1, "beyond the bound a waiting group keeps its slot")
		time.Sleep(time.Hour)
		assert.Len(t, w.bodies(w.failed), failing)
		began = time.Now()
		w.send("bad", "bad")
		time.Sleep(time.Second)
		w.send("good", "good")
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"after 1s"}, good.all())
		require.NoError(t, stop())
	})
}

// inFlight are the messages that are hidden.
func (w *world) inFlight() []string {
	list := []string{}
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.queueURL)
		require.NoError(w.t, err)
		for _, m := range box.Messages() {
			if !m.VisibleAt(now) {
				list = append(list, m.Body)
			}
		}
	})
	return list
}

func TestLaterIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.send("a", "a1", "a2")
		events := &counts{}
		config := w.config()
		config.Observe, config.HandlerTimeout = events.observe, time.Hour
		calls := 0
		began := time.Now()
		var done record
		stop := w.run(config, func(_ context.Context, m *Message) error {
			if calls++; calls <= 20 {
				return RetryAfter(20*time.Minute, errors.New("not yet"))
			}
			done.add("%s received %d times, after %s", m.Body, m.ReceiveCount,
				time.Since(began).Truncate(time.Minute))
			return nil
		})
		time.Sleep(8 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1 received 1 times, after 6h40m0s", "a2 received 1 times, after 6h40m0s"},
			done.all())
		assert.Equal(t, 20, events.get(Postponed))
		assert.Zero(t, events.get(Failed))
	})
}

// exitError is an error with details.
type exitError struct{ stderr string }

func (exitError) Error() string { return "exit status 3" }
func (e exitError) Details() map[string]any {
	return map[string]any{"exitCode": 3, "stderr": e.stderr}
}

var _ DetailedError = exitError{}

func TestTheDeadLetterQueueSaysWhy(t *testing.T) {
	t.Parallel()
	attributes := func(n int) map[string]cloud.MessageAttribute {
		all := map[string]cloud.MessageAttribute{}
		for i := range n {
			all[fmt.Sprint("a", i)] = cloud.MessageAttribute{DataType: "String", StringValue: "x"}
		}
		return all
	}
	cases := map[string]struct {
		reason     string
		attributes int
		stderr     string
		refuse     bool // SQS refuses the message with the reason
		want       *FailureReason
	}{
		"with its reason": {
			attributes: 9, stderr: "no such table",
			want: &FailureReason{Error: "so: exit status 3",
				Details: map[string]any{"exitCode": 3.0, "stderr": "no such table"}},
		},
		"the end of a long one": {
			stderr: strings.Repeat("x", 100_000) + "the end",
			want: &FailureReason{Error: "so: exit status 3", Details: map[string]any{
				"exitCode": 3.0, "stderr": "…" + strings.Repeat("x", maxDetail-7) + "the end",
			}},
		},
		"ten attributes": {reason: "SQS allows no eleventh", attributes: 10},
		"no room":        {reason: "the message is too large with it", attributes: 1, refuse: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 10)
				w.server.Do(func(a *cloud.Account, now time.Time) {
					box, _ := a.Mailbox(w.queueURL)
					_, err := box.Send(now,
						cloud.Message{GroupID: "a", Body: "a1", Attributes: attributes(tc.attributes)})
					assert.NoError(t, err)
				})
				full := roundTripper(func(req *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(req.Body)
					if err != nil {
						return nil, err
					}
					if tc.refuse && bytes.Contains(body, []byte(FailureReasonAttribute)) {
						return refusal(req, "InvalidMessageContents"), nil
					}
					req.Body = io.NopCloser(bytes.NewReader(body))
					return w.server.RoundTrip(req)
				})
				began := time.Now()
				stop := w.runOn(full, w.config(), func(context.Context, *Message) error {
					return fmt.Errorf("so: %w", exitError{tc.stderr})
				})
				time.Sleep(time.Hour)
				require.NoError(t, stop())
				assert.Empty(t, w.bodies(w.queueURL))
				w.server.Do(func(a *cloud.Account, _ time.Time) {
					box, _ := a.Mailbox(w.failed)
					if !assert.Len(t, box.Messages(), 1, tc.reason) {
						return
					}
					buried := box.Messages()[0]
					text, has := buried.Attributes[FailureReasonAttribute]
					require.Equal(t, tc.want != nil, has, tc.reason)
					if !has {
						assert.Len(t, buried.Attributes, tc.attributes)
						return
					}
					assert.Len(t, buried.Attributes, tc.attributes+1)
					var got FailureReason
					require.NoError(t, json.Unmarshal([]byte(text.StringValue), &got))
					assert.WithinDuration(t, began.Add(10*time.Minute), got.Time, 4*time.Minute)
					got.Time = time.Time{}
					tc.want.Attempts, tc.want.ReceiveCount = DefaultMaxAttempts, 1
					assert.Equal(t, *tc.want, got)
				})
			})
		})
	}
}

func TestAnEarlierReasonIsReplaced(t *testing.T) {
	t.Parallel()
	old := map[string]types.MessageAttributeValue{FailureReasonAttribute: {StringValue: aws.String("old")}}
	for i := range 9 {
		old[fmt.Sprint(i)] = types.MessageAttributeValue{}
	}
	attributes := withReason(&Message{Attributes: old}, FailureReason{Error: "new"})
	assert.Len(t, attributes, 10)
	assert.Contains(t, *attributes[FailureReasonAttribute].StringValue, "new")
	assert.Equal(t, "old", *old[FailureReasonAttribute].StringValue, "the message's own are as they were")
}

func TestDetailsAreBounded(t *testing.T) {
	t.Parallel()
	all := manyDetails{}
	for i := range 1000 {
		all[fmt.Sprintf("%04d", i)] = strings.Repeat("\x00", 100)
	}
	text, err := json.Marshal(detailsOf(all))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(text), 2*maxDetails)
	assert.Len(t, detailsOf(manyDetails{"f": func() {}}), 1, "what JSON cannot write is a text")
	assert.Nil(t, detailsOf(errors.New("plain")))
}

type manyDetails map[string]any

func (manyDetails) Error() string             { return "many" }
func (m manyDetails) Details() map[string]any { return m }

// TestADeadLetterQueueThatFails: the group is kept, without further calls of the handler.
func TestADeadLetterQueueThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.send("a", "a1", "a2")
		up := time.Now().Add(time.Hour)
		down := roundTripper(func(req *http.Request) (*http.Response, error) {
			if time.Now().Before(up) && strings.HasSuffix(req.Header.Get("X-Amz-Target"), "SendMessage") {
				return refusal(req, "AccessDeniedException"), nil
			}
			return w.server.RoundTrip(req)
		})
		var calls record
		config := w.config()
		config.HandlerTimeout = time.Hour
		stop := w.runOn(down, config, func(_ context.Context, m *Message) error {
			calls.add("%s %d", m.Body, m.ReceiveCount)
			if m.Body == "a1" {
				return Permanent(errors.New("never"))
			}
			return nil
		})
		time.Sleep(2 * time.Hour)
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1 1", "a2 1"}, calls.all())
		assert.Equal(t, []string{"a1"}, w.bodies(w.failed))
	})
}

// TestFailRedriveFail: a message that fails, is sent back and fails again within the
// deduplication interval is in the dead-letter queue again.
func TestFailRedriveFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		w.send("a", "a1")
		stop := w.run(w.config(), func(context.Context, *Message) error {
			return Permanent(errors.New("never"))
		})
		time.Sleep(time.Minute)
		for round := range 3 {
			require.Equal(t, []string{"a1"}, w.bodies(w.failed), "round %d", round)
			w.server.Do(func(a *cloud.Account, now time.Time) {
				failed, _ := a.Mailbox(w.failed)
				queue, _ := a.Mailbox(w.queueURL)
				m := *failed.Messages()[0]
				m.DeduplicationID, m.ReceiveCount = m.ID, 0
				_, err := queue.Send(now, m)
				assert.NoError(t, err)
				got := failed.Receive(now, 1, time.Minute, "", nil)
				assert.NoError(t, failed.Delete(now, got[0].ReceiptHandle))
			})
			time.Sleep(time.Minute)
		}
		require.NoError(t, stop())
		assert.Equal(t, []string{"a1"}, w.bodies(w.failed))
	})
}
