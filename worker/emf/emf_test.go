package emf

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

func TestFlush(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	m := New(&output, "jobs.fifo")
	now := time.UnixMilli(1700000000000)
	require.NoError(t, m.Flush(now))
	assert.Empty(t, output.String(), "an idle worker writes nothing")

	for _, e := range []consumer.Event{
		{Kind: consumer.Received, Count: 3},
		{Kind: consumer.Received, Count: 2},
		{Kind: consumer.Done, Took: 1500 * time.Millisecond, Age: 4 * time.Second},
		{Kind: consumer.Done, Took: 500 * time.Millisecond, Age: 4 * time.Second},
		{Kind: consumer.Failed},
		{Kind: consumer.Postponed},
		{Kind: consumer.HandedBack, Count: 4},
		{Kind: consumer.DeadLettered},
		{Kind: consumer.LeaseLost},
		{Kind: consumer.InFlight, Count: 2},
		{Kind: consumer.Blocked, Count: 1, Age: 90 * time.Second},
	} {
		m.Observe(e)
	}
	require.NoError(t, m.Flush(now))
	assert.Equal(t, 1, bytes.Count(output.Bytes(), []byte("\n")), "one line")

	var line struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
		QueueName                                         string
		Received, Done, Retried, DeadLettered, LeaseLost  int
		Postponed, HandedBack                             int
		HandlerTime, QueueAge                             distribution
		InFlightGroups, BlockedGroups, OldestBlockedGroup float64
	}
	require.NoError(t, json.Unmarshal(output.Bytes(), &line))
	assert.Equal(t, int64(1700000000000), line.AWS.Timestamp)
	definition := line.AWS.CloudWatchMetrics[0]
	assert.Equal(t, "FargateQueueWorker", definition.Namespace)
	assert.Equal(t, [][]string{{"QueueName"}}, definition.Dimensions)
	assert.Len(t, definition.Metrics, len(units), "each metric is defined, and the dimension is not")
	assert.Equal(t, "jobs.fifo", line.QueueName)
	assert.Equal(t, []int{5, 2, 1, 1, 1}, []int{line.Received, line.Done, line.Retried, line.DeadLettered,
		line.LeaseLost})
	assert.Equal(t, []int{1, 4}, []int{line.Postponed, line.HandedBack})
	assert.Equal(t, distribution{Values: []float64{0.5, 1.5}, Counts: []int{1, 1}, Min: 0.5, Max: 1.5,
		Count: 2, Sum: 2}, line.HandlerTime)
	assert.Equal(t, distribution{Values: []float64{4}, Counts: []int{2}, Min: 4, Max: 4, Count: 2, Sum: 8},
		line.QueueAge)
	assert.Equal(t, []float64{2, 1, 90},
		[]float64{line.InFlightGroups, line.BlockedGroups, line.OldestBlockedGroup})

	output.Reset()
	m.Observe(consumer.Event{Kind: consumer.InFlight})
	m.Observe(consumer.Event{Kind: consumer.Blocked})
	require.NoError(t, m.Flush(now))
	assert.Empty(t, output.String(), "counts start anew")
}

// TestPercentilesAreThoseOfAllMessages: whatever the values, those that are written
// have the percentiles of all, within the width of a bucket.
func TestPercentilesAreThoseOfAllMessages(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	cases := map[string]struct {
		draw      func(i int) float64
		tolerance float64
	}{
		"slow ones come late": {func(i int) float64 {
			if i < 100 {
				return 0.01
			}
			return 5
		}, 0.001},
		"around a second": {func(int) float64 {
			return math.Exp(random.NormFloat64() * 0.2)
		}, 0.02},
		"microseconds to 12 hours": {func(int) float64 {
			return math.Exp(random.Float64()*24.5 - 13.8)
		}, 0.35},
		"nothing but less than any": {func(int) float64 { return 0 }, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHistogram()
			var all []float64
			for i := range 20000 {
				value := tc.draw(i)
				all = append(all, value)
				h.add(value)
			}
			d := h.distribution()
			require.LessOrEqual(t, len(d.Values), maxValues)
			require.Equal(t, len(all), d.Count)
			slices.Sort(all)
			for _, share := range []float64{0.5, 0.95, 0.99} {
				want := all[int(share*float64(len(all)))]
				assert.InDelta(t, want, percentile(d, share), want*tc.tolerance+1e-9, "p%v", 100*share)
			}
		})
	}
}

func percentile(d distribution, share float64) float64 {
	seen := 0
	for i, n := range d.Counts {
		if seen += n; float64(seen) > share*float64(d.Count) {
			return d.Values[i]
		}
	}
	return d.Max
}
