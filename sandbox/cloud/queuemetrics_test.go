package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestWakingQueue: after six hours a queue reports nothing; it takes 15 minutes to
// wake, and then starts a task.
func TestWakingQueue(t *testing.T) {
	t.Parallel()
	for _, staleZeros := range []bool{false, true} {
		w := newWorld(t, func(s *worldSettings) { s.options.WakingReportsZeros, s.max = staleZeros, 1 })
		w.minutes(6*60 + 2)
		_, value := w.control.AlarmState("out")
		assert.NotNil(t, value, "it reports until six hours have passed")
		w.minutes(10)
		_, value = w.control.AlarmState("out")
		assert.Nil(t, value, "it sleeps")
		w.send(1)
		w.minutes(15)
		assert.Empty(t, w.scaled())
		w.minutes(3)
		assert.Len(t, w.scaled(), 1, "stale zeros %t", staleZeros)
	}
}

func TestLongSeriesAreTrimmed(t *testing.T) {
	t.Parallel()
	s := &series{}
	for minute := range 5 * keptMinutes {
		s.gauge(minute, time.Time{}, float64(minute))
	}
	assert.LessOrEqual(t, len(s.points), 2*keptMinutes)
	now := 5*keptMinutes - 1
	assert.InDelta(t, float64(now), s.statistic("Maximum", now-1440, now, time.Time{}), 0)
	assert.InDelta(t, float64(now-1439), s.statistic("Minimum", now-1440, now, time.Time{}), 0, "a day back")
	assert.InDelta(t, 1440, s.statistic("SampleCount", now-1440, now, time.Time{}), 0)
	assert.InDelta(t, float64(2*now-1), s.statistic("Sum", now-2, now, time.Time{}), 0)
}
