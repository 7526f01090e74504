package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// SQS is what a Consumer needs of the SQS client.
type SQS interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Protection keeps the task from being stopped by scale-in while it works.
type Protection interface {
	// Hold is called before each start of a handler. After an error nothing may
	// start. An error with a method Unwanted() bool that answers true says that the
	// service wants fewer tasks; the worker then exits. Otherwise release is called
	// when the handler has ended and its message is settled.
	Hold(ctx context.Context) (release func(), err error)
}

// Config of a Consumer. Zero values take the defaults.
type Config struct {
	// QueueURL of the FIFO queue. Required.
	QueueURL string
	// DeadLetterQueueURL takes messages that can never succeed. Default: none; such a
	// message is tried again until SQS's redrive policy takes it.
	DeadLetterQueueURL string
	// Concurrency is how many message groups are worked on at once, 1 or more.
	// Default 10.
	Concurrency int
	// VisibilityTimeout is how long a received message stays hidden unless it is
	// extended, which happens three times as often; whole seconds, 10 s to 11 h 59 min.
	// Default 60 s: as long as its group is blocked if the task dies.
	VisibilityTimeout time.Duration
	// WaitTime of a long poll, whole seconds, 1 to 20 s. Default 20 s. It is cut to a
	// third of the VisibilityTimeout: SQS does not say when in the poll it hid a message.
	WaitTime time.Duration
	// HandlerTimeout limits one call of the handler, up to 11 h 58 min. That is the
	// default: SQS lets nobody keep a message for more than 12 hours.
	HandlerTimeout time.Duration
	// Attempts is how often a handler is called for one receive of a message before
	// it is handed back, 1 or more. Default 3. Attempts made here cost the messages
	// behind it no receive of theirs.
	Attempts int
	// Backoff is the wait after the first failed attempt and doubles with each;
	// when a message is handed back, with each receive. Default 1 s.
	Backoff time.Duration
	// MaxBackoff limits it. Default 15 min.
	MaxBackoff time.Duration
	// StopTimeout is the time between SIGTERM and SIGKILL. Handlers may run on until
	// 15 s before it ends. Default 120 s.
	StopTimeout time.Duration
	// Protection of the task. Default: none.
	Protection Protection
	// Metrics counts what happens. Default: nobody does.
	Metrics Metrics
	// Logger for what a person should know. Default: slog.Default().
	Logger *slog.Logger
}

const (
	// longestLease is how long SQS lets a message be kept, from its receive.
	longestLease = 12 * time.Hour
	// leaseMargin is kept from it, for clocks and calls.
	leaseMargin = time.Minute
	// stopMargin of the StopTimeout is for handing back, after handlers were cancelled.
	stopMargin = 15 * time.Second
	// cancelGrace is what a cancelled handler has to return.
	cancelGrace = 5 * time.Second
	// predecessorGrace is how long a group waits for a handler that ignores its
	// cancellation before it is handed back.
	predecessorGrace = 30 * time.Second
	// callTimeout limits a call to SQS but for the long poll.
	callTimeout = 10 * time.Second
	// batchSize is the most entries of a batch, and messages of a receive.
	batchSize = 10
)

func (c Config) withDefaults() Config {
	setDefault(&c.Concurrency, 10)
	setDefault(&c.VisibilityTimeout, time.Minute)
	setDefault(&c.WaitTime, 20*time.Second)
	setDefault(&c.HandlerTimeout, longestLease-2*leaseMargin)
	setDefault(&c.Attempts, 3)
	setDefault(&c.Backoff, time.Second)
	setDefault(&c.MaxBackoff, 15*time.Minute)
	setDefault(&c.StopTimeout, 2*time.Minute)
	if c.Protection == nil {
		c.Protection = unprotected{}
	}
	if c.Metrics == nil {
		c.Metrics = NoMetrics{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ConfigError says which field of a Config is wrong, what it is and what would be
// right.
type ConfigError struct {
	Field string
	Value any
	Want  string
}

// Error implements error.
func (e *ConfigError) Error() string { return fmt.Sprintf("%s: %v: %s", e.Field, e.Value, e.Want) }

// Validate reports everything that is wrong with the configuration, as *ConfigError
// joined.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong []error
	check := func(ok bool, name string, value any, want string) {
		if !ok {
			wrong = append(wrong, &ConfigError{name, value, want})
		}
	}
	check(c.QueueURL != "", "QueueURL", `""`, "needs to be the URL of an SQS FIFO queue")
	check(c.Concurrency >= 1, "Concurrency", c.Concurrency, "needs to be 1 group or more")
	check(c.VisibilityTimeout >= 10*time.Second && c.VisibilityTimeout <= longestLease-leaseMargin && c.VisibilityTimeout%time.Second == 0,
		"VisibilityTimeout", c.VisibilityTimeout, "needs to be whole seconds from 10s to 11h59m")
	check(c.WaitTime >= 0 && c.WaitTime <= 20*time.Second && c.WaitTime%time.Second == 0, "WaitTime", c.WaitTime, "needs to be whole seconds up to 20s")
	check(c.HandlerTimeout > 0 && c.HandlerTimeout <= longestLease-2*leaseMargin,
		"HandlerTimeout", c.HandlerTimeout, fmt.Sprintf("needs to be up to %s; SQS lets nobody keep a message for more than 12 hours", longestLease-2*leaseMargin))
	check(c.Attempts >= 1, "Attempts", c.Attempts, "needs to be 1 or more")
	check(c.Backoff > 0, "Backoff", c.Backoff, "needs to be above 0")
	check(c.MaxBackoff >= c.Backoff && c.MaxBackoff <= longestLease-leaseMargin, "MaxBackoff", c.MaxBackoff,
		fmt.Sprintf("needs to be from the first wait (%s) to 11h59m", c.Backoff))
	check(c.StopTimeout > stopMargin, "StopTimeout", c.StopTimeout, fmt.Sprintf("needs to be above %s", stopMargin))
	return errors.Join(wrong...)
}

// unprotected is the Protection of a task that needs none.
type unprotected struct{}

func (unprotected) Hold(context.Context) (release func(), err error) { return func() {}, nil }
