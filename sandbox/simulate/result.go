package simulate

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/timeline"
	"fargate-queue-worker/worker/consumer"
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
	// FellBehind says that the simulation was given up, since ever more messages waited: the
	// figures are those until then. See Trial.
	FellBehind bool
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
	// Brief are tasks that a scale-in ended within five minutes of their start.
	Brief    int
	Requests Requests
	// Machine is what the state machine did that asks the queue, if there is one.
	Machine    cloud.ExpressUse
	Activities []cloud.Activity
	// Points are a sample a minute; Days what the tasks of each day cost.
	Points []timeline.Point
	Days   []float64

	// work is what the handlers that ended had done, and handled how long they took.
	work, handled time.Duration

	variants []*Result // in other readings, and with other phases

	p       Parameters
	end     time.Time
	running int
	shown   int // the day whose begin was shown last
	alarms  timeline.AlarmLog

	standing standing
	prices   prices
	// PricesNote says where the prices are from.
	PricesNote string
	metrics    metricHours
	charged    float64 // hours of tasks
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

func newResult(s System, w *Workload, p Parameters) *Result {
	r := &Result{
		System: s.Name, Workload: w.Name, First: newWaits(), All: newWaits(), begun: newWaits(),
		p: p, Days: make([]float64, p.Days), standing: s.standing(),
	}
	r.prices, r.PricesNote = pricesOf(s.Account.Region, p.Prices)
	return r
}

// note an event that the worker counts, if it is the project's.
func (r *Result) note(event consumer.EventKind, at time.Time) {
	if r.standing.workerMetrics {
		r.metrics.note(event, at)
	}
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

// briefTask is as long as a task at least stays of which it was right to start it.
const briefTask = 5 * time.Minute

// taskEnded adds up the time of a task that ran.
func (r *Result) taskEnded(t *cloud.Task, now time.Time) {
	if t.Started.IsZero() {
		return
	}
	r.running--
	if t.StopReason == "scale-in" && now.Sub(t.Started) < briefTask {
		r.Brief++
	}
	r.TaskMinutes += now.Sub(t.Created).Minutes()
	r.taskCharged(t, now)
}

// showProgress says that a day begins.
func (r *Result) showProgress(hours float64) {
	if d := int(hours/24) + 1; r.p.Progress != nil && d != r.shown && d <= len(r.Days) {
		r.shown = d
		r.p.Progress(r.Workload, r.System, d, len(r.Days))
	}
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
	if at >= float64(24*len(r.Days)) {
		need = max(need, e.system.least()) // see spare
	}
	r.BeyondNeed += float64(max(0, running-need))
	if running > 0 && counts.InFlight > 0 {
		r.note(consumer.InFlight, e.now)
	}
	r.showProgress(at)
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

// Slowdown is how many times as long as their work handlers took, 1 or more.
func (r *Result) Slowdown() float64 {
	if r.work <= 0 {
		return 1
	}
	return float64(r.handled) / float64(r.work)
}
