package cloud

import "slices"

// alarmEvaluation is an alarm at work.
type alarmEvaluation struct {
	alarm      *Alarm
	state      AlarmState
	newest     Datapoint // the newest datapoint that exists
	inputs     map[string]input
	expression map[string]*expression
	result     string // id of the query that is watched
	period     int    // minutes
}

// input is a metric that an alarm looks at.
type input struct {
	series    *series
	statistic string
}

// soleQuery is the id of the metric of an alarm without queries.
const soleQuery = "metric"

func (c *Control) newAlarmEvaluation(alarm *Alarm) *alarmEvaluation {
	e := &alarmEvaluation{alarm: alarm, state: InsufficientData, inputs: map[string]input{},
		expression: map[string]*expression{}, result: soleQuery}
	if len(alarm.MetricQueries) == 0 {
		e.period = alarm.Period / 60
		e.inputs[soleQuery] = input{c.metrics.series(alarm.Namespace, alarm.MetricName, alarm.Dimensions),
			alarm.Statistic}
		return e
	}
	for _, q := range alarm.MetricQueries {
		if q.ReturnData {
			e.result = q.ID
		}
		if m := q.Metric; m != nil {
			e.period = m.Period / 60
			e.inputs[q.ID] = input{c.metrics.series(m.Namespace, m.MetricName, m.Dimensions), m.Stat}
			continue
		}
		// Parsed and checked when the alarm was made.
		e.expression[q.ID], _ = parseExpression(q.Expression, alarm.hasQuery)
	}
	return e
}

// evaluateAlarm evaluates an alarm, which happens every minute whatever its period, and
// carries out its actions in ALARM: those of auto scaling are repeated each minute.
// Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
func (c *Control) evaluateAlarm(name string) {
	alarm, there := c.account.Alarms[name]
	if !there {
		return
	}
	e := c.evaluationOf(alarm)
	datapoints := c.datapoints(e)
	e.newest = newestOf(datapoints)
	if next := alarm.nextState(e.state, datapoints); next != e.state {
		c.changeAlarm(e, next, alarm.reason(next, datapoints))
	}
	if e.state == InAlarm {
		c.act(e, datapoints)
	}
}

// evaluationOf an alarm; one that was changed goes on with its state.
func (c *Control) evaluationOf(alarm *Alarm) *alarmEvaluation {
	previous, ok := c.alarms[alarm.Name]
	if ok && previous.alarm == alarm {
		return previous
	}
	e := c.newAlarmEvaluation(alarm)
	if ok {
		e.state = previous.state
	}
	c.alarms[alarm.Name] = e
	return e
}

// datapoints are those of the alarm's evaluation range, oldest first. The windows
// slide: the newest one ends with the last full minute.
func (c *Control) datapoints(e *alarmEvaluation) []Datapoint {
	n := e.alarm.evaluationRange()
	list := make([]Datapoint, n)
	full := c.fullMinutes()
	for i := range n {
		to := full - (n-1-i)*e.period
		if value := c.queryValue(e, e.result, to); !isMissing(value) {
			list[i] = &value
		}
	}
	return list
}

// queryValue is the value of a query over the period that ends with a minute.
func (c *Control) queryValue(e *alarmEvaluation, id string, to int) float64 {
	if in, ok := e.inputs[id]; ok {
		return in.series.statistic(in.statistic, to-e.period, to, c.now)
	}
	v := evaluation{
		value:         func(id string) float64 { return c.queryValue(e, id, to) },
		missingIsZero: c.o.MissingCountsAsZero,
	}
	return v.of(e.expression[id].root)
}

func newestOf(datapoints []Datapoint) Datapoint {
	for _, d := range slices.Backward(datapoints) {
		if d != nil {
			return d
		}
	}
	return nil
}

// act carries out the actions of an alarm in ALARM.
func (c *Control) act(e *alarmEvaluation, datapoints []Datapoint) {
	recent := existingDatapoints(datapoints)
	if len(recent) == 0 {
		return // in ALARM for want of data; there is no value to choose a step by
	}
	recent = recent[max(0, len(recent)-e.alarm.EvaluationPeriods):]
	for _, action := range e.alarm.AlarmActions {
		if policy, ok := c.account.Policies[action]; ok {
			c.scale(policy, e.alarm, recent)
		}
	}
}
