// Package emf writes metrics as lines in CloudWatch's embedded metric format: they
// go to the log with everything else, and CloudWatch reads them there. No agent and
// no call is needed. Source: CloudWatch user guide, "Specification: Embedded metric
// format".
package emf

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"fargate-queue-worker/worker/consumer"
)

// Namespace of the metrics.
const Namespace = "FargateQueueWorker"

// Metrics gathers what a consumer does, if Observe is its Config.Observe, and writes it
// with Flush.
type Metrics struct {
	output    io.Writer
	queueName string

	mu         sync.Mutex
	counts     map[string]int
	histograms map[string]*histogram
	gauges     map[string]float64
}

// units are those of each metric; they also say which ones there are.
var units = map[string]string{
	"Received": "Count", "Done": "Count", "Retried": "Count", "Postponed": "Count", "HandedBack": "Count",
	"DeadLettered": "Count", "LeaseLost": "Count",
	"HandlerTime": "Seconds", "QueueAge": "Seconds",
	"InFlightGroups": "Count", "BlockedGroups": "Count", "OldestBlockedGroup": "Seconds",
}

// New gathers the metrics of a queue's consumer.
func New(output io.Writer, queueName string) *Metrics {
	return &Metrics{
		output: output, queueName: queueName,
		counts: map[string]int{}, histograms: map[string]*histogram{}, gauges: map[string]float64{},
	}
}

// Observe counts an event.
func (m *Metrics) Observe(e consumer.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Kind {
	case consumer.Received:
		m.counts["Received"] += e.Count
	case consumer.Done:
		m.counts["Done"]++
		m.add("HandlerTime", e.Took)
		m.add("QueueAge", e.Age)
	case consumer.Failed:
		m.counts["Retried"]++
	case consumer.Postponed:
		m.counts["Postponed"]++
	case consumer.HandedBack:
		m.counts["HandedBack"] += e.Count
	case consumer.DeadLettered:
		m.counts["DeadLettered"]++
	case consumer.LeaseLost:
		m.counts["LeaseLost"]++
	case consumer.InFlight:
		m.gauges["InFlightGroups"] = float64(e.Count)
	case consumer.Blocked:
		m.gauges["BlockedGroups"], m.gauges["OldestBlockedGroup"] = float64(e.Count), e.Age.Seconds()
	}
}

func (m *Metrics) add(name string, d time.Duration) {
	h, ok := m.histograms[name]
	if !ok {
		h = newHistogram()
		m.histograms[name] = h
	}
	h.add(d.Seconds())
}

// metric is a metric's definition in a line.
type metric struct {
	Name string
	Unit string
}

// Flush writes a line with what was gathered since the last one. An idle worker
// writes none.
func (m *Metrics) Flush(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := map[string]any{"QueueName": m.queueName}
	for name, n := range m.counts {
		line[name] = n
	}
	for name, h := range m.histograms {
		line[name] = h.distribution()
	}
	for name, value := range m.gauges {
		if value != 0 {
			line[name] = value
		}
	}
	clear(m.counts)
	clear(m.histograms)
	var metrics []metric
	for name := range line {
		if unit, ok := units[name]; ok {
			metrics = append(metrics, metric{name, unit})
		}
	}
	if len(metrics) == 0 {
		return nil
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": Namespace, "Dimensions": [][]string{{"QueueName"}}, "Metrics": metrics,
		}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = m.output.Write(append(text, '\n'))
	return err
}
