package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Handler does the work of a message. It is called for one message of a group at a
// time, in order, and for several groups at once.
//
// A message may come again, if the task dies or its lease is lost before the delete
// is confirmed, so a handler has to be idempotent; Message.ID is the key to use. Its
// context ends when the lease is lost, the handler's time is up, or the worker has to
// stop (context.Cause says which); what it does after that may be done by another task at
// the same time. An error of a handler whose context ended since the worker stops is not
// a failed attempt.
//
// A nil error means done. Permanent and RetryAfter say how a failure is meant; any
// other error, and a panic, is a failed attempt, of which a message has
// Config.MaxAttempts. An error may say more than its text: see DetailedError.
type Handler interface {
	Handle(ctx context.Context, m *Message) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, m *Message) error

// Handle calls the function.
func (f HandlerFunc) Handle(ctx context.Context, m *Message) error { return f(ctx, m) }

type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// Permanent marks an error that no repetition will mend. The message goes to the
// dead-letter queue at once; without one it is tried again like any other error.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent says whether an error was marked by Permanent.
func IsPermanent(err error) bool {
	var permanent permanentError
	return errors.As(err, &permanent)
}

type retryError struct {
	err   error
	after time.Duration
}

func (e retryError) Error() string { return e.err.Error() }
func (e retryError) Unwrap() error { return e.err }

// RetryAfter has the message tried again no sooner than after a time, up to 12 hours.
// The messages behind it in its group wait with it. It is not a failure, in logs,
// metrics and Config.MaxAttempts. The messages are kept meanwhile, which spends no
// receive of theirs, if the 12 hours that SQS allows for that also hold the next call of
// the handler: with a HandlerTimeout of 1 h, 10 h 59 min from the receive on; with the
// longest, half an hour. For a longer wait they are handed back, hidden, which spends one
// of the receives that the queue's maxReceiveCount allows.
func RetryAfter(after time.Duration, err error) error { return retryError{err, after} }

// IsLater reports whether an error was made by RetryAfter.
func IsLater(err error) bool {
	var later retryError
	return errors.As(err, &later)
}

// DetailedError is an error of a handler that carries more than its text, such as an exit
// code or the last lines of output. The details are logged with the failed attempt, and
// go with the message to the dead-letter queue, both up to some kilobytes.
type DetailedError interface {
	error
	// Details by name. Values are texts, or what encoding/json can write.
	Details() map[string]any
}

// safely calls a handler; a panic is an error.
func safely(ctx context.Context, h Handler, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return h.Handle(ctx, m)
}

// Reasons for which a handler's context ends; context.Cause returns them.
var (
	// ErrLeaseLost: the message is visible to others, or about to be.
	ErrLeaseLost = errors.New("the lease on the message's group is lost")
	// ErrStopping: the worker has to exit.
	ErrStopping = errors.New("the worker is stopping")
	// ErrHandlerTimeout: the handler took longer than Config.HandlerTimeout.
	ErrHandlerTimeout = errors.New("the handler's time is up")
)
