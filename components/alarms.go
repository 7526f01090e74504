package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// alarmPeriodSeconds is the resolution of the metrics of SQS and ECS. An alarm
	// over 300 s would rise no sooner and cling to ALARM for minutes after the
	// backlog is gone, repeating its action each minute.
	alarmPeriodSeconds = 60

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
	outstandingIfReported = "IF(visible, outstanding, outstanding)"

	// idleCPU is the CPU, or 100 while there is work.
	idleCPU = "IF(visible, 100, IF(outstanding, 100, cpu))"
)

// alarm is a row of the table of alarms.
type alarm struct {
	key, suffix        string
	label              AlarmLabel
	description        string
	comparisonOperator string
	threshold          float64
	// periods is how many datapoints are looked at; all of them have to breach.
	periods int
	policy  *appautoscaling.Policy
	// metric is watched alone, unless there are queries.
	metric  metric
	queries cloudwatch.MetricAlarmMetricQueryArray
}

// metric is a statistic of a metric over a period.
type metric struct {
	namespace, name, statistic string
	periodSeconds              int
	dimensions                 pulumi.StringMap
}

// newAlarms makes the alarms and returns their ARNs.
func (b *builder) newAlarms(args QueueWorkerArgs, queue workQueue, service *ecs.Service, scaling scaling) (pulumi.StringMap, error) {
	cpu := metric{
		namespace: "AWS/ECS", name: "CPUUtilization", statistic: "Average", periodSeconds: alarmPeriodSeconds,
		dimensions: pulumi.StringMap{"ClusterName": args.Service.ClusterName, "ServiceName": service.Name},
	}
	table := []alarm{scaleOutRow(args.Scaling, queue, scaling), idleRow(args.Scaling, queue, cpu, scaling)}
	if scaling.scaleIn != nil {
		table = append(table, scaleInRow(args.Scaling, queue, scaling))
	}
	arns := pulumi.StringMap{}
	for _, row := range table {
		created, err := b.newAlarm(row)
		if err != nil {
			return nil, err
		}
		arns[row.key] = created.Arn
	}
	return arns, nil
}

func scaleOutRow(args ScalingArgs, queue workQueue, scaling scaling) alarm {
	return alarm{
		key: "scaleOut", suffix: "scale-out-alarm", label: args.ScaleOutAlarm,
		description:        "Messages are waiting in the queue: starts tasks.",
		comparisonOperator: scaling.steps.ScaleOut.ComparisonOperator,
		threshold:          float64(scaling.steps.ScaleOut.Threshold),
		periods:            1,
		policy:             scaling.scaleOut,
		metric:             queueMetric(queue, "ApproximateNumberOfMessagesVisible"),
	}
}

func scaleInRow(args ScalingArgs, queue workQueue, scaling scaling) alarm {
	return alarm{
		key: "scaleIn", suffix: "scale-in-alarm", label: args.ScaleInAlarm,
		description:        "Few messages are waiting, in flight or delayed: stops tasks.",
		comparisonOperator: scaling.steps.ScaleIn.ComparisonOperator,
		threshold:          float64(scaling.steps.ScaleIn.Threshold),
		periods:            guardedMinutes,
		policy:             scaling.scaleIn,
		queries:            append(queueQueries(queue), result(outstandingIfReported, "Messages waiting, in flight or delayed")),
	}
}

func idleRow(args ScalingArgs, queue workQueue, cpu metric, scaling scaling) alarm {
	row := alarm{
		key: "idle", suffix: "idle-alarm", label: args.Idle.Alarm,
		comparisonOperator: atMost,
		threshold:          args.Idle.CPUPercent,
		policy:             scaling.idle,
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

func (b *builder) newAlarm(row alarm) (*cloudwatch.MetricAlarm, error) {
	description := row.label.Description
	if description == "" {
		description = row.description
	}
	settings := &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(description),
		ComparisonOperator: pulumi.String(row.comparisonOperator),
		Threshold:          pulumi.Float64(row.threshold),
		EvaluationPeriods:  pulumi.Int(row.periods),
		DatapointsToAlarm:  pulumi.Int(row.periods),
		// Without data there is nothing to start tasks for, and none to stop.
		TreatMissingData: pulumi.String("notBreaching"),
		AlarmActions:     pulumi.Array{row.policy.Arn},
		Tags:             b.tags,
	}
	if row.label.Name != "" {
		settings.Name = pulumi.String(row.label.Name)
	}
	if row.queries != nil {
		settings.MetricQueries = row.queries
	} else {
		settings.Namespace = pulumi.String(row.metric.namespace)
		settings.MetricName = pulumi.String(row.metric.name)
		settings.Statistic = pulumi.String(row.metric.statistic)
		settings.Period = pulumi.Int(row.metric.periodSeconds)
		settings.Dimensions = row.metric.dimensions
	}
	name, opts := b.child(row.suffix)
	created, err := cloudwatch.NewMetricAlarm(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the %s: %w", row.suffix, err)
	}
	return created, nil
}

// queueMetric is a count of messages; the largest in a minute, since a lower one is
// out of date.
func queueMetric(queue workQueue, name string) metric {
	return metric{
		namespace: "AWS/SQS", name: name, statistic: "Maximum", periodSeconds: alarmPeriodSeconds,
		dimensions: pulumi.StringMap{"QueueName": queue.name},
	}
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

func query(id string, m metric) *cloudwatch.MetricAlarmMetricQueryArgs {
	return &cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String(id),
		Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
			Namespace:  pulumi.String(m.namespace),
			MetricName: pulumi.String(m.name),
			Stat:       pulumi.String(m.statistic),
			Period:     pulumi.Int(m.periodSeconds),
			Dimensions: m.dimensions,
		},
		ReturnData: pulumi.Bool(false),
	}
}

// result is the one series that an alarm watches.
func result(text, label string) *cloudwatch.MetricAlarmMetricQueryArgs {
	return expression("result", text, label, true)
}

func expression(id, text, label string, watched bool) *cloudwatch.MetricAlarmMetricQueryArgs {
	return &cloudwatch.MetricAlarmMetricQueryArgs{
		Id:         pulumi.String(id),
		Expression: pulumi.String(text),
		Label:      pulumi.String(label),
		ReturnData: pulumi.Bool(watched),
	}
}
