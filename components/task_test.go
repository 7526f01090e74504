package components

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

// container is a container definition as ECS reads it.
type container struct {
	Name, Image            string
	Essential              bool
	Command                []string
	StopTimeout            int
	ReadonlyRootFilesystem bool
	Environment            []struct{ Name, Value string }
	Secrets                []struct{ Name, ValueFrom string }
	LinuxParameters        struct{ InitProcessEnabled bool }
	LogConfiguration       struct {
		LogDriver string
		Options   map[string]string
	}
}

func containerOf(t *testing.T, p *plan.Plan) container {
	t.Helper()
	var containers []container
	require.NoError(t, json.Unmarshal([]byte(inputs(t, p, "w-task")["containerDefinitions"].(string)),
		&containers))
	require.Len(t, containers, 1)
	return containers[0]
}

func (c container) variables() map[string]string {
	vars := map[string]string{}
	for _, v := range c.Environment {
		vars[v.Name] = v.Value
	}
	return vars
}

func (c container) secrets() map[string]string {
	vars := map[string]string{}
	for _, v := range c.Secrets {
		vars[v.Name] = v.ValueFrom
	}
	return vars
}

func TestTaskDefinitionDefaults(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		task := inputs(t, p, "w-task")
		assert.Equal(t, "256", task["cpu"])
		assert.Equal(t, "512", task["memory"])
		assert.Equal(t, "awsvpc", task["networkMode"])
		assert.Equal(t, []any{"FARGATE"}, task["requiresCompatibilities"])
		assert.Equal(t, map[string]any{"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
			task["runtimePlatform"])
		assert.Equal(t, "project-test-w", task["family"])
		assert.NotContains(t, task, "ephemeralStorage")
		assert.Equal(t, 30.0, inputs(t, p, "w-logs")["retentionInDays"])
		if preview {
			return
		}
		c := containerOf(t, p)
		assert.Equal(t, ContainerName, c.Name)
		assert.Equal(t, testImage, c.Image)
		assert.True(t, c.Essential)
		assert.Equal(t, 120, c.StopTimeout)
		assert.True(t, c.LinuxParameters.InitProcessEnabled)
		assert.False(t, c.ReadonlyRootFilesystem)
		assert.Empty(t, c.Command)
		assert.Empty(t, c.Secrets)
		assert.Equal(t, map[string]string{
			"QUEUE_URL":            "https://sqs.us-west-1.amazonaws.com/123456789012/w-queue.fifo",
			"QUEUE_NAME":           "w-queue.fifo",
			"DLQ_URL":              "https://sqs.us-west-1.amazonaws.com/123456789012/w-dlq.fifo",
			"STOP_TIMEOUT_SECONDS": "120",
			"HANDLER_TIMEOUT":      "60m",
			"MAX_RECEIVE_COUNT":    "10",
			"CONCURRENCY":          "10",
		}, c.variables())
		assert.Equal(t, "awslogs", c.LogConfiguration.LogDriver)
		assert.Equal(t, map[string]string{"awslogs-group": "w-logs", "awslogs-region": "us-west-1",
			"awslogs-stream-prefix": "worker", "mode": "non-blocking", "max-buffer-size": "25m"},
			c.LogConfiguration.Options)
	})
}

func TestTaskDefinitionOptions(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) {
		a.Task = TaskArgs{
			Image: pulumi.String(testImage), CPU: 4096, MemoryMiB: 8192, Architecture: ARM64,
			Command:                []string{"python", "job.py"},
			Environment:            pulumi.ToStringMap(map[string]string{"ENV": "prod", "A": "1"}),
			EphemeralStorageGiB:    50,
			Volumes:                []Volume{{Name: "tmp"}},
			MountPoints:            []MountPoint{{SourceVolume: "tmp", ContainerPath: "/tmp"}},
			ReadonlyRootFilesystem: true,
			LogRetentionDays:       7,
		}
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		task := inputs(t, p, "w-task")
		assert.Equal(t, "4096", task["cpu"])
		assert.Equal(t, "8192", task["memory"])
		assert.Equal(t, "ARM64", task["runtimePlatform"].(map[string]any)["cpuArchitecture"])
		assert.Equal(t, map[string]any{"sizeInGib": 50.0}, task["ephemeralStorage"])
		assert.Equal(t, 7.0, inputs(t, p, "w-logs")["retentionInDays"])
		if preview {
			return
		}
		c := containerOf(t, p)
		assert.Equal(t, []string{"python", "job.py"}, c.Command)
		assert.True(t, c.ReadonlyRootFilesystem)
		assert.Equal(t, "prod", c.variables()["ENV"])
		var order []string
		for _, v := range c.Environment {
			order = append(order, v.Name)
		}
		assert.IsIncreasing(t, order, "the order of a map would make a new revision of each update")
	})
}

func TestLeastMemoryForTheCPU(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) { a.Task.CPU = 2048 }))
	assert.Equal(t, "4096", inputs(t, p, "w-task")["memory"])
}

func TestSecretEnvironmentStaysSecret(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Task.Environment =
			pulumi.StringMap{"TOKEN": pulumi.ToSecret(pulumi.String("hush")).(pulumi.StringOutput)}
	}))
	fields := registration(t, p, "w-task").RPC.GetObject().GetFields()
	signature := fields["containerDefinitions"].GetStructValue().GetFields()
	assert.NotNil(t, signature, "a secret is registered as an object with a signature, not as a text")
}

func TestLogsUnderACustomerKey(t *testing.T) {
	t.Parallel()
	bothModes(t, with(func(a *QueueWorkerArgs) {
		a.Task.LogKMSKeyARN = pulumi.String(testKey)
	}), func(t *testing.T, p *plan.Plan, _ bool) {
		assert.Equal(t, testKey, inputs(t, p, "w-logs")["kmsKeyId"])
	})
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, _ bool) {
		assert.NotContains(t, inputs(t, p, "w-logs"), "kmsKeyId")
	})
}

// TestOwnVariables: each that the component sets is refused in environment, and its texts name it.
func TestOwnVariables(t *testing.T) {
	t.Parallel()
	described, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	source, err := os.ReadFile("task.go")
	require.NoError(t, err)
	args := with(func(a *QueueWorkerArgs) { a.Task.MaxAttempts = 6 })
	bothModes(t, args, func(t *testing.T, p *plan.Plan, preview bool) {
		if preview {
			return // the URLs of queues are not known yet
		}
		for name := range containerOf(t, p).variables() {
			if name == "MAX_RECEIVE_COUNT" {
				continue // see ownEnvironment
			}
			assert.Contains(t, ownEnvironment, name, "ownEnvironment of container.go")
			assert.True(t, strings.Contains(string(described), name), "Pulumi.yaml, environment: %s", name)
			assert.True(t, strings.Contains(string(source), name), "TaskArgs.Environment: %s", name)
		}
	})
}
