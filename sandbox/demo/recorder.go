package demo

import (
	"fmt"
	"math"
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/live"
	"fargate-queue-worker/sandbox/timeline"
)

// recorder takes frames of a stack and keeps what a timeline needs.
type recorder struct {
	region  *live.Region
	stack   stack
	referee *referee
	logs    *taskLogs
	minute  time.Duration
	total   int // messages
	started time.Time

	points  []timeline.Point
	alarms  timeline.AlarmLog
	changes []Change
	first   time.Duration // until the first task ran, 0 before
	used    time.Duration // task time
	last    time.Duration // of the frame before
	most    int           // tasks at once
}

// frame takes one; it is called about ten times a second.
func (r *recorder) frame(t tally) (Frame, error) {
	err := r.logs.look()
	var f Frame
	r.region.Do(func(a *cloud.Account, now time.Time) { f = r.look(a, now) })
	f.Handled, f.Failed, f.Sent = t.handled, t.failed, t.sent
	f.Working = r.referee.working()
	if n := len(r.logs.workers); n > 0 {
		f.Trouble = r.logs.workers[n-1]
	}
	f.Said = slices.Clone(r.logs.said)
	for i := range f.Said {
		f.Said[i].Message = r.referee.name(f.Said[i].Message)
	}
	for _, call := range r.logs.failures {
		f.Failures = append(f.Failures, r.failure(call))
	}
	for _, call := range r.logs.retries(time.Now()) {
		f.Retries = append(f.Retries,
			Retry{r.referee.name(call.message), call.attempt, call.due().Sub(r.started)})
	}
	r.keep(f)
	return f, err
}

func (r *recorder) failure(c failedCall) Failure {
	return Failure{c.at.Sub(r.started), r.referee.name(c.message), c.attempt, c.how, c.stderr, c.wait}
}

func (r *recorder) look(a *cloud.Account, now time.Time) Frame {
	f := Frame{
		At: now.Sub(r.started), Minute: r.minute, Total: r.total,
		Desired: r.stack.Service.DesiredCount, Least: r.stack.least, Most: r.stack.most,
		Concurrency: r.stack.concurrency, IdleMinutes: r.stack.idleMinutes,
		CPU: r.region.Control.Utilization(r.stack.Service.ARN), Machine: r.region.Control.ExpressUse(),
		Wakes: len(a.Schedules) > 0,
	}
	f.Counts, f.Groups = countOf(a, r.stack.Queue.URL, now)
	if r.stack.DeadLetters != nil {
		dead, _ := countOf(a, r.stack.DeadLetters.URL, now)
		f.Dead = dead.Visible
	}
	for _, t := range r.region.Control.Tasks() {
		f.Tasks = append(f.Tasks, TaskView{t.State, t.ProtectedAt(now)})
	}
	for _, alarm := range r.stack.alarms {
		f.Alarms = append(f.Alarms, r.alarm(alarm))
	}
	r.noteChanges()
	f.Changes = slices.Clone(r.changes)
	return f
}

func (r *recorder) alarm(alarm *cloud.Alarm) AlarmView {
	state, value := r.region.Control.AlarmState(alarm.Name)
	return AlarmView{
		Name: alarmName(alarm.Name), State: state, Value: value,
		Watches: alarm.Subject(), Condition: alarm.Condition(),
		Scales: slices.ContainsFunc(alarm.AlarmActions,
			func(arn string) bool { return r.stack.policies[arn] }),
	}
}

// noteChanges adds what was decided since the frame before.
func (r *recorder) noteChanges() {
	all := r.region.Control.Activities()
	for _, a := range all[len(r.changes):] {
		r.changes = append(r.changes, Change{a.At.Sub(r.started), alarmName(a.Alarm), a.From, a.To, a.Reason})
	}
}

// countOf is how many messages a queue has, and of how many groups.
func countOf(a *cloud.Account, url string, now time.Time) (cloud.Counts, int) {
	box, err := a.Mailbox(url)
	if err != nil {
		return cloud.Counts{}, 0 // no messages without a queue
	}
	return box.Counts(now), box.Groups()
}

func (r *recorder) keep(f Frame) {
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
	at := r.minutes(f.At)
	r.points = append(r.points, timeline.Point{
		At: at, Waiting: f.Counts.Visible, InFlight: f.Counts.InFlight, Delayed: f.Counts.Delayed,
		DesiredTasks: f.Desired, RunningTasks: running, ProtectedTasks: f.protected(), CPU: cpu,
	})
	for _, alarm := range f.Alarms {
		r.alarms.Note(at, alarm.Name, alarm.State == cloud.InAlarm)
	}
}

// minutes of CloudWatch since the start.
func (r *recorder) minutes(d time.Duration) float64 { return d.Seconds() / r.minute.Seconds() }

// timeline of all frames.
func (r *recorder) timeline(title string) *timeline.Timeline {
	return &timeline.Timeline{
		Title: title, Unit: fmt.Sprintf("minutes on AWS, of which each takes %g s here", r.minute.Seconds()),
		Points: r.points, Alarms: r.alarms.Spans(r.minutes(r.last)),
	}
}
