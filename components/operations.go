package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// OperationsArgs say who is told when something needs a person, and what there is to
// look at.
type OperationsArgs struct {
	// TopicARN is an SNS topic, not a FIFO one, that the alarms below publish to when
	// they rise and when they clear. An alarm costs $0.10 a month for each metric it
	// looks at, all of them $1.00. Default: none, and none of the alarms. That
	// the dead-letter queue is not empty is told in any case.
	TopicARN pulumi.StringInput
	// OldestMessageMinutes is how long a message may wait or be worked on, 1 to 20160;
	// 0 for no alarm. Default 60.
	OldestMessageMinutes *int
	// NotStartingMinutes is how long messages may wait while no task runs, 3 to 1440;
	// 0 for no alarm. Default 10 where the queue is asked each minute, else 25: a queue
	// that wakes reports up to 15 minutes late, and then all of them at once, while the
	// first task starts.
	NotStartingMinutes *int
	// StuckMinutes is how long there may be work and none of it gets done, because
	// handlers hang, or tasks start and exit again and again; 3 to 1440; 0 for no alarm.
	// Longer than the longest handler. Default 60.
	StuckMinutes *int
	// AtMaximumMinutes is how long as many tasks as may, or nearly so, may run while
	// messages wait, 3 to 1440; 0 for no alarm. Default 60.
	AtMaximumMinutes *int
	// Dashboard makes a CloudWatch dashboard. The account's first three cost nothing,
	// any other $3 a month. Default false.
	Dashboard bool
}

const (
	defaultOldestMessageMinutes = 60
	defaultStuckMinutes         = 60
	defaultAtMaximumMinutes     = 60
)

// Metrics that are two minutes late, five in which a task starts, and some to spare; and
// the 15 that a queue may need to wake up, unless it never sleeps.
const (
	notStartingMinutesAwake  = 10
	notStartingMinutesAsleep = 25
)

func (s ScalingArgs) defaultNotStartingMinutes() int {
	if s.wakesUp() && *s.WakeIntervalSeconds > 0 {
		return notStartingMinutesAwake
	}
	return notStartingMinutesAsleep
}

// Expressions of the alarms: 1 while it is so, else 0. They have no datapoint where
// CloudWatch does not report what they look at; only that no task runs is told by no
// CPU being reported. A FILL that made one of the others 0 would hold the newest
// minute there for ever if metrics come a minute late, and the alarm with it.
const (
	notStarting = "IF(visible, IF(FILL(tasks, 0), 0, 1), 0)"
	noProgress  = "IF(FILL(deleted, 0), 0, 1)"
	stuck       = "IF(visible, noprogress, IF(outstanding, noprogress, 0))"
	atMaximum   = "IF(visible, IF(tasks >= %d, 1, 0), 0)"
)

// mostOf is nine in ten, rounded up: with many tasks, or many minutes, one is always
// missing, since a task was replaced.
func mostOf(n int) int { return n - n/10 }

// operationsAlarms tell a person, when they rise and when they clear. Their descriptions
// begin with the entry of the runbook to read.
func operationsAlarms(args QueueWorkerArgs, queue workQueue, service *ecs.Service) []alarm {
	topic := args.Operations.TopicARN
	if topic == nil {
		return nil
	}
	var table []alarm
	for _, w := range watches(args, queue, service) {
		if w.minutes > 0 {
			table = append(table, w.alarm)
		}
	}
	if queue.deadLetter != nil {
		table = append(table, deadLettersRow(*queue.deadLetter))
	}
	for i := range table {
		table[i].comparisonOperator = atLeast
		table[i].actions, table[i].okActions = pulumi.Array{topic}, pulumi.Array{topic}
	}
	return table
}

// watch is an alarm about a span of time; 0 minutes is none.
type watch struct {
	minutes int
	alarm   alarm
}

func watches(args QueueWorkerArgs, queue workQueue, service *ecs.Service) []watch {
	o := args.Operations
	visible := query("visible", queueMetric(queue, "ApproximateNumberOfMessagesVisible"))
	tasks := query("tasks", serviceMetric(args.Service.ClusterName, service.Name, "SampleCount"))
	return []watch{
		{*o.OldestMessageMinutes, alarm{
			key: "oldestMessage", suffix: "oldest-message-alarm", periods: 1, threshold: float64(*o.OldestMessageMinutes * 60),
			description: fmt.Sprintf("Messages wait too long: the oldest was sent more than %d minutes ago.", *o.OldestMessageMinutes),
			metric:      queueMetric(queue, "ApproximateAgeOfOldestMessage"),
		}},
		{*o.NotStartingMinutes, alarm{
			key: "notStarting", suffix: "not-starting-alarm", periods: *o.NotStartingMinutes, threshold: 1,
			description: "Messages wait and nothing starts: there are messages, and no task runs.",
			queries:     cloudwatch.MetricAlarmMetricQueryArray{visible, tasks, result(notStarting, "1 while messages wait and no task runs")},
		}},
		{*o.StuckMinutes, alarm{
			key: "stuck", suffix: "stuck-alarm", periods: *o.StuckMinutes, threshold: 1,
			description: "Nothing gets done: there is work, and no message was deleted.",
			queries: append(queueQueries(queue), query("deleted", queueTotal(queue, "NumberOfMessagesDeleted")),
				expression("noprogress", noProgress, "1 while no message is deleted", false),
				result(stuck, "1 while there is work besides")),
		}},
		{*o.AtMaximumMinutes, alarm{
			key: "atMaximum", suffix: "at-maximum-alarm", periods: *o.AtMaximumMinutes, toAlarm: mostOf(*o.AtMaximumMinutes), threshold: 1,
			description: fmt.Sprintf("The maximum is reached: of %d tasks that may run most do, and messages wait.", args.Scaling.MaxCapacity),
			queries:     cloudwatch.MetricAlarmMetricQueryArray{visible, tasks, result(fmt.Sprintf(atMaximum, mostOf(args.Scaling.MaxCapacity)), "1 while most tasks run and messages wait")},
		}},
	}
}

// deadLettersRow keeps its state where CloudWatch reports nothing: a queue is active "for
// up to six hours if it contains any messages", says the SQS guide, which may mean that
// it stops to report with messages in it.
func deadLettersRow(deadLetter deadLetterQueue) alarm {
	return alarm{
		key: "deadLetters", suffix: "dead-letters-alarm", periods: 1, threshold: 1, missing: "ignore",
		description: "There are messages in the dead-letter queue: they failed too often, or can never succeed.",
		metric:      queueMetric(workQueue{name: deadLetter.name}, "ApproximateNumberOfMessagesVisible"),
	}
}
