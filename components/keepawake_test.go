package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/plan"
)

// TestQueueIsKeptAwake: a call every five hours that uses the queue and changes
// nothing, with no other right than that.
func TestQueueIsKeptAwake(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		schedule := inputs(t, p, "w-keep-awake")
		assert.Equal(t, "rate(5 hours)", schedule["scheduleExpression"])
		target := schedule["target"].(map[string]any)
		assert.Equal(t, "arn:aws:scheduler:::aws-sdk:sqs:untagQueue", target["arn"])
		if preview {
			return
		}
		assert.JSONEq(t, `{"QueueUrl": "https://sqs.us-west-1.amazonaws.com/123456789012/w-queue.fifo", "TagKeys": ["fargate-queue-worker:keep-awake"]}`, target["input"].(string))
		assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["sqs:UntagQueue"], "Resource": ["arn:aws:sqs:us-west-1:123456789012:w-queue.fifo"]}
		]}`, inputs(t, p, "w-keep-awake-policy")["policy"].(string))
		assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
			"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"},
			"Condition": {
				"StringEquals": {"aws:SourceAccount": "123456789012"},
				"ArnLike": {"aws:SourceArn": "arn:aws:scheduler:us-west-1:123456789012:schedule-group/default"}
			}
		}]}`, inputs(t, p, "w-keep-awake-role")["assumeRolePolicy"].(string), "the scheduler names the group, not the schedule")
	})
}

func TestQueueIsLeftAsleep(t *testing.T) {
	t.Parallel()
	asleep := false
	cases := map[string]*QueueWorkerArgs{
		"switched off": with(func(a *QueueWorkerArgs) { a.Queue.KeepAwake = &asleep }),
		"an existing queue is used as it is": with(func(a *QueueWorkerArgs) {
			a.Queue = QueueArgs{Existing: &ExistingQueue{
				URL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/old.fifo"), ARN: pulumi.String("arn:aws:sqs:us-west-1:123456789012:old.fifo"), Name: pulumi.String("old.fifo"),
			}}
		}),
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
				assert.NotContains(t, p.Types(), "aws:scheduler/schedule:Schedule")
			})
		})
	}
}
