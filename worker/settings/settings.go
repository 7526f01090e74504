// Package settings is the worker's configuration, as its environment gives it. Whoever
// deploys or simulates a worker reads it here, too.
package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caarlos0/env/v11"

	"fargate-queue-worker/worker/consumer"
)

// Settings are the worker's configuration.
type Settings struct {
	QueueURL           string        `env:"QUEUE_URL" what:"URL of the SQS FIFO queue; required"`
	DeadLetterQueueURL string        `env:"DLQ_URL" what:"URL of the dead-letter queue, for messages that failed too often or can never succeed"`
	Concurrency        int           `env:"CONCURRENCY" envDefault:"10" what:"message groups worked on at once"`
	VisibilityTimeout  time.Duration `env:"VISIBILITY_TIMEOUT" envDefault:"60s" what:"how long a message stays hidden unless extended; its group is blocked that long if the task dies"`
	HandlerTimeout     time.Duration `env:"HANDLER_TIMEOUT" envDefault:"11h58m" what:"the longest that a handler may take"`
	MaxAttempts        int           `env:"MAX_ATTEMPTS" envDefault:"5" what:"calls of the handler before a message that fails goes to the dead-letter queue"`
	MaxReceiveCount    int           `env:"MAX_RECEIVE_COUNT" envDefault:"10" what:"the queue's maxReceiveCount; below 10 messages are received one by one, so that none spends its few receives behind another"`
	Backoff            time.Duration `env:"BACKOFF" envDefault:"15s" what:"least wait after the first failure; triples with each, so that five calls take ten minutes or more"`
	MaxBackoff         time.Duration `env:"MAX_BACKOFF" envDefault:"15m" what:"the longest such wait"`
	StopTimeout        int           `env:"STOP_TIMEOUT_SECONDS" envDefault:"120" what:"seconds between SIGTERM and SIGKILL"`
	StopSignal         int           `env:"STOP_SIGNAL_SECONDS" envDefault:"15" what:"how many of them are left when running handlers get their own SIGTERM, 15 to 105; all but 10 of these are theirs"`
	HoldDown           time.Duration `env:"PROTECTION_HOLD_DOWN" envDefault:"30s" what:"how long an idle task stays protected; keep it below the idle alarm's minutes"`
	LogMessages        bool          `env:"LOG_MESSAGES" envDefault:"true" what:"a line in the log for each message that is done"`
	// The settings of functions of Lambda.
	ReportBatchItemFailures bool     `env:"REPORT_BATCH_ITEM_FAILURES" envDefault:"false" what:"with -lambda: batchItemFailures in a response count, as Lambda's setting of that name"`
	PermanentErrors         []string `env:"PERMANENT_ERRORS" what:"with -lambda: error types, separated by commas, that no repetition helps: dead-letter queue at once"`
}

// Read reads and checks an environment; the error names every variable that is wrong.
func Read(environment map[string]string) (Settings, error) {
	var s Settings
	unreadable := unreadable(env.ParseWithOptions(&s, env.Options{Environment: environment}), environment)
	for i, name := range s.PermanentErrors {
		s.PermanentErrors[i] = strings.TrimSpace(name)
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(unreadable)) {
		wrong = append(wrong, unreadable[name])
	}
	for _, err := range append(s.check(), byVariable(s.Consumer().Validate())...) {
		var field *consumer.ConfigError
		if !errors.As(err, &field) || unreadable[field.Field] == nil {
			wrong = append(wrong, err)
		}
	}
	return s, errors.Join(wrong...)
}

// check has the rules that the consumer cannot know.
func (s Settings) check() (wrong []error) {
	const (
		longestOfFargate   = 120
		longestStopSignal  = 105             // which leaves a job 15 s that it did not know of
		shortestIdleWindow = 3 * time.Minute // of a guarded alarm
	)
	add := func(name string, value any, want string) {
		wrong = append(wrong, &consumer.ConfigError{Field: name, Value: value, Want: want})
	}
	values := reflect.ValueOf(s)
	for _, field := range reflect.VisibleFields(values.Type()) {
		if value := values.FieldByIndex(field.Index); value.CanInt() && value.Int() <= 0 {
			add(field.Tag.Get("env"), value.Interface(), "needs to be above 0; leave it out for the default")
		}
	}
	if s.StopTimeout > longestOfFargate {
		add("STOP_TIMEOUT_SECONDS", s.StopTimeout,
			fmt.Sprintf("needs to be at most %d, the most Fargate waits", longestOfFargate))
	}
	if s.StopSignal > longestStopSignal {
		add("STOP_SIGNAL_SECONDS", s.StopSignal, fmt.Sprintf("needs to be at most %d", longestStopSignal))
	}
	if s.HoldDown >= shortestIdleWindow {
		add("PROTECTION_HOLD_DOWN", s.HoldDown,
			fmt.Sprintf("needs to be below %s, or scale-in finds an idle task protected", shortestIdleWindow))
	}
	if i := slices.Index(s.PermanentErrors, ""); i >= 0 {
		add("PERMANENT_ERRORS", strings.Join(s.PermanentErrors, ","),
			"needs to be error types, separated by commas")
	}
	return wrong
}

// byVariable names the variables of a wrong configuration instead of its fields,
// which the settings have under the same names.
func byVariable(err error) (wrong []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil // there is nothing wrong with it
	}
	for _, e := range joined.Unwrap() {
		var field *consumer.ConfigError
		if errors.As(e, &field) {
			if own, ok := reflect.TypeFor[Settings]().FieldByName(field.Field); ok {
				e = &consumer.ConfigError{Field: own.Tag.Get("env"), Value: field.Value, Want: field.Want}
			}
		}
		wrong = append(wrong, e)
	}
	return wrong
}

// unreadable are the variables that cannot be read at all, with what they need to be.
func unreadable(err error, environment map[string]string) map[string]error {
	wrong := map[string]error{}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return wrong
	}
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			wrong[""] = errors.Join(wrong[""], e)
			continue
		}
		field, _ := reflect.TypeFor[Settings]().FieldByName(parse.Name)
		name := field.Tag.Get("env")
		wrong[name] = &consumer.ConfigError{
			Field: name, Value: strconv.Quote(environment[name]),
			Want: fmt.Sprintf("needs to be %s, such as %s", kindOf(field.Type), field.Tag.Get("envDefault")),
		}
	}
	return wrong
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a whole number"
	}
}

// Consumer is the part that the consumer needs.
func (s Settings) Consumer() consumer.Config {
	return consumer.Config{
		QueueURL: s.QueueURL, DeadLetterQueueURL: s.DeadLetterQueueURL, Concurrency: s.Concurrency,
		VisibilityTimeout: s.VisibilityTimeout, HandlerTimeout: s.HandlerTimeout, MaxAttempts: s.MaxAttempts,
		MaxReceiveCount: s.MaxReceiveCount,
		Backoff:         s.Backoff, MaxBackoff: s.MaxBackoff,
		StopTimeout: time.Duration(s.StopTimeout) * time.Second,
		StopSignal:  time.Duration(s.StopSignal) * time.Second,
	}
}

// QueueName is the last part of the queue's URL.
func (s Settings) QueueName() string { return s.QueueURL[strings.LastIndex(s.QueueURL, "/")+1:] }

// Print writes the settings as a table.
func Print(output io.Writer) error {
	table := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "variable\tdefault\tmeaning")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", field.Tag.Get("env"), field.Tag.Get("envDefault"),
			field.Tag.Get("what"))
	}
	return table.Flush()
}
