package demo

import (
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Frame is what there is to see at a moment. Times are since the start.
type Frame struct {
	At time.Duration
	// Minute is the length of one of CloudWatch's.
	Minute time.Duration
	// Sent of Total messages are in the queue or were.
	Sent, Total int
	Counts      cloud.Counts
	// Groups is how many have messages in the queue.
	Groups int
	Dead   int // messages in the dead-letter queue
	// Desired tasks, of Least to Most.
	Desired, Least, Most int
	// Concurrency is how many groups a task works on at once.
	Concurrency int
	// IdleMinutes without work after which the idle alarm stops tasks, 0 without one.
	IdleMinutes int
	Tasks       []TaskView
	CPU         cloud.Datapoint
	Alarms      []AlarmView
	Handled     int
	Failed      int
	// Working are the messages whose handlers run, the longest at work first.
	Working []string
	// Retries are those that wait after a failure, the next one first.
	Retries []Retry
	// Failures so far, oldest first.
	Failures []Failure
	// Trouble is what workers said last that cannot work.
	Trouble string
	// Said are the handlers' latest lines, the newest last.
	Said []Line
	// Changes of the desired count, and why there was none, oldest first.
	Changes []Change
	// Machine is what the state machine did that asks the queue; zero without one.
	Machine cloud.ExpressUse
	// Wakes says that there is such a machine.
	Wakes bool
	// Stopping says that a person has stopped the demo, and tasks finish their work.
	Stopping bool
}

// TaskView is a task at a moment.
type TaskView struct {
	State     cloud.TaskState
	Protected bool
}

// AlarmView is an alarm at a moment.
type AlarmView struct {
	Name  string // without what Pulumi adds
	State cloud.AlarmState
	Value cloud.Datapoint
	// Watches is what the value is of, Condition when it breaches, such as "at least 1".
	Watches, Condition string
	// Scales says that it starts or stops tasks.
	Scales bool
}

// Change is one of the desired count, or a reason why there was none.
type Change struct {
	At       time.Duration
	By       string // an alarm, or the wake-up machine
	From, To int
	Why      string
}

// Retry is a message that waits after a failure.
type Retry struct {
	Message string
	Attempt int // that failed
	Due     time.Duration
}

// Failure is a call of the handler that failed.
type Failure struct {
	At      time.Duration
	Message string
	Attempt int
	// How it ended, such as "exit status 1".
	How string
	// Stderr is the end of what it wrote to standard error.
	Stderr string
	// Wait until it is tried again, 0 for the last time.
	Wait time.Duration
}

// Line is one that a handler printed.
type Line struct{ Message, Text string }

func (f Frame) count(states ...cloud.TaskState) (n int) {
	for _, t := range f.Tasks {
		for _, s := range states {
			if t.State == s {
				n++
			}
		}
	}
	return n
}

// protected is how many tasks run that nothing may stop.
func (f Frame) protected() (n int) {
	for _, t := range f.Tasks {
		if t.State == cloud.Running && t.Protected {
			n++
		}
	}
	return n
}
