package components

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

const testTopic = "arn:aws:sns:us-west-1:123456789012:on-call"

// onCall is a worker of at most two tasks whose alarms tell somebody.
func onCall() *QueueWorkerArgs {
	return with(func(a *QueueWorkerArgs) {
		a.Operations = OperationsArgs{TopicARN: pulumi.String(testTopic), Dashboard: true}
		a.Scaling.MaxCapacity = 2
		a.Scaling.ScaleOutCooldownSeconds = 60
	})
}

// idleTasks are tasks that run and do what a test does in their place.
type idleTasks struct{}

func (idleTasks) StartTask(time.Time, *cloud.Task)   {}
func (idleTasks) StopTask(time.Time, *cloud.Task)    {}
func (idleTasks) KillTask(time.Time, *cloud.Task)    {}
func (idleTasks) CPU(time.Time, *cloud.Task) float64 { return 3 }

// region is what a plan declares, at work.
type region struct {
	*testing.T
	account            *cloud.Account
	control            *cloud.Control
	queue, deadLetters *cloud.Mailbox
	now                time.Time
	sent               int
}

func newRegion(t *testing.T, args *QueueWorkerArgs, o cloud.ControlOptions) *region {
	t.Helper()
	account := testAccount(t)
	_, err := plan.Of(func(ctx *pulumi.Context) error {
		_, err := NewQueueWorker(ctx, "w", args)
		return err
	}, plan.Options{Project: "project", Stack: "test", Account: account})
	require.NoError(t, err)
	consumer, err := account.QueueConsumer()
	require.NoError(t, err)
	// when a bubble of synctest begins
	r := &region{T: t, account: account, now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.queue, err = account.Mailbox(consumer.Queue.URL)
	require.NoError(t, err)
	r.deadLetters, err = account.Mailbox(consumer.DeadLetters.URL)
	require.NoError(t, err)
	r.control = cloud.NewControl(account, r.now, idleTasks{}, o)
	return r
}

// minutes pass, in each of which the tasks poll.
func (r *region) minutes(n int) {
	for range n {
		r.now = r.now.Add(time.Minute)
		r.control.Advance(r.now)
		if len(r.control.Tasks()) > 0 {
			r.queue.Touch(r.now)
		}
	}
}

func (r *region) send(group string) {
	r.Helper()
	r.sent++
	_, err := r.queue.Send(r.now, cloud.Message{GroupID: group, DeduplicationID: fmt.Sprint(r.sent),
		Body: "job"})
	require.NoError(r, err)
}

func (r *region) receive(visibility time.Duration) *cloud.Message {
	r.Helper()
	messages := r.queue.Receive(r.now, 1, visibility, "", r.deadLetters)
	if len(messages) == 0 {
		return nil
	}
	return messages[0]
}

func (r *region) done(m *cloud.Message) {
	r.Helper()
	require.NoError(r, r.queue.Delete(r.now, m.ReceiptHandle))
}

// notified are the notifications, but for the OK of an alarm that has just got its first
// data.
func (r *region) notified() (list []string) {
	risen := map[string]bool{}
	for _, n := range r.control.Notifications() {
		require.Equal(r, testTopic, n.Topic)
		risen[n.Alarm] = risen[n.Alarm] || n.State == cloud.InAlarm
		if risen[n.Alarm] {
			list = append(list, n.Alarm+" "+string(n.State))
		}
	}
	return list
}

// readings are those of AWS's documentation that the model has.
func readings(t *testing.T, check func(t *testing.T, o cloud.ControlOptions)) {
	t.Helper()
	for i := range 16 {
		o := cloud.DefaultControlOptions()
		o.WakingReportsZeros, o.MissingCountsAsZero, o.QueuesAsleep = i&1 > 0, i&2 > 0, i&4 > 0
		o.MetricDelay = i >> 3
		t.Run(fmt.Sprintf("waking=%t,missing=%t,asleep=%t,delay=%d", o.WakingReportsZeros,
			o.MissingCountsAsZero, o.QueuesAsleep, o.MetricDelay), func(t *testing.T) {
			t.Parallel()
			check(t, o)
		})
	}
}

// TestOperationsAlarms provokes each alarm alone, and clears it.
func TestOperationsAlarms(t *testing.T) {
	t.Parallel()
	never := func(int) time.Duration { return 1000 * time.Hour }
	soon := func(int) time.Duration { return 30 * time.Second }
	off := 0
	purge := func(r *region) func() {
		return func() {
			r.queue.Purge()
			r.minutes(10)
		}
	}
	nobodyWorks := func(r *region) func() {
		r.send("a")
		r.minutes(52)
		return purge(r)
	}
	tasksExit := func(minutes int) func(r *region) func() {
		return func(r *region) func() {
			r.send("a")
			for range minutes {
				r.minutes(1)
				for _, task := range r.control.Tasks() {
					r.control.TaskEnded(r.now, task)
				}
			}
			return purge(r)
		}
	}
	cases := map[string]struct {
		alarm   string
		args    func(*QueueWorkerArgs)
		provoke func(r *region) (clear func())
		delay   func(int) time.Duration
	}{
		"a message failed too often": {alarm: "w-dead-letters-alarm", delay: soon,
			provoke: func(r *region) func() {
				r.send("a")
				for range 12 {
					r.receive(time.Second)
					r.now = r.now.Add(2 * time.Second)
				}
				require.Equal(r, 1, r.deadLetters.Counts(r.now).Visible)
				r.minutes(20)
				return func() {
					m := r.deadLetters.Receive(r.now, 1, time.Minute, "", nil)[0]
					require.NoError(r, r.deadLetters.Delete(r.now, m.ReceiptHandle))
					r.minutes(5)
				}
			}},
		"a message waits behind one that takes long": {alarm: "w-oldest-message-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) {
				a.Operations.StuckMinutes, a.Operations.AtMaximumMinutes = &off, &off
			},
			provoke: func(r *region) func() {
				r.send("a")
				r.send("a")
				r.minutes(4)
				first := r.receive(3 * time.Hour)
				r.minutes(66)
				return func() {
					r.done(first)
					r.done(r.receive(time.Minute))
					r.minutes(10)
				}
			}},
		"tasks cannot start": {alarm: "w-not-starting-alarm", delay: never,
			args:    func(a *QueueWorkerArgs) { a.Operations.OldestMessageMinutes = &off },
			provoke: nobodyWorks},
		"scaling is suspended": {alarm: "w-not-starting-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) {
				a.Operations.OldestMessageMinutes, a.Scaling.SuspendScaleOut = &off, true
			},
			provoke: nobodyWorks},
		"tasks start and exit": {alarm: "w-stuck-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) {
				a.Operations.OldestMessageMinutes, a.Operations.NotStartingMinutes = &off, &off
				a.Operations.AtMaximumMinutes = &off
			},
			provoke: tasksExit(90)},
		"tasks start and exit, noticed sooner": {alarm: "w-not-starting-alarm", delay: soon,
			args:    func(a *QueueWorkerArgs) { a.Operations.OldestMessageMinutes = &off },
			provoke: tasksExit(52)},
		"tasks run for a day, and nothing comes": {alarm: "w-never-stopping-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) { a.Scaling.Idle.CPUPercent = 0.01 }, // below what the tasks use
			provoke: func(r *region) func() {
				r.send("a")
				r.minutes(4)
				r.done(r.receive(time.Minute))
				r.minutes(26 * 60)
				return func() {
					r.send("b")
					r.minutes(2)
					r.done(r.receive(time.Minute))
					r.minutes(5)
				}
			}},
		"a handler hangs": {alarm: "w-stuck-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) { a.Operations.OldestMessageMinutes = &off },
			provoke: func(r *region) func() {
				r.send("a")
				r.minutes(4)
				m := r.receive(5 * time.Hour)
				r.minutes(80)
				return func() {
					r.done(m)
					r.minutes(10)
				}
			}},
		"more work than forty tasks can do, of which some are replaced": {alarm: "w-at-maximum-alarm",
			delay: soon,
			args: func(a *QueueWorkerArgs) {
				a.Operations.OldestMessageMinutes, a.Operations.NotStartingMinutes = &off, &off
				a.Scaling.MaxCapacity, a.Scaling.AdjustmentType = 40, ExactCapacity
				a.Scaling.Steps = []ScalingStep{{Lower: at(1), Change: 40}}
			},
			provoke: func(r *region) func() {
				for range 200 {
					r.send(fmt.Sprint("group", r.sent))
				}
				for i := range 90 {
					r.done(r.receive(time.Minute))
					r.minutes(1)
					if tasks := r.control.Tasks(); i%5 == 0 && len(tasks) == 40 {
						r.control.TaskEnded(r.now, tasks[0])
					}
				}
				return func() {
					r.queue.Purge()
					r.minutes(12)
				}
			}},
		"more work than two tasks can do": {alarm: "w-at-maximum-alarm", delay: soon,
			args: func(a *QueueWorkerArgs) {
				a.Operations.OldestMessageMinutes, a.Operations.NotStartingMinutes = &off, &off
			},
			provoke: func(r *region) func() {
				for range 100 {
					r.send(fmt.Sprint("group", r.sent))
				}
				for range 90 {
					r.done(r.receive(time.Minute))
					r.minutes(1)
				}
				return func() {
					r.queue.Purge()
					r.minutes(10)
				}
			}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readings(t, func(t *testing.T, o cloud.ControlOptions) {
				args := onCall()
				if tc.args != nil {
					tc.args(args)
				}
				o.StartDelay = tc.delay
				r := newRegion(t, args, o)
				r.minutes(2)
				clear := tc.provoke(r)
				assert.Equal(t, []string{tc.alarm + " ALARM"}, r.notified(),
					"it rises, once, and no other does")
				clear()
				assert.Equal(t, []string{tc.alarm + " ALARM", tc.alarm + " OK"}, r.notified(), "it clears")
			})
		})
	}
}

// TestDeadLettersAreToldThoughTheQueueSleeps: and are still there the next day.
func TestDeadLettersAreToldThoughTheQueueSleeps(t *testing.T) {
	t.Parallel()
	readings(t, func(t *testing.T, o cloud.ControlOptions) {
		o.SleepWithMessages = true
		r := newRegion(t, onCall(), o)
		r.minutes(2)
		_, err := r.deadLetters.Send(r.now, cloud.Message{GroupID: "a", DeduplicationID: "a", Body: "job"})
		require.NoError(t, err)
		r.deadLetters.Touch(r.now)
		r.minutes(24 * 60)
		assert.Equal(t, []string{"w-dead-letters-alarm ALARM"}, r.notified(), "it does not clear")
		m := r.deadLetters.Receive(r.now, 1, time.Minute, "", nil)[0]
		require.NoError(t, r.deadLetters.Delete(r.now, m.ReceiptHandle))
		r.deadLetters.Touch(r.now)
		r.minutes(20)
		assert.Equal(t, []string{"w-dead-letters-alarm ALARM", "w-dead-letters-alarm OK"}, r.notified())
	})
}

// TestASlowStartAfterANightIsNoAlarm: the metrics come a quarter of an hour late and
// two minutes more, and the image is large.
func TestASlowStartAfterANightIsNoAlarm(t *testing.T) {
	t.Parallel()
	readings(t, func(t *testing.T, o cloud.ControlOptions) {
		o.QueuesAsleep, o.MetricDelay = true, cloud.LongestMetricDelay
		o.StartDelay = func(int) time.Duration { return 5 * time.Minute }
		r := newRegion(t, onCall(), o)
		r.minutes(2)
		r.send("a")
		r.minutes(7)
		m := r.receive(time.Hour)
		r.minutes(5)
		r.done(m)
		r.minutes(60)
		assert.Empty(t, r.notified())
	})
}

// TestNoAlarmOnAnOrdinaryDay: messages that come now and then, tasks that come and
// go, and one job that takes most of an hour.
func TestNoAlarmOnAnOrdinaryDay(t *testing.T) {
	t.Parallel()
	readings(t, func(t *testing.T, o cloud.ControlOptions) {
		r := newRegion(t, onCall(), o)
		r.minutes(3)
		r.send("long")
		r.minutes(4)
		long := r.receive(time.Hour)
		r.minutes(50)
		r.done(long)
		for i := range 20 {
			for range i % 4 {
				r.send(fmt.Sprint("group", r.sent))
			}
			r.minutes(4)
			for m := r.receive(time.Hour); m != nil; m = r.receive(time.Hour) {
				r.minutes(4 + i%3*4)
				r.done(m)
			}
			r.minutes(10 + i*20) // in the end the queue sleeps
		}
		assert.Empty(t, r.notified())
	})
}

func TestNobodyIsToldWithoutATopic(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, 2, p.Types()["aws:cloudwatch/metricAlarm:MetricAlarm"], "scale-out and idle")
		assert.Zero(t, p.Types()["aws:cloudwatch/dashboard:Dashboard"])
	})
}

func TestAlarmsThatAreSwitchedOff(t *testing.T) {
	t.Parallel()
	off := 0
	args := onCall()
	args.Operations.OldestMessageMinutes, args.Operations.NotStartingMinutes, args.Operations.StuckMinutes =
		&off, &off, &off
	args.Operations.NeverStoppingHours, args.Operations.AtMaximumMinutes = &off, &off
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.ElementsMatch(t, []string{"dead-letters", "failed-start"}, watchers(p),
			"what has no limit to set stays; an alarm with one is switched off by 0")
	})
}

func TestTasksThatAreMeantToRunAreNoAlarm(t *testing.T) {
	t.Parallel()
	args := onCall()
	args.Scaling.MinCapacity = 1
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.NotContains(t, names(p), "w-never-stopping-alarm")
	})
}

// TestExistingQueueIsWatched: its dead-letter queue by the name that its ARN ends in.
func TestExistingQueueIsWatched(t *testing.T) {
	t.Parallel()
	args := onCall()
	args.Queue.Existing = &ExistingQueue{URL: pulumi.String("https://sqs/jobs.fifo"),
		ARN: pulumi.String(testQueue), Name: pulumi.String("jobs.fifo")}
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.NotContains(t, names(p), "w-dead-letters-alarm", "there is no dead-letter queue")
	})
	watched := *args
	existing := *args.Queue.Existing
	existing.DeadLetterQueueURL, existing.DeadLetterQueueARN =
		pulumi.String("https://sqs/failed.fifo"), pulumi.String(testFailed)
	watched.Queue.Existing = &existing
	bothModes(t, &watched, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, map[string]any{"QueueName": "failed.fifo"},
			inputs(t, p, "w-dead-letters-alarm")["dimensions"])
	})
}

// TestAlarmsNameTheRunbook: what an alarm says begins with an entry of the runbook.
func TestAlarmsNameTheRunbook(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile("../docs/runbook.md")
	require.NoError(t, err)
	bothModes(t, onCall(), func(t *testing.T, p *plan.Plan, _ bool) {
		require.NotEmpty(t, watchers(p))
		for _, suffix := range watchers(p) {
			description := inputs(t, p, "w-"+suffix+"-alarm")["alarmDescription"].(string)
			entry, _, ok := strings.Cut(description, ":")
			assert.True(t, ok, description)
			assert.Contains(t, string(runbook), "\n## "+entry+"\n", "the runbook has an entry for %s", suffix)
			assert.Contains(t, AlarmKeys, camelCase(suffix), "AlarmKeys has the key of %s", suffix)
		}
	})
}

// watchers are the alarms for people that a plan has, without those that scale.
func watchers(p *plan.Plan) (suffixes []string) {
	for _, name := range names(p) {
		suffix, ok := strings.CutSuffix(strings.TrimPrefix(name, "w-"), "-alarm")
		if ok && suffix != "scale-out" && suffix != "idle" {
			suffixes = append(suffixes, suffix)
		}
	}
	return suffixes
}

func camelCase(dashed string) string {
	words := strings.Split(dashed, "-")
	for i, word := range words[1:] {
		words[i+1] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}
