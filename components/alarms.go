package components

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// AlarmLabel names and describes an alarm.
type AlarmLabel struct {
	// Name of up to 255 bytes. Default: chosen by Pulumi.
	Name string `pulumi:"name,optional"`
	// Description of up to 1024 bytes. Default: one that says what the alarm does.
	Description string `pulumi:"description,optional"`
}

// AlarmKeys are the alarms that a QueueWorker may have.
var AlarmKeys = []string{
	"scaleOut", "scaleIn", "idle",
	"deadLetters", "oldestMessage", "notStarting", "stuck", "neverStopping", "atMaximum", "failedStart",
}

// alarmPeriodSeconds is the resolution of the metrics of SQS and ECS. An alarm
// over 300 s would rise no sooner and cling to ALARM for minutes after the
// backlog is gone, repeating its action each minute.
const alarmPeriodSeconds = 60

const hourSeconds = 3600

// alarm is a row of a table of alarms.
type alarm struct {
	key, suffix        string
	description        string
	comparisonOperator string
	threshold          float64
	// periods is how many datapoints are looked at, toAlarm how many of them have to
	// breach. Default: all.
	periods, toAlarm int
	// missing says how missing data is treated. Default notBreaching.
	missing string
	// actions are carried out in ALARM, okActions when it is over.
	actions, okActions pulumi.Array
	// resting alarms change their state and carry out nothing.
	resting bool
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

// over is the same metric over another period.
func (m metric) over(seconds int) metric {
	m.periodSeconds = seconds
	return m
}

// newAlarms makes the alarms of a table and returns their ARNs.
func (b *builder) newAlarms(table []alarm) (pulumi.StringMap, error) {
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

func (b *builder) newAlarm(row alarm) (*cloudwatch.MetricAlarm, error) {
	label := b.labels[row.key]
	settings := &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(cmp.Or(label.Description, row.description)),
		ComparisonOperator: pulumi.String(row.comparisonOperator),
		Threshold:          pulumi.Float64(row.threshold),
		EvaluationPeriods:  pulumi.Int(row.periods),
		DatapointsToAlarm:  pulumi.Int(cmp.Or(row.toAlarm, row.periods)),
		TreatMissingData:   pulumi.String(cmp.Or(row.missing, "notBreaching")),
		AlarmActions:       row.actions,
		OkActions:          row.okActions,
		Tags:               b.tags,
	}
	if label.Name != "" {
		settings.Name = pulumi.String(label.Name)
	}
	if row.resting {
		settings.ActionsEnabled = pulumi.Bool(false)
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

// queueTotal is how often something happened in a minute.
func queueTotal(queue workQueue, name string) metric {
	m := queueMetric(queue, name)
	m.statistic = "Sum"
	return m
}

// serviceMetric is a statistic of the CPU of a service's tasks, each of which sends
// a sample a minute.
func serviceMetric(clusterName, serviceName pulumi.StringInput, statistic string) metric {
	return metric{
		namespace: "AWS/ECS", name: "CPUUtilization", statistic: statistic, periodSeconds: alarmPeriodSeconds,
		dimensions: pulumi.StringMap{"ClusterName": clusterName, "ServiceName": serviceName},
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

// result is the expression that an alarm watches.
func result(text, label string) *cloudwatch.MetricAlarmMetricQueryArgs {
	return expression("result", text, label, true)
}

// expression is one that others refer to by its id, or that the alarm watches.
func expression(id, text, label string, watched bool) *cloudwatch.MetricAlarmMetricQueryArgs {
	return &cloudwatch.MetricAlarmMetricQueryArgs{
		Id:         pulumi.String(id),
		Expression: pulumi.String(text),
		Label:      pulumi.String(label),
		ReturnData: pulumi.Bool(watched),
	}
}
