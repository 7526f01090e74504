package cloud

import (
	"errors"
	"fmt"
	"time"
)

// ExpressOptions are what AWS does not promise of express state machines, and of what they
// call. DefaultControlOptions has the usual values.
type ExpressOptions struct {
	// CountLag is how old the counts of messages that SQS answers with are at most; each
	// answer's age is drawn up to it. Usual are two seconds; "at least 1 minute after the
	// producers stop sending" they are exact (API reference of GetQueueAttributes).
	CountLag time.Duration
	// WriteFrom and WriteTo are the bounds of the time between the answer of a call and a
	// call that changes something.
	WriteFrom, WriteTo time.Duration
	// Twice and Lost are the shares, 0 to 1, of executions that run twice and not at all:
	// asynchronous express executions are run at least once, and a schedule without retries
	// may fail.
	Twice, Lost float64
	// Throttled is the share of calls that ECS refuses, 0 to 1.
	Throttled float64
}

// defaultExpressOptions are the usual values.
func defaultExpressOptions() ExpressOptions {
	return ExpressOptions{
		CountLag:  2 * time.Second,
		WriteFrom: 100 * time.Millisecond,
		WriteTo:   2 * time.Second,
	}
}

const (
	// longestExecution is the quota of an express execution. Source: Step Functions
	// developer guide, "Step Functions service quotas".
	longestExecution = 5 * time.Minute
	// startTime is how long it takes until an execution begins, callTime how long a call
	// takes: what people measure.
	startTime = 300 * time.Millisecond
	callTime  = 50 * time.Millisecond
	// billedStep is what the duration of an execution is rounded up to.
	billedStep = 100 * time.Millisecond
	// timeoutError is what ends an execution that takes too long.
	timeoutError = "States.Timeout"
)

// ExpressUse is what express executions are charged for, and what they did.
type ExpressUse struct {
	// Started executions, and the time that they took, each rounded up to 100 ms, in Step
	// Functions' time.
	Started int
	Billed  time.Duration
	// Failed executions are those that did not succeed.
	Failed int
	// Asks are the calls that asked SQS for counts, Answered the latest answer.
	Asks, Answered int
	// Wakes are the desired counts that were set, Lowered those of them that were below
	// what stood there.
	Wakes, Lowered int
}

// ExpressUse is that of all executions so far.
func (c *Control) ExpressUse() ExpressUse { return c.express }

// execution is a state machine at work.
type execution struct {
	machine *StateMachine
	program *program
	at      *pause
	began   time.Time
	// answered is how many messages SQS said last that there are.
	answered int
	// ended, if not nil, is called with how it ended.
	ended func(Execution)
}

// Execution is how an execution of a state machine ended.
type Execution struct {
	ARN          string
	Began, Ended time.Time
	// Status is SUCCEEDED, FAILED or TIMED_OUT.
	Status       string
	Error, Cause string
}

// StartExecution starts a state machine with an input in JSON. The caller's right to do so
// is not looked at.
func (c *Control) StartExecution(now time.Time, machineARN, input string) error {
	if now.After(c.now) {
		c.Advance(now)
	}
	return c.startExecution(machineARN, input, c.scaled(startTime))
}

// startExecution begins an execution after a time: as many as are run for one that is asked
// for.
func (c *Control) startExecution(machineARN, input string, after time.Duration) error {
	m, there := c.account.StateMachines[machineARN]
	if !there {
		return refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", machineARN)
	}
	if _, err := m.program().begin(input); err != nil {
		return err
	}
	runs := 1
	if c.o.Express.Lost > 0 && c.draw("lost") <= c.o.Express.Lost {
		runs = 0
	}
	if c.o.Express.Twice > 0 && c.draw("twice") <= c.o.Express.Twice {
		runs *= 2
	}
	for range runs {
		if after == 0 {
			c.beginExecution(m, input)
			continue
		}
		c.after(after, func() { c.beginExecution(m, input) })
	}
	return nil
}

// StartSyncExecution starts a state machine as StartExecution does, and tells how it ended. One that
// is waited for runs once.
func (c *Control) StartSyncExecution(now time.Time, machineARN, input string, ended func(Execution)) error {
	m, there := c.account.StateMachines[machineARN]
	if !there {
		return refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", machineARN)
	}
	if _, err := m.program().begin(input); err != nil {
		return err
	}
	if now.After(c.now) {
		c.Advance(now)
	}
	c.begin(&execution{machine: m, ended: ended}, input)
	return nil
}

func (c *Control) beginExecution(m *StateMachine, input string) {
	c.begin(&execution{machine: m}, input)
}

func (c *Control) begin(e *execution, input string) {
	c.express.Started++
	e.program, e.began = e.machine.program(), c.now
	e.at, _ = e.program.begin(input) // it was checked when it was started
	c.goOn(e)
}

// goOn with an execution at a pause: make its call now, and come back for what follows.
func (c *Control) goOn(e *execution) {
	at := e.at
	took := c.scaled(at.wait)
	switch {
	case at.over:
		c.endExecution(e, c.now.Sub(e.began))
		return
	case at.call != "":
		a := apiCalls[at.call](c, e, at.arguments)
		if a.err != nil {
			c.noteFailure(e.machine, a.err)
		}
		e.at, took = e.program.after(at, a), c.scaled(callTime)
	default:
		e.at = e.program.after(at, answer{})
	}
	if at.call != "" && e.at.call == "ecs:updateService" {
		span := float64(c.o.Express.WriteTo - c.o.Express.WriteFrom)
		took = c.scaled(c.o.Express.WriteFrom + time.Duration(c.draw("write")*span))
	}
	switch ends := c.now.Add(took).Sub(e.began); {
	case ends > c.scaled(longestExecution):
		e.at = &pause{
			over:  true,
			fault: stateError{timeoutError, "an express execution ends after five minutes"},
		}
		c.endExecution(e, c.scaled(longestExecution))
		return
	case e.at.over:
		c.endExecution(e, ends)
		return
	}
	c.after(took, func() { c.goOn(e) })
}

func (c *Control) endExecution(e *execution, took time.Duration) {
	real := time.Duration(float64(took) / float64(c.o.Minute) * float64(time.Minute))
	c.express.Billed += (real + billedStep - 1) / billedStep * billedStep
	var failed, timedOut float64
	var fault stateError
	switch {
	case errors.As(e.at.fault, &fault) && fault.name == timeoutError:
		timedOut = 1
	case e.at.fault != nil:
		failed = 1
	}
	c.express.Failed += int(failed + timedOut)
	if e.ended != nil {
		result := Execution{
			ARN: c.account.ARN(
				"states",
				fmt.Sprintf("express:%s:%d:%d", e.machine.Name, c.express.Started, e.began.UnixNano()),
			),
			Began: e.began, Ended: e.began.Add(took), Status: "SUCCEEDED",
		}
		switch {
		case timedOut > 0:
			result.Status, result.Error, result.Cause = "TIMED_OUT", fault.name, fault.cause
		case failed > 0:
			result.Status, result.Error, result.Cause = "FAILED", fault.name, fault.cause
		}
		e.ended(result)
	}
	metrics := c.machineMetricsOf(e.machine.ARN)
	minute, published := c.thisMinute(), c.visibleFrom()
	metrics.started.count(minute, published, 1)
	metrics.failed.count(minute, published, failed)
	metrics.timedOut.count(minute, published, timedOut)
}

// machineMetrics are what Step Functions reports of a state machine.
type machineMetrics struct{ started, failed, timedOut *series }

func (c *Control) machineMetricsOf(arn string) *machineMetrics {
	m, ok := c.machines[arn]
	if !ok {
		of := func(name string) *series {
			return c.metrics.series("AWS/States", name, map[string]string{"StateMachineArn": arn})
		}
		m = &machineMetrics{of("ExecutionsStarted"), of("ExecutionsFailed"), of("ExecutionsTimedOut")}
		c.machines[arn] = m
	}
	return m
}

// noteWake notes that a machine sets a desired count.
func (c *Control) noteWake(e *execution, s *Service, desired int) {
	delete(c.notes, e.machine.ARN)
	c.express.Wakes++
	if desired < s.DesiredCount {
		c.express.Lowered++
	}
	c.activities = append(c.activities, Activity{
		At: c.now, Minute: c.fullMinutes(), ResourceID: s.ResourceID(), Alarm: e.machine.Name,
		From: s.DesiredCount, To: desired, Reason: fmt.Sprintf("asked SQS: %s waiting", messages(e.answered)),
	})
}

// noteFailure notes why a call of a machine failed, unless that is known already.
func (c *Control) noteFailure(m *StateMachine, err error) {
	if c.notes[m.ARN] == err.Error() {
		return
	}
	c.notes[m.ARN] = err.Error()
	desired := 0
	for _, s := range c.account.Services {
		desired = s.DesiredCount
	}
	c.activities = append(c.activities, Activity{
		At: c.now, Minute: c.fullMinutes(), Alarm: m.Name, From: desired, To: desired, Reason: err.Error(),
	})
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// draw is a share, above 0 and up to 1, of what AWS leaves open, anew each time.
func (c *Control) draw(name string) float64 {
	if c.o.Phases == nil {
		return 1
	}
	c.drawn++
	return c.o.Phases(name, c.drawn)
}

// timed is something that happens once, at a time.
type timed struct {
	at     time.Time
	serial int // of two at the same time, the earlier one
	do     func()
}

// timedQueue holds what is to happen, the next first. There is seldom more than one thing.
type timedQueue struct {
	list   []timed
	serial int
}

// after does something once, after a time.
func (c *Control) after(d time.Duration, do func()) {
	q := &c.timed
	q.serial++
	next := timed{c.now.Add(d), q.serial, do}
	i := len(q.list)
	for i > 0 && q.list[i-1].at.After(next.at) {
		i--
	}
	q.list = append(q.list, timed{})
	copy(q.list[i+1:], q.list[i:])
	q.list[i] = next
}

// runTimed does what is due.
func (c *Control) runTimed() {
	for len(c.timed.list) > 0 && !c.timed.list[0].at.After(c.now) {
		next := c.timed.list[0]
		c.timed.list = c.timed.list[:copy(c.timed.list, c.timed.list[1:])]
		next.do()
	}
}
