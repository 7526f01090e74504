package components

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/plan"
)

// queriesOf are an alarm's metric queries by id.
func queriesOf(alarm map[string]any) map[string]map[string]any {
	byID := map[string]map[string]any{}
	list, _ := alarm["metricQueries"].([]any)
	for _, q := range list {
		query := q.(map[string]any)
		byID[query["id"].(string)] = query
	}
	return byID
}

func TestScaleOutAlarm(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		alarm := inputs(t, p, "w-scale-out-alarm")
		assert.Equal(t, "GreaterThanOrEqualToThreshold", alarm["comparisonOperator"])
		assert.Equal(t, 1.0, alarm["threshold"])
		assert.Equal(t, 60.0, alarm["period"])
		assert.Equal(t, 1.0, alarm["evaluationPeriods"])
		assert.Equal(t, "Maximum", alarm["statistic"])
		assert.Equal(t, "AWS/SQS", alarm["namespace"])
		assert.Equal(t, "ApproximateNumberOfMessagesVisible", alarm["metricName"])
		assert.Equal(t, "notBreaching", alarm["treatMissingData"])
		if !preview {
			assert.Equal(t, map[string]any{"QueueName": "w-queue.fifo"}, alarm["dimensions"])
			assert.Len(t, alarm["alarmActions"], 1)
			assert.Contains(t, alarm["alarmActions"].([]any)[0], "policyName/w-scale-out-policy")
		}
	})
}

func TestIdleAlarmIsGuardedByOutstandingMessages(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) { a.Scaling.Idle = IdleArgs{CPUPercent: 2.5, Minutes: 7} })
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		alarm := inputs(t, p, "w-idle-alarm")
		assert.Equal(t, "LessThanOrEqualToThreshold", alarm["comparisonOperator"])
		assert.Equal(t, 2.5, alarm["threshold"])
		assert.Equal(t, 7.0, alarm["evaluationPeriods"])
		assert.Equal(t, 7.0, alarm["datapointsToAlarm"])
		assert.Equal(t, "notBreaching", alarm["treatMissingData"])
		assert.NotContains(t, alarm, "metricName")
		queries := queriesOf(alarm)
		assert.Len(t, queries, 4)
		assert.Equal(t, "IF(visible, 100, IF(groups, 100, cpu))", queries["result"]["expression"])
		assert.Equal(t, true, queries["result"]["returnData"])
		for id, metric := range map[string]string{
			"visible": "ApproximateNumberOfMessagesVisible",
			"groups":  "ApproximateNumberOfGroupsWithInflightMessages",
			"cpu":     "CPUUtilization",
		} {
			assert.Equal(t, false, queries[id]["returnData"], id)
			m := queries[id]["metric"].(map[string]any)
			assert.Equal(t, metric, m["metricName"])
			assert.Equal(t, 60.0, m["period"])
			if !preview && id != "cpu" {
				assert.Equal(t, map[string]any{"QueueName": "w-queue.fifo"}, m["dimensions"])
				assert.Equal(t, "Maximum", m["stat"])
			}
		}
		if !preview {
			assert.Equal(t, map[string]any{"ClusterName": "apps", "ServiceName": "w-service"},
				queries["cpu"]["metric"].(map[string]any)["dimensions"])
			assert.Contains(t, alarm["alarmActions"].([]any)[0], "policyName/w-idle-policy")
		}
	})
}

func TestUnguardedIdleAlarmIsTheTutorials(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Scaling.Idle = IdleArgs{CPUPercent: 0.01, Minutes: 3, Unguarded: true}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		alarm := inputs(t, p, "w-idle-alarm")
		assert.Equal(t, "LessThanOrEqualToThreshold", alarm["comparisonOperator"])
		assert.Equal(t, 0.01, alarm["threshold"])
		assert.Equal(t, 180.0, alarm["period"])
		assert.Equal(t, 1.0, alarm["evaluationPeriods"])
		assert.Equal(t, "Average", alarm["statistic"])
		assert.Equal(t, "AWS/ECS", alarm["namespace"])
		assert.Equal(t, "CPUUtilization", alarm["metricName"])
		assert.NotContains(t, alarm, "metricQueries")
	})
}

func TestScaleInAlarmLooksAtOutstandingMessages(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Scaling.Steps = []ScalingStep{{Upper: at(5), Change: -1}, {Lower: at(10), Change: 1}}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		alarm := inputs(t, p, "w-scale-in-alarm")
		assert.Equal(t, "LessThanOrEqualToThreshold", alarm["comparisonOperator"])
		assert.Equal(t, 5.0, alarm["threshold"])
		assert.Equal(t, 3.0, alarm["evaluationPeriods"],
			"in-flight messages that are reported late may read as none")
		assert.Equal(t, 3.0, alarm["datapointsToAlarm"])
		queries := queriesOf(alarm)
		assert.Equal(t, "IF(groups, visible + inflight, visible)", queries["outstanding"]["expression"])
		assert.Equal(t, "IF(cpu, outstanding, outstanding)", queries["running"]["expression"],
			"nothing while no task runs, so that it stops none that was just started")
		assert.Equal(t, "IF(visible > 5, outstanding, running)", queries["result"]["expression"],
			"nothing while the queue is not reported")
		assert.Len(t, queries, 7)
	})
}

func TestAlarmLabels(t *testing.T) {
	t.Parallel()
	labelled := with(func(a *QueueWorkerArgs) {
		a.AlarmLabels = map[string]AlarmLabel{
			"idle":     {Name: "SampleApp-ZeroCPUAlarm", Description: "For when sample app is idle"},
			"scaleOut": {Name: "jobs-waiting"},
		}
	})
	bothModes(t, labelled, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, "SampleApp-ZeroCPUAlarm", inputs(t, p, "w-idle-alarm")["name"])
		assert.Equal(t, "For when sample app is idle", inputs(t, p, "w-idle-alarm")["alarmDescription"])
		assert.Equal(t, "jobs-waiting", inputs(t, p, "w-scale-out-alarm")["name"])
		assert.Equal(t, "Messages are waiting in the queue: starts tasks.",
			inputs(t, p, "w-scale-out-alarm")["alarmDescription"])
	})
}
