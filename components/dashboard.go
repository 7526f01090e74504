package components

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// workerNamespace is where the project's worker publishes its metrics, from its log.
const workerNamespace = "FargateQueueWorker"

const (
	// dashboardColumns is the width of a dashboard's grid, widgetHeight that of a chart
	// on it. Source: CloudWatch API reference, "Dashboard body structure and syntax".
	dashboardColumns = 24
	alarmsHeight     = 3
	widgetHeight     = 6
)

// line is a metric in a chart.
type line struct {
	metric metric
	label  string
}

// newDashboard shows the queue, the tasks and what the worker says of its work, from
// left to right as a message goes.
func (b *builder) newDashboard(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service, wake wakeUp, alarms pulumi.StringMap,
) (*cloudwatch.Dashboard, error) {
	name, opts := b.child("dashboard")
	dashboard, err := cloudwatch.NewDashboard(b.ctx, name, &cloudwatch.DashboardArgs{
		// Dashboards are global, unlike all else.
		DashboardName: pulumi.String(b.family() + "-" + b.place.region),
		DashboardBody: pulumi.JSONMarshal(pulumi.Map{
			"widgets": b.widgets(args, queue, service, wake, alarms),
			// Over a longer period a sum of what there is each minute would be a multiple.
			"periodOverride": pulumi.String("inherit"),
		}),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the dashboard: %w", err)
	}
	return dashboard, nil
}

func (b *builder) widgets(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service, wake wakeUp, alarms pulumi.StringMap,
) pulumi.Array {
	var list pulumi.Array
	top := 0
	if len(alarms) > 0 {
		list = append(list, alarmWidget(alarms))
		top = alarmsHeight
	}
	charts := slices.Concat(queueCharts(queue), taskCharts(args, service), workerCharts(queue),
		wakeCharts(wake))
	const columns = 3
	for i, c := range charts {
		const width = dashboardColumns / columns
		list = append(list, widget("metric", i%columns*width, top+i/columns*widgetHeight, width, widgetHeight,
			b.chart(c)))
	}
	return list
}

// alarmWidget shows the alarms for people. Those of scaling are left out: an idle alarm
// that is in ALARM all night is not a fault.
func alarmWidget(alarms pulumi.StringMap) pulumi.Map {
	arns := pulumi.StringArray{}
	for _, key := range slices.Sorted(maps.Keys(alarms)) {
		arns = append(arns, alarms[key])
	}
	return widget("alarm", 0, 0, dashboardColumns, alarmsHeight,
		pulumi.Map{"title": pulumi.String("Alarms"), "alarms": arns})
}

func widget(kind string, x, y, width, height int, properties pulumi.Map) pulumi.Map {
	return pulumi.Map{
		"type": pulumi.String(kind), "x": pulumi.Int(x), "y": pulumi.Int(y),
		"width": pulumi.Int(width), "height": pulumi.Int(height), "properties": properties,
	}
}

// chart is a graph of some metrics by the minute.
type chart struct {
	title string
	lines []line
}

func (b *builder) chart(c chart) pulumi.Map {
	metrics := pulumi.Array{}
	for _, l := range c.lines {
		row := pulumi.Array{pulumi.String(l.metric.namespace), pulumi.String(l.metric.name)}
		for _, dimension := range slices.Sorted(maps.Keys(l.metric.dimensions)) {
			row = append(row, pulumi.String(dimension), l.metric.dimensions[dimension])
		}
		metrics = append(metrics, append(row,
			pulumi.Map{"label": pulumi.String(l.label), "stat": pulumi.String(l.metric.statistic)}))
	}
	return pulumi.Map{
		"title": pulumi.String(c.title), "region": pulumi.String(b.place.region),
		"period": pulumi.Int(alarmPeriodSeconds),
		"view":   pulumi.String("timeSeries"), "yAxis": pulumi.Map{"left": pulumi.Map{"min": pulumi.Int(0)}},
		"metrics": metrics,
	}
}

func queueCharts(queue workQueue) []chart {
	charts := []chart{
		{"Messages", []line{
			{queueMetric(queue, "ApproximateNumberOfMessagesVisible"), "waiting"},
			{queueMetric(queue, "ApproximateNumberOfMessagesNotVisible"), "in flight"},
			{queueMetric(queue, "ApproximateNumberOfMessagesDelayed"), "delayed"},
			{queueMetric(queue, "ApproximateNumberOfGroupsWithInflightMessages"), "groups in flight"},
		}},
		{"Sent and deleted", []line{{queueTotal(queue, "NumberOfMessagesSent"), "sent"},
			{queueTotal(queue, "NumberOfMessagesDeleted"), "deleted"}}},
		{"Age of the oldest message (seconds)",
			[]line{{queueMetric(queue, "ApproximateAgeOfOldestMessage"), "age"}}},
	}
	if queue.deadLetter != nil {
		failed := workQueue{name: queue.deadLetter.name}
		charts = append(charts, chart{"Dead-letter queue",
			[]line{{queueMetric(failed, "ApproximateNumberOfMessagesVisible"), "messages"}}})
	}
	return charts
}

func taskCharts(args QueueWorkerArgs, service *ecs.Service) []chart {
	of := func(statistic string) metric {
		return serviceMetric(args.Service.ClusterName, service.Name, statistic)
	}
	return []chart{
		{fmt.Sprintf("Tasks, at most %d", args.Scaling.MaxCapacity), []line{{of("SampleCount"), "running"}}},
		{"CPU (percent)", []line{{of("Average"), "average"}, {of("Maximum"), "busiest task"}}},
	}
}

// wakeCharts show the machine that starts the first tasks; none without one. An execution
// fails if its last call did.
func wakeCharts(wake wakeUp) []chart {
	if wake.machine == nil {
		return nil
	}
	of := func(name string) metric {
		return metric{namespace: "AWS/States", name: name, statistic: "Sum",
			dimensions: pulumi.StringMap{"StateMachineArn": wake.machine.Arn}}
	}
	return []chart{{"Wake-up machine", []line{
		{of("ExecutionsStarted"), "started"}, {of("ExecutionsFailed"), "failed"},
		{of("ExecutionsTimedOut"), "timed out"},
	}}}
}

// workerCharts stay empty with an image that is not built on the project's worker.
func workerCharts(queue workQueue) []chart {
	of := func(name, statistic string) metric {
		return metric{namespace: workerNamespace, name: name, statistic: statistic,
			dimensions: pulumi.StringMap{"QueueName": queue.name}}
	}
	return []chart{
		{"Worker: outcomes", []line{{of("Done", "Sum"), "done"}, {of("Retried", "Sum"), "tried again"},
			{of("DeadLettered", "Sum"), "dead letters"}, {of("LeaseLost", "Sum"), "leases lost"}}},
		{"Worker: seconds a message",
			[]line{{of("HandlerTime", "p50"), "work, median"}, {of("HandlerTime", "p95"), "work, p95"},
				{of("QueueAge", "p50"), "from sent to started, median"},
				{of("QueueAge", "p95"), "from sent to started, p95"}}},
		{"Worker: groups", []line{{of("InFlightGroups", "Sum"), "in work"},
			{of("BlockedGroups", "Sum"), "blocked by a failure"}}},
		{"Worker: longest blocked group (seconds)", []line{{of("OldestBlockedGroup", "Maximum"), "blocked"}}},
	}
}
