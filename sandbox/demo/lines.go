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

	state, now, trouble string // said last
	output              Line   // of a handler, said last
	changes, failures   int    // said so far
	last                time.Duration
}

// linesInterval is the least time between two lines on the queue, which changes
// all the time.
const linesInterval = time.Second

// Show implements View.
func (l *Lines) Show(f Frame) {
	for _, c := range f.Changes[l.changes:] {
		l.line(f, c.At, c.String())
	}
	for _, failure := range f.Failures[l.failures:] {
		l.line(f, failure.At, failure.String()+afterwards(failure))
	}
	if f.Trouble != l.trouble {
		l.line(f, f.At, "a task cannot work: "+f.Trouble)
		l.trouble = f.Trouble
	}
	l.changes, l.failures = len(f.Changes), len(f.Failures)
	if f.At-l.last < linesInterval {
		return
	}
	state, now, output := f.String(), f.now(), l.output
	if n := len(f.Said); n > 0 {
		output = f.Said[n-1] // of all those since the last second
	}
	if state == l.state && now == l.now && output == l.output {
		return
	}
	l.last = f.At
	if output != l.output {
		l.line(f, f.At, output.Message+": "+printable(output.Text))
	}
	if state != l.state {
		l.line(f, f.At, state)
	}
	if now != l.now {
		l.line(f, f.At, now)
	}
	l.state, l.now, l.output = state, now, output
}

// line begins with the time, here and on AWS.
func (l *Lines) line(f Frame, at time.Duration, text string) {
	fmt.Fprintf(l.Output, "%8s %13s  %s\n", seconds(at), f.aws(at), text)
}

// afterwards is what becomes of a message that failed.
func afterwards(f Failure) string {
	if f.Wait == 0 {
		return "; it is not tried again"
	}
	return "; again in " + seconds(f.Wait)
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
	return fmt.Sprintf("messages: %s   tasks: %s%s", f.messages(), f.tasks(), alarms)
}
