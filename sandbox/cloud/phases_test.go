package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeededPhases(t *testing.T) {
	t.Parallel()
	phases := SeededPhases(1)
	assert.InDelta(t, phases("alarm out", 3), SeededPhases(1)("alarm out", 3), 0, "a seed repeats itself")
	const draws, tenths = 20_000, 10
	var counts [tenths]int
	for i := range draws {
		p := phases(fmt.Sprint("alarm ", i%20), i/20)
		require.Greater(t, p, 0.0)
		require.LessOrEqual(t, p, 1.0)
		counts[min(int(p*tenths), tenths-1)]++
	}
	for i, n := range counts {
		assert.InDelta(t, draws/tenths, n, draws/tenths/10, "part %d of the minute", i)
	}
}

// TestPhasesDecideHowLongAMessageWaits: what is sampled just before its alarm is evaluated is seen a
// minute sooner than what is sampled just after.
func TestPhasesDecideHowLongAMessageWaits(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		queue, alarm float64
		scaled       time.Duration // after the minute in which the message came began
	}{
		"all at the minute's end":          {1, 1, 2 * time.Minute},
		"the alarm after the sample":       {0.5, 0.6, time.Minute + 36*time.Second},
		"the alarm before the sample":      {0.5, 0.4, 2*time.Minute + 24*time.Second},
		"sampled late, evaluated early":    {0.9, 0.1, 2*time.Minute + 6*time.Second},
		"sampled at the end, then a while": {1, 0.5, 2*time.Minute + 30*time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s *worldSettings) {
				s.options.Phases = func(name string, _ int) float64 {
					if name[:5] == "queue" {
						return tc.queue
					}
					return tc.alarm
				}
			})
			w.minutes(3)
			began := w.now
			w.pass(time.Second)
			w.send(1)
			for len(w.scaled()) == 0 && w.now.Before(began.Add(time.Hour)) {
				w.pass(time.Second)
			}
			assert.Equal(t, tc.scaled, w.control.Activities()[0].At.Sub(began))
		})
	}
}

// TestEachThingHasATickAMinute, whatever its phase, also on the day when phases change.
func TestEachThingHasATickAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.Phases = SeededPhases(7) })
	w.minutes(2*minutesADay + 30)
	for _, name := range []string{"ApproximateNumberOfMessagesVisible",
		"ApproximateNumberOfGroupsWithInflightMessages"} {
		points := w.control.metrics.series("AWS/SQS", name,
			map[string]string{"QueueName": "jobs.fifo"}).points
		require.Len(t, points, 6*60, "%s until the queue sleeps", name)
		for i, p := range points {
			assert.Equal(t, i+1, p.minute)
		}
	}
	assert.Len(t, w.control.ticker.ticks, 4, "a queue, a service and two alarms")
	delete(w.account.Alarms, "out")
	w.minutes(1)
	assert.Len(t, w.control.ticker.ticks, 3, "what is gone has none")
}
