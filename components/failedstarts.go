package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// failedStartMinutes outlasts the longest pause that ECS makes between two tries to start
// a task, 27 minutes, so that the alarm does not clear in between. Source: ECS developer
// guide, "Amazon ECS service throttle logic".
const failedStartMinutes = 30

// newFailedStartRule counts what nothing else would notice: deployments that the circuit
// breaker gave up, and tasks that ECS could not start. It has no target. An alarm on its
// matches tells once, however often ECS tries, and clears.
func (b *builder) newFailedStartRule(
	args QueueWorkerArgs, service *ecs.Service,
) (*cloudwatch.EventRule, error) {
	name, opts := b.child("failed-start")
	clusterARN := pulumi.Sprintf(b.place.arn("ecs", "cluster/%s"), args.Service.ClusterName)
	rule, err := cloudwatch.NewEventRule(b.ctx, name, &cloudwatch.EventRuleArgs{
		Description: pulumi.String("Counts failed deployments of the queue worker, and tasks of it that " +
			"could not start."),
		EventPattern: pulumi.JSONMarshal(failedStarts(service, clusterARN)),
		Tags:         b.tags,
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the rule for failed starts: %w", err)
	}
	return rule, nil
}

// failedStarts is an event pattern. Source: ECS developer guide, "Amazon ECS service
// deployment state change events" and "Amazon ECS task state change events".
func failedStarts(service *ecs.Service, clusterARN pulumi.StringInput) pulumi.Map {
	list := func(values ...pulumi.Input) pulumi.Array { return values }
	return pulumi.Map{
		"source": list(pulumi.String("aws.ecs")),
		"$or": list(
			pulumi.Map{
				"detail-type": list(pulumi.String("ECS Deployment State Change")),
				"resources":   list(service.ID()),
				"detail":      pulumi.Map{"eventName": list(pulumi.String("SERVICE_DEPLOYMENT_FAILED"))},
			},
			pulumi.Map{
				"detail-type": list(pulumi.String("ECS Task State Change")),
				"detail": pulumi.Map{
					"clusterArn": list(clusterARN),
					"group":      list(pulumi.Sprintf("service:%s", service.Name)),
					"lastStatus": list(pulumi.String("STOPPED")),
					"stopCode":   list(pulumi.String("TaskFailedToStart")),
				},
			},
		),
	}
}

func failedStartRow(ruleName pulumi.StringInput) alarm {
	return alarm{
		key: "failedStart", suffix: "failed-start-alarm", periods: failedStartMinutes, toAlarm: 1,
		threshold: 1,
		description: fmt.Sprintf("Messages wait and nothing starts: a deployment failed, or a task could "+
			"not start, in the last %d minutes.", failedStartMinutes),
		metric: metric{
			namespace: "AWS/Events", name: "TriggeredRules", statistic: "Sum",
			periodSeconds: alarmPeriodSeconds,
			dimensions:    pulumi.StringMap{"RuleName": ruleName},
		},
	}
}
