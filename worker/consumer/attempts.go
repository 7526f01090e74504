package consumer

import (
	"errors"
	"time"
)

const (
	// DefaultMaxAttempts is how often a message is tried. With the two waits below the
	// calls of the handler spread over ten minutes or more: they begin after 0 s, 15 s,
	// 1 min, 3 min 15 s and 10 min, plus up to a quarter of each wait. So something that is
	// down for five minutes costs no message.
	DefaultMaxAttempts = 5
	// DefaultBackoff is the wait after the first failure, at least.
	DefaultBackoff = 15 * time.Second
	// DefaultMaxBackoff is the longest wait between two calls, but for its random part.
	DefaultMaxBackoff = 15 * time.Minute
	// BackoffFactor is how much longer a wait is than the one before.
	BackoffFactor = 3
	// JitterDivisor says which part of a wait is added to it at random, at most: a
	// quarter, so that groups which failed together do not come back together.
	JitterDivisor = 4
)

// RetryWait is the least wait after a failed attempt, of which the first is 1.
func (c Config) RetryWait(attempt int) time.Duration {
	wait := c.Backoff
	for ; attempt > 1 && wait < c.MaxBackoff; attempt-- {
		wait *= BackoffFactor
	}
	return min(wait, c.MaxBackoff)
}

// Fits says whether what is left of a lease is enough to begin a call of the handler: a
// whole HandlerTimeout, or for one that takes nearly all of a lease, the lease less half
// an hour, which earlier calls may have used.
func (c Config) Fits(left time.Duration) bool {
	return left >= min(c.HandlerTimeout, LongestLease-LeaseMargin-leaseSlack)
}

// Failure is what AfterFailure decides upon.
type Failure struct {
	Err error
	// Attempts is how often the handler has failed on the message within this lease.
	// Calls that returned RetryAfter do not count.
	Attempts int
	// ReceiveCount of the message.
	ReceiveCount int
	// LeaseLeft is how long the message can be kept.
	LeaseLeft time.Duration
}

// Verdict is what becomes of a message on which the handler failed.
type Verdict int

const (
	// RetryInLease means that the handler is called again after the wait. The messages of
	// the group are kept until then, so that no receive is spent.
	RetryInLease Verdict = iota
	// HandBack means that the messages of the group go back to the queue, and stay hidden
	// for the wait.
	HandBack
	// DeadLetter means that the message goes to the dead-letter queue, and the next one begins.
	DeadLetter
)

// AfterFailure decides what becomes of a message whose handler failed, and how long it
// waits at least.
func (c Config) AfterFailure(f Failure) (verdict Verdict, wait time.Duration) {
	var later retryError
	switch {
	case errors.As(f.Err, &later):
		wait = max(0, later.after)
	case c.DeadLetterQueueURL != "" && (f.Attempts >= c.MaxAttempts || IsPermanent(f.Err)):
		return DeadLetter, 0
	case f.Attempts >= c.MaxAttempts:
		return HandBack, c.RetryWait(max(f.ReceiveCount, 1))
	default:
		wait = c.RetryWait(f.Attempts)
	}
	if c.Fits(f.LeaseLeft - wait) {
		return RetryInLease, wait
	}
	return HandBack, wait
}
