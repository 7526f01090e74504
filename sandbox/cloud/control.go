package cloud

import "time"

// ControlOptions are what AWS does not promise, and how fast time goes. Start from
// DefaultControlOptions.
type ControlOptions struct {
	// Minute is the length of a minute of CloudWatch and Application Auto Scaling.
	// Default: a minute. Cooldowns shrink with it.
	Minute time.Duration
	// MetricDelay is how many minutes pass until CloudWatch shows what was measured,
	// 0 to LongestMetricDelay. Default 1.
	MetricDelay int
	// WakeDelay is how many minutes a queue that slept reports nothing true.
	// Default 15, the longest that AWS names.
	WakeDelay int
	// WakingReportsZeros is the reading that a waking queue reports zeros. Otherwise
	// it reports nothing, and later what was true.
	WakingReportsZeros bool
	// MissingCountsAsZero is the reading that in metric math a missing value is 0 if
	// the other operand has one. Otherwise the result is missing.
	MissingCountsAsZero bool
	// Groups is how the number of groups with messages in flight is reported.
	Groups GroupsReading
	// ProtectionSparesNobody breaks ECS: it grants protection and stops tasks all the same. It is for tests
	// of what notices.
	ProtectionSparesNobody bool
	// SleepWithMessages is the reading that a queue which nobody uses sleeps after six
	// hours even if there are messages in it.
	SleepWithMessages bool
	// QueuesAsleep says that nobody has used the queues for six hours.
	QueuesAsleep bool
	// ScaleInEndsScaleOutCooldowns is the reading that a scale-in ends the cooldowns of
	// scale-outs before it. Otherwise they run on. No document says either.
	ScaleInEndsScaleOutCooldowns bool
	// CooldownFromDecision is the reading that a cooldown runs from the moment in which
	// the desired count is set. Otherwise it runs from when the tasks have started or
	// stopped: "when a scaling activity completes". Both stand in AWS's documents.
	CooldownFromDecision bool
	// StartDelay is how long a task takes from its creation until it runs; serial is the
	// task's number in its service, from 1. Default: 30 s, always.
	StartDelay func(serial int) time.Duration
	// ScheduleDrawsItsSecond is the reading that a schedule fires at another second of each
	// minute. Otherwise it keeps its second for a day. Documented is a precision of a minute.
	ScheduleDrawsItsSecond bool
	// Express are those of state machines.
	Express ExpressOptions
	// Phases are when within its minute each thing happens. Default: all at its end, in
	// one instant.
	Phases Phases
}

// GroupsReading is how SQS reports ApproximateNumberOfGroupsWithInflightMessages. The zero value is what is
// documented: each minute in which the queue is active.
type GroupsReading struct {
	// OnlyIfAny is the reading that it is reported as the counts of messages in flight are: if there are any.
	OnlyIfAny bool
	// LateMinutes is how much later it comes than those.
	LateMinutes int
}

// DefaultControlOptions are AWS's documented values and, where there are none, the
// usual ones.
func DefaultControlOptions() ControlOptions {
	return ControlOptions{
		Minute: time.Minute, MetricDelay: 1, WakeDelay: defaultWakeDelay, MissingCountsAsZero: true,
		StartDelay: func(int) time.Duration { return 30 * time.Second },
		Express:    defaultExpressOptions(),
	}
}

// Control is what AWS runs behind an account's resources: CloudWatch measures and
// evaluates alarms once a minute, Application Auto Scaling carries out their
// policies, the ECS scheduler starts and stops tasks. It has no clock of its own:
// whoever owns it says how far it is.
type Control struct {
	account *Account
	o       ControlOptions
	host    TaskHost

	start, now time.Time
	ticker     ticker
	timed      timedQueue
	drawn      int // shares so far
	express    ExpressUse

	metrics  metricStore
	queues   map[string]*queueMetrics    // by URL
	alarms   map[string]*alarmEvaluation // by name
	fleets   map[string]*fleet           // by service ARN
	machines map[string]*machineMetrics  // by state machine ARN
	// fleetOrder are the fleets, in the order of their services' ARNs.
	fleetOrder []*fleet
	notes      map[string]string // why a policy did not scale last, by ARN

	stopTimeouts map[*TaskDefinition]time.Duration

	cooldowns     cooldowns
	draining      bool
	activities    []Activity
	notifications []Notification
	alarmChanges  []AlarmChange
}

// NewControl starts the control plane of an account at a time.
func NewControl(account *Account, start time.Time, host TaskHost, o ControlOptions) *Control {
	c := &Control{
		account: account, o: o, host: host, start: start, now: start,
		metrics: metricStore{}, queues: map[string]*queueMetrics{}, alarms: map[string]*alarmEvaluation{},
		fleets: map[string]*fleet{}, notes: map[string]string{},
		stopTimeouts: map[*TaskDefinition]time.Duration{},
		machines:     map[string]*machineMetrics{}, cooldowns: newCooldowns(),
	}
	for _, service := range account.Services {
		c.fleet(service)
	}
	c.ticker.day = -1
	c.beginMinute(0)
	return c
}

// Next is when something happens next by itself: something that happens each minute is
// due, a task has started, or its time to stop is up.
func (c *Control) Next() time.Time {
	next := c.nextTick()
	if len(c.timed.list) > 0 && c.timed.list[0].at.Before(next) {
		next = c.timed.list[0].at
	}
	for _, f := range c.fleetOrder {
		for _, t := range f.tasks {
			if !t.due.IsZero() && t.due.Before(next) {
				next = t.due
			}
		}
	}
	return next
}

// Advance goes on to a time and does what is due until then, in order. What was
// changed from outside before takes effect at the time that it had reached.
func (c *Control) Advance(to time.Time) {
	c.schedule()
	for next := c.Next(); !next.After(to); next = c.Next() {
		c.now = next
		c.moveTasks()
		c.runTicks()
		c.runTimed()
		c.schedule()
	}
	c.now = to
}

// Drain stops all tasks, protected ones included, and starts no more.
func (c *Control) Drain() { c.draining = true }

// measureQueue samples a queue.
func (c *Control) measureQueue(url string) {
	queue, there := c.account.Queues[url]
	if !there {
		return
	}
	box, err := c.account.Mailbox(url)
	if err != nil {
		return // it is not a queue that the model has messages of
	}
	q, ok := c.queues[url]
	if !ok {
		q = c.newQueueMetrics(queue.Name)
		c.queues[url] = q
	}
	c.sampleQueue(q, box)
}

// PutMetric publishes a value of a custom metric for the minute that is going on.
func (c *Control) PutMetric(namespace, name string, dimensions map[string]string, value float64) {
	c.metrics.series(namespace, name, dimensions).gauge(c.thisMinute(), c.visibleFrom(), value)
}

// Reported says whether CloudWatch has ever got a value of a metric.
func (c *Control) Reported(namespace, name string, dimensions map[string]string) bool {
	s, ok := c.metrics[seriesKey(namespace, name, dimensions)]
	return ok && len(s.points) > 0
}

// Activities are what Application Auto Scaling did, oldest first.
func (c *Control) Activities() []Activity { return c.activities }

// Tasks are the tasks that have not ended, in the order they were created.
func (c *Control) Tasks() []*Task {
	var all []*Task
	for _, f := range c.fleetOrder {
		for _, t := range f.tasks {
			if t.State != Stopped {
				all = append(all, t)
			}
		}
	}
	return all
}

// AlarmState is the state of an alarm, and the value it was decided on.
func (c *Control) AlarmState(name string) (AlarmState, Datapoint) {
	e, ok := c.alarms[name]
	if !ok {
		return InsufficientData, nil
	}
	return e.state, e.newest
}

// Utilization is the CPU that the tasks of a service used in the last minute, in
// percent of what they reserve, nil if none ran.
func (c *Control) Utilization(serviceARN string) Datapoint {
	f, ok := c.fleets[serviceARN]
	if !ok {
		return nil
	}
	return f.utilization
}
