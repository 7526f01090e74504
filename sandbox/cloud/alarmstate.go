package cloud

// AlarmState is the state of a CloudWatch alarm.
type AlarmState string

// The states of an alarm.
const (
	OK               AlarmState = "OK"
	InAlarm          AlarmState = "ALARM"
	InsufficientData AlarmState = "INSUFFICIENT_DATA"
)

// spareDatapoints is how many more datapoints than the evaluation periods CloudWatch
// looks at: its documentation shows five for three. A datapoint that has stopped
// coming so lingers for two more periods.
const spareDatapoints = 2

// LongestMetricDelay is how many minutes late a metric may be for an alarm over
// single minutes to see it at all.
const LongestMetricDelay = spareDatapoints

// evaluationRange is how many of the newest datapoints an alarm looks at.
func (alarm *Alarm) evaluationRange() int { return alarm.EvaluationPeriods + spareDatapoints }

// Datapoint is a value of a metric over a period, nil if there is none.
type Datapoint = *float64

// nextState evaluates an alarm on the datapoints of its evaluation range, oldest
// first. Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat
// missing data".
func (alarm *Alarm) nextState(now AlarmState, datapoints []Datapoint) AlarmState {
	periods, toAlarm := alarm.EvaluationPeriods, alarm.DatapointsToAlarm
	if toAlarm == 0 {
		toAlarm = periods
	}
	existing := existingDatapoints(datapoints)
	if len(existing) >= periods {
		// Enough real datapoints: how missing ones are treated does not matter.
		if alarm.countBreaching(existing[len(existing)-periods:]) >= toAlarm {
			return InAlarm
		}
		return OK
	}
	breaching := alarm.countBreaching(existing)
	filled := periods - len(existing)
	switch alarm.TreatMissingData {
	case "notBreaching":
		filled = 0
	case "breaching":
	default:
		return alarm.stateOfFew(now, datapoints, breaching, toAlarm)
	}
	if breaching+filled >= toAlarm {
		return InAlarm
	}
	return OK
}

// stateOfFew is the state when too few datapoints exist and missing ones stay missing
// or are ignored.
func (alarm *Alarm) stateOfFew(now AlarmState, datapoints []Datapoint, breaching, toAlarm int) AlarmState {
	existing := len(existingDatapoints(datapoints))
	switch {
	case breaching >= toAlarm:
		return InAlarm
	case existing > breaching:
		return OK
	case alarm.TreatMissingData == "ignore":
		return now
	case existing > 0 && oldestAge(datapoints) >= toAlarm:
		// The oldest is breaching, and since then nothing said otherwise.
		return InAlarm
	}
	return InsufficientData
}

func existingDatapoints(datapoints []Datapoint) []float64 {
	var values []float64
	for _, d := range datapoints {
		if d != nil {
			values = append(values, *d)
		}
	}
	return values
}

// oldestAge is how many periods ago the oldest datapoint was, 1 for the newest period.
func oldestAge(datapoints []Datapoint) int {
	for i, d := range datapoints {
		if d != nil {
			return len(datapoints) - i
		}
	}
	return 0
}

func (alarm *Alarm) countBreaching(values []float64) int {
	count := 0
	for _, v := range values {
		if alarm.breaches(v) {
			count++
		}
	}
	return count
}

// breaches says whether a value is on the alarm's side of its threshold; a value equal
// to it is, with an operator that says so.
func (alarm *Alarm) breaches(value float64) bool {
	switch alarm.ComparisonOperator {
	case "GreaterThanOrEqualToThreshold":
		return value >= alarm.Threshold
	case "GreaterThanThreshold":
		return value > alarm.Threshold
	case "LessThanThreshold":
		return value < alarm.Threshold
	default: // LessThanOrEqualToThreshold
		return value <= alarm.Threshold
	}
}
