package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFillStandsForTheNewestMinute: the CloudWatch user guide warns that FILL stands
// for the newest minute of a metric that comes late, for ever. An idle alarm that
// fills the visible messages with work never stops a task.
func TestFillStandsForTheNewestMinute(t *testing.T) {
	t.Parallel()
	filled := func(s *worldSettings) {
		s.idle.MetricQueries[1].Expression =
			"IF(FILL(visible, 1000000) + FILL(inflight, 0) + FILL(delayed, 0) > 0, 100, cpu)"
	}
	stopsWithin := func(delay int, settings ...setting) bool {
		w := newWorld(t, append(settings, func(s *worldSettings) { s.options.MetricDelay = delay })...)
		w.service.DesiredCount = 1
		w.minutes(60)
		return w.running() == 0
	}
	assert.True(t, stopsWithin(0, filled))
	assert.False(t, stopsWithin(1, filled), "what this project's alarm avoids")
	for delay := range 3 {
		assert.True(t, stopsWithin(delay), "metrics %d minutes late", delay)
	}
}

// TestLongPeriodClings: CDK's alarm over five minutes rises no later than one over a
// minute, and falls minutes later, since its window slides. The metrics are a minute
// late.
func TestLongPeriodClings(t *testing.T) {
	t.Parallel()
	states := func(period int) string {
		w := newWorld(t, func(s *worldSettings) { s.idle = nil })
		alarm := *w.account.Alarms["out"]
		alarm.Period = period
		_, err := w.account.PutMetricAlarm(alarm)
		require.NoError(t, err)
		w.minutes(2)
		w.send(1)
		text := ""
		for range 10 {
			w.minutes(1)
			if m := w.receive(time.Hour); len(m) > 0 {
				require.NoError(t, w.box.Delete(w.now, m[0].ReceiptHandle))
			}
			state, _ := w.control.AlarmState("out")
			text += string(state[0])
		}
		return text
	}
	assert.Equal(t, "OAOOOOOOOO", states(60))
	assert.Equal(t, "OAAAAOOOOO", states(300))
}

// TestAnAlarmForWantOfDataScalesNothing: there is no value to choose a step by.
func TestAnAlarmForWantOfDataScalesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.QueuesAsleep = true })
	alarm := *w.account.Alarms["out"]
	alarm.TreatMissingData = "breaching"
	_, err := w.account.PutMetricAlarm(alarm)
	require.NoError(t, err)
	w.minutes(5)
	state, _ := w.control.AlarmState("out")
	assert.Equal(t, InAlarm, state)
	assert.Empty(t, w.control.Activities())
}

// TestAChangedAlarmKeepsItsState until it is evaluated anew.
func TestAChangedAlarmKeepsItsState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.MetricDelay = 0 })
	w.host.cpu = 50
	w.send(1)
	w.minutes(2)
	alarm := *w.account.Alarms["out"]
	alarm.TreatMissingData, alarm.MetricName = "ignore", "Nothing"
	_, err := w.account.PutMetricAlarm(alarm)
	require.NoError(t, err)
	w.minutes(1)
	state, _ := w.control.AlarmState("out")
	assert.Equal(t, InAlarm, state)
}
