package components

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

const scheduleType, machineType = "aws:scheduler/schedule:Schedule", "aws:sfn/stateMachine:StateMachine"

// TestWakeUp: a schedule without retries starts an express machine that logs nothing; each
// action of its two roles is allowed on one resource.
func TestWakeUp(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		schedule := inputs(t, p, "w-wake-schedule")
		assert.Equal(t, "rate(1 minute)", schedule["scheduleExpression"])
		assert.Equal(t, "ENABLED", schedule["state"])
		target := schedule["target"].(map[string]any)
		assert.Equal(t, scheduledInput, target["input"])
		assert.Equal(t, map[string]any{"maximumRetryAttempts": 0.0}, target["retryPolicy"])
		machine := inputs(t, p, "w-wake")
		assert.Equal(t, "EXPRESS", machine["type"])
		assert.Equal(t, map[string]any{"level": "OFF"}, machine["loggingConfiguration"])
		assert.True(t, dependsOn(registration(t, p, "w-wake"), "w-service"),
			"on a destroy it goes before the service")
		assert.True(t, dependsOn(registration(t, p, "w-wake"), "w-wake-policy"))
		assert.True(t, dependsOn(registration(t, p, "w-wake-schedule"), "w-wake"),
			"and the schedule before it")
		if preview {
			return
		}
		const arn = "arn:aws:states:us-west-1:123456789012:stateMachine:w-wake"
		assert.Equal(t, arn, target["arn"])
		assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["sqs:GetQueueAttributes"],
			 "Resource": ["arn:aws:sqs:us-west-1:123456789012:w-queue.fifo"]},
			{"Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:UpdateService"],
			 "Resource": ["arn:aws:ecs:us-west-1:123456789012:service/apps/w-service"]}
		]}`, inputs(t, p, "w-wake-policy")["policy"].(string))
		assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["states:StartExecution"], "Resource": ["`+arn+`"]}
		]}`, inputs(t, p, "w-wake-schedule-policy")["policy"].(string))
		for role, want := range map[string][2]string{
			"w-wake-role": {"states.amazonaws.com",
				"arn:aws:states:us-west-1:123456789012:stateMachine:*"},
			"w-wake-schedule-role": {"scheduler.amazonaws.com",
				"arn:aws:scheduler:us-west-1:123456789012:schedule-group/default"},
		} {
			trust := readPolicy(t, p, role, "assumeRolePolicy").Statement[0]
			assert.Equal(t, map[string]any{"Service": want[0]}, trust.Principal)
			assert.Equal(t, want[1], trust.Condition["ArnLike"]["aws:SourceArn"])
			assert.Equal(t, "123456789012", trust.Condition["StringEquals"]["aws:SourceAccount"])
		}
	})
}

// wakeOutputs are what a producer is given.
func wakeOutputs(t *testing.T, args *QueueWorkerArgs) (arn, policy string) {
	t.Helper()
	outputs := make(chan []any, 1)
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		w, err := NewQueueWorker(ctx, "w", args)
		if err != nil {
			return err
		}
		pulumi.All(w.WakeARN, w.WakePolicy).ApplyT(func(known []any) string {
			outputs <- known
			return ""
		})
		return nil
	})
	require.NoError(t, err)
	known := <-outputs
	return known[0].(string), known[1].(string)
}

// TestWhenThereIsNoWakeUp: what the machine may and does is what the settings leave to it.
func TestWhenThereIsNoWakeUp(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason      string
		change      func(*QueueWorkerArgs)
		rate, state string // "" for no schedule
		wakes       bool
	}{
		"default": {"once a minute", func(*QueueWorkerArgs) {}, "rate(1 minute)", "ENABLED", true},
		"oftener": {"within an execution", func(a *QueueWorkerArgs) {
			a.Scaling.WakeIntervalSeconds = at(10)
		}, "rate(1 minute)", "ENABLED", true},
		"off": {"only the queue's metrics are kept coming", func(a *QueueWorkerArgs) {
			a.Scaling.WakeIntervalSeconds = at(0)
		}, "rate(1 hour)", "ENABLED", false},
		"tasks always run": {"their polls keep the queue awake", func(a *QueueWorkerArgs) {
			a.Scaling.MinCapacity = 1
		}, "", "", false},
		"suspended": {"a ring starts nothing, either", func(a *QueueWorkerArgs) {
			a.Scaling.SuspendScaleOut = true
		}, "rate(1 minute)", "DISABLED", false},
		"off, suspended": {"asking starts nothing", func(a *QueueWorkerArgs) {
			a.Scaling.WakeIntervalSeconds, a.Scaling.SuspendScaleOut = at(0), true
		}, "rate(1 hour)", "ENABLED", false},
		"existing queue": {"it is only asked", func(a *QueueWorkerArgs) {
			a.Queue = QueueArgs{Existing: &ExistingQueue{
				URL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo"),
				ARN: pulumi.String(testQueue), Name: pulumi.String("jobs.fifo"),
			}}
		}, "rate(1 minute)", "ENABLED", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arn, policy := wakeOutputs(t, with(tc.change))
			if !tc.wakes {
				assert.Empty(t, arn, tc.reason)
				assert.Empty(t, policy, tc.reason)
			} else {
				assert.Equal(t, "arn:aws:states:us-west-1:123456789012:stateMachine:w-wake", arn)
				assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["states:`+
					`StartExecution"],"Resource":["`+arn+`"]}]}`, policy)
			}
			bothModes(t, with(tc.change), func(t *testing.T, p *plan.Plan, preview bool) {
				if tc.rate == "" {
					assert.NotContains(t, p.Types(), scheduleType, tc.reason)
					assert.NotContains(t, p.Types(), machineType, tc.reason)
					return
				}
				schedule := inputs(t, p, "w-wake-schedule")
				assert.Equal(t, tc.rate, schedule["scheduleExpression"], tc.reason)
				assert.Equal(t, tc.state, schedule["state"], tc.reason)
				if preview {
					return
				}
				grants := readPolicy(t, p, "w-wake-policy", "policy").grants("ecs:UpdateService")
				assert.Equal(t, tc.wakes, len(grants) == 1, tc.reason)
				var definition struct{ States map[string]any }
				require.NoError(t, json.Unmarshal([]byte(inputs(t, p, "w-wake")["definition"].(string)),
					&definition))
				assert.Equal(t, tc.wakes, definition.States["Wake"] != nil, tc.reason)
			})
		})
	}
}

func TestWakeIntervals(t *testing.T) {
	t.Parallel()
	for seconds, fine := range map[int]bool{0: true, 5: false, 10: true, 12: false, 15: true, 20: true,
		30: true, 45: false, 60: true, 120: false, -10: false} {
		err := with(func(a *QueueWorkerArgs) { a.Scaling.WakeIntervalSeconds = &seconds }).Validate()
		if fine {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "Scaling.WakeIntervalSeconds: ")
			assert.ErrorContains(t, err, "needs to be one of 10, 15, 20, 30, 60, 0")
		}
	}
}

// TestCooldownsOutlastStaleAlarms: where a policy can stop the last task.
func TestCooldownsOutlastStaleAlarms(t *testing.T) {
	t.Parallel()
	steps := []ScalingStep{{Upper: at(0), Change: -1}, {Lower: at(1), Change: 1}}
	none := []ScalingStep{{Lower: at(1), Upper: at(5)}, {Lower: at(5), Change: 1}, {Lower: at(9), Change: 2}}
	cases := map[string]struct {
		reason        string
		scaling       ScalingArgs
		out, in, idle float64 // 0 for no such policy
	}{
		"default": {"three minutes, two that it lingers, two that metrics are late", ScalingArgs{},
			60, 0, 420},
		"longer idle": {"an alarm over more minutes", ScalingArgs{Idle: IdleArgs{Minutes: 10}}, 60, 0, 840},
		"unguarded": {"three windows, of five minutes each",
			ScalingArgs{Idle: IdleArgs{Minutes: 5, Unguarded: true}}, 60, 0, 1020},
		"steps down": {"those stop the last task, too",
			ScalingArgs{Steps: steps, ScaleInCooldownSeconds: 120}, 60, 420, 420},
		"all at once": {"a step to none",
			ScalingArgs{Steps: []ScalingStep{{Upper: at(0), Change: 0},
				{Lower: at(1), Upper: at(9), Change: 1}, {Lower: at(9), Change: 2}},
				AdjustmentType: ExactCapacity, MaxCapacity: 2}, 60, 420, 420},
		"a longer one": {"what is configured is the least", ScalingArgs{Steps: steps,
			ScaleInCooldownSeconds: 900, ScaleOutCooldownSeconds: 600}, 600, 900, 900},
		"exactly none": {"a step of the scale-out alarm stops the last task",
			ScalingArgs{Steps: none, AdjustmentType: ExactCapacity, MaxCapacity: 2}, 300, 0, 420},
		"never to none": {"the minimum keeps one", ScalingArgs{Steps: steps, MinCapacity: 1}, 60, 60, 60},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothModes(t, with(func(a *QueueWorkerArgs) {
				a.Scaling = tc.scaling
			}), func(t *testing.T, p *plan.Plan, _ bool) {
				for policy, want := range map[string]float64{"w-scale-out-policy": tc.out,
					"w-scale-in-policy": tc.in, "w-idle-policy": tc.idle} {
					if want > 0 {
						settings := inputs(t, p, policy)["stepScalingPolicyConfiguration"].(map[string]any)
						assert.Equal(t, want, settings["cooldown"], "%s: %s", policy, tc.reason)
					}
				}
			})
		})
	}
}

func TestWakeWarnings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason  string
		scaling ScalingArgs
		want    string // "" for none
	}{
		"default": {"one task at most: the alarm can add none", ScalingArgs{}, ""},
		"adds": {"the late alarm adds to what was started", ScalingArgs{MaxCapacity: 5},
			"Scaling.AdjustmentType: ChangeInCapacity"},
		"adds by percent": {"the same", ScalingArgs{MaxCapacity: 5, AdjustmentType: PercentChangeInCapacity,
			MinAdjustmentMagnitude: 1, Steps: []ScalingStep{{Lower: at(1), Change: 100}}},
			"Scaling.AdjustmentType: PercentChangeInCapacity"},
		"exact": {"it sets what is there", ScalingArgs{MaxCapacity: 5,
			AdjustmentType: ExactCapacity, Steps: []ScalingStep{{Lower: at(1), Change: 1}}}, ""},
		"alarm alone": {"nothing comes before it",
			ScalingArgs{MaxCapacity: 5, WakeIntervalSeconds: at(0)}, ""},
		"no effect": {"tasks always run", ScalingArgs{MinCapacity: 1, WakeIntervalSeconds: at(10)},
			"Scaling.WakeIntervalSeconds: 10: has no effect"},
		"default interval": {"nobody asked for it", ScalingArgs{MinCapacity: 1}, ""},
	}
	for name, tc := range cases {
		complete := with(func(a *QueueWorkerArgs) { a.Scaling = tc.scaling }).withDefaults()
		var found FieldErrors
		warnOfWaking(&found, complete.Scaling)
		if tc.want == "" {
			assert.NoError(t, found.Err(), "%s: %s", name, tc.reason)
		} else {
			assert.ErrorContains(t, found.Err(), tc.want, tc.reason)
		}
	}
}
