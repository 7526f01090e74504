package consumer

import "time"

// EventKind says what an Event is about.
type EventKind int

// The kinds of events, with the fields that are set besides Kind.
const (
	// Received: SQS delivered Count messages.
	Received EventKind = iota
	// Done: Message was handled and deleted. Took is the time of the handler's call,
	// Age that from the message's being sent to the start of the call.
	Done
	// Failed: the handler failed on Message with Err. Attempt, Took, and Wait until the
	// next call, 0 if there is none.
	Failed
	// Postponed: the handler asked for Message to come later, by RetryAfter. Err, Took,
	// Wait.
	Postponed
	// DeadLettered: Message went to the dead-letter queue because of Err, after Attempt
	// calls in this lease.
	DeadLettered
	// HandedBack: Count messages, the first of which is Message, are left to the next
	// receive; the first of them no earlier than Wait from now.
	HandedBack
	// LeaseLost: the messages of a group, the first of which is Message, became visible
	// to others.
	LeaseLost
	// InFlight: Count groups are worked on now.
	InFlight
	// Blocked: Count groups wait for a message to be tried again, the oldest for Age.
	// No task can take the messages behind such a message.
	Blocked
)

// Event is what Config.Observe gets: something that a Consumer did or met. The fields
// that a kind does not mention are zero.
type Event struct {
	Kind    EventKind
	Message *Message
	// Attempt counts the calls of the handler for one receive of the message, from 1.
	Attempt         int
	Err             error
	Count           int
	Took, Age, Wait time.Duration
}
