package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// SQS is what a Consumer needs of the SQS client.
type SQS interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (
		*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (
		*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Protection keeps the task from being stopped by scale-in while it works.
type Protection interface {
	// Ready is called before messages are received. After an error none are, for a
	// while, since they could only be handed back.
	Ready(ctx context.Context) error
	// Hold is called before each start of a handler. After an error nothing may
	// start. Otherwise release is called when the handler has ended and its message is
	// settled.
	Hold(ctx context.Context) (release func(), err error)
}

// ScaleInPending is implemented by errors of Protection which say that the service wants
// fewer tasks. The worker then hands back what has not begun.
type ScaleInPending interface {
	error
	// ScaleInPending is for how long the worker receives nothing; then, or as soon as
	// no handler runs any more, it asks Ready again. 0 is for good: the worker exits
	// when what runs has ended.
	ScaleInPending() (pause time.Duration)
}

// Config of a Consumer. Zero values take the defaults.
type Config struct {
	// QueueURL of the FIFO queue. Required.
	QueueURL string
	// DeadLetterQueueURL takes messages that failed MaxAttempts times or can never
	// succeed. Default: none; such a message is handed back until SQS's redrive policy
	// takes it.
	DeadLetterQueueURL string
	// Concurrency is how many message groups are worked on at once, 1 or more.
	// Default 10. Groups whose message failed and waits for its next attempt do not
	// count, up to ten times as many.
	Concurrency int
	// VisibilityTimeout is how long a received message stays hidden unless it is
	// extended, which happens three times as often; whole seconds, 10 s to 11 h 59 min.
	// Default 60 s: as long as its group is blocked if the task dies.
	VisibilityTimeout time.Duration
	// WaitTime of a long poll, whole seconds, 1 to 20 s. Default 20 s. It is cut to a
	// third of the VisibilityTimeout, since SQS does not say when in the poll it hid a
	// message, and to what StopTimeout leaves, since no poll is cut off at a stop.
	WaitTime time.Duration
	// HandlerTimeout limits one call of the handler, up to 11 h 58 min. That is the
	// default: SQS lets nobody keep a message for more than 12 hours. A call that is not
	// the first of a lease has this time, too, but at most 11 h 29 min.
	HandlerTimeout time.Duration
	// MaxAttempts is how often the handler is called for a message before the message
	// goes to the dead-letter queue, 1 or more. Default DefaultMaxAttempts. It counts
	// the calls within one lease: if the lease ends in between, since the worker stops,
	// is refused protection or dies, counting begins anew at the next receive, and the
	// queue's maxReceiveCount limits that.
	MaxAttempts int
	// MaxReceiveCount is the queue's, from 1. Below DefaultMaxReceiveCount, which is the
	// default, messages are received one by one: what a killed or drained worker held
	// behind the heads of its groups would spend its few receives on waiting.
	MaxReceiveCount int
	// Backoff is the least wait after the first failed attempt; it triples with each.
	// Default DefaultBackoff. Up to a quarter is added at random.
	Backoff time.Duration
	// MaxBackoff limits it. Default DefaultMaxBackoff.
	MaxBackoff time.Duration
	// StopTimeout is the time between SIGTERM and SIGKILL. Default 120 s, the most that
	// Fargate allows.
	StopTimeout time.Duration
	// StopSignal is how long before the end of StopTimeout the contexts of running
	// handlers end, at least 15 s. Default 15 s. See CancelGrace.
	StopSignal time.Duration
	// Protection of the task. Default: none.
	Protection Protection
	// Observe is called with everything that happens, from many goroutines; it must not
	// block. Default: nobody watches.
	Observe func(Event)
	// Logger for what a person should know. Default: slog.Default().
	Logger *slog.Logger
	// Jitter returns a random part of a duration, so that workers do not move in step.
	// Default: math/rand.
	Jitter func(time.Duration) time.Duration
}

// Defaults of Config.
const (
	DefaultConcurrency       = 10
	DefaultVisibilityTimeout = time.Minute
	DefaultWaitTime          = 20 * time.Second
	DefaultHandlerTimeout    = LongestLease - 2*LeaseMargin
	DefaultMaxReceiveCount   = 10
	DefaultStopTimeout       = 2 * time.Minute
	DefaultStopSignal        = 15 * time.Second

	// LongestLease is how long SQS lets a message be kept, from its receive. Source: API
	// reference, ChangeMessageVisibility.
	LongestLease = 12 * time.Hour
	// LeaseMargin is kept from it, for clocks and calls.
	LeaseMargin = time.Minute
	// leaseSlack is how much of a lease may have passed when a call of the handler
	// begins that gets less than a HandlerTimeout near the 12 hours.
	leaseSlack = 30 * time.Minute
	// handBackTime of the StopSignal is for handing back what cancelled handlers have
	// left.
	handBackTime = 10 * time.Second
	// predecessorGrace is how long a group waits for a handler that ignores its
	// cancellation before it is handed back.
	predecessorGrace = 30 * time.Second
	// callTimeout limits a call to SQS but for the long poll.
	callTimeout = 10 * time.Second
	// BatchSize is the most entries of a batch, and messages of a receive.
	BatchSize = 10
	// WaitingPerSlot is how many groups may wait for the next attempt on their message
	// for each that is worked on. Each keeps up to ten messages in memory and costs an
	// extension three times in a VisibilityTimeout: with the defaults, 100 groups, 5
	// calls a second. Beyond it a waiting group keeps its slot: if that many fail, what
	// they need is down, and to receive more would only fail more.
	WaitingPerSlot = 10
)

// WithDefaults is the configuration with the defaults in place of zero values.
func (c Config) WithDefaults() Config {
	setDefault(&c.Concurrency, DefaultConcurrency)
	setDefault(&c.VisibilityTimeout, DefaultVisibilityTimeout)
	setDefault(&c.WaitTime, DefaultWaitTime)
	setDefault(&c.HandlerTimeout, DefaultHandlerTimeout)
	setDefault(&c.MaxAttempts, DefaultMaxAttempts)
	setDefault(&c.MaxReceiveCount, DefaultMaxReceiveCount)
	setDefault(&c.Backoff, DefaultBackoff)
	setDefault(&c.MaxBackoff, DefaultMaxBackoff)
	setDefault(&c.StopTimeout, DefaultStopTimeout)
	setDefault(&c.StopSignal, DefaultStopSignal)
	if c.Protection == nil {
		c.Protection = unprotected{}
	}
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// CancelGrace is what a handler has to return once its context has ended since the
// worker stops (the cause is ErrStopping); after that the process may end at any time.
func CancelGrace(stopSignal time.Duration) time.Duration { return stopSignal - handBackTime }

// MessagesAPoll is how many messages to ask for, if nothing else speaks for fewer.
func (c Config) MessagesAPoll() int {
	if c.MaxReceiveCount < DefaultMaxReceiveCount {
		return 1
	}
	return BatchSize
}

// PollWait is how long a long poll waits.
func (c Config) PollWait() time.Duration {
	wait := min(c.WaitTime, c.VisibilityTimeout/3, c.StopTimeout-c.StopSignal)
	return max(ShortestWait, wait.Truncate(time.Second))
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
	c = c.WithDefaults()
	var wrong []error
	check := func(ok bool, name string, value any, want string) {
		if !ok {
			wrong = append(wrong, &ConfigError{name, value, want})
		}
	}
	wholeSeconds := func(d, least, most time.Duration) bool {
		return d >= least && d <= most && d%time.Second == 0
	}
	check(c.QueueURL != "", "QueueURL", `""`, "needs to be the URL of an SQS FIFO queue")
	check(c.Concurrency >= 1, "Concurrency", c.Concurrency, "needs to be 1 group or more")
	check(wholeSeconds(c.VisibilityTimeout, 10*time.Second, LongestLease-LeaseMargin),
		"VisibilityTimeout", c.VisibilityTimeout, "needs to be whole seconds from 10s to 11h59m")
	check(wholeSeconds(c.WaitTime, time.Second, 20*time.Second),
		"WaitTime", c.WaitTime, "needs to be whole seconds from 1s to 20s")
	check(c.HandlerTimeout > 0 &&
		c.HandlerTimeout <= DefaultHandlerTimeout, "HandlerTimeout", c.HandlerTimeout,
		fmt.Sprintf("needs to be up to %s; SQS lets nobody keep a message for more than 12 hours",
			DefaultHandlerTimeout))
	check(c.MaxAttempts >= 1, "MaxAttempts", c.MaxAttempts, "needs to be 1 or more")
	check(c.MaxReceiveCount >= 1, "MaxReceiveCount", c.MaxReceiveCount, "needs to be 1 or more")
	check(c.Backoff > 0, "Backoff", c.Backoff, "needs to be above 0")
	check(c.MaxBackoff >= c.Backoff && c.MaxBackoff <= LongestLease-LeaseMargin,
		"MaxBackoff", c.MaxBackoff,
		fmt.Sprintf("needs to be from the first wait (%s) to 11h59m", c.Backoff))
	check(c.StopSignal >= DefaultStopSignal, "StopSignal", c.StopSignal,
		fmt.Sprintf("needs to be %s or more, for handlers to return and messages to be handed back",
			DefaultStopSignal))
	check(c.StopTimeout > c.StopSignal, "StopTimeout", c.StopTimeout,
		fmt.Sprintf("needs to be above %s, when handlers get the signal to stop", c.StopSignal))
	return errors.Join(wrong...)
}

// unprotected is the Protection of a task that needs none.
type unprotected struct{}

func (unprotected) Ready(context.Context) error                      { return nil }
func (unprotected) Hold(context.Context) (release func(), err error) { return func() {}, nil }
