package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/emf"
)

// metricEvents are the events that the worker's metrics count.
var metricEvents = []consumer.Event{
	{Kind: consumer.Received, Count: 1}, {Kind: consumer.Done}, {Kind: consumer.Failed},
	{Kind: consumer.Postponed},
	{Kind: consumer.DeadLettered}, {Kind: consumer.HandedBack, Count: 1}, {Kind: consumer.LeaseLost},
	{Kind: consumer.InFlight, Count: 1}, {Kind: consumer.Blocked, Count: 1, Age: time.Second},
}

// metricNames are the metrics that the worker writes after each kind of event, as it does.
var metricNames = sync.OnceValue(func() map[consumer.EventKind][]string {
	names := map[consumer.EventKind][]string{}
	for _, event := range metricEvents {
		event.Message = &consumer.Message{}
		names[event.Kind] = writtenAfter(event)
	}
	return names
})

// workerMetrics are the names of all of them.
func workerMetrics() []string {
	var all []string
	for _, names := range metricNames() {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writtenAfter asks the worker's own metrics which of them an event writes.
func writtenAfter(event consumer.Event) []string {
	var line bytes.Buffer
	metrics := emf.New(&line, "queue.fifo")
	metrics.Observe(event)
	if err := metrics.Flush(begin); err != nil {
		panic(err) // it writes to memory
	}
	var written struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Metrics []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(line.Bytes(), &written); err != nil {
		panic(fmt.Errorf("the worker's metrics: %w", err)) // its format is specified
	}
	var names []string
	for _, directive := range written.AWS.CloudWatchMetrics {
		for _, m := range directive.Metrics {
			names = append(names, m.Name)
		}
	}
	return names
}

// metricHours counts the hours in which each of the worker's metrics is written, for
// which CloudWatch charges. Source: CloudWatch pricing page, "custom metrics charges
// are prorated by the hour and metered only when you send metrics".
type metricHours struct {
	last, hours [consumer.Blocked + 1]int // of each kind of event; the last hour from 1
}

// note an event at a time. Its metrics are written within the minute.
func (m *metricHours) note(event consumer.EventKind, at time.Time) {
	if hour := int(at.Sub(begin)/time.Hour) + 1; hour != m.last[event] {
		m.last[event] = hour
		m.hours[event]++
	}
}

// total of the hours of all metrics. Each metric belongs to one event.
func (m *metricHours) total() (n int) {
	for event, names := range metricNames() {
		n += m.hours[event] * len(names)
	}
	return n
}
