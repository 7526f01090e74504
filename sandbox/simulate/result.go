package simulate

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/timeline"
)

// Result is what came of a system and a workload.
type Result struct {
	System, Workload string
	// First are the waits of messages that come when all work before them could be
	// done, All those of all: from the send until a handler begins.
	First, All Waits
	begun      Waits // those of messages that began
	// Done messages, those that were received too often, and those that were neither
	// when the simulation ended, of which Unstarted never began. Lost is what the
	// queue does not hold either.
	Done, DeadLettered, Undone, Unstarted, Lost int
	// BusyKills are tasks that scale-in ended while they worked, Interrupted the
	// handlers that this cost. A message is redelivered with each receive but its
	// first.
	BusyKills, Interrupted, Redeliveries int
	// TaskMinutes ran in all, and BeyondNeed while there was no work for them: needed
	// are as many tasks as the groups with work, or the messages if there are fewer,
	// fill, at the worker's concurrency.
	TaskMinutes, BeyondNeed float64
	// Started tasks, Peak of them at once, LeftRunning at the end.
	Started, Peak, LeftRunning int
	// Requests to SQS but for empty polls.
	Requests   int
	Activities []cloud.Activity
	// Points are a sample a minute; Days the cost of each day.
	Points []timeline.Point
	Days   []float64

	p       Parameters
	end     time.Time
	running int
	alarms  timeline.AlarmLog
	size    taskSize
	metrics int // that alarms look at
}

// Waits is a distribution of waiting times.
type Waits struct {
	histogram *hdrhistogram.Histogram
}

func newWaits() Waits {
	// Milliseconds, to three digits.
	const digits = 3
	return Waits{hdrhistogram.New(1, longestWait.Milliseconds(), digits)}
}

// longestWait is that of a message that waits for all of the longest simulation.
const longestWait = (longestDays + 2) * day

func (w Waits) add(d time.Duration) {
	if err := w.histogram.RecordValue(min(d, longestWait).Milliseconds()); err != nil {
		panic(err) // it is within the range
	}
}

// Count of messages.
func (w Waits) Count() int64 { return w.histogram.TotalCount() }

// Quantile of the waits; -1 if there are none.
func (w Waits) Quantile(percent float64) time.Duration {
	if w.Count() == 0 {
		return -1
	}
	return time.Duration(w.histogram.ValueAtQuantile(percent)) * time.Millisecond
}

func newResult(system, workload string, p Parameters) *Result {
	return &Result{System: system, Workload: workload, First: newWaits(), All: newWaits(), begun: newWaits(), p: p, Days: make([]float64, p.Days)}
}

func (r *Result) waited(d time.Duration, first bool) {
	r.All.add(d)
	if first {
		r.First.add(d)
	}
}

func (r *Result) started(e *engine) {
	r.Started++
	r.running++
	r.Peak = max(r.Peak, r.running)
}

// taskEnded adds up the time of a task, from when it was created, which is when
// Fargate begins to charge for it.
func (r *Result) taskEnded(t *cloud.Task, now time.Time) {
	if t.Started.IsZero() {
		return
	}
	r.running--
	days := begin.Add(time.Duration(len(r.Days)) * day)
	if until := minTime(now, days); until.After(t.Created) {
		r.TaskMinutes += until.Sub(t.Created).Minutes()
	}
	charged := max(now.Sub(t.Created), shortestCharge)
	for from := t.Created; charged > 0; {
		index := int(from.Sub(begin) / day)
		part := min(charged, begin.Add(time.Duration(index+1)*day).Sub(from))
		if index < len(r.Days) {
			r.Days[index] += part.Hours() * r.p.Prices.taskHour(r.size)
		}
		from, charged = from.Add(part), charged-part
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sample is taken once a minute.
func (r *Result) sample(e *engine, counts cloud.Counts) {
	running := 0
	for _, t := range e.control.Tasks() {
		if t.State != cloud.Pending {
			running++
		}
	}
	outstanding := counts.Visible + counts.InFlight + counts.Delayed
	need := (min(e.box.Groups(), outstanding) + e.system.Worker.Concurrency - 1) / e.system.Worker.Concurrency
	at := e.now.Sub(begin).Hours()
	if at < float64(24*len(r.Days)) {
		r.BeyondNeed += float64(max(0, running-need))
	}
	cpu := math.NaN()
	if u := e.control.Utilization(e.system.Service.ARN); u != nil {
		cpu = *u
	}
	r.Points = append(r.Points, timeline.Point{
		At: at, Waiting: counts.Visible, InFlight: counts.InFlight, Delayed: counts.Delayed,
		DesiredTasks: e.system.Service.DesiredCount, RunningTasks: running, CPU: cpu,
	})
	for name := range e.system.Account.Alarms {
		state, _ := e.control.AlarmState(name)
		r.alarms.Note(at, name, state == cloud.InAlarm)
	}
}

// CostAMonth is what the system costs in 730 hours, as in the days simulated.
func (r *Result) CostAMonth() float64 {
	sum := 0.0
	for _, d := range r.Days {
		sum += d
	}
	const hoursAMonth = 730
	months := float64(len(r.Days)) * 24 / hoursAMonth
	requests := float64(r.Requests)/months + pollsAMonth(r.TaskMinutes/months)
	return sum/months + max(0, requests-r.p.Prices.FreeRequests)*r.p.Prices.MillionRequests/1e6 + float64(r.metrics)*r.p.Prices.AlarmMetric
}

// pollsAMonth are the empty polls of tasks that wait, of 20 s each, at most.
func pollsAMonth(taskMinutes float64) float64 { return taskMinutes * 3 }
