package cloud

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is a schedule of EventBridge Scheduler that calls an API of AWS, or starts a state
// machine.
type Schedule struct {
	ARN                string             `json:"arn"`
	Name               string             `json:"name"`
	Description        string             `json:"description,omitempty"`
	ScheduleExpression string             `json:"scheduleExpression"`
	State              string             `json:"state,omitempty"` // "" is ENABLED
	FlexibleTimeWindow FlexibleTimeWindow `json:"flexibleTimeWindow"`
	Target             ScheduleTarget     `json:"target"`

	minutes int // between two calls; 0 before it was asked for
}

// FlexibleTimeWindow says whether a schedule may be late.
type FlexibleTimeWindow struct {
	Mode string `json:"mode"`
}

// ScheduleTarget is the call that a schedule makes.
type ScheduleTarget struct {
	ARN     string `json:"arn"`
	RoleARN string `json:"roleArn"`
	Input   string `json:"input,omitempty"`
	// RetryPolicy has a default of 185 attempts within a day.
	RetryPolicy *RetryPolicy `json:"retryPolicy,omitempty"`
}

// RetryPolicy says how often and how long a call that fails is made again.
type RetryPolicy struct {
	MaximumEventAgeInSeconds *int `json:"maximumEventAgeInSeconds,omitempty"`
	MaximumRetryAttempts     *int `json:"maximumRetryAttempts,omitempty"`
}

// check refuses a target that the scheduler does not have.
func (t ScheduleTarget) check() error {
	api := universalTarget.FindStringSubmatch(t.ARN)
	machine := stateMachineTarget.MatchString(t.ARN)
	if !machine && (api == nil || readingAction.MatchString(api[2])) {
		return refuse("ValidationException", "%s is not a supported target", t.ARN)
	}
	if (!machine || t.Input != "") && !json.Valid([]byte(t.Input)) {
		return refuse("ValidationException", "the input of a call is JSON, not %q", t.Input)
	}
	if r := t.RetryPolicy; r != nil {
		const mostAttempts, shortestAge, longestAge = 185, 60, 86400
		if n := r.MaximumRetryAttempts; n != nil && (*n < 0 || *n > mostAttempts) {
			return refuse("ValidationException", "maximumRetryAttempts is %d; it has to be 0 to %d", *n,
				mostAttempts)
		}
		if n := r.MaximumEventAgeInSeconds; n != nil && (*n < shortestAge || *n > longestAge) {
			return refuse("ValidationException", "maximumEventAgeInSeconds is %d; it has to be %d to %d", *n,
				shortestAge, longestAge)
		}
	}
	return nil
}

var (
	rate = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)s?\)$`)
	// universalTarget is an API of AWS by service and action.
	universalTarget = regexp.MustCompile(`^arn:[a-z-]+:scheduler:::aws-sdk:([a-z0-9]+):([a-z][A-Za-z]+)$`)
	// stateMachineTarget is a state machine, which the schedule starts.
	stateMachineTarget = regexp.MustCompile(`^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:` +
		`stateMachine:[A-Za-z0-9_-]{1,80}$`)
	// readingAction is one that a schedule cannot call. Source: EventBridge Scheduler
	// user guide, "Using universal targets".
	readingAction = regexp.MustCompile(`^(get|describe|list|poll|receive|search|scan|query|select|` +
		`read|lookup|discover|validate|batchGet|batchDescribe|batchRead|transactGet|` +
		`adminGet|adminList|testMigration|` +
		`retrieve|testConnection|translateDocument|isAuthorized|invokeModel)`)
)

var minutesOf = map[string]int{"minute": 1, "hour": 60, "day": 24 * 60}

// PutSchedule makes or changes a schedule.
func (a *Account) PutSchedule(s Schedule) (*Schedule, error) {
	if !rate.MatchString(s.ScheduleExpression) {
		return nil, refuse("ValidationException", "Invalid Schedule Expression %s.", s.ScheduleExpression)
	}
	if s.FlexibleTimeWindow.Mode != "OFF" {
		return nil, refuse("ValidationException", "flexibleTimeWindow %q is none that the sandbox has",
			s.FlexibleTimeWindow.Mode)
	}
	if err := s.Target.check(); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "ENABLED", "DISABLED"}, s.State) {
		return nil, refuse("ValidationException", "state %q is none of a schedule", s.State)
	}
	if err := a.checkRoleARN(s.Target.RoleARN); err != nil {
		return nil, err
	}
	if !a.mayAssume("scheduler.amazonaws.com", s.Target.RoleARN,
		a.ARN("scheduler", "schedule-group/default")) {
		return nil, refuse("ValidationException",
			"The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
	}
	s.ARN = a.ARN("scheduler", "schedule/default/"+s.Name)
	a.Schedules[s.Name] = &s
	return &s, nil
}

// DeleteSchedule removes a schedule.
func (a *Account) DeleteSchedule(name string) error { return remove(a.Schedules, name) }

// Every is how often a schedule calls.
func (s *Schedule) Every() time.Duration { return time.Duration(s.everyMinutes()) * time.Minute }

// everyMinutes is how often a schedule calls.
func (s *Schedule) everyMinutes() int {
	if s.minutes == 0 {
		parts := rate.FindStringSubmatch(s.ScheduleExpression)
		n, _ := strconv.Atoi(parts[1]) // it was checked when it was made
		s.minutes = n * minutesOf[parts[2]]
	}
	return s.minutes
}

// isDue says whether a schedule fires in the minute that goes on.
func (c *Control) isDue(name string) bool {
	s, there := c.account.Schedules[name]
	return there && s.State != "DISABLED" && c.thisMinute()%s.everyMinutes() == 0
}

// fire makes the call of a schedule, if its role may. All that the sandbox knows of a call
// of an API is that it uses the queue it names.
func (c *Control) fire(name string) {
	s, there := c.account.Schedules[name]
	switch {
	case !there:
	case c.account.StateMachines[s.Target.ARN] != nil:
		if c.account.allows(s.Target.RoleARN, "states:StartExecution", s.Target.ARN) {
			// One that fails is lost: the model has schedules without retries only. How long
			// it takes to begin is part of when the schedule fires, which nobody knows.
			_ = c.startExecution(s.Target.ARN, cmp.Or(s.Target.Input, "{}"), 0)
		}
	case strings.Contains(s.Target.ARN, ":sqs:"):
		var input struct{ QueueURL string }
		if err := json.Unmarshal([]byte(s.Target.Input), &input); err != nil {
			return // it was checked when it was made
		}
		if box, err := c.account.Mailbox(input.QueueURL); err == nil {
			box.Touch(c.now)
		}
	}
}
