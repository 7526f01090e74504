package components

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

func TestRegistersEverythingInOnePass(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, map[string]int{
			QueueWorkerType:                                 1,
			"aws:sqs/queue:Queue":                           2,
			"aws:sqs/queuePolicy:QueuePolicy":               2,
			"aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": 1,
			"aws:sqs/redrivePolicy:RedrivePolicy":           1,
			"aws:cloudwatch/logGroup:LogGroup":              1,
			"aws:iam/role:Role":                             4,
			"aws:iam/rolePolicy:RolePolicy":                 4,
			"aws:sfn/stateMachine:StateMachine":             1,
			"aws:scheduler/schedule:Schedule":               1,
			"aws:ecs/taskDefinition:TaskDefinition":         1,
			"aws:ecs/service:Service":                       1,
			"aws:appautoscaling/target:Target":              1,
			"aws:appautoscaling/policy:Policy":              2,
			"aws:cloudwatch/metricAlarm:MetricAlarm":        2,
		}, p.Types())
	})
}

func TestOrderComesFromOutputs(t *testing.T) {
	t.Parallel()
	scaleIn := with(func(a *QueueWorkerArgs) {
		a.Scaling.Steps = []ScalingStep{{Upper: at(0), Change: -1}, {Lower: at(1), Change: 1}}
	})
	bothModes(t, scaleIn, func(t *testing.T, p *plan.Plan, _ bool) {
		edges := map[string][]string{
			"w-redrive":           {"w-queue", "w-dlq", "w-dlq-redrive-allow"},
			"w-queue-policy":      {"w-queue"},
			"w-dlq-policy":        {"w-dlq"},
			"w-dlq-redrive-allow": {"w-dlq", "w-queue"},
			"w-execution-policy":  {"w-execution-role", "w-logs"},
			"w-task-policy":       {"w-task-role", "w-queue", "w-dlq"},
			"w-task":              {"w-execution-role", "w-task-role", "w-queue", "w-dlq", "w-logs"},
			"w-service":           {"w-task", "w-execution-policy", "w-task-policy"},
			"w-target":            {"w-service"},
			"w-scale-out-policy":  {"w-target"},
			"w-scale-in-policy":   {"w-target"},
			"w-idle-policy":       {"w-target"},
			"w-scale-out-alarm":   {"w-scale-out-policy", "w-queue"},
			"w-scale-in-alarm":    {"w-scale-in-policy", "w-queue"},
			"w-idle-alarm":        {"w-idle-policy", "w-queue", "w-service"},
		}
		for name, befores := range edges {
			r := registration(t, p, name)
			for _, before := range befores {
				assert.True(t, dependsOn(r, before), "%s has to wait for %s; it waits for %v", name, before,
					r.RPC.GetDependencies())
			}
		}
	})
}

func TestEverythingDescendsFromTheComponent(t *testing.T) {
	t.Parallel()
	for _, r := range workerPlan(t, false, minimalArgs()).Resources {
		if strings.HasPrefix(r.Type, "aws:") {
			assert.True(t, strings.HasSuffix(r.RPC.GetParent(), QueueWorkerType+"::w"),
				"%s has the parent %q", r.Name, r.RPC.GetParent())
		}
	}
}

func TestTwoWorkersInOneStack(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, false, func(ctx *pulumi.Context) error {
		if _, err := NewQueueWorker(ctx, "first", minimalArgs()); err != nil {
			return err
		}
		_, err := NewQueueWorker(ctx, "second", minimalArgs())
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, 2, p.Types()["aws:ecs/service:Service"])
	assert.NotEqual(t, inputs(t, p, "first-task")["family"], inputs(t, p, "second-task")["family"])
}

func TestTagsReachEveryResourceThatTakesThem(t *testing.T) {
	t.Parallel()
	tagged := with(func(a *QueueWorkerArgs) {
		a.Tags = pulumi.ToStringMap(map[string]string{"team": "jobs"})
	})
	bothModes(t, tagged, func(t *testing.T, p *plan.Plan, _ bool) {
		untaggable := []string{
			"aws:sqs/queuePolicy:QueuePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
			"aws:sqs/redrivePolicy:RedrivePolicy",
			"aws:iam/rolePolicy:RolePolicy", "aws:appautoscaling/policy:Policy",
			"aws:scheduler/schedule:Schedule",
		}
		for _, r := range p.Resources {
			if !strings.HasPrefix(r.Type, "aws:") || slices.Contains(untaggable, r.Type) {
				continue
			}
			assert.Equal(t, map[string]any{"team": "jobs"}, r.Inputs["tags"], r.Name)
		}
	})
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	known := make(chan map[string]any, 1)
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		w, err := NewQueueWorker(ctx, "w", minimalArgs())
		if err != nil {
			return err
		}
		w.outputs().ToMapOutput().ApplyT(func(values map[string]any) bool { known <- values; return true })
		return nil
	})
	require.NoError(t, err)
	got := <-known
	assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/w-queue.fifo", got["queueUrl"])
	assert.Equal(t, "arn:aws:sqs:us-west-1:123456789012:w-queue.fifo", got["queueArn"])
	assert.Equal(t, "w-queue.fifo", got["queueName"])
	assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/w-dlq.fifo", got["deadLetterQueueUrl"])
	assert.Equal(t, "arn:aws:sqs:us-west-1:123456789012:w-dlq.fifo", got["deadLetterQueueArn"])
	assert.Equal(t, "service/apps/w-service", got["scalableTargetId"])
	assert.Equal(t, "w-service", got["serviceName"])
	assert.Equal(t, "apps", got["clusterName"])
	assert.Equal(t, "w-logs", got["logGroupName"])
	assert.Equal(t, "arn:aws:iam::123456789012:role/w-task-role", got["taskRoleArn"])
	assert.Equal(t, "arn:aws:iam::123456789012:role/w-execution-role", got["executionRoleArn"])
	assert.Equal(t, "arn:aws:ecs:us-west-1:123456789012:task-definition/project-test-w:1",
		got["taskDefinitionArn"])
	for _, key := range []string{"scaleOut", "idle"} {
		assert.Contains(t, got["policyArns"].(map[string]string)[key],
			"arn:aws:autoscaling:us-west-1:123456789012:scalingPolicy:")
		assert.Contains(t, got["alarmArns"].(map[string]string)[key],
			"arn:aws:cloudwatch:us-west-1:123456789012:alarm:w-")
	}
	assert.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Action":["sqs:SendMessage","sqs:GetQueueUrl","sqs:GetQueueAttributes"],
		"Resource":["arn:aws:sqs:us-west-1:123456789012:w-queue.fifo"]}]}`, got["producerPolicy"].(string))
}

func TestNilArgsAreRefused(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, false, func(ctx *pulumi.Context) error {
		_, err := NewQueueWorker(ctx, "w", nil)
		return err
	})
	require.ErrorContains(t, err, "Task.Image")
	require.ErrorContains(t, err, "Service.ClusterName")
	assert.Empty(t, p.Resources)
}
