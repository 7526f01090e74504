package cloud

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Schedule is a schedule of EventBridge Scheduler that calls an API of AWS.
type Schedule struct {
	ARN                string             `json:"arn"`
	Name               string             `json:"name"`
	Description        string             `json:"description,omitempty"`
	ScheduleExpression string             `json:"scheduleExpression"`
	FlexibleTimeWindow FlexibleTimeWindow `json:"flexibleTimeWindow"`
	Target             ScheduleTarget     `json:"target"`
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
}

var (
	rate = regexp.MustCompile(`^rate\(([1-9][0-9]*) (minute|hour|day)s?\)$`)
	// universalTarget is an API of AWS by service and action.
	universalTarget = regexp.MustCompile(`^arn:[a-z-]+:scheduler:::aws-sdk:([a-z0-9]+):([a-z][A-Za-z]+)$`)
	// readingAction is one that a schedule cannot call. Source: EventBridge Scheduler
	// user guide, "Using universal targets".
	readingAction = regexp.MustCompile(`^(get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|batchGet|batchDescribe|batchRead|transactGet|adminGet|adminList|testMigration|retrieve|testConnection|translateDocument|isAuthorized|invokeModel)`)
)

var minutesOf = map[string]int{"minute": 1, "hour": 60, "day": 24 * 60}

// PutSchedule makes or changes a schedule.
func (a *Account) PutSchedule(s Schedule) (*Schedule, error) {
	if !rate.MatchString(s.ScheduleExpression) {
		return nil, refuse("ValidationException", "Invalid Schedule Expression %s.", s.ScheduleExpression)
	}
	if s.FlexibleTimeWindow.Mode != "OFF" {
		return nil, refuse("ValidationException", "flexibleTimeWindow %q is none that the sandbox has", s.FlexibleTimeWindow.Mode)
	}
	target := universalTarget.FindStringSubmatch(s.Target.ARN)
	if target == nil || readingAction.MatchString(target[2]) {
		return nil, refuse("ValidationException", "%s is not a supported target", s.Target.ARN)
	}
	if err := a.checkRoleARN(s.Target.RoleARN); err != nil {
		return nil, err
	}
	if !a.schedulerMayAssume(s.Target.RoleARN) {
		return nil, refuse("ValidationException", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
	}
	if !json.Valid([]byte(s.Target.Input)) {
		return nil, refuse("ValidationException", "the input of a call is JSON, not %q", s.Target.Input)
	}
	s.ARN = a.ARN("scheduler", "schedule/default/"+s.Name)
	a.Schedules[s.Name] = &s
	return &s, nil
}

// schedulerMayAssume says whether a role trusts the scheduler, which names the group of
// a schedule as its source. Source: EventBridge Scheduler user guide, "Confused deputy
// prevention".
func (a *Account) schedulerMayAssume(roleARN string) bool {
	role, ok := a.Roles[lastPart(roleARN)]
	if !ok {
		return false
	}
	var trust struct {
		Statement []struct {
			Principal struct{ Service string }
			Condition struct {
				ArnLike map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(role.AssumeRolePolicy), &trust); err != nil {
		return false
	}
	for _, s := range trust.Statement {
		source, limited := s.Condition.ArnLike["aws:SourceArn"]
		if s.Principal.Service == "scheduler.amazonaws.com" && (!limited || source == a.ARN("scheduler", "schedule-group/default")) {
			return true
		}
	}
	return false
}

// DeleteSchedule removes a schedule.
func (a *Account) DeleteSchedule(name string) error { return remove(a.Schedules, name) }

// Every is how often a schedule calls.
func (s *Schedule) Every() time.Duration { return time.Duration(s.everyMinutes()) * time.Minute }

// everyMinutes is how often a schedule calls.
func (s *Schedule) everyMinutes() int {
	parts := rate.FindStringSubmatch(s.ScheduleExpression)
	n, _ := strconv.Atoi(parts[1]) // it was checked when it was made
	return n * minutesOf[parts[2]]
}

// runSchedule makes the call of a schedule if it is due. All that the sandbox knows of
// it is that it uses the queue it names.
func (c *Control) runSchedule(name string) {
	s, there := c.account.Schedules[name]
	if !there || c.thisMinute()%s.everyMinutes() != 0 || !strings.Contains(s.Target.ARN, ":sqs:") {
		return
	}
	var input struct{ QueueURL string }
	if err := json.Unmarshal([]byte(s.Target.Input), &input); err != nil {
		return // it was checked when it was made
	}
	if box, err := c.account.Mailbox(input.QueueURL); err == nil {
		box.Touch(c.now)
	}
}
