package cloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// AlarmChange is a change of an alarm's state.
type AlarmChange struct {
	At       time.Time
	Alarm    string // its name
	From, To AlarmState
	Reason   string
}

// keptAlarmChanges is how many changes of all alarms are kept: more than a day on call.
const keptAlarmChanges = 10000

// AlarmChanges are the changes of alarms, the oldest first.
func (c *Control) AlarmChanges() []AlarmChange { return c.alarmChanges }

// changeAlarm puts an alarm into a state and tells whom it may concern.
func (c *Control) changeAlarm(e *alarmEvaluation, to AlarmState, reason string) {
	if len(c.alarmChanges) == keptAlarmChanges {
		c.alarmChanges = slices.Delete(c.alarmChanges, 0, keptAlarmChanges/2)
	}
	c.alarmChanges = append(c.alarmChanges, AlarmChange{c.now, e.alarm.Name, e.state, to, reason})
	e.state = to
	c.notify(e)
}

// SetAlarmState puts an alarm into a state until it is evaluated next, and carries out the
// actions that go with it. Source: API reference of SetAlarmState.
func (c *Control) SetAlarmState(now time.Time, name string, to AlarmState, reason string) error {
	alarm, there := c.account.Alarms[name]
	if !there {
		return refuse("ResourceNotFound", "there is no alarm %s", name)
	}
	if !slices.Contains([]AlarmState{OK, InAlarm, InsufficientData}, to) {
		return refuse(
			"InvalidParameterValue",
			"an alarm has the states OK, ALARM and INSUFFICIENT_DATA, not %q",
			to,
		)
	}
	if now.After(c.now) {
		c.Advance(now)
	}
	e := c.evaluationOf(alarm)
	if e.state == to {
		return nil
	}
	c.changeAlarm(e, to, reason)
	if to == InAlarm {
		c.act(e, c.datapoints(e))
	}
	return nil
}

// reason is why an alarm is in a state, in the words of CloudWatch.
func (alarm *Alarm) reason(to AlarmState, datapoints []Datapoint) string {
	existing := existingDatapoints(datapoints)
	if to == InsufficientData || len(existing) == 0 {
		return fmt.Sprintf("Insufficient Data: %d of the last %d datapoints were unknown.",
			len(datapoints)-len(existing), len(datapoints))
	}
	recent := existing[max(0, len(existing)-alarm.EvaluationPeriods):]
	values := make([]string, len(recent))
	for i, v := range recent {
		values[i] = decimal(v)
	}
	not := ""
	if to == OK {
		not = "not "
	}
	return fmt.Sprintf(
		"Threshold Crossed: %d datapoints [%s]: %s is %s%s the threshold (%s).",
		len(
			recent,
		),
		strings.Join(values, ", "),
		alarm.Subject(),
		not,
		operatorInWords[alarm.ComparisonOperator],
		decimal(alarm.Threshold),
	)
}

// Sample is a value of a metric over a period that began at a time.
type Sample struct {
	At    time.Time
	Value float64
}

// Data are the values of a query, one of several that may refer to each other, over the
// periods that begin from a time on and before another, the oldest first. A period is
// counted in CloudWatch's minutes, which may be shorter than a minute.
func (c *Control) Data(queries []MetricQuery, id string, period int, from, to time.Time) ([]Sample, error) {
	// An alarm is what the queries are checked and evaluated as.
	asked := &Alarm{Name: "data", EvaluationPeriods: 1, MetricQueries: queries, Period: period}
	i := slices.IndexFunc(queries, func(q MetricQuery) bool { return q.ID == id })
	if i < 0 {
		return nil, refuse("ValidationError", "there is no query %s", id)
	}
	if err := asked.checkQuery(i); err != nil {
		return nil, err
	}
	e := c.newAlarmEvaluation(asked)
	e.period = max(1, period/60)
	var samples []Sample
	span := time.Duration(e.period) * c.o.Minute
	first := max(0, int((from.Sub(c.start)+span-1)/span))
	for bucket := first; ; bucket++ {
		began := c.start.Add(time.Duration(bucket) * span)
		if !began.Before(to) || began.After(c.now) {
			return samples, nil
		}
		if value := c.queryValue(e, id, (bucket+1)*e.period); !isMissing(value) {
			samples = append(samples, Sample{began, value})
		}
	}
}
