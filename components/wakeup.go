package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/scheduler"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sfn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// defaultWakeIntervalSeconds asks once in an execution, which costs a few cents a month.
	defaultWakeIntervalSeconds = 60

	// wakeRate is the shortest that EventBridge Scheduler has; what is asked oftener is
	// asked within an execution.
	wakeRate = "rate(1 minute)"

	// awakeRate is well within the six hours after which a queue that nobody used stops to
	// report metrics; it then takes up to 15 minutes to report again.
	// Source: SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch".
	awakeRate = "rate(1 hour)"
)

// wakeIntervals are how often a queue can be asked: what an execution of a minute divides
// into, and 0 for once an hour.
var wakeIntervals = []int{10, 15, 20, 30, 60, 0}

// wakesUp reports whether there is a machine: where tasks always run, their polls keep the
// queue awake, and there is nothing to start.
func (s ScalingArgs) wakesUp() bool { return s.MinCapacity == 0 }

// wakesTasks reports whether the machine starts tasks, or only asks.
func (s ScalingArgs) wakesTasks() bool {
	return s.wakesUp() && *s.WakeIntervalSeconds > 0 && !s.startsNothing()
}

// startsNothing reports whether scale-out is frozen, by whatever setting.
func (s ScalingArgs) startsNothing() bool { return s.SuspendScaleOut || s.Paused }

// scheduleIsOff reports whether the schedule is disabled: there is nothing to start. One
// that only keeps the metrics coming stays.
func (s ScalingArgs) scheduleIsOff() bool { return *s.WakeIntervalSeconds > 0 && s.startsNothing() }

// wakeUp is the machine, and what producers need to ring it; empty texts without one that
// starts tasks.
type wakeUp struct {
	arn, policy pulumi.StringOutput
	machine     *sfn.StateMachine // nil without one
}

// newWakeUp makes the machine and its schedule. They refer to the service, so that on a
// destroy they go before it.
func (b *builder) newWakeUp(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service, steps stepScaling,
) (wakeUp, error) {
	none := pulumi.String("").ToStringOutput()
	w := wakeUp{arn: none, policy: none}
	if !args.Scaling.wakesUp() {
		return w, nil
	}
	machine, err := b.newWakeMachine(args, queue, service, steps)
	if err != nil {
		return w, err
	}
	if err := b.newWakeSchedule(args.Scaling, machine); err != nil {
		return w, err
	}
	w.machine = machine
	if args.Scaling.wakesTasks() {
		w.arn = machine.Arn
		w.policy = policyDocument(allow(pulumi.StringArray{machine.Arn}, "states:StartExecution"))
	}
	return w, nil
}

func (b *builder) newWakeMachine(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service, steps stepScaling,
) (*sfn.StateMachine, error) {
	scaling := args.Scaling
	statements := []pulumi.Input{allow(pulumi.StringArray{queue.arn}, "sqs:GetQueueAttributes")}
	var wake []wakeStep
	if scaling.wakesTasks() {
		wake = wakeSteps(*steps.ScaleOut, scaling.AdjustmentType, scaling.MinAdjustmentMagnitude,
			scaling.MaxCapacity)
		// A count alone takes no PassRole: nothing of the task definition changes.
		statements = append(statements,
			allow(pulumi.StringArray{service.ID().ToStringOutput()}, "ecs:DescribeServices",
				"ecs:UpdateService"))
	}
	trust := b.mayAssume("states.amazonaws.com", "states", "stateMachine:*")
	role, policy, err := b.newRoleThatMay("wake", trust, statements)
	if err != nil {
		return nil, err
	}
	definition := pulumi.All(queue.url, args.Service.ClusterName,
		service.Name).ApplyT(func(known []any) string {
		return wakeMachine{
			partition: b.place.partition, queueURL: known[0].(string), cluster: known[1].(string),
			service:         known[2].(string),
			intervalSeconds: *scaling.WakeIntervalSeconds, steps: wake,
		}.definition()
	}).(pulumi.StringOutput)
	name, opts := b.child("wake", pulumi.DependsOn([]pulumi.Resource{policy, service}))
	machine, err := sfn.NewStateMachine(b.ctx, name, &sfn.StateMachineArgs{
		Type:       pulumi.String("EXPRESS"),
		RoleArn:    role.Arn,
		Definition: definition,
		// Its log would cost more than the machine, and the role would need rights on *.
		LoggingConfiguration: sfn.StateMachineLoggingConfigurationArgs{Level: pulumi.String("OFF")},
		Tags:                 b.tags,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the wake-up machine: %w", err)
	}
	return machine, nil
}

func (b *builder) newWakeSchedule(args ScalingArgs, machine *sfn.StateMachine) error {
	// The scheduler assumes a role for a group of schedules, not for one of them.
	trust := b.mayAssume("scheduler.amazonaws.com", "scheduler", "schedule-group/default")
	role, policy, err := b.newRoleThatMay("wake-schedule", trust, []pulumi.Input{
		allow(pulumi.StringArray{machine.Arn}, "states:StartExecution"),
	})
	if err != nil {
		return err
	}
	settings := &scheduler.ScheduleArgs{
		Description: pulumi.String("Asks the queue whether messages wait, and starts the first " +
			"tasks."),
		ScheduleExpression: pulumi.String(wakeRate),
		State:              pulumi.String("ENABLED"),
		FlexibleTimeWindow: scheduler.ScheduleFlexibleTimeWindowArgs{Mode: pulumi.String("OFF")},
		Target: scheduler.ScheduleTargetArgs{
			Arn: machine.Arn, RoleArn: role.Arn, Input: pulumi.String(scheduledInput),
			// An ask that is late is worth nothing: the next one is due.
			RetryPolicy: scheduler.ScheduleTargetRetryPolicyArgs{MaximumRetryAttempts: pulumi.Int(0)},
		},
	}
	if *args.WakeIntervalSeconds == 0 {
		settings.Description =
			pulumi.String("Asks the queue for its counts, so that CloudWatch keeps getting its metrics.")
		settings.ScheduleExpression = pulumi.String(awakeRate)
	}
	if args.scheduleIsOff() {
		settings.State = pulumi.String("DISABLED")
	}
	name, opts := b.child("wake-schedule", pulumi.DependsOn([]pulumi.Resource{policy}))
	if _, err := scheduler.NewSchedule(b.ctx, name, settings, opts...); err != nil {
		return fmt.Errorf("creating the wake-up schedule: %w", err)
	}
	return nil
}

// warnOfWaking warns of what a wake-up cannot do, or does besides.
func warnOfWaking(found *FieldErrors, s ScalingArgs) {
	interval := *s.WakeIntervalSeconds
	switch {
	case !s.wakesUp() && interval != 0 && interval != defaultWakeIntervalSeconds:
		found.Add("Scaling.WakeIntervalSeconds", interval,
			"has no effect with {Scaling.MinCapacity} %d: there is nothing to start from none", s.MinCapacity)
	case s.wakesTasks() && s.AdjustmentType != ExactCapacity && s.MaxCapacity > 1:
		found.Add("Scaling.AdjustmentType", s.AdjustmentType,
			"the scale-out alarm rises a minute or two after a wake-up and adds its step to the tasks that "+
				"run by then, "+
				"in about four of five wake-ups; ExactCapacity adds nothing, and "+
				"{Scaling.WakeIntervalSeconds} 0 leaves the "+
				"start to the alarm")
	}
}
