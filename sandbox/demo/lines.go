package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Lines is a view for logs and pipes: a line when something changes, none otherwise.
type Lines struct {
	Output io.Writer

	said       string
	activities int
	last       time.Duration
}

// linesInterval is the least time between two lines on the queue, which changes
// all the time.
const linesInterval = time.Second

// Show implements View.
func (l *Lines) Show(f Frame) {
	for _, a := range f.Activity[l.activities:] {
		fmt.Fprintf(l.Output, "%6.1fs  %s\n", f.At.Seconds(), a)
	}
	l.activities = len(f.Activity)
	state := f.String()
	if state != l.said && f.At-l.last >= linesInterval {
		fmt.Fprintf(l.Output, "%6.1fs  %s\n", f.At.Seconds(), state)
		l.said, l.last = state, f.At
	}
}

// Close implements View.
func (l *Lines) Close() {}

// String is the frame in a line, without what changes all the time.
func (f Frame) String() string {
	var ringing []string
	for _, a := range f.Alarms {
		if a.State == cloud.InAlarm {
			ringing = append(ringing, a.Name)
		}
	}
	alarms := ""
	if len(ringing) > 0 {
		alarms = "   ALARM " + strings.Join(ringing, ", ")
	}
	return fmt.Sprintf("messages %s   tasks %s%s", f.messages(), f.tasks(), alarms)
}

// messages in words: failures and dead letters if there are any.
func (f Frame) messages() string {
	text := fmt.Sprintf("%d waiting, %d in flight, %d done", f.Counts.Visible, f.Counts.InFlight, f.Handled)
	if f.Failed > 0 {
		text += fmt.Sprintf(", %d failures", f.Failed)
	}
	if f.Dead > 0 {
		text += fmt.Sprintf(", %d dead letters", f.Dead)
	}
	return text
}

// asks in words: how often the queue was asked itself, and what came of it.
func (f Frame) asks() string {
	text := fmt.Sprintf("asked SQS %d times, last answer %d waiting", f.Machine.Asks, f.Machine.Answered)
	if f.Machine.Wakes > 0 {
		text += fmt.Sprintf("; started the first tasks %d times", f.Machine.Wakes)
	}
	if f.Machine.Failed > 0 {
		text += fmt.Sprintf("; %d executions failed", f.Machine.Failed)
	}
	return text
}

// tasks in words: how many run, start and stop of those desired.
func (f Frame) tasks() string {
	text := fmt.Sprintf("%d of %d", f.count(cloud.Running), f.Desired)
	if n := f.count(cloud.Pending); n > 0 {
		text += fmt.Sprintf(", %d starting", n)
	}
	if n := f.count(cloud.Stopping); n > 0 {
		text += fmt.Sprintf(", %d stopping", n)
	}
	return text
}
