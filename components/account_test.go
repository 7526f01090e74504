package components

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

const (
	testTaskRole      = "arn:aws:iam::123456789012:role/jobs-task"
	testExecutionRole = "arn:aws:iam::123456789012:role/jobs-execution"
	testBoundary      = "arn:aws:iam::123456789012:policy/boundary"
)

// definitions are the containers of the task as JSON has them.
func definitions(t *testing.T, p *plan.Plan) []map[string]any {
	t.Helper()
	var containers []map[string]any
	require.NoError(t, json.Unmarshal([]byte(inputs(t, p, "w-task")["containerDefinitions"].(string)),
		&containers))
	return containers
}

func TestExistingRolesAreLeftAlone(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Identity = IdentityArgs{TaskRoleARN: pulumi.String(testTaskRole),
			ExecutionRoleARN: pulumi.String(testExecutionRole)}
		a.Queue.KMSKeyARN = pulumi.String(testKey)
	})
	for _, preview := range []bool{false, true} {
		account := testAccount(t)
		for _, arn := range []string{testTaskRole, testExecutionRole} {
			name := arn[strings.LastIndex(arn, "/")+1:]
			account.Roles[name] = &cloud.Role{ARN: arn, Name: name}
		}
		policies := make(chan []string, 1)
		p, err := plan.Of(func(ctx *pulumi.Context) error {
			w, err := NewQueueWorker(ctx, "w", args)
			if err == nil && !preview {
				pulumi.All(w.TaskPolicy, w.ExecutionPolicy).ApplyT(func(both []any) bool {
					policies <- []string{both[0].(string), both[1].(string)}
					return true
				})
			}
			return err
		}, plan.Options{Project: "project", Stack: "test", Preview: preview, Account: account})
		require.NoError(t, err)
		assert.Equal(t, 2, p.Types()["aws:iam/role:Role"], "those of the wake-up")
		assert.Equal(t, 2, p.Types()["aws:iam/rolePolicy:RolePolicy"])
		task := inputs(t, p, "w-task")
		assert.Equal(t, testTaskRole, task["taskRoleArn"])
		assert.Equal(t, testExecutionRole, task["executionRoleArn"])
		if !preview {
			both := <-policies
			assert.Contains(t, both[0], "sqs:ReceiveMessage")
			assert.Contains(t, both[0], testKey, "the keys are in the document, too")
			assert.Contains(t, both[1], "logs:PutLogEvents")
		}
	}
}

func TestRolesAreBounded(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Identity = IdentityArgs{
			Path: "/workers/", PermissionsBoundaryARN: pulumi.String(testBoundary),
			TaskPolicyARNs: []pulumi.StringInput{pulumi.String("arn:aws:iam::aws:policy/" +
				"AWSXRayDaemonWriteAccess")},
			ExecutionPolicyARNs: []pulumi.StringInput{pulumi.String("arn:aws:iam::123456789012:policy/pull")},
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		for _, role := range []string{"w-task-role", "w-execution-role", "w-wake-role",
			"w-wake-schedule-role"} {
			assert.Equal(t, "/workers/", inputs(t, p, role)["path"], role)
			assert.Equal(t, testBoundary, inputs(t, p, role)["permissionsBoundary"], role)
		}
		assert.Equal(t, "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
			inputs(t, p, "w-task-managed-policy-0")["policyArn"])
		assert.Equal(t, "arn:aws:iam::123456789012:policy/pull",
			inputs(t, p, "w-execution-managed-policy-0")["policyArn"])
		service := registration(t, p, "w-service")
		assert.True(t, dependsOn(service, "w-task-managed-policy-0"), "no task starts without its rights")
		assert.True(t, dependsOn(service, "w-execution-managed-policy-0"))
	})
}

func TestConditionsOfStatements(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Identity.TaskPolicyStatements = []PolicyStatement{{
			Actions: []string{"s3:GetObject"}, Resources: pulumi.ToStringArray([]string{"arn:aws:s3:::in/*"}),
			Conditions: map[string]map[string][]string{
				"StringEquals": {"aws:RequestedRegion": {"us-west-2"}},
			},
		}}
	}))
	for _, s := range readPolicy(t, p, "w-task-policy", "policy").Statement {
		if contains(s.Action, "s3:GetObject") {
			assert.Equal(
				t, map[string]map[string]any{"StringEquals": {"aws:RequestedRegion": []any{"us-west-2"}}},
				s.Condition,
			)
			return
		}
	}
	t.Error("there is no such statement")
}

func TestSidecars(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Task.LogConfiguration = pulumi.Map{"logDriver": pulumi.String("awsfirelens")}
		a.Task.Sidecars = []pulumi.Map{
			{"name": pulumi.String("router"), "image": pulumi.String("router:v1"),
				"essential":             pulumi.Bool(true),
				"firelensConfiguration": pulumi.Map{"type": pulumi.String("fluentbit")}},
			{
				"name":    pulumi.String("agent"),
				"image":   pulumi.String("210987654321.dkr.ecr.eu-west-1.amazonaws.com/agent:v1"),
				"ulimits": pulumi.Array{},
				"dependsOn": pulumi.Array{pulumi.Map{"containerName": pulumi.String("router"),
					"condition": pulumi.String("START")}},
				"logConfiguration": pulumi.Map{"logDriver": pulumi.String("awsfirelens")},
			},
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		if preview {
			return
		}
		containers := definitions(t, p)
		require.Len(t, containers, 3)
		assert.Equal(t, "worker", containers[0]["name"])
		assert.Equal(t, map[string]any{"logDriver": "awsfirelens"}, containers[0]["logConfiguration"])
		router, agent := containers[1], containers[2]
		assert.Equal(t, true, router["essential"], "as it says")
		assert.Equal(t, "awslogs", router["logConfiguration"].(map[string]any)["logDriver"],
			"its own output goes to the log group")
		assert.Equal(t, "router",
			router["logConfiguration"].(map[string]any)["options"].(map[string]any)["awslogs-stream-prefix"])
		assert.Equal(t, false, agent["essential"], "it does not end the worker")
		assert.Equal(t, 120.0, agent["stopTimeout"], "the worker may need it to the end")
		assert.NotContains(t, agent, "ulimits",
			"an empty list would replace the task definition at each update")
		pulls := readPolicy(t, p, "w-execution-policy", "policy").grants("ecr:BatchGetImage")
		assert.Equal(t, []string{"arn:aws:ecr:eu-west-1:210987654321:repository/agent", testRepo}, pulls)
	})
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Task.ReadonlyRootFilesystem = true
		a.Task.Volumes = []Volume{{Name: "tmp"}, {Name: "models", EFS: &EFSVolume{
			FileSystemID:  pulumi.String("fs-0123456789abcdef0"),
			AccessPointID: pulumi.String("fsap-0123456789abcdef0"),
		}}, {Name: "data", EFS: &EFSVolume{FileSystemID: pulumi.String("fs-0123456789abcdef1"),
			RootDirectory: "/jobs"}}}
		a.Task.MountPoints = []MountPoint{{SourceVolume: "tmp", ContainerPath: "/tmp"},
			{SourceVolume: "models", ContainerPath: "/models", ReadOnly: true}}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		iam := map[string]any{"iam": "ENABLED"}
		assert.Equal(t, []any{
			map[string]any{"name": "tmp"},
			map[string]any{"name": "models", "efsVolumeConfiguration": map[string]any{
				"fileSystemId": "fs-0123456789abcdef0", "transitEncryption": "ENABLED",
				"authorizationConfig": map[string]any{"iam": "ENABLED",
					"accessPointId": "fsap-0123456789abcdef0"},
			}},
			map[string]any{"name": "data", "efsVolumeConfiguration": map[string]any{
				"fileSystemId": "fs-0123456789abcdef1", "rootDirectory": "/jobs",
				"transitEncryption": "ENABLED", "authorizationConfig": iam,
			}},
		}, inputs(t, p, "w-task")["volumes"])
		if preview {
			return
		}
		assert.Equal(t, []any{
			map[string]any{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": false},
			map[string]any{"sourceVolume": "models", "containerPath": "/models", "readOnly": true},
		}, definitions(t, p)[0]["mountPoints"])
		grants := readPolicy(t, p, "w-task-policy", "policy").grants("elasticfilesystem:ClientWrite")
		assert.Equal(t, []string{
			"arn:aws:elasticfilesystem:us-west-1:123456789012:file-system/fs-0123456789abcdef0",
			"arn:aws:elasticfilesystem:us-west-1:123456789012:file-system/fs-0123456789abcdef1",
		}, grants)
	})
}

func TestContainerOptions(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Task.Image = pulumi.String("ghcr.io/acme/jobs:v1")
		a.Task.RegistryCredentialsARN =
			pulumi.String("arn:aws:secretsmanager:us-west-1:123456789012:secret:ghcr-AbCdEf")
		a.Task.HandlerTimeoutMinutes, a.Task.Concurrency, a.Task.MaxAttempts = 90, 4, 6
		a.Task.HealthCheck = &HealthCheck{Command: []string{"CMD", "true"}, IntervalSeconds: 60,
			TimeoutSeconds: 10, Retries: 2, StartPeriodSeconds: 30}
		a.Task.ContainerOverrides = pulumi.Map{
			"user": pulumi.String("1000"),
			"linuxParameters": pulumi.Map{
				"capabilities": pulumi.Map{"drop": pulumi.ToStringArray([]string{"ALL"})},
				"devices":      pulumi.Array{},
			},
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		timeouts := registration(t, p, "w-service").RPC.GetCustomTimeouts()
		assert.Equal(t, "45m", timeouts.GetDelete(), "no longer than credentials are good for")
		assert.Equal(t, true, inputs(t, p, "w-task")["skipDestroy"])
		if preview {
			return
		}
		container := definitions(t, p)[0]
		assert.Equal(t, map[string]any{"command": []any{"CMD", "true"}, "interval": 60.0, "timeout": 10.0,
			"retries": 2.0, "startPeriod": 30.0}, container["healthCheck"])
		assert.Equal(t, "1000", container["user"])
		assert.Equal(t, map[string]any{
			"initProcessEnabled": true, "capabilities": map[string]any{"drop": []any{"ALL"}, "add": []any{}},
		}, container["linuxParameters"], "merged, without empty lists, but for the one that ECS answers")
		variables := containerOf(t, p).variables()
		assert.Equal(t, "90m", variables["HANDLER_TIMEOUT"])
		assert.Equal(t, "4", variables["CONCURRENCY"])
		assert.Equal(t, "6", variables["MAX_ATTEMPTS"])
		policy := readPolicy(t, p, "w-execution-policy", "policy")
		assert.Equal(t, []string{"arn:aws:secretsmanager:us-west-1:123456789012:secret:ghcr-AbCdEf"},
			policy.grants("secretsmanager:GetSecretValue"))
		assert.Empty(t, policy.grants("ecr:GetAuthorizationToken"), "it is not in ECR")
	})
}

func TestPaused(t *testing.T) {
	t.Parallel()
	args := onCall()
	args.Scaling.Paused, args.Scaling.MinCapacity = true, 1
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		target := inputs(t, p, "w-target")
		assert.Equal(t, 0.0, target["minCapacity"])
		assert.Equal(t, 0.0, target["maxCapacity"], "idle tasks stop")
		assert.Equal(t, map[string]any{"dynamicScalingInSuspended": false,
			"dynamicScalingOutSuspended": true}, target["suspendedState"])
		assert.Equal(t, false, inputs(t, p, "w-stuck-alarm")["actionsEnabled"], "alarms for people rest")
		assert.NotContains(t, inputs(t, p, "w-scale-out-alarm"), "actionsEnabled")
	})
	policy := readPolicy(t, workerPlan(t, false, args), "w-task-policy", "policy")
	assert.Empty(t, policy.grants("sqs:ReceiveMessage"), "a busy worker takes nothing more")
	assert.NotEmpty(t, policy.grants("sqs:DeleteMessage"), "and finishes what it has")
}

// TestPausedInTheModel: a running task is let finish, none starts, and no notification is sent.
func TestPausedInTheModel(t *testing.T) {
	t.Parallel()
	args := onCall()
	args.Scaling.Paused = true
	r := newRegion(t, args, cloud.DefaultControlOptions())
	r.minutes(2)
	r.send("a")
	r.minutes(120)
	assert.Empty(t, r.control.Tasks())
	assert.Empty(t, r.notified())
}

func TestNames(t *testing.T) {
	t.Parallel()
	args := onCall()
	args.Service.Name = "jobs"
	args.AlarmLabels = map[string]AlarmLabel{"failedStart": {Name: "jobs-cannot-start",
		Description: "Look at the image."}}
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, "jobs", inputs(t, p, "w-service")["name"])
		alarm := inputs(t, p, "w-failed-start-alarm")
		assert.Equal(t, "jobs-cannot-start", alarm["name"])
		assert.Equal(t, "Look at the image.", alarm["alarmDescription"])
	})
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		_, err := NewQueueWorker(ctx, strings.Repeat("w", 38), minimalArgs())
		return err
	})
	require.ErrorContains(t, err, "has 38 characters; the names of its roles leave room for 37")
}

// TestFailedStartsAreCounted: by a rule on deployments and tasks of this service only.
func TestFailedStartsAreCounted(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, onCall())
	assert.JSONEq(t, `{"source":["aws.ecs"],"$or":[
		{"detail-type":["ECS Deployment State Change"],
		 "resources":["arn:aws:ecs:us-west-1:123456789012:service/apps/w-service"],
		 "detail":{"eventName":["SERVICE_DEPLOYMENT_FAILED"]}},
		{"detail-type":["ECS Task State Change"],"detail":{
		 "clusterArn":["arn:aws:ecs:us-west-1:123456789012:cluster/apps"],
		 "group":["service:w-service"],"lastStatus":["STOPPED"],"stopCode":["TaskFailedToStart"]}}]}`,
		inputs(t, p, "w-failed-start")["eventPattern"].(string))
	alarm := inputs(t, p, "w-failed-start-alarm")
	assert.Equal(t, map[string]any{"RuleName": "w-failed-start"}, alarm["dimensions"])
	assert.Equal(t, 30.0, alarm["evaluationPeriods"], "longer than ECS pauses between two tries")
	assert.Equal(t, 1.0, alarm["datapointsToAlarm"])
}

// TestWhatBecomesKnownIsChecked: as what is known at once is.
func TestWhatBecomesKnownIsChecked(t *testing.T) {
	t.Parallel()
	later := func(text string) pulumi.StringOutput { return pulumi.String(text).ToStringOutput() }
	cases := map[string]struct {
		change func(*QueueWorkerArgs)
		want   string
	}{
		"an image": {func(a *QueueWorkerArgs) {
			a.Task.Image = later("jobs")
		}, `Task.Image: "jobs": needs a tag`},
		"a subnet": {func(a *QueueWorkerArgs) {
			a.Service.SubnetIDs = pulumi.StringArray{later("a")}
		}, `Service.SubnetIDs[0]: "a": needs to be a subnet id`},
		"a secret": {func(a *QueueWorkerArgs) {
			a.Task.Secrets = pulumi.StringMap{"A": later("my secret")}
		}, `Task.Secrets[A]: "my secret": is not a valid name of an SSM parameter`},
		"a variable": {func(a *QueueWorkerArgs) {
			a.Task.Environment = pulumi.ToStringMap(map[string]string{"QUEUE_URL": "x"}).ToStringMapOutput()
		}, `Task.Environment[QUEUE_URL]: "QUEUE_URL": is set by the component`},
		"a policy": {func(a *QueueWorkerArgs) {
			a.Identity.TaskPolicyARNs = []pulumi.StringInput{later("x")}
		}, "Identity.TaskPolicyARNs[0]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := with(tc.change)
			require.NoError(t, args.Validate(), "not known yet")
			_, err := planOf(t, false, func(ctx *pulumi.Context) error {
				_, err := NewQueueWorker(ctx, "w", args)
				return err
			})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestNilArgumentsAreDefaults(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, false, func(ctx *pulumi.Context) error {
		if _, err := NewNetwork(ctx, "n", nil); err != nil {
			return err
		}
		if _, err := NewCluster(ctx, "c", nil); err != nil {
			return err
		}
		_, err := NewImage(ctx, "i", nil)
		require.ErrorContains(t, err, "Dockerfile: \"\": is required to build an image")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, p.Types()["awsx:ec2:Vpc"])
	assert.Equal(t, 1, p.Types()["aws:ecs/cluster:Cluster"])
}

func TestZonesAndRangeOfANewVPC(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, false, func(ctx *pulumi.Context) error {
		_, err := NewNetwork(ctx, "n", &NetworkArgs{AvailabilityZones: []string{"us-west-1a", "us-west-1c"},
			CIDR: "10.20.0.0/20"})
		return err
	})
	require.NoError(t, err)
	vpc := inputs(t, p, "n-vpc")
	assert.Equal(t, []any{"us-west-1a", "us-west-1c"}, vpc["availabilityZoneNames"])
	assert.Equal(t, "10.20.0.0/20", vpc["cidrBlock"])
	assert.Equal(t, "10.20.8.0/21", inputs(t, p, "n-vpc-public-2")["cidrBlock"], "half of it each")
}
