package consumer

import "time"

// What a model of the worker needs besides Config's decisions.
const (
	// LeaseMargin is kept from LongestLease, for clocks and calls.
	LeaseMargin = leaseMargin
	// WaitingPerSlot is how many groups may wait without a slot for the next attempt on
	// their message, for each slot.
	WaitingPerSlot = waitingPerSlot
	// ShortestWait is the shortest poll.
	ShortestWait = shortestWait
	// BeatsPerTimeout is how often a lease is extended in a visibility timeout.
	BeatsPerTimeout = 3
)

// WithDefaults is the configuration with the defaults in place of zero values.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// IsLater reports whether an error was made by RetryAfter.
func IsLater(err error) bool { return isLater(err) }

// HandBackWait is for how long a head is hidden that is to wait for a time: whole seconds,
// no longer than what is left of its lease.
func HandBackWait(wait, left time.Duration) time.Duration {
	whole := (wait + time.Second - 1).Truncate(time.Second)
	return max(0, min(whole, left.Truncate(time.Second)-HeadStart))
}
