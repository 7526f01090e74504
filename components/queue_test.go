package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

func TestQueueDefaults(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		want := map[string]any{
			"fifoQueue":                 true,
			"contentBasedDeduplication": true,
			"visibilityTimeoutSeconds":  120.0,
			"messageRetentionSeconds":   345600.0,
			"receiveWaitTimeSeconds":    20.0,
			"sqsManagedSseEnabled":      true,
			"deduplicationScope":        "queue",
			"fifoThroughputLimit":       "perQueue",
		}
		if !preview { // the dead-letter queue's ARN is not known before
			assert.JSONEq(t, `{"deadLetterTargetArn":"arn:aws:sqs:us-west-1:123456789012:w-dlq.fifo",`+
				`"maxReceiveCount":10}`,
				inputs(t, p, "w-redrive")["redrivePolicy"].(string))
		}
		assert.Equal(t, want, inputs(t, p, "w-queue"))
		assert.Equal(t, map[string]any{
			"fifoQueue":               true,
			"messageRetentionSeconds": 1209600.0,
			"sqsManagedSseEnabled":    true,
			"deduplicationScope":      "queue",
			"fifoThroughputLimit":     "perQueue",
		}, inputs(t, p, "w-dlq"))
	})
}

func TestQueueOptions(t *testing.T) {
	t.Parallel()
	no := false
	args := with(func(a *QueueWorkerArgs) {
		a.Queue = QueueArgs{
			Name:                      "jobs.fifo",
			VisibilityTimeoutSeconds:  43200,
			MessageRetentionSeconds:   86400,
			ContentBasedDeduplication: &no,
			HighThroughput:            true,
			MaxReceiveCount:           3,
			KMSKeyARN:                 pulumi.String(testKey),
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		queue := inputs(t, p, "w-queue")
		assert.Equal(t, "jobs.fifo", queue["name"])
		assert.Equal(t, false, queue["contentBasedDeduplication"])
		assert.Equal(t, 43200.0, queue["visibilityTimeoutSeconds"])
		assert.Equal(t, 86400.0, queue["messageRetentionSeconds"])
		for _, name := range []string{"w-queue", "w-dlq"} {
			q := inputs(t, p, name)
			assert.Equal(t, "messageGroup", q["deduplicationScope"])
			assert.Equal(t, "perMessageGroupId", q["fifoThroughputLimit"])
			assert.Equal(t, testKey, q["kmsMasterKeyId"])
			assert.NotContains(t, q, "sqsManagedSseEnabled")
		}
		assert.NotContains(t, inputs(t, p, "w-dlq"), "name", "the dead-letter queue is named by Pulumi")
		if !preview {
			assert.Contains(t, inputs(t, p, "w-redrive")["redrivePolicy"], `"maxReceiveCount":3`)
		}
	})
}

func TestQueuePolicies(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Queue.ProducerTopicARNs =
			pulumi.ToStringArray([]string{"arn:aws:sns:us-west-1:123456789012:orders.fifo"})
		a.Queue.ProducerAccountIDs = []string{"210987654321"}
	})
	p := workerPlan(t, false, args)
	for name, queue := range map[string]string{"w-queue-policy": "w-queue.fifo",
		"w-dlq-policy": "w-dlq.fifo"} {
		first := readPolicy(t, p, name, "policy").Statement[0]
		assert.Equal(t, "Deny", first.Effect)
		assert.Equal(t, "*", first.Principal)
		assert.Equal(t, "sqs:*", first.Action)
		assert.Equal(t, "arn:aws:sqs:us-west-1:123456789012:"+queue, first.Resource)
		assert.Equal(t, "false", first.Condition["Bool"]["aws:SecureTransport"])
	}
	policy := readPolicy(t, p, "w-queue-policy", "policy")
	assert.Len(t, policy.Statement, 3)
	topics, accounts := policy.Statement[1], policy.Statement[2]
	assert.Equal(t, map[string]any{"Service": "sns.amazonaws.com"}, topics.Principal)
	assert.Equal(t, []any{"arn:aws:sns:us-west-1:123456789012:orders.fifo"},
		topics.Condition["ArnEquals"]["aws:SourceArn"])
	assert.Equal(t, map[string]any{"AWS": []any{"arn:aws:iam::210987654321:root"}}, accounts.Principal)
	assert.Contains(t, accounts.Action, "sqs:SendMessage")
	assert.Len(t, readPolicy(t, p, "w-dlq-policy", "policy").Statement, 1,
		"producers have no business in the dead-letter queue")
	assert.JSONEq(t, `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-west-1:`+
		`123456789012:w-queue.fifo"]}`,
		inputs(t, p, "w-dlq-redrive-allow")["redriveAllowPolicy"].(string))
}

func TestExistingQueueIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Queue.Existing = &ExistingQueue{
			URL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo"),
			ARN: pulumi.String(testQueue), Name: pulumi.String("jobs.fifo"),
			KMSKeyARN: pulumi.String(testKey),
			DeadLetterQueueURL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/" +
				"failed.fifo"),
			DeadLetterQueueARN:       pulumi.String(testFailed),
			DeadLetterQueueKMSKeyARN: pulumi.String(testOther),
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		for typ := range p.Types() {
			assert.NotContains(t, typ, "aws:sqs", "a policy would overwrite that of the queue's owner")
		}
		assert.Equal(t, map[string]any{"QueueName": "jobs.fifo"},
			inputs(t, p, "w-scale-out-alarm")["dimensions"])
		policy := readPolicy(t, p, "w-task-policy", "policy")
		assert.Equal(t, []string{testQueue}, policy.grants("sqs:ReceiveMessage"))
		assert.Equal(t, []string{testFailed}, policy.grants("sqs:SendMessage"))
		keys := readPolicy(t, p, "w-task-keys-policy", "policy")
		assert.Equal(t, []string{testKey, testOther}, keys.grants("kms:Decrypt"))
		assert.Equal(t, []string{testOther}, keys.grants("kms:GenerateDataKey"))
		if !preview {
			env := containerOf(t, p).variables()
			assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo", env["QUEUE_URL"])
			assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/failed.fifo", env["DLQ_URL"])
		}
	})
}

func TestExistingQueueWithoutDeadLetterQueue(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Queue.Existing = &ExistingQueue{
			URL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo"),
			ARN: pulumi.String(testQueue), Name: pulumi.String("jobs.fifo"),
		}
	}))
	assert.NotContains(t, containerOf(t, p).variables(), "DLQ_URL")
	assert.Empty(t, readPolicy(t, p, "w-task-policy", "policy").grants("sqs:SendMessage"))
}

func TestProducerPolicyUsesTheKey(t *testing.T) {
	t.Parallel()
	known := make(chan string, 1)
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		w, err := NewQueueWorker(ctx, "w", with(func(a *QueueWorkerArgs) {
			a.Queue.KMSKeyARN = pulumi.String(testKey)
		}))
		if err == nil {
			w.ProducerPolicy.ApplyT(func(text string) bool { known <- text; return true })
		}
		return err
	})
	require.NoError(t, err)
	assert.Contains(t, <-known,
		`"Action":["kms:GenerateDataKey","kms:Decrypt"],"Effect":"Allow","Resource":["`+testKey+`"]`)
}

func TestProtectedQueues(t *testing.T) {
	t.Parallel()
	for _, protect := range []bool{false, true} {
		bothModes(t, with(func(a *QueueWorkerArgs) {
			a.Queue.Protect = protect
		}), func(t *testing.T, p *plan.Plan, _ bool) {
			for _, name := range []string{"w-queue", "w-dlq", "w-queue-policy", "w-dlq-policy", "w-redrive",
				"w-dlq-redrive-allow"} {
				assert.Equal(t, protect, registration(t, p, name).RPC.GetProtect(), name)
			}
			assert.False(t, registration(t, p, "w-service").RPC.GetProtect(), "what can be made anew")
		})
	}
}

// TestExistingQueueByItsARN: all else follows from it.
func TestExistingQueueByItsARN(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Queue.Existing = &ExistingQueue{ARN: pulumi.String(testQueue),
			DeadLetterQueueARN: pulumi.String(testFailed)}
	})
	p := workerPlan(t, false, args)
	env := containerOf(t, p).variables()
	assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo", env["QUEUE_URL"])
	assert.Equal(t, "jobs.fifo", env["QUEUE_NAME"])
	assert.Equal(t, "https://sqs.us-west-1.amazonaws.com/123456789012/failed.fifo", env["DLQ_URL"])
}

// TestQueueNames: of the dead-letter queue, too.
func TestQueueNames(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Queue.Name, a.Queue.DeadLetterQueueName = "jobs.fifo", "jobs-failed.fifo"
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, "jobs.fifo", inputs(t, p, "w-queue")["name"])
		assert.Equal(t, "jobs-failed.fifo", inputs(t, p, "w-dlq")["name"])
	})
}

// TestTheKeyIsAllowedBeforeItIsUsed: and the one before stays so.
func TestTheKeyIsAllowedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Queue.KMSKeyARN = pulumi.String(testKey)
		a.Queue.PreviousKMSKeyARNs = pulumi.ToStringArray([]string{testOther})
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		keys := readPolicy(t, p, "w-task-keys-policy", "policy")
		assert.Equal(t, []string{testKey, testKey, testOther}, keys.grants("kms:Decrypt"))
		assert.Equal(t, []string{testKey}, keys.grants("kms:GenerateDataKey"))
		for _, queue := range []string{"w-queue", "w-dlq"} {
			assert.True(t, dependsOn(registration(t, p, queue), "w-task-keys-policy"), queue)
		}
	})
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, _ bool) {
		assert.NotContains(t, names(p), "w-task-keys-policy", "there is no key")
	})
}

func TestKeyChangeIsToldOf(t *testing.T) {
	t.Parallel()
	key := func(arn string) resource.PropertyMap {
		if arn == "" {
			return resource.PropertyMap{}
		}
		return resource.PropertyMap{"kmsMasterKeyId": resource.NewProperty(arn)}
	}
	cases := map[string]struct {
		before, after string
		kept          []string
		warned        bool
	}{
		"none":                    {"", "", nil, false},
		"one is added":            {"", testKey, nil, false},
		"the same":                {testKey, testKey, nil, false},
		"removed":                 {testKey, "", nil, true},
		"another":                 {testKey, testOther, nil, true},
		"another, the old kept":   {testKey, testOther, []string{testKey}, false},
		"removed, and it is kept": {testKey, "", []string{testOther, testKey}, false},
	}
	for name, tc := range cases {
		warning := keyChange(key(tc.before), key(tc.after), tc.kept, itself)
		assert.Equal(t, tc.warned, warning != "", name)
		if tc.warned {
			assert.Contains(t, warning, "add that key to Queue.PreviousKMSKeyARNs", name)
		}
	}
}

func TestKeysAreWatched(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) { a.WatchKeys = true })
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		for _, queue := range []string{"w-queue", "w-dlq"} {
			assert.Equal(t, []string{"w-key-change"},
				registration(t, p, queue).RPC.GetHooks().GetBeforeUpdate(), queue)
		}
	})
}
