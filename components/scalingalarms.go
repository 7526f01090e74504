package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// outstanding is all the work there is: a message in flight is not visible, so
	// an empty queue alone does not mean idle. SQS reports messages in flight and
	// delayed only if there are any.
	outstanding = "visible + FILL(inflight, 0) + FILL(delayed, 0)"

	// Both alarms that stop tasks have no datapoint where CloudWatch does not report
	// the visible messages: IF drops those whose condition is missing. A FILL in its
	// place would stand for the newest minute whenever metrics come a minute late,
	// and hold the alarm in one state for ever, as the CloudWatch user guide warns.
	// And whether a missing metric plus a number is missing or the number, on which
	// sources disagree, makes no difference this way.
	//
	// Nor has the scale-in alarm one where no task runs and few messages wait: they would
	// hold it in ALARM for ever, and it would stop at once what was started ahead of it.
	outstandingIfReported = "IF(visible, IF(visible > %d, outstanding, running), running)"
	outstandingIfRunning  = "IF(cpu, outstanding, outstanding)"

	// idleCPU is the CPU, or 100 while there is work.
	idleCPU = "IF(visible, 100, IF(outstanding, 100, cpu))"
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
		key: "scaleOut", suffix: "scale-out-alarm", label: args.ScaleOutAlarm,
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
		key: "scaleIn", suffix: "scale-in-alarm", label: args.ScaleInAlarm,
		description:        "Few messages are waiting, in flight or delayed: stops tasks.",
		comparisonOperator: scaling.steps.ScaleIn.ComparisonOperator,
		threshold:          float64(scaling.steps.ScaleIn.Threshold),
		periods:            guardedMinutes,
		actions:            pulumi.Array{scaling.scaleIn.Arn},
		queries: append(queueQueries(queue), query("cpu", cpu),
			expression("running", outstandingIfRunning, "All messages, while a task runs", false),
			result(fmt.Sprintf(outstandingIfReported, scaling.steps.ScaleIn.Threshold), "Messages waiting, in flight or delayed")),
	}
}

func idleRow(args ScalingArgs, queue workQueue, cpu metric, scaling scaling) alarm {
	row := alarm{
		key: "idle", suffix: "idle-alarm", label: args.Idle.Alarm,
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
	row.description = "No message is waiting, in flight or delayed, and the tasks use next to no CPU: stops all of them."
	row.periods = args.Idle.Minutes
	row.queries = append(queueQueries(queue), query("cpu", cpu), result(idleCPU, "CPU while there is no work, else 100"))
	return row
}

// queueQueries are the series that outstanding adds up, and their sum.
func queueQueries(queue workQueue) cloudwatch.MetricAlarmMetricQueryArray {
	return cloudwatch.MetricAlarmMetricQueryArray{
		query("visible", queueMetric(queue, "ApproximateNumberOfMessagesVisible")),
		query("inflight", queueMetric(queue, "ApproximateNumberOfMessagesNotVisible")),
		query("delayed", queueMetric(queue, "ApproximateNumberOfMessagesDelayed")),
		expression("outstanding", outstanding, "All messages", false),
	}
}
