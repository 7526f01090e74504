package components

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ScalingArgs say how many tasks run, and when.
type ScalingArgs struct {
	// MinCapacity is the least number of tasks, 0 to 5000. Default 0.
	MinCapacity int `pulumi:"minCapacity,optional"`
	// MaxCapacity is the largest number of tasks, 1 to 5000, not below MinCapacity.
	// More than there are message groups is of no use. Default 1.
	MaxCapacity int `pulumi:"maxCapacity,optional"`
	// Steps say how the task count follows the queue depth.
	// Default {upper: 0, change: 0}, {lower: 1, change: +1}.
	Steps []ScalingStep `pulumi:"steps,optional"`
	// AdjustmentType says how a step's change is read. Default ChangeInCapacity.
	AdjustmentType AdjustmentType `pulumi:"adjustmentType,optional"`
	// MinAdjustmentMagnitude is the least number of tasks that a percentage changes,
	// 1 or more. Only with PercentChangeInCapacity, and required with it if
	// MinCapacity is 0. Default: none.
	MinAdjustmentMagnitude int `pulumi:"minAdjustmentMagnitude,optional"`
	// ScaleOutCooldownSeconds is how long the same step starts no further tasks,
	// 1 to 3600. Default 60.
	ScaleOutCooldownSeconds int `pulumi:"scaleOutCooldownSeconds,optional"`
	// ScaleInCooldownSeconds is how long tasks are not stopped again after some
	// were, 1 to 3600. Default 60. Policies that can stop the last task have a longer one,
	// see staleSeconds.
	ScaleInCooldownSeconds int `pulumi:"scaleInCooldownSeconds,optional"`
	// Idle says when the service goes back to no tasks at all.
	Idle IdleArgs `pulumi:"idle,optional"`
	// WakeIntervalSeconds is how often the queue itself is asked whether messages wait, so
	// that the first task starts ahead of the scale-out alarm: 10, 15, 20, 30 or 60; 0 asks
	// once an hour, only to keep the queue's metrics coming. Without effect if MinCapacity is
	// above 0. Default 60.
	WakeIntervalSeconds *int `pulumi:"wakeIntervalSeconds,optional"`
	// SuspendScaleIn and SuspendScaleOut freeze scaling for maintenance. Default false.
	SuspendScaleIn  bool `pulumi:"suspendScaleIn,optional"`
	SuspendScaleOut bool `pulumi:"suspendScaleOut,optional"`
	// Paused stops all work for maintenance: no task starts, idle ones stop, busy ones
	// finish what they do and, since the task role may not receive, nothing more; and the
	// alarms for people rest. Messages wait. Default false.
	Paused bool `pulumi:"paused,optional"`
}

// least and most are the range of the task count; nothing runs while paused.
func (args ScalingArgs) least() int {
	if args.Paused {
		return 0
	}
	return args.MinCapacity
}

func (args ScalingArgs) most() int {
	if args.Paused {
		return 0
	}
	return args.MaxCapacity
}

// IdleArgs describe the CPU alarm that sets the capacity to 0.
type IdleArgs struct {
	// CPUPercent of the reserved CPU at or below which a task counts as idle, above
	// 0 and up to 100. Default 1: well above what a worker needs to poll, while
	// Unguarded is false and work in the queue rules out idleness anyway.
	CPUPercent float64 `pulumi:"cpuPercent,optional"`
	// Minutes without work after which the tasks are stopped, 3 to 1440 (from 1 if
	// Unguarded). Default 3.
	Minutes int `pulumi:"minutes,optional"`
	// Unguarded watches the CPU alone, as one average over the Minutes. It stops
	// tasks that wait for something while they work, unless they protect themselves.
	// Default false: messages waiting or in flight mean work.
	Unguarded bool `pulumi:"unguarded,optional"`
}

const (
	defaultCooldownSeconds = 60
	defaultIdleMinutes     = 3
	defaultIdleCPUPercent  = 1.0

	// guardedMinutes is the least number of minutes a guarded alarm has to look
	// at: in-flight messages that CloudWatch reports late read as none, which the
	// newest datapoints cannot rule out.
	guardedMinutes = 3
)

// scaling is the scalable target and its policies; scaleIn is nil if no step
// stops tasks.
type scaling struct {
	target                  *appautoscaling.Target
	scaleOut, scaleIn, idle *appautoscaling.Policy
	steps                   stepScaling
}

func (b *builder) newScaling(args QueueWorkerArgs, service *ecs.Service) (scaling, error) {
	steps, err := translateSteps(args.Scaling.Steps, args.Scaling.AdjustmentType)
	if err != nil {
		return scaling{}, err
	}
	s := scaling{steps: steps}
	if s.target, err = b.newScalableTarget(args, service); err != nil {
		return scaling{}, err
	}
	out, in, idle := args.Scaling.cooldowns(steps)
	if s.scaleOut, err = b.newStepPolicy("scale-out", s.target,
		queueDepthPolicy(args.Scaling, *steps.ScaleOut, out)); err != nil {
		return scaling{}, err
	}
	if steps.ScaleIn != nil {
		if s.scaleIn, err = b.newStepPolicy("scale-in", s.target,
			queueDepthPolicy(args.Scaling, *steps.ScaleIn, in)); err != nil {
			return scaling{}, err
		}
	}
	s.idle, err = b.newStepPolicy("idle", s.target, stepPolicy{
		adjustmentType:  ExactCapacity,
		cooldownSeconds: idle,
		adjustments:     []stepAdjustment{{UpperBound: new(int), Change: 0}},
	})
	return s, err
}

// newScalableTarget registers the service's desired count. Its id holds the names,
// not the ARNs, of cluster and service; taken from their outputs it cannot be wrong.
func (b *builder) newScalableTarget(
	args QueueWorkerArgs, service *ecs.Service,
) (*appautoscaling.Target, error) {
	name, opts := b.child("target")
	target, err := appautoscaling.NewTarget(b.ctx, name, &appautoscaling.TargetArgs{
		ServiceNamespace:  pulumi.String("ecs"),
		ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:        pulumi.Sprintf("service/%s/%s", args.Service.ClusterName, service.Name),
		MinCapacity:       pulumi.Int(args.Scaling.least()),
		MaxCapacity:       pulumi.Int(args.Scaling.most()),
		SuspendedState: &appautoscaling.TargetSuspendedStateArgs{
			DynamicScalingInSuspended:  pulumi.Bool(args.Scaling.SuspendScaleIn),
			DynamicScalingOutSuspended: pulumi.Bool(args.Scaling.SuspendScaleOut || args.Scaling.Paused),
		},
		Tags: b.tags,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("registering the scalable target: %w", err)
	}
	return target, nil
}

// stepPolicy is a step scaling policy without its target.
type stepPolicy struct {
	adjustmentType         AdjustmentType
	minAdjustmentMagnitude int
	cooldownSeconds        int
	adjustments            []stepAdjustment
}

func queueDepthPolicy(args ScalingArgs, alarm stepAlarm, cooldownSeconds int) stepPolicy {
	return stepPolicy{
		adjustmentType:         args.AdjustmentType,
		minAdjustmentMagnitude: args.MinAdjustmentMagnitude,
		cooldownSeconds:        cooldownSeconds,
		adjustments:            alarm.Adjustments,
	}
}

func (b *builder) newStepPolicy(
	kind string, target *appautoscaling.Target, policy stepPolicy,
) (*appautoscaling.Policy, error) {
	settings := &appautoscaling.PolicyStepScalingPolicyConfigurationArgs{
		AdjustmentType: pulumi.String(policy.adjustmentType),
		// A cooldown that is not set would be 300 seconds.
		Cooldown:              pulumi.Int(policy.cooldownSeconds),
		MetricAggregationType: pulumi.String("Maximum"),
		StepAdjustments:       stepAdjustments(policy.adjustments),
	}
	if policy.minAdjustmentMagnitude > 0 {
		settings.MinAdjustmentMagnitude = pulumi.Int(policy.minAdjustmentMagnitude)
	}
	name, opts := b.child(kind + "-policy")
	created, err := appautoscaling.NewPolicy(b.ctx, name, &appautoscaling.PolicyArgs{
		PolicyType:                     pulumi.String("StepScaling"),
		ServiceNamespace:               target.ServiceNamespace,
		ScalableDimension:              target.ScalableDimension,
		ResourceId:                     target.ResourceId,
		StepScalingPolicyConfiguration: settings,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the %s policy: %w", kind, err)
	}
	return created, nil
}

func stepAdjustments(
	adjustments []stepAdjustment,
) appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArray {
	list := appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArray{}
	for _, a := range adjustments {
		list = append(list, &appautoscaling.PolicyStepScalingPolicyConfigurationStepAdjustmentArgs{
			MetricIntervalLowerBound: bound(a.LowerBound),
			MetricIntervalUpperBound: bound(a.UpperBound),
			ScalingAdjustment:        pulumi.Int(a.Change),
		})
	}
	return list
}

// bound renders a bound as the provider takes it; nil is unbounded.
func bound(value *int) pulumi.StringPtrInput {
	if value == nil {
		return nil
	}
	return pulumi.String(strconv.Itoa(*value))
}

func (s scaling) policyARNs() pulumi.StringMap {
	arns := pulumi.StringMap{"scaleOut": s.scaleOut.Arn, "idle": s.idle.Arn}
	if s.scaleIn != nil {
		arns["scaleIn"] = s.scaleIn.Arn
	}
	return arns
}
