package demo

import (
	"fmt"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// now says in a sentence what goes on, and what is waited for.
func (f Frame) now() string {
	switch {
	case f.Stopping:
		return f.finishing()
	case f.Counts == cloud.Counts{}:
		return f.empty()
	case f.count(cloud.Running) == 0:
		return f.beforeTasks()
	}
	return f.working()
}

// finishing is what is left to do after a person has stopped the demo.
func (f Frame) finishing() string {
	const again = "Ctrl-C again kills them."
	tasks := f.count(cloud.Running, cloud.Stopping)
	switch {
	case tasks == 0:
		return "Stopped: no task runs any more."
	case len(f.Working) == 0:
		return fmt.Sprintf("Stopping: %s without work still to exit. %s", count(tasks, "task"), again)
	}
	const named = 3
	names := strings.Join(f.Working[:min(named, len(f.Working))], ", ")
	if more := len(f.Working) - named; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("Stopping: %s still to finish in %s: %s. %s",
		count(len(f.Working), "message"), count(tasks, "task"), names, again)
}

// empty is what happens without messages.
func (f Frame) empty() string {
	running, stopping := f.count(cloud.Running), f.count(cloud.Stopping)
	switch {
	case f.Sent < f.Total:
		return "Messages are being sent."
	case stopping > 0:
		return f.draining(stopping)
	case running <= f.Least && f.Desired <= f.Least && f.count(cloud.Pending) == 0:
		return "No message, and no more tasks than minCapacity."
	case f.IdleMinutes > 0:
		return fmt.Sprintf("All is done: tasks stop after %s in a row without work, %s here.",
			count(f.IdleMinutes, "minute"), seconds(time.Duration(f.IdleMinutes)*f.Minute))
	}
	return "All is done: tasks stop when an alarm says so."
}

// beforeTasks is why nothing works on the messages yet.
func (f Frame) beforeTasks() string {
	pending, stopping := f.count(cloud.Pending), f.count(cloud.Stopping)
	switch {
	case pending > 0:
		return fmt.Sprintf("Starting: %s. Fargate takes 20 to 40 s; here it takes %s.",
			count(pending, "task"), seconds(f.Minute/2))
	case stopping > 0:
		return f.draining(stopping)
	case len(f.Retries) > 0:
		return f.backingOff()
	case f.Desired > 0:
		return "Tasks are about to start."
	case f.Wakes:
		return fmt.Sprintf("No task yet: the wake-up machine asks SQS each minute, %s here.",
			seconds(f.Minute))
	}
	return "No task yet: the scale-out alarm sees the messages a minute or two after they come."
}

// working is what the tasks that run are at.
func (f Frame) working() string {
	running, stopping := f.count(cloud.Running), f.count(cloud.Stopping)
	switch {
	case len(f.Working) == 0 && len(f.Retries) > 0:
		return f.backingOff()
	case stopping > 0:
		return f.draining(stopping)
	case running > f.Desired && f.protected() > f.Desired:
		return fmt.Sprintf(
			"Protected: %d of %s no longer wanted, but not stopped before their messages are done.",
			running-f.Desired, count(running, "task"))
	case len(f.Working) == 0:
		return "Tasks receive messages, or hand them back."
	}
	text := fmt.Sprintf("Working: %s in %s.", count(len(f.Working), "message"), count(running, "task"))
	switch {
	case f.Counts.Visible == 0 && len(f.Retries) > 0:
		return text + " " + f.backingOff()
	case f.Counts.Visible == 0:
		return text
	case f.Groups <= f.Counts.GroupsInFlight:
		return text + fmt.Sprintf(" %s behind others of their groups.", count(f.Counts.Visible, "message"))
	case len(f.Working) >= running*f.Concurrency && f.Desired >= f.Most:
		return text + fmt.Sprintf(" All %d places are taken; maxCapacity is %d.",
			running*f.Concurrency, f.Most)
	case len(f.Working) >= running*f.Concurrency:
		return text + fmt.Sprintf(" All %d places are taken; more tasks may come.", running*f.Concurrency)
	}
	return text
}

// draining is what becomes of tasks that were told to stop.
func (f Frame) draining(tasks int) string {
	if len(f.Working) == 0 {
		return fmt.Sprintf("Draining: %s told to stop, with nothing left to finish.", count(tasks, "task"))
	}
	return fmt.Sprintf("Draining: %s told to stop; messages under way are finished: %d.",
		count(tasks, "task"), len(f.Working))
}

// backingOff is until when a failure is waited for.
func (f Frame) backingOff() string {
	next := f.Retries[0]
	text := fmt.Sprintf("Backing off until %s: %s failed (attempt %d)",
		seconds(next.Due), next.Message, next.Attempt)
	if more := len(f.Retries) - 1; more > 0 {
		text += fmt.Sprintf("; %d more failed and wait", more)
	}
	return text + "."
}
