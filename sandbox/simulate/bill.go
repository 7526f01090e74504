package simulate

import (
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// bill is what a system costs in a month of 730 hours, in US dollars, by what is
// charged for. What handlers log is not in it, nor what they use themselves.
type bill struct {
	// VCPU and Memory of the tasks at the price on demand, Spot what those on Spot
	// take off (0 or less), Addresses their public addresses.
	VCPU      float64 `json:"vcpu"`
	Memory    float64 `json:"memory"`
	Spot      float64 `json:"spot"`
	Addresses float64 `json:"addresses"`
	// Alarms by the metrics they look at.
	Alarms float64 `json:"alarms"`
	// Requests to SQS, all of them.
	Requests float64 `json:"requests"`
	// Schedules are the calls of EventBridge Scheduler.
	Schedules float64 `json:"schedules"`
	// Machine is the state machine that asks the queue: its executions and their duration.
	Machine float64 `json:"machine"`
	// Metrics that the workers write, or the scaler.
	Metrics    float64 `json:"metrics"`
	Dashboards float64 `json:"dashboards"`
	// Function is the one that some systems need in order to scale.
	Function float64 `json:"function"`
}

// total of the parts.
func (b bill) total() float64 {
	tasks := b.VCPU + b.Memory + b.Spot + b.Addresses
	return tasks + b.Alarms + b.Requests + b.Schedules + b.Machine + b.Metrics + b.Dashboards + b.Function
}

// hoursAMonth is how AWS counts a month.
const hoursAMonth = 730

// standing is what a system has whether there is work or not.
type standing struct {
	size         taskSize
	alarmMetrics int
	dashboards   int
	// callsAnHour are those of its schedules.
	callsAnHour float64
	function    function
	// workerMetrics is whether the worker writes metrics of its own, as the project's
	// does.
	workerMetrics bool
}

// function is a Lambda function that a system needs in order to scale, called by a
// schedule each minute.
type function struct {
	// seconds that it runs each time, 0 if there is none.
	seconds float64
	// reads of the queue's attributes each time, and metrics that it writes.
	reads, metrics int
}

// Functions that peers need.
var (
	// pollingFunction asks SQS every 30 s, as KEDA does, with a schedule that can call
	// no oftener than each minute: it asks twice, and waits in between. That is the
	// cheapest of what people build for it: a task of a quarter vCPU that runs all the
	// time costs three times as much.
	pollingFunction = function{seconds: 31, reads: 2}
	// countingFunction publishes the backlog per task, in the embedded metric format,
	// after it asked SQS and ECS.
	countingFunction = function{seconds: 1, reads: 1, metrics: 1}
)

const (
	// functionGB is the smallest function.
	functionGB = 0.125
	// functionCallsAnHour is once a minute, the shortest rate of a schedule.
	functionCallsAnHour = 60
)

// standing of a system.
func (s System) standing() standing {
	it := standing{
		size: s.size(), alarmMetrics: s.alarmMetrics(), dashboards: len(s.Account.Dashboards),
		workerMetrics: s.Worker.Protection, // which is how the project's worker differs from others
	}
	for _, schedule := range s.Account.Schedules {
		it.callsAnHour += float64(time.Hour) / float64(schedule.Every())
	}
	switch {
	case s.Poller != nil:
		it.function = pollingFunction
	case s.EveryMinute != nil:
		it.function = countingFunction
	}
	if it.function.seconds > 0 {
		it.callsAnHour += functionCallsAnHour
	}
	return it
}

// alarmMetrics are how many metrics the alarms look at; CloudWatch charges for each.
func (s System) alarmMetrics() (n int) {
	for _, a := range s.Account.Alarms {
		metrics := 0
		for _, q := range a.MetricQueries {
			if q.Metric != nil {
				metrics++
			}
		}
		n += max(1, metrics)
	}
	return n
}

// bill of a month, at the rate of the days simulated.
func (r *Result) bill() bill {
	p, has := r.prices, r.standing
	months := float64(len(r.Days)) * 24 / hoursAMonth
	b := p.tasks(has.size, r.charged/months)
	b.Alarms = float64(has.alarmMetrics) * p.AlarmMetric
	b.Dashboards = float64(has.dashboards) * p.Dashboard
	calls := has.callsAnHour * hoursAMonth
	b.Schedules = beyond(calls, p.FreeScheduleCalls) * p.MillionScheduleCalls / 1e6
	invocations := 0.0
	if has.function.seconds > 0 {
		invocations = functionCallsAnHour * hoursAMonth
	}
	seconds := beyond(invocations*has.function.seconds*functionGB, p.FreeGBSeconds)
	b.Function = invocations*p.MillionInvocations/1e6 + seconds*p.GBSecond
	metricHours := float64(r.metrics.total()) / months
	b.Metrics = (metricHours/hoursAMonth + float64(has.function.metrics)) * p.CustomMetric
	machine := r.machineAMonth()
	b.Machine = machine.started*p.MillionExecutions/1e6 + machine.gbSeconds*p.MachineGBSecond
	reads := invocations*float64(has.function.reads) + machine.asks
	b.Requests = beyond(float64(r.Requests.total())/months+reads, p.FreeRequests) * p.MillionRequests / 1e6
	return b
}

// machineUse is what a state machine does in a month.
type machineUse struct{ started, gbSeconds, asks float64 }

// machineGB is the memory that an express execution is charged for: 50 MB and what it
// holds, which is little, in steps of 64 MB. Source: Step Functions pricing page.
const machineGB = 64.0 / 1024

// machineAMonth is at the rate of the time simulated: the machine asks whether there is work
// or not.
func (r *Result) machineAMonth() machineUse {
	hours := r.end.Sub(begin).Hours()
	if hours <= 0 {
		return machineUse{}
	}
	months := hours / hoursAMonth
	return machineUse{
		started:   float64(r.Machine.Started) / months,
		gbSeconds: r.Machine.Billed.Seconds() * machineGB / months,
		asks:      float64(r.Machine.Asks) / months,
	}
}

func beyond(n, free float64) float64 { return max(0, n-free) }

// CostAMonth is the total of the bill.
func (r *Result) CostAMonth() float64 { return r.bill().total() }

// taskCharged adds up what a task is charged for, from its creation, which is when
// Fargate begins to count, a minute at least. What runs after the last day counts on
// that day, as the waits of its messages do.
func (r *Result) taskCharged(t *cloud.Task, now time.Time) {
	hours := max(now.Sub(t.Created).Hours(), shortestCharge)
	r.charged += hours
	last := len(r.Days) - 1
	for from := t.Created.Sub(begin).Hours(); hours > 0; {
		d := min(int(from/24), last)
		part := hours
		if d < last {
			part = min(part, float64(d+1)*24-from)
		}
		r.Days[d] += r.prices.tasks(r.standing.size, part).total()
		from, hours = from+part, hours-part
	}
}

// spare takes out of the time after the last day what runs anyway, whether there is
// work or not: it belongs to the days that follow.
func (r *Result) spare(least int, now time.Time) {
	after := now.Sub(begin.Add(time.Duration(len(r.Days)) * day)).Hours()
	hours := min(float64(least)*after, r.charged)
	if hours <= 0 {
		return
	}
	r.TaskMinutes -= hours * 60
	r.charged -= hours
	r.Days[len(r.Days)-1] -= r.prices.tasks(r.standing.size, hours).total()
}
