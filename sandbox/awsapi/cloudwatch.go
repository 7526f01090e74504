package awsapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// cloudWatchService is spoken to in three protocols: boto3 sends JSON, AWS's SDK for Go CBOR,
// older clients forms.
var cloudWatchService = service{
	name: "CloudWatch", prefix: "GraniteServiceVersion20100801", version: "2010-08-01", scope: "monitoring",
	actions: map[string]func(request) (any, error){
		"DescribeAlarms":       request.describeAlarms,
		"DescribeAlarmHistory": request.describeAlarmHistory,
		"SetAlarmState":        request.setAlarmState,
		"GetMetricStatistics":  request.getMetricStatistics,
		"GetMetricData":        request.getMetricData,
	},
}

func (r request) describeAlarms() (any, error) {
	var asked struct {
		AlarmNames                                []string
		AlarmNamePrefix, StateValue, ActionPrefix string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	shown := []object{}
	for _, name := range slices.Sorted(maps.Keys(r.account.Alarms)) {
		alarm := r.account.Alarms[name]
		state, _ := r.control.AlarmState(name)
		acts := func(action string) bool { return strings.HasPrefix(action, asked.ActionPrefix) }
		switch {
		case len(asked.AlarmNames) > 0 && !slices.Contains(asked.AlarmNames, name):
		case !strings.HasPrefix(name, asked.AlarmNamePrefix):
		case asked.StateValue != "" && asked.StateValue != string(state):
		case asked.ActionPrefix != "" && !slices.ContainsFunc(alarm.AlarmActions, acts):
		default:
			shown = append(shown, r.shownAlarm(alarm, state))
		}
	}
	return object{"MetricAlarms": shown, "CompositeAlarms": []object{}}, nil
}

func (r request) shownAlarm(alarm *cloud.Alarm, state cloud.AlarmState) object {
	shown := object{
		"AlarmName": alarm.Name, "AlarmArn": alarm.ARN, "AlarmDescription": textOf(alarm.AlarmDescription),
		"ActionsEnabled": alarm.ActionsEnabled == nil || *alarm.ActionsEnabled,
		"AlarmActions":   alarm.AlarmActions, "OKActions": alarm.OKActions,
		"InsufficientDataActions": []string{},
		"StateValue":              string(state), "StateReason": "Unchecked: Initial alarm creation",
		"ComparisonOperator": alarm.ComparisonOperator, "Threshold": alarm.Threshold,
		"EvaluationPeriods": alarm.EvaluationPeriods, "TreatMissingData": textOf(alarm.TreatMissingData),
	}
	if alarm.DatapointsToAlarm > 0 {
		shown["DatapointsToAlarm"] = alarm.DatapointsToAlarm
	}
	changes := r.control.AlarmChanges()
	for _, change := range slices.Backward(changes) {
		if change.Alarm == alarm.Name {
			shown["StateReason"], shown["StateUpdatedTimestamp"] = change.Reason, change.At
			shown["StateTransitionedTimestamp"] = change.At
			break
		}
	}
	if len(alarm.MetricQueries) == 0 {
		shown["Namespace"], shown["MetricName"] = alarm.Namespace, alarm.MetricName
		shown["Statistic"] = alarm.Statistic
		shown["Period"], shown["Dimensions"] = alarm.Period, tagsOf(alarm.Dimensions, "Name", "Value")
		return shown
	}
	metrics := make([]object, len(alarm.MetricQueries))
	for i, q := range alarm.MetricQueries {
		metrics[i] = object{
			"Id":         q.ID,
			"ReturnData": q.ReturnData,
			"Label":      textOf(q.Label),
			"Expression": textOf(q.Expression),
		}
		if m := q.Metric; m != nil {
			metrics[i]["MetricStat"] = object{"Period": m.Period, "Stat": m.Stat, "Metric": object{
				"Namespace": m.Namespace, "MetricName": m.MetricName,
				"Dimensions": tagsOf(m.Dimensions, "Name", "Value"),
			}}
		}
	}
	shown["Metrics"] = metrics
	return shown
}

func (r request) describeAlarmHistory() (any, error) {
	var asked struct {
		AlarmName, HistoryItemType, ScanBy string
		StartDate, EndDate                 moment
		MaxRecords                         number
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	items := []object{}
	for _, change := range slices.Backward(r.control.AlarmChanges()) {
		switch {
		case asked.AlarmName != "" && asked.AlarmName != change.Alarm:
		case asked.HistoryItemType != "" && asked.HistoryItemType != "StateUpdate":
		case !asked.StartDate.IsZero() && change.At.Before(asked.StartDate.Time):
		case !asked.EndDate.IsZero() && change.At.After(asked.EndDate.Time):
		case asked.MaxRecords > 0 && len(items) >= int(asked.MaxRecords):
		default:
			data, _ := json.Marshal(map[string]any{ // texts
				"oldState": map[string]string{"stateValue": string(change.From)},
				"newState": map[string]string{"stateValue": string(change.To), "stateReason": change.Reason},
			})
			items = append(items, object{
				"AlarmName": change.Alarm, "AlarmType": "MetricAlarm",
				"Timestamp": change.At, "HistoryItemType": "StateUpdate",
				"HistorySummary": fmt.Sprintf(
					"Alarm updated from %s to %s",
					change.From,
					change.To,
				), "HistoryData": string(data),
			})
		}
	}
	if asked.ScanBy == "TimestampAscending" {
		slices.Reverse(items)
	}
	return object{"AlarmHistoryItems": items}, nil
}

func (r request) setAlarmState() (any, error) {
	var asked struct{ AlarmName, StateValue, StateReason string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	return nil, r.control.SetAlarmState(
		r.now,
		asked.AlarmName,
		cloud.AlarmState(asked.StateValue),
		asked.StateReason,
	)
}

// metricAsked names a metric.
type metricAsked struct {
	Namespace, MetricName string
	Dimensions            []struct{ Name, Value string }
}

func (m metricAsked) metric(stat string, period int) *cloud.Metric {
	dimensions := map[string]string{}
	for _, d := range m.Dimensions {
		dimensions[d.Name] = d.Value
	}
	return &cloud.Metric{
		Namespace:  m.Namespace,
		MetricName: m.MetricName,
		Stat:       stat,
		Period:     period,
		Dimensions: dimensions,
	}
}

// mostDatapoints that GetMetricStatistics answers with. Source: its API reference.
const mostDatapoints = 1440

func (r request) getMetricStatistics() (any, error) {
	var asked struct {
		metricAsked
		StartTime, EndTime moment
		Period             number
		Statistics         []string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	if len(asked.Statistics) == 0 {
		return nil, &cloud.Error{
			Code:    "MissingParameter",
			Message: "the sandbox has Statistics only, and wants them named",
		}
	}
	if !asked.EndTime.After(asked.StartTime.Time) {
		return nil, &cloud.Error{
			Code:    "InvalidParameterValue",
			Message: "The parameter StartTime must be less than the parameter EndTime.",
		}
	}
	if points := asked.EndTime.Sub(asked.StartTime.Time).
		Seconds() /
		max(
			1,
			float64(asked.Period),
		); points > mostDatapoints {
		return nil, &cloud.Error{Code: "InvalidParameterCombination", Message: fmt.Sprintf(
			"You have requested up to %.0f datapoints, which exceeds the limit of %d.",
			points,
			mostDatapoints,
		)}
	}
	byTime := map[time.Time]object{}
	for _, statistic := range asked.Statistics {
		query := cloud.MetricQuery{ID: "asked", Metric: asked.metric(statistic, int(asked.Period))}
		samples, err := r.control.Data(
			[]cloud.MetricQuery{query},
			"asked",
			int(asked.Period),
			asked.StartTime.Time,
			asked.EndTime.Time,
		)
		if err != nil {
			return nil, err
		}
		for _, s := range samples {
			if byTime[s.At] == nil {
				byTime[s.At] = object{"Timestamp": s.At, "Unit": "None"}
			}
			byTime[s.At][statistic] = s.Value
		}
	}
	points := []object{}
	for _, at := range slices.SortedFunc(maps.Keys(byTime), time.Time.Compare) {
		points = append(points, byTime[at])
	}
	return object{"Label": asked.MetricName, "Datapoints": points}, nil
}

func (r request) getMetricData() (any, error) {
	var asked struct {
		MetricDataQueries []struct {
			ID         string `json:"Id"`
			Expression string
			Label      string
			MetricStat *struct {
				Metric metricAsked
				Period number
				Stat   string
			}
			ReturnData *flag
			Period     number
		}
		StartTime, EndTime moment
		ScanBy             string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	queries, period := make([]cloud.MetricQuery, len(asked.MetricDataQueries)), 0
	for i, q := range asked.MetricDataQueries {
		queries[i] = cloud.MetricQuery{ID: q.ID, Expression: q.Expression}
		if q.MetricStat != nil {
			queries[i].Metric = q.MetricStat.Metric.metric(q.MetricStat.Stat, int(q.MetricStat.Period))
		}
		for _, given := range []number{q.Period, periodOf(queries[i].Metric)} {
			if given > 0 {
				period = int(given)
			}
		}
	}
	results := []object{}
	for _, q := range asked.MetricDataQueries {
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		samples, err := r.control.Data(queries, q.ID, period, asked.StartTime.Time, asked.EndTime.Time)
		if err != nil {
			return nil, err
		}
		if asked.ScanBy != "TimestampAscending" {
			slices.Reverse(samples)
		}
		times, values := make([]time.Time, len(samples)), make([]float64, len(samples))
		for i, s := range samples {
			times[i], values[i] = s.At, s.Value
		}
		label := q.Label
		if label == "" {
			label = q.ID
		}
		results = append(
			results,
			object{
				"Id":         q.ID,
				"Label":      label,
				"Timestamps": times,
				"Values":     values,
				"StatusCode": "Complete",
			},
		)
	}
	return object{"MetricDataResults": results, "Messages": []object{}}, nil
}

func periodOf(m *cloud.Metric) number {
	if m == nil {
		return 0
	}
	return number(m.Period)
}
