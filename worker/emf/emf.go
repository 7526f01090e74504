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

// maxSamples is the most values that the format takes for a metric in one line.
const maxSamples = 100

// Metrics gathers what a consumer does and writes it with Flush.
type Metrics struct {
	output    io.Writer
	queueName string

	mu     sync.Mutex
	counts map[string]int
	values map[string][]float64
	gauges map[string]float64
}

var _ consumer.Metrics = (*Metrics)(nil)

// units are those of each metric; they also say which ones there are.
var units = map[string]string{
	"Received": "Count", "Done": "Count", "Retried": "Count", "DeadLettered": "Count", "LeaseLost": "Count",
	"HandlerTime": "Seconds", "QueueAge": "Seconds",
	"InFlightGroups": "Count", "BlockedGroups": "Count", "OldestBlockedGroup": "Seconds",
}

// New gathers the metrics of a queue's consumer.
func New(output io.Writer, queueName string) *Metrics {
	return &Metrics{
		output: output, queueName: queueName,
		counts: map[string]int{}, values: map[string][]float64{}, gauges: map[string]float64{},
	}
}

func (m *Metrics) count(name string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[name] += n
}

// Received implements consumer.Metrics.
func (m *Metrics) Received(messages int) { m.count("Received", messages) }

// Done implements consumer.Metrics. Of a busy minute the first hundred messages
// stand for the others.
func (m *Metrics) Done(_ *consumer.Message, handling, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts["Done"]++
	if len(m.values["HandlerTime"]) < maxSamples {
		m.values["HandlerTime"] = append(m.values["HandlerTime"], handling.Seconds())
		m.values["QueueAge"] = append(m.values["QueueAge"], age.Seconds())
	}
}

// Retried implements consumer.Metrics.
func (m *Metrics) Retried(*consumer.Message) { m.count("Retried", 1) }

// DeadLettered implements consumer.Metrics.
func (m *Metrics) DeadLettered(*consumer.Message) { m.count("DeadLettered", 1) }

// LeaseLost implements consumer.Metrics.
func (m *Metrics) LeaseLost(string) { m.count("LeaseLost", 1) }

// InFlight implements consumer.Metrics.
func (m *Metrics) InFlight(groups int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges["InFlightGroups"] = float64(groups)
}

// Blocked implements consumer.Metrics.
func (m *Metrics) Blocked(groups int, oldest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges["BlockedGroups"], m.gauges["OldestBlockedGroup"] = float64(groups), oldest.Seconds()
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
	for name, values := range m.values {
		line[name] = values
	}
	for name, value := range m.gauges {
		if value != 0 {
			line[name] = value
		}
	}
	clear(m.counts)
	clear(m.values)
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
