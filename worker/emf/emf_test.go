package emf

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlush(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	m := New(&output, "jobs.fifo")
	now := time.UnixMilli(1700000000000)
	require.NoError(t, m.Flush(now))
	assert.Empty(t, output.String(), "an idle worker writes nothing")

	m.Received(3)
	m.Received(2)
	m.Done(nil, 1500*time.Millisecond, 4*time.Second)
	m.Done(nil, 500*time.Millisecond, 5*time.Second)
	m.Retried(nil)
	m.DeadLettered(nil)
	m.LeaseLost("g")
	m.InFlight(2)
	m.Blocked(1, 90*time.Second)
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
		HandlerTime, QueueAge                             []float64
		InFlightGroups, BlockedGroups, OldestBlockedGroup float64
	}
	require.NoError(t, json.Unmarshal(output.Bytes(), &line))
	assert.Equal(t, int64(1700000000000), line.AWS.Timestamp)
	definition := line.AWS.CloudWatchMetrics[0]
	assert.Equal(t, "FargateQueueWorker", definition.Namespace)
	assert.Equal(t, [][]string{{"QueueName"}}, definition.Dimensions)
	assert.Len(t, definition.Metrics, 10, "each metric is defined, and the dimension is not")
	assert.Equal(t, "jobs.fifo", line.QueueName)
	assert.Equal(t, []int{5, 2, 1, 1, 1}, []int{line.Received, line.Done, line.Retried, line.DeadLettered, line.LeaseLost})
	assert.Equal(t, []float64{1.5, 0.5}, line.HandlerTime)
	assert.Equal(t, []float64{4, 5}, line.QueueAge)
	assert.Equal(t, []float64{2, 1, 90}, []float64{line.InFlightGroups, line.BlockedGroups, line.OldestBlockedGroup})

	output.Reset()
	m.InFlight(0)
	m.Blocked(0, 0)
	require.NoError(t, m.Flush(now))
	assert.Empty(t, output.String(), "counts start anew")
}

func TestNoMoreValuesThanTheFormatTakes(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	m := New(&output, "jobs.fifo")
	for range 500 {
		m.Done(nil, time.Second, time.Second)
	}
	require.NoError(t, m.Flush(time.Now()))
	var line struct {
		Done        int
		HandlerTime []float64
	}
	require.NoError(t, json.Unmarshal(output.Bytes(), &line))
	assert.Equal(t, 500, line.Done)
	assert.Len(t, line.HandlerTime, 100)
}
