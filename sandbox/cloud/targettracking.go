package cloud

import (
	"cmp"
	"math"
)

// TargetTracking is the configuration of a target tracking policy: it keeps a metric
// at a value by scaling in proportion.
type TargetTracking struct {
	TargetValue float64 `json:"targetValue"`
	// PredefinedMetricType is ECSServiceAverageCPUUtilization, unless there are
	// queries.
	PredefinedMetricType string        `json:"predefinedMetricType,omitempty"`
	MetricQueries        []MetricQuery `json:"metricQueries,omitempty"`
	DisableScaleIn       bool          `json:"disableScaleIn,omitempty"`
	ScaleInCooldown      *int          `json:"scaleInCooldown,omitempty"`  // seconds; nil is 300
	ScaleOutCooldown     *int          `json:"scaleOutCooldown,omitempty"` // seconds; nil is 300
}

// The alarms that Application Auto Scaling makes for a policy, over minutes: the high
// one after 3 of 3 above the target, the low one after 15 of 15 below 90 % of it.
const (
	trackingHighMinutes = 3
	trackingLowMinutes  = 15
	trackingLowShare    = 0.9
)

func (t *TargetTracking) check() error {
	if t.TargetValue <= 0 {
		return refuse("ValidationException", "targetValue is %g; it has to be above 0", t.TargetValue)
	}
	if (t.PredefinedMetricType == "") == (len(t.MetricQueries) == 0) {
		return refuse("ValidationException", "target tracking needs a predefined metric or metric queries")
	}
	if t.PredefinedMetricType != "" && t.PredefinedMetricType != "ECSServiceAverageCPUUtilization" {
		return refuse("ValidationException", "the predefined metric %s does not exist here",
			t.PredefinedMetricType)
	}
	return nil
}

// wanted is the capacity that brings a metric to its target, if it falls in
// proportion. From no capacity it is the least there can be.
func (t *TargetTracking) wanted(capacity int, value float64) int {
	if capacity == 0 && value > t.TargetValue {
		return 1
	}
	return int(math.Ceil(float64(capacity) * value / t.TargetValue))
}

// putTrackingAlarms makes the alarms of a policy.
func (a *Account) putTrackingAlarms(p *ScalingPolicy) error {
	p.AlarmARNs = nil
	for _, high := range []bool{true, false} {
		alarm := Alarm{
			Name: trackingAlarmName(p, high), AlarmActions: []string{p.ARN},
			AlarmDescription:   "DO NOT EDIT OR DELETE. For " + p.Name,
			ComparisonOperator: "LessThanThreshold",
			Threshold:          trackingLowShare * p.TargetTracking.TargetValue,
			EvaluationPeriods:  trackingLowMinutes,
		}
		if high {
			alarm.ComparisonOperator, alarm.Threshold, alarm.EvaluationPeriods =
				"GreaterThanThreshold", p.TargetTracking.TargetValue, trackingHighMinutes
		}
		a.trackMetric(p, &alarm)
		made, err := a.PutMetricAlarm(alarm)
		if err != nil {
			return err
		}
		p.AlarmARNs = append(p.AlarmARNs, made.ARN)
	}
	return nil
}

func (a *Account) trackMetric(p *ScalingPolicy, alarm *Alarm) {
	if len(p.TargetTracking.MetricQueries) > 0 {
		alarm.MetricQueries = p.TargetTracking.MetricQueries
		return
	}
	service := a.serviceByResourceID(p.ResourceID)
	alarm.Namespace, alarm.MetricName, alarm.Statistic, alarm.Period =
		"AWS/ECS", "CPUUtilization", "Average", 60
	alarm.Dimensions = map[string]string{"ClusterName": service.ClusterName(), "ServiceName": service.Name}
}

func trackingAlarmName(p *ScalingPolicy, high bool) string {
	side := map[bool]string{true: "AlarmHigh", false: "AlarmLow"}[high]
	return "TargetTracking-" + p.ResourceID + "-" + side + "-" + cmp.Or(p.Name, "policy")
}
