package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTargetTracking: out after three minutes above the target in proportion, in
// after fifteen below 90 % of it, and never from none by CPU, which none reports.
func TestTargetTracking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil; s.max = 10 })
	_, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: "cpu", PolicyType: "TargetTrackingScaling", ResourceID: w.service.ResourceID(),
		ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
		TargetTracking: &TargetTracking{TargetValue: 50,
			PredefinedMetricType: "ECSServiceAverageCPUUtilization"},
	})
	require.NoError(t, err)
	assert.Len(t, w.account.Alarms, 3)
	w.minutes(30)
	assert.Empty(t, w.scaled())
	w.service.DesiredCount = 2
	w.host.cpu = 90
	w.minutes(5)
	assert.Equal(t, []string{"cpu 2>4 at 33"}, w.scaled(),
		"2 x 90 / 50 is 3.6; the third minute's datapoint is late, and the oldest breaches")
	w.host.cpu = 20
	w.minutes(17)
	assert.Equal(t, []string{"cpu 2>4 at 33", "cpu 4>2 at 51"}, w.scaled(), "4 x 20 / 50 is 1.6")
	w.minutes(60)
	assert.Equal(t, 1, w.running(), "it does not reach 0")
	require.NoError(t,
		w.account.DeleteScalingPolicy(w.account.Policies[w.account.ARN("autoscaling",
			"scalingPolicy:"+fingerprint(
				w.service.ResourceID(),
			)+":resource/ecs/"+w.service.ResourceID()+":policyName/cpu")].ARN))
	assert.Len(t, w.account.Alarms, 1, "its alarms go with it")
}

func TestTargetTrackingLimits(t *testing.T) {
	t.Parallel()
	tracking := TargetTracking{TargetValue: 10}
	assert.Equal(t, 1, tracking.wanted(0, 11), "from none, the least there can be")
	assert.Equal(t, 0, tracking.wanted(0, 9))
	w := newWorld(t, func(s *worldSettings) { s.idle = nil; s.max = 10 })
	_, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: "cpu", PolicyType: "TargetTrackingScaling", ResourceID: w.service.ResourceID(),
		ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
		TargetTracking: &TargetTracking{TargetValue: 50,
			PredefinedMetricType: "ECSServiceAverageCPUUtilization", DisableScaleIn: true},
	})
	require.NoError(t, err)
	w.service.DesiredCount, w.host.cpu = 4, 46
	w.minutes(30)
	lowest := w.account.Alarms["TargetTracking-"+w.service.ResourceID()+"-AlarmLow-cpu"]
	low := w.account.Alarms[trackingAlarmName(w.account.Policies[lowest.AlarmActions[0]], false)]
	state, _ := w.control.AlarmState(low.Name)
	assert.Equal(t, OK, state, "46 is above 90 % of 50")
	w.host.cpu = 10
	w.minutes(30)
	state, _ = w.control.AlarmState(low.Name)
	assert.Equal(t, InAlarm, state)
	assert.Equal(t, 4, w.running(), "it does not scale in")
}
