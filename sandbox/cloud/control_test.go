package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneMessageStartsATaskAndItStopsWhenAllIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	w.minutes(5)
	assert.Empty(t, w.scaled(), "an empty queue starts nothing")
	w.pass(10 * time.Second)
	w.send(1)
	w.minutes(2)
	assert.Equal(t, []string{"out 0>1 at 7"}, w.scaled(), "measured at 6, shown at 7")
	assert.Zero(t, w.running(), "it needs half a minute to start")
	w.pass(20 * time.Second)
	assert.Equal(t, 1, w.running())
	m := w.receive(time.Hour)[0]
	w.minutes(30)
	assert.Equal(t, 1, w.running(), "a message in flight is work")
	require.NoError(t, w.box.Delete(w.now, m.ReceiptHandle))
	w.minutes(5)
	assert.Equal(t, []string{"out 0>1 at 7", "idle 1>0 at 41"}, w.scaled(),
		"three minutes and the metrics' delay")
	assert.Empty(t, w.control.Tasks())
	assert.Len(t, w.host.stopped, 1)
	assert.Empty(t, w.host.killed)
}

// TestGuardHoldsInAllReadings: with tasks at 0 % CPU and a message in flight, the
// guarded alarm stops nothing, however CloudWatch reads missing data and however a
// waking queue reports.
func TestGuardHoldsInAllReadings(t *testing.T) {
	t.Parallel()
	for _, staleZeros := range []bool{false, true} {
		for _, missingCountsAsZero := range []bool{false, true} {
			for _, asleep := range []bool{false, true} {
				reading := func(s *worldSettings) {
					s.max = 1
					s.options.WakingReportsZeros, s.options.MissingCountsAsZero, s.options.QueuesAsleep =
						staleZeros, missingCountsAsZero, asleep
				}
				w := newWorld(t, reading)
				w.send(1)
				for range 25 {
					w.minutes(1)
					w.box.Touch(w.now)
				}
				require.Equal(t, 1, w.running(), "the queue has woken")
				m := w.receive(10 * time.Hour)[0]
				w.minutes(9 * 60)
				assert.Equal(t, 1, w.running(), "stale zeros %t, missing as zero %t", staleZeros,
					missingCountsAsZero)
				require.NoError(t, w.box.Delete(w.now, m.ReceiptHandle))
				for range 10 {
					w.minutes(1)
					w.box.Touch(w.now) // its own polls
				}
				assert.Zero(t, w.running(), "and it comes back to none: stale zeros %t, missing as zero %t",
					staleZeros, missingCountsAsZero)
			}
		}
	}
}

func TestPlainCPUAlarmKillsWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.idle = &Alarm{EvaluationPeriods: 1, Namespace: "AWS/ECS", MetricName: "CPUUtilization",
			Statistic: "Average", Period: 180, Dimensions: map[string]string{"ClusterName": "apps",
				"ServiceName": "worker"}}
		s.stopping, s.max = 30, 1
	})
	w.host.drain = time.Hour
	w.send(1)
	w.minutes(3)
	require.Equal(t, 1, w.running())
	w.receive(time.Hour)
	w.minutes(4)
	assert.Len(t, w.host.killed, 1, "SIGKILL 30 s after SIGTERM, the message still in flight")
}

// TestShortMinutes: with a minute of a second, cooldowns shrink with it.
func TestShortMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.options.Minute, s.options.CooldownFromDecision = time.Second, true
		s.options.StartDelay = func(int) time.Duration { return time.Second / 2 }
		s.out.Cooldown = new(120)
	})
	w.host.cpu = 50
	w.send(5)
	w.pass(7 * time.Second)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>2 at 4", "out 2>3 at 6"}, w.scaled())
}
