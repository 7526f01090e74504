package cloud

import (
	"regexp"
	"slices"
	"strings"
)

// Alarm is a CloudWatch metric alarm.
type Alarm struct {
	ARN                string            `json:"arn"`
	Name               string            `json:"name"`
	AlarmDescription   string            `json:"alarmDescription,omitempty"`
	ComparisonOperator string            `json:"comparisonOperator"`
	Threshold          float64           `json:"threshold"`
	EvaluationPeriods  int               `json:"evaluationPeriods"`
	DatapointsToAlarm  int               `json:"datapointsToAlarm,omitempty"` // 0 is EvaluationPeriods
	TreatMissingData   string            `json:"treatMissingData,omitempty"`  // "" is missing
	ActionsEnabled     *bool             `json:"actionsEnabled,omitempty"`    // nil is true
	AlarmActions       []string          `json:"alarmActions,omitempty"`
	OKActions          []string          `json:"okActions,omitempty"`
	Namespace          string            `json:"namespace,omitempty"`
	MetricName         string            `json:"metricName,omitempty"`
	Statistic          string            `json:"statistic,omitempty"`
	Period             int               `json:"period,omitempty"` // seconds
	Dimensions         map[string]string `json:"dimensions,omitempty"`
	MetricQueries      []MetricQuery     `json:"metricQueries,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
}

// MetricQuery is a metric or an expression over others.
type MetricQuery struct {
	ID         string  `json:"id"`
	Expression string  `json:"expression,omitempty"`
	Label      string  `json:"label,omitempty"`
	Metric     *Metric `json:"metric,omitempty"`
	ReturnData bool    `json:"returnData"`
}

// Metric is a statistic of a metric.
type Metric struct {
	Namespace  string            `json:"namespace"`
	MetricName string            `json:"metricName"`
	Stat       string            `json:"stat"`
	Period     int               `json:"period"` // seconds
	Dimensions map[string]string `json:"dimensions,omitempty"`
}

var queryID = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*$`)

// PutMetricAlarm makes or changes an alarm.
func (a *Account) PutMetricAlarm(alarm Alarm) (*Alarm, error) {
	if alarm.EvaluationPeriods < 1 || alarm.DatapointsToAlarm > alarm.EvaluationPeriods {
		return nil, refuse("ValidationError", "%d of %d datapoints cannot alarm", alarm.DatapointsToAlarm,
			alarm.EvaluationPeriods)
	}
	if !slices.Contains([]string{"", "missing", "ignore", "breaching", "notBreaching"},
		alarm.TreatMissingData) {
		return nil, refuse("ValidationError", "treatMissingData %q does not exist", alarm.TreatMissingData)
	}
	if err := alarm.checkMetric(); err != nil {
		return nil, err
	}
	if _, ok := operatorInWords[alarm.ComparisonOperator]; !ok {
		return nil, refuse("ValidationError", "comparisonOperator %q does not exist",
			alarm.ComparisonOperator)
	}
	for _, action := range append(slices.Clone(alarm.AlarmActions), alarm.OKActions...) {
		if _, ok := a.Policies[action]; !ok && !isTopic(action) {
			return nil, refuse("ValidationError",
				"the action %s is neither a scaling policy nor an SNS topic", action)
		}
	}
	alarm.ARN = a.ARN("cloudwatch", "alarm:"+alarm.Name)
	a.Alarms[alarm.Name] = &alarm
	return &alarm, nil
}

// DeleteAlarm removes an alarm.
func (a *Account) DeleteAlarm(name string) error { return remove(a.Alarms, name) }

func (alarm *Alarm) checkMetric() error {
	if len(alarm.MetricQueries) == 0 {
		if alarm.MetricName == "" || alarm.Namespace == "" || alarm.Statistic == "" {
			return refuse("ValidationError", "an alarm needs a metric with a statistic, or metric queries")
		}
		if !slices.Contains(statistics, alarm.Statistic) {
			return refuse("ValidationError", "the statistic %q does not exist", alarm.Statistic)
		}
		return checkPeriod(alarm.Namespace, alarm.Period, alarm.EvaluationPeriods)
	}
	if alarm.MetricName != "" || alarm.Period != 0 {
		return refuse("ValidationError", "an alarm has a metric or metric queries, not both")
	}
	returned := 0
	for i := range alarm.MetricQueries {
		if err := alarm.checkQuery(i); err != nil {
			return err
		}
		if alarm.MetricQueries[i].ReturnData {
			returned++
		}
	}
	if returned != 1 {
		return refuse("ValidationError", "%d queries return data; exactly one has to", returned)
	}
	return nil
}

func (alarm *Alarm) checkQuery(i int) error {
	q := alarm.MetricQueries[i]
	switch {
	case !queryID.MatchString(q.ID):
		return refuse("ValidationError", "the id %q of a query has to start with a lower-case letter", q.ID)
	case alarm.count(q.ID) > 1:
		return refuse("ValidationError", "two queries have the id %s", q.ID)
	case (q.Metric == nil) == (q.Expression == ""):
		return refuse("ValidationError", "query %s needs a metric or an expression", q.ID)
	case q.Metric == nil:
		// It refers to queries before it or to metrics, so to none in a circle.
		_, err := parseExpression(q.Expression, func(id string) bool {
			return slices.ContainsFunc(alarm.MetricQueries[:i], func(o MetricQuery) bool {
				return o.ID == id
			}) || alarm.hasMetric(id)
		})
		return err
	case !slices.Contains(statistics, q.Metric.Stat):
		return refuse("ValidationError", "the statistic %q of query %s does not exist", q.Metric.Stat, q.ID)
	case q.Metric.Period != alarm.period():
		return refuse("ValidationError", "the queries of an alarm have one period, not %d s and %d s",
			alarm.period(), q.Metric.Period)
	}
	return checkPeriod(q.Metric.Namespace, q.Metric.Period, alarm.EvaluationPeriods)
}

// hasMetric says whether there is a query of an id that is a metric.
func (alarm *Alarm) hasMetric(id string) bool {
	return slices.ContainsFunc(alarm.MetricQueries, func(q MetricQuery) bool {
		return q.ID == id && q.Metric != nil
	})
}

// count is how many queries have an id.
func (alarm *Alarm) count(id string) (n int) {
	for _, q := range alarm.MetricQueries {
		if q.ID == id {
			n++
		}
	}
	return n
}

// period of the alarm's metrics, in seconds.
func (alarm *Alarm) period() int {
	for _, q := range alarm.MetricQueries {
		if q.Metric != nil {
			return q.Metric.Period
		}
	}
	return alarm.Period
}

// hasQuery says whether there is a query of an id.
func (alarm *Alarm) hasQuery(id string) bool {
	return slices.ContainsFunc(alarm.MetricQueries, func(q MetricQuery) bool { return q.ID == id })
}

func checkPeriod(namespace string, seconds, evaluationPeriods int) error {
	short := seconds == 10 || seconds == 20 || seconds == 30
	if seconds < 10 || !short && seconds%60 != 0 {
		return refuse("ValidationError", "the period %d is not 10, 20, 30 or a multiple of 60", seconds)
	}
	if short && strings.HasPrefix(namespace, "AWS/") {
		return refuse("ValidationError",
			"metrics of AWS services have no resolution below 60 s, not %d", seconds)
	}
	const day = 24 * 3600
	longest := day
	if seconds >= 3600 {
		longest = 7 * day
	}
	if seconds*evaluationPeriods > longest {
		return refuse("ValidationError", "%d periods of %d s look back more than %d s", evaluationPeriods,
			seconds, longest)
	}
	return nil
}
