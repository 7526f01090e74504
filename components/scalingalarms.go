package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// idleCPU is the CPU, or 100 while there is work: a message that waits, or a message
	// group with a message in flight. SQS reports both counts whenever a FIFO queue is
	// active; where it does not, IF has no datapoint and no task is stopped. The counts of
	// messages in flight and delayed are reported only if there are any, so that an alarm
	// on those could not tell none from unknown. Source: SQS developer guide, "Available
	// CloudWatch metrics for Amazon SQS".
	idleCPU = "IF(visible, 100, IF(groups, 100, cpu))"

	// outstanding is how many messages there are to do, for steps that count them. It
	// looks at the messages in flight only where a group has some.
	outstanding = "IF(groups, visible + inflight, visible)"

	// The scale-in alarm has no datapoint where no task runs and few messages wait: they
	// would hold it in ALARM for ever, and it would stop at once what was started ahead of
	// it. Nor has it one where the visible messages are not reported: a condition without a
	// value drops the datapoint.
	outstandingIfRunning = "IF(cpu, outstanding, outstanding)"
	outstandingIfMany    = "IF(visible > %d, outstanding, running)"
)

// scalingAlarms are those that start and stop tasks. Without data there is nothing to
// start tasks for, and none to stop.
func scalingAlarms(args QueueWorkerArgs, queue workQueue, service *ecs.Service, scaling scaling) []alarm {
	cpu := serviceMetric(args.Service.ClusterName, service.Name, "Average")
	table := []alarm{scaleOutRow(args.Scaling, queue, scaling), idleRow(args.Scaling, queue, cpu, scaling)}
	if scaling.scaleIn != nil {
		table = append(table, scaleInRow(args.Scaling, queue, cpu, scaling))
	}
	return table
}

func scaleOutRow(args ScalingArgs, queue workQueue, scaling scaling) alarm {
	return alarm{
		key: "scaleOut", suffix: "scale-out-alarm",
		description:        "Messages are waiting in the queue: starts tasks.",
		comparisonOperator: scaling.steps.ScaleOut.ComparisonOperator,
		threshold:          float64(scaling.steps.ScaleOut.Threshold),
		periods:            scaleOutMinutes,
		actions:            pulumi.Array{scaling.scaleOut.Arn},
		metric:             queueMetric(queue, "ApproximateNumberOfMessagesVisible"),
	}
}

func scaleInRow(args ScalingArgs, queue workQueue, cpu metric, scaling scaling) alarm {
	return alarm{
		key: "scaleIn", suffix: "scale-in-alarm",
		description:        "Few messages are waiting or in flight: stops tasks.",
		comparisonOperator: scaling.steps.ScaleIn.ComparisonOperator,
		threshold:          float64(scaling.steps.ScaleIn.Threshold),
		periods:            guardedMinutes,
		actions:            pulumi.Array{scaling.scaleIn.Arn},
		queries: append(workQueries(queue), query("cpu", cpu),
			query("inflight", queueMetric(queue, "ApproximateNumberOfMessagesNotVisible")),
			expression("outstanding", outstanding, "Messages waiting or in flight", false),
			expression("running", outstandingIfRunning, "The same, while a task runs", false),
			result(fmt.Sprintf(outstandingIfMany, scaling.steps.ScaleIn.Threshold),
				"Messages waiting or in flight")),
	}
}

func idleRow(args ScalingArgs, queue workQueue, cpu metric, scaling scaling) alarm {
	row := alarm{
		key: "idle", suffix: "idle-alarm",
		comparisonOperator: atMost,
		threshold:          args.Idle.CPUPercent,
		actions:            pulumi.Array{scaling.idle.Arn},
	}
	if args.Idle.Unguarded {
		row.description = "The tasks use next to no CPU: stops all of them."
		row.periods = 1
		row.metric = cpu
		row.metric.periodSeconds *= args.Idle.Minutes
		return row
	}
	row.description = "No message is waiting or in flight, and the tasks use next to no CPU: stops all of " +
		"them."
	row.periods = args.Idle.Minutes
	row.queries = append(workQueries(queue), query("cpu", cpu),
		result(idleCPU, "CPU while there is no work, else 100"))
	return row
}

// workQueries are the two series that say whether there is work.
func workQueries(queue workQueue) cloudwatch.MetricAlarmMetricQueryArray {
	return cloudwatch.MetricAlarmMetricQueryArray{
		query("visible", queueMetric(queue, "ApproximateNumberOfMessagesVisible")),
		query("groups", queueMetric(queue, "ApproximateNumberOfGroupsWithInflightMessages")),
	}
}
