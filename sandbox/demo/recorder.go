package demo

import (
	"math"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/live"
	"fargate-queue-worker/sandbox/timeline"
)

// Frame is what there is to see at a moment.
type Frame struct {
	At       time.Duration // since the start
	Counts   cloud.Counts
	Dead     int // messages in the dead-letter queue
	Desired  int
	Tasks    []TaskView
	CPU      cloud.Datapoint
	Alarms   []AlarmView
	Handled  int
	Failed   int
	Activity []cloud.Activity // all so far
	// Machine is what the state machine did that asks the queue; zero without one.
	Machine cloud.ExpressUse
}

// TaskView is a task at a moment.
type TaskView struct {
	ID        string
	State     cloud.TaskState
	Protected bool
}

// AlarmView is an alarm at a moment.
type AlarmView struct {
	Name  string
	State cloud.AlarmState
	Value cloud.Datapoint
}

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

// recorder takes frames of a stack and keeps what a timeline needs.
type recorder struct {
	region  *live.Region
	stack   stack
	started time.Time
	points  []timeline.Point
	alarms  timeline.AlarmLog
	first   time.Duration // until the first task ran, 0 before
	used    time.Duration // task time
	last    time.Duration // of the frame before
	most    int           // tasks at once
}

// frame takes one; it is called about ten times a second.
func (r *recorder) frame(t tally) Frame {
	var f Frame
	r.region.Do(func(a *cloud.Account, now time.Time) { f = r.look(a, now) })
	f.Handled, f.Failed = t.handled, t.failed
	r.keep(f)
	return f
}

func (r *recorder) look(a *cloud.Account, now time.Time) Frame {
	f := Frame{At: now.Sub(r.started), Desired: r.stack.Service.DesiredCount, CPU: r.region.Control.Utilization(r.stack.Service.ARN), Activity: r.region.Control.Activities(), Machine: r.region.Control.ExpressUse()}
	f.Counts = countOf(a, r.stack.Queue.URL, now)
	if r.stack.DeadLetters != nil {
		f.Dead = countOf(a, r.stack.DeadLetters.URL, now).Visible
	}
	for _, t := range r.region.Control.Tasks() {
		f.Tasks = append(f.Tasks, TaskView{t.ID(), t.State, t.ProtectedAt(now)})
	}
	for _, name := range r.stack.alarms {
		state, value := r.region.Control.AlarmState(name)
		f.Alarms = append(f.Alarms, AlarmView{name, state, value})
	}
	return f
}

func countOf(a *cloud.Account, url string, now time.Time) cloud.Counts {
	box, err := a.Mailbox(url)
	if err != nil {
		return cloud.Counts{} // no messages without a queue
	}
	return box.Counts(now)
}

func (r *recorder) keep(f Frame) {
	at := f.At.Seconds()
	running := f.count(cloud.Running, cloud.Stopping)
	if running > 0 && r.first == 0 {
		r.first = f.At
	}
	r.used += time.Duration(running) * (f.At - r.last)
	r.last, r.most = f.At, max(r.most, running)
	cpu := math.NaN()
	if f.CPU != nil {
		cpu = *f.CPU
	}
	r.points = append(r.points, timeline.Point{
		At: at, Waiting: f.Counts.Visible, InFlight: f.Counts.InFlight, Delayed: f.Counts.Delayed,
		DesiredTasks: f.Desired, RunningTasks: running, CPU: cpu,
	})
	for _, alarm := range f.Alarms {
		r.alarms.Note(at, alarm.Name, alarm.State == cloud.InAlarm)
	}
}

// timeline of all frames.
func (r *recorder) timeline(title string) *timeline.Timeline {
	return &timeline.Timeline{Title: title, Unit: "seconds", Points: r.points, Alarms: r.alarms.Spans(r.last.Seconds())}
}
