package consumer

import "time"

// Metrics counts what a Consumer does. Its methods are called from many goroutines.
type Metrics interface {
	// Received counts messages that SQS delivered.
	Received(messages int)
	// Done is a message that was handled and deleted.
	Done(m *Message, handling, age time.Duration)
	// Retried is a failed attempt that will be repeated, here or after a new receive.
	Retried(m *Message)
	// DeadLettered is a message that went to the dead-letter queue.
	DeadLettered(m *Message)
	// LeaseLost is a group whose messages became visible to others.
	LeaseLost(groupID string)
	// InFlight is how many groups are worked on now.
	InFlight(groups int)
	// Blocked is how many groups wait for a failed message to be tried again, and
	// since when the oldest of them does. The messages behind such a message stay
	// visible, so scale-out sees a backlog that no task can take.
	Blocked(groups int, oldest time.Duration)
}

// NoMetrics counts nothing.
type NoMetrics struct{}

// Received implements Metrics.
func (NoMetrics) Received(int) {}

// Done implements Metrics.
func (NoMetrics) Done(*Message, time.Duration, time.Duration) {}

// Retried implements Metrics.
func (NoMetrics) Retried(*Message) {}

// DeadLettered implements Metrics.
func (NoMetrics) DeadLettered(*Message) {}

// LeaseLost implements Metrics.
func (NoMetrics) LeaseLost(string) {}

// InFlight implements Metrics.
func (NoMetrics) InFlight(int) {}

// Blocked implements Metrics.
func (NoMetrics) Blocked(int, time.Duration) {}
