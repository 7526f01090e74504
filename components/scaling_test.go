package components

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/plan"
)

func TestScalableTarget(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		target := inputs(t, p, "w-target")
		assert.Equal(t, 0.0, target["minCapacity"], "0 is sent, not left out")
		assert.Equal(t, 1.0, target["maxCapacity"])
		assert.Equal(t, "ecs", target["serviceNamespace"])
		assert.Equal(t, "ecs:service:DesiredCount", target["scalableDimension"])
		assert.Equal(t, map[string]any{"dynamicScalingInSuspended": false,
			"dynamicScalingOutSuspended": false}, target["suspendedState"])
		if preview {
			assert.NotContains(t, target, "resourceId", "the service's name is not known yet")
		} else {
			assert.Equal(t, "service/apps/w-service", target["resourceId"])
		}
	})
}

func TestSuspension(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Scaling.SuspendScaleIn, a.Scaling.SuspendScaleOut = true, true
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, map[string]any{"dynamicScalingInSuspended": true, "dynamicScalingOutSuspended": true},
			inputs(t, p, "w-target")["suspendedState"])
	})
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	step := func(change float64, bounds ...string) map[string]any {
		s := map[string]any{"scalingAdjustment": change}
		for i := 0; i < len(bounds); i += 2 {
			s["metricInterval"+bounds[i]+"Bound"] = bounds[i+1]
		}
		return s
	}
	type policies = map[string]map[string]any
	idle := map[string]any{
		"adjustmentType": "ExactCapacity", "cooldown": 420.0, "metricAggregationType": "Maximum",
		"stepAdjustments": []any{step(0, "Upper", "0")},
	}
	cases := map[string]struct {
		scaling ScalingArgs
		want    policies
	}{
		"default": {
			want: policies{
				"w-scale-out-policy": {
					"adjustmentType": "ChangeInCapacity", "cooldown": 60.0,
					"metricAggregationType": "Maximum",
					"stepAdjustments":       []any{step(1, "Lower", "0")},
				},
				"w-idle-policy": idle,
			},
		},
		"change with scale-in": {
			scaling: ScalingArgs{
				Steps: []ScalingStep{{Upper: at(5), Change: -1}, {Lower: at(10), Change: 1},
					{Lower: at(50), Change: 4}},
				ScaleOutCooldownSeconds: 30, ScaleInCooldownSeconds: 600,
			},
			want: policies{
				"w-scale-out-policy": {
					"adjustmentType": "ChangeInCapacity", "cooldown": 30.0,
					"metricAggregationType": "Maximum",
					"stepAdjustments": []any{step(1, "Lower", "0", "Upper", "40"),
						step(4, "Lower", "40")},
				},
				"w-scale-in-policy": {
					"adjustmentType": "ChangeInCapacity", "cooldown": 600.0,
					"metricAggregationType": "Maximum",
					"stepAdjustments":       []any{step(-1, "Upper", "0")},
				},
				"w-idle-policy": {
					"adjustmentType": "ExactCapacity", "cooldown": 600.0, "metricAggregationType": "Maximum",
					"stepAdjustments": []any{step(0, "Upper", "0")},
				},
			},
		},
		"percent": {
			scaling: ScalingArgs{
				Steps:          []ScalingStep{{Lower: at(1), Change: 100}},
				AdjustmentType: PercentChangeInCapacity, MinAdjustmentMagnitude: 2,
			},
			want: policies{
				"w-scale-out-policy": {
					"adjustmentType": "PercentChangeInCapacity", "cooldown": 60.0,
					"metricAggregationType":  "Maximum",
					"minAdjustmentMagnitude": 2.0, "stepAdjustments": []any{step(100, "Lower", "0")},
				},
				"w-idle-policy": idle,
			},
		},
		"exact": {
			scaling: ScalingArgs{
				Steps:          []ScalingStep{{Lower: at(1), Change: 1}, {Lower: at(20), Change: 3}},
				AdjustmentType: ExactCapacity,
			},
			want: policies{
				"w-scale-out-policy": {
					"adjustmentType": "ExactCapacity", "cooldown": 60.0, "metricAggregationType": "Maximum",
					"stepAdjustments": []any{step(1, "Lower", "0", "Upper", "19"), step(3, "Lower", "19")},
				},
				"w-idle-policy": idle,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothModes(t, with(func(a *QueueWorkerArgs) {
				a.Scaling = tc.scaling
			}), func(t *testing.T, p *plan.Plan, _ bool) {
				assert.Equal(t, len(tc.want), p.Types()["aws:appautoscaling/policy:Policy"])
				for policy, want := range tc.want {
					got := inputs(t, p, policy)
					assert.Equal(t, want, got["stepScalingPolicyConfiguration"], policy)
					assert.Equal(t, "StepScaling", got["policyType"])
				}
			})
		})
	}
}
