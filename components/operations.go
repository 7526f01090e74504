package components

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// OperationsArgs say who is notified when something needs a person, and what there is to
// look at.
type OperationsArgs struct {
	// TopicARN is an SNS topic, not a FIFO one, that the alarms below publish to when
	// they rise and when they clear. An alarm costs $0.10 a month for each metric it
	// looks at, all of them $1.20. Default: none, and none of the alarms. That
	// the dead-letter queue is not empty notifies in any case.
	TopicARN pulumi.StringInput `pulumi:"topicArn,optional"`
	// OldestMessageMinutes is how long a message may wait or be worked on, 1 to 20160;
	// 0 for no alarm. Default 60.
	OldestMessageMinutes *int `pulumi:"oldestMessageMinutes,optional"`
	// NotStartingMinutes is how long messages may wait while nobody works on one, 3 to
	// 1440; 0 for no alarm. Default 10 where the queue is asked each minute, else 30: a
	// queue that wakes reports up to 15 minutes late, CloudWatch two more, and a task with
	// a large image takes five to start.
	NotStartingMinutes *int `pulumi:"notStartingMinutes,optional"`
	// StuckMinutes is how long there may be work and none of it gets done, because
	// handlers hang, or tasks start and exit again and again; 3 to 1440; 0 for no alarm.
	// Default: Task.HandlerTimeoutMinutes.
	StuckMinutes *int `pulumi:"stuckMinutes,optional"`
	// NeverStoppingHours is in how many hours on end tasks may run and no message be
	// deleted, 1 to 168; 0 for no alarm. It is the bill's net under an idle threshold that
	// is never reached. Default 24, and none with a MinCapacity above 0.
	NeverStoppingHours *int `pulumi:"neverStoppingHours,optional"`
	// AtMaximumMinutes is how long as many tasks as may, or nearly so, may run while
	// messages wait, 3 to 1440; 0 for no alarm. Default 60.
	AtMaximumMinutes *int `pulumi:"atMaximumMinutes,optional"`
	// Dashboard makes a CloudWatch dashboard. The account's first three cost nothing,
	// any other $3 a month. Default false.
	Dashboard bool `pulumi:"dashboard,optional"`
}

const (
	defaultOldestMessageMinutes = 60
	defaultNeverStoppingHours   = 24
	defaultAtMaximumMinutes     = 60
)

// Metrics that are two minutes late, five in which a task starts, and some to spare; and
// the 15 that a queue may need to wake up, unless it never sleeps.
const (
	notStartingMinutesAwake  = 10
	notStartingMinutesAsleep = 30
)

func (s ScalingArgs) defaultNotStartingMinutes() int {
	if s.wakesUp() && *s.WakeIntervalSeconds > 0 {
		return notStartingMinutesAwake
	}
	return notStartingMinutesAsleep
}

// Expressions of the alarms. They have no datapoint where CloudWatch does not report what
// they look at.
const (
	// notStarting is 1 while messages wait and nobody works on one. It does not ask whether
	// tasks run: "if a service has no running tasks, no metrics will be reported" of it,
	// says the ECS developer guide, so that none and unknown look alike.
	notStarting = "IF(visible, IF(groups, 0, 1), 0)"
	// progress is how many messages were deleted in a minute, or 1 if there was nothing to
	// do. Deletes are reported only if there are any; FILL makes none 0, and where CloudWatch
	// has nothing to fill, IF does: a true condition without a value is 0.
	progress = "IF(visible, FILL(deleted, 0), IF(groups, FILL(deleted, 0), 1))"
	// worked is how many messages were deleted in an hour in which tasks ran.
	worked = "IF(tasks, FILL(deleted, 0))"
	// atMaximum is 1 while most tasks run and messages wait.
	atMaximum = "IF(visible, IF(tasks >= %d, 1, 0), 0)"
)

// mostOf is nine in ten, rounded up: with many tasks, or many minutes, one is always
// missing, since a task was replaced.
func mostOf(n int) int { return n - n/10 }

// newOperationsAlarms makes the alarms for people, and the rule that one of them counts by.
func (b *builder) newOperationsAlarms(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service,
) (pulumi.StringMap, error) {
	if args.Operations.TopicARN == nil {
		return nil, nil
	}
	rule, err := b.newFailedStartRule(args, service)
	if err != nil {
		return nil, err
	}
	return b.newAlarms(operationsAlarms(args, queue, service, rule.Name))
}

// operationsAlarms tell a person, when they rise and when they clear. Their descriptions
// begin with the entry of the runbook to read.
func operationsAlarms(
	args QueueWorkerArgs, queue workQueue, service *ecs.Service, failedStarts pulumi.StringInput,
) []alarm {
	topic := args.Operations.TopicARN
	var table []alarm
	for _, w := range watches(args, queue, service) {
		if w.span > 0 {
			table = append(table, w.alarm)
		}
	}
	if queue.deadLetter != nil {
		table = append(table, deadLettersRow(*queue.deadLetter))
	}
	table = append(table, failedStartRow(failedStarts))
	for i := range table {
		table[i].comparisonOperator = cmp.Or(table[i].comparisonOperator, atLeast)
		table[i].resting = args.Scaling.Paused
		table[i].actions, table[i].okActions = pulumi.Array{topic}, pulumi.Array{topic}
	}
	return table
}

// watch is an alarm about a span of time; a span of 0 is none.
type watch struct {
	span  int
	alarm alarm
}

func watches(args QueueWorkerArgs, queue workQueue, service *ecs.Service) []watch {
	o := args.Operations
	tasks := serviceMetric(args.Service.ClusterName, service.Name, "SampleCount")
	deleted := queueTotal(queue, "NumberOfMessagesDeleted")
	return []watch{
		{*o.OldestMessageMinutes, alarm{
			key: "oldestMessage", suffix: "oldest-message-alarm", periods: 1,
			threshold: float64(*o.OldestMessageMinutes * 60),
			description: fmt.Sprintf("Messages wait too long: the oldest was sent more than %d minutes ago.",
				*o.OldestMessageMinutes),
			metric: queueMetric(queue, "ApproximateAgeOfOldestMessage"),
		}},
		{*o.NotStartingMinutes, alarm{
			key: "notStarting", suffix: "not-starting-alarm", periods: *o.NotStartingMinutes, threshold: 1,
			description: "Messages wait and nothing starts: there are messages, and nobody works on one.",
			queries: append(workQueries(queue),
				result(notStarting, "1 while messages wait and nobody works on one")),
		}},
		{*o.StuckMinutes, alarm{
			key: "stuck", suffix: "stuck-alarm", periods: *o.StuckMinutes, threshold: 1,
			comparisonOperator: below,
			description:        "Nothing gets done: there is work, and no message was deleted.",
			queries: append(workQueries(queue), query("deleted", deleted),
				result(progress, "Messages deleted, or 1 while there is no work")),
		}},
		{*o.NeverStoppingHours, alarm{
			key: "neverStopping", suffix: "never-stopping-alarm", periods: *o.NeverStoppingHours,
			threshold: 1, comparisonOperator: below,
			description: fmt.Sprintf("Tasks never stop: they ran in each of %s, and no message was deleted.",
				count(*o.NeverStoppingHours, "hour")),
			queries: cloudwatch.MetricAlarmMetricQueryArray{
				query("tasks", tasks.over(hourSeconds)), query("deleted", deleted.over(hourSeconds)),
				result(worked, "Messages deleted in an hour in which tasks ran"),
			},
		}},
		{*o.AtMaximumMinutes, alarm{
			key: "atMaximum", suffix: "at-maximum-alarm", periods: *o.AtMaximumMinutes,
			toAlarm: mostOf(*o.AtMaximumMinutes), threshold: 1,
			description: fmt.Sprintf("The maximum is reached: most of %s that may run do, and messages wait.",
				count(args.Scaling.MaxCapacity, "task")),
			queries: cloudwatch.MetricAlarmMetricQueryArray{
				query("visible", queueMetric(queue, "ApproximateNumberOfMessagesVisible")),
				query("tasks", tasks),
				result(fmt.Sprintf(atMaximum, mostOf(args.Scaling.MaxCapacity)),
					"1 while most tasks run and messages wait"),
			},
		}},
	}
}

// count is a number of things, in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// deadLettersRow keeps its state where CloudWatch reports nothing: a queue is active "for
// up to six hours if it contains any messages", says the SQS guide, which may mean that
// it stops reporting with messages in it.
func deadLettersRow(deadLetter deadLetterQueue) alarm {
	return alarm{
		key: "deadLetters", suffix: "dead-letters-alarm", periods: 1, threshold: 1, missing: "ignore",
		description: "There are messages in the dead-letter queue: they failed too often, or can never " +
			"succeed.",
		metric: queueMetric(workQueue{name: deadLetter.name}, "ApproximateNumberOfMessagesVisible"),
	}
}
