package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

func TestRolesAreForTasksOfThisAccountOnly(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, minimalArgs())
	for _, role := range []string{"w-task-role", "w-execution-role"} {
		trust := readPolicy(t, p, role, "assumeRolePolicy").Statement[0]
		assert.Equal(t, map[string]any{"Service": "ecs-tasks.amazonaws.com"}, trust.Principal)
		assert.Equal(t, "sts:AssumeRole", trust.Action)
		assert.Equal(t, "123456789012", trust.Condition["StringEquals"]["aws:SourceAccount"])
		assert.Equal(t, "arn:aws:ecs:us-west-1:123456789012:*", trust.Condition["ArnLike"]["aws:SourceArn"])
	}
}

func TestTaskRole(t *testing.T) {
	t.Parallel()
	const (
		queue  = "arn:aws:sqs:us-west-1:123456789012:w-queue.fifo"
		failed = "arn:aws:sqs:us-west-1:123456789012:w-dlq.fifo"
	)
	cases := map[string]struct {
		reason string
		change func(*QueueWorkerArgs)
		grants map[string][]string
	}{
		"plain": {
			reason: "consume, put aside, protect; nothing else",
			change: func(*QueueWorkerArgs) {},
			grants: map[string][]string{
				"sqs:ReceiveMessage": {queue}, "sqs:DeleteMessage": {queue},
				"sqs:ChangeMessageVisibility": {queue},
				"sqs:GetQueueUrl":             {queue}, "sqs:GetQueueAttributes": {queue, failed},
				"sqs:SendMessage":          {failed},
				"ecs:UpdateTaskProtection": {"arn:aws:ecs:us-west-1:123456789012:task/apps/*"},
				"ecs:GetTaskProtection":    {"arn:aws:ecs:us-west-1:123456789012:task/apps/*"},
				"kms:Decrypt":              nil, "kms:GenerateDataKey": nil,
				"ssmmessages:OpenDataChannel": nil,
			},
		},
		"exec": {
			reason: "a shell needs its channels, which AWS does not scope",
			change: func(a *QueueWorkerArgs) { a.Service.EnableExecuteCommand = true },
			grants: map[string][]string{"ssmmessages:OpenDataChannel": {"*"},
				"ssmmessages:CreateControlChannel": {"*"}},
		},
		"own statements": {
			reason: "the tutorial's policies for the task's own work",
			change: func(a *QueueWorkerArgs) {
				a.Identity.TaskPolicyStatements = []PolicyStatement{{
					Actions:   []string{"s3:GetObject"},
					Resources: pulumi.ToStringArray([]string{"arn:aws:s3:::in/*"}),
				}}
			},
			grants: map[string][]string{"s3:GetObject": {"arn:aws:s3:::in/*"}},
		},
		"a denial": {
			reason: "a statement may deny",
			change: func(a *QueueWorkerArgs) {
				a.Identity.TaskPolicyStatements = []PolicyStatement{{
					Effect: "Deny", Actions: []string{"s3:GetObject"},
					Resources: pulumi.ToStringArray([]string{"arn:aws:s3:::in/*"}),
				}}
			},
			grants: map[string][]string{"s3:GetObject": nil},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := readPolicy(t, workerPlan(t, false, with(tc.change)), "w-task-policy", "policy")
			for action, resources := range tc.grants {
				assert.Equal(t, resources, policy.grants(action), "%s: %s", tc.reason, action)
			}
		})
	}
}

func TestExecutionRole(t *testing.T) {
	t.Parallel()
	const secret = "arn:aws:secretsmanager:us-west-1:123456789012:secret:db-AbCdEf"
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Task.RepositoryARN = pulumi.String(testRepo)
		a.Task.KMSKeyARN = pulumi.String(testKey)
		a.Task.Secrets = pulumi.ToStringMap(map[string]string{
			"BY_NAME":     "plain",
			"BY_PATH":     "/prod/db",
			"BY_ARN":      "arn:aws:ssm:us-west-1:123456789012:parameter/other",
			"BY_SECRET":   secret,
			"BY_JSON_KEY": secret + ":password::",
		})
	}))
	policy := readPolicy(t, p, "w-execution-policy", "policy")
	assert.Equal(t, []string{
		"arn:aws:ssm:us-west-1:123456789012:parameter/other",
		"arn:aws:ssm:us-west-1:123456789012:parameter/plain",
		"arn:aws:ssm:us-west-1:123456789012:parameter/prod/db",
	}, policy.grants("ssm:GetParameters"))
	assert.Equal(t, []string{secret}, policy.grants("secretsmanager:GetSecretValue"),
		"without the json key, which is not part of the ARN")
	assert.Equal(t, []string{testKey}, policy.grants("kms:Decrypt"))
	assert.Equal(t, []string{testRepo}, policy.grants("ecr:BatchGetImage"))
	assert.Equal(t, []string{"*"}, policy.grants("ecr:GetAuthorizationToken"))
	assert.Equal(t, []string{"arn:aws:logs:us-west-1:123456789012:log-group:w-logs:*"},
		policy.grants("logs:PutLogEvents"))

	from := containerOf(t, p).secrets()
	assert.Equal(t, secret+":password::", from["BY_JSON_KEY"], "the container's reference keeps the json key")
	assert.Equal(t, "arn:aws:ssm:us-west-1:123456789012:parameter/prod/db", from["BY_PATH"])
}

func TestExecutionRoleWithoutSecretsOrRepository(t *testing.T) {
	t.Parallel()
	policy := readPolicy(t, workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Task.Image, a.Task.KMSKeyARN = pulumi.String("ghcr.io/acme/jobs:v1"), pulumi.String(testKey)
	})), "w-execution-policy", "policy")
	for _, action := range []string{"kms:Decrypt", "ecr:GetAuthorizationToken", "ssm:GetParameters"} {
		assert.Empty(t, policy.grants(action), "%s is not needed", action)
	}
}

func TestSecretsFromResources(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Task.Secrets = pulumi.StringMap{"TOKEN": pulumi.String("/prod/token").ToStringOutput()}
	})
	policy := readPolicy(t, workerPlan(t, false, args), "w-execution-policy", "policy")
	assert.Equal(t, []string{"arn:aws:ssm:us-west-1:123456789012:parameter/prod/token"},
		policy.grants("ssm:GetParameters"))
}
