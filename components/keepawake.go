package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/scheduler"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// awakeInterval is shorter than the six hours after which a queue that nobody
	// used stops reporting metrics; it then takes up to 15 minutes to report again.
	// Source: SQS developer guide, "Monitoring Amazon SQS queues using CloudWatch".
	awakeInterval = "rate(5 hours)"

	// untouchedTag is no tag of the queue: removing it uses the queue and changes
	// nothing. EventBridge Scheduler makes no calls that only read.
	untouchedTag = "fargate-queue-worker:keep-awake"
)

// newAwakeSchedule uses the queue every few hours, so that its metrics keep coming and
// the first message after a quiet night does not wait for them.
func (b *builder) newAwakeSchedule(queue workQueue) error {
	// The scheduler assumes a role for a group of schedules, not for one of them.
	trust := b.mayAssume("scheduler.amazonaws.com", "scheduler", "schedule-group/default")
	role, err := b.newRole("keep-awake", trust)
	if err != nil {
		return err
	}
	policy, err := b.newRolePolicy("keep-awake", role, policyDocument(allow(pulumi.StringArray{queue.arn}, "sqs:UntagQueue")))
	if err != nil {
		return err
	}
	name, opts := b.child("keep-awake", pulumi.DependsOn([]pulumi.Resource{policy}))
	_, err = scheduler.NewSchedule(b.ctx, name, &scheduler.ScheduleArgs{
		Description:        pulumi.String("Uses the queue, without changing it, so that CloudWatch keeps getting its metrics."),
		ScheduleExpression: pulumi.String(awakeInterval),
		FlexibleTimeWindow: scheduler.ScheduleFlexibleTimeWindowArgs{Mode: pulumi.String("OFF")},
		Target: scheduler.ScheduleTargetArgs{
			Arn:     pulumi.Sprintf("arn:%s:scheduler:::aws-sdk:sqs:untagQueue", b.place.partition),
			RoleArn: role.Arn,
			Input:   pulumi.JSONMarshal(pulumi.Map{"QueueUrl": queue.url, "TagKeys": pulumi.StringArray{pulumi.String(untouchedTag)}}),
		},
	}, opts...)
	if err != nil {
		return fmt.Errorf("creating the keep-awake schedule: %w", err)
	}
	return nil
}
