package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestValidateRefuses has the rules that a stack's configuration cannot break; the
// program's own table has the others.
func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	existing := func(change func(*ExistingQueue)) func(*QueueWorkerArgs) {
		return func(a *QueueWorkerArgs) {
			a.Queue.Existing = &ExistingQueue{
				URL: pulumi.String("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo"),
				ARN: pulumi.String(testQueue), Name: pulumi.String("jobs.fifo"),
			}
			change(a.Queue.Existing)
		}
	}
	cases := map[string]struct {
		change func(*QueueWorkerArgs)
		want   string
	}{
		"no image": {func(a *QueueWorkerArgs) {
			a.Task.Image = nil
		}, `Task.Image: "": is required`},
		"image without tag": {func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("jobs")
		}, `Task.Image: "jobs": needs a tag`},
		"image with a port, no tag": {func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("registry.local:5000/jobs")
		}, "needs a tag"},
		"image with a short digest": {func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("jobs@sha256:abc")
		}, "64 hex digits"},
		"repository of another kind": {
			func(a *QueueWorkerArgs) {
				a.Task.RepositoryARN = pulumi.String(testKey)
			}, "Task.RepositoryARN: \"" + testKey + `": needs to be an ARN of the form arn:aws:ecr:`},
		"no cluster": {func(a *QueueWorkerArgs) {
			a.Service.ClusterName = nil
		}, `Service.ClusterName: "": is required`},
		"cluster by ARN": {func(a *QueueWorkerArgs) {
			a.Service.ClusterName = pulumi.String("arn:aws:ecs:eu-west-1:123456789012:cluster/apps")
		}, "not its ARN"},
		"no subnets": {func(a *QueueWorkerArgs) {
			a.Service.SubnetIDs = nil
		}, `Service.SubnetIDs: "": needs at least one`},
		"empty subnets": {func(a *QueueWorkerArgs) {
			a.Service.SubnetIDs = pulumi.StringArray{}
		}, `Service.SubnetIDs: "": needs at least one`},
		"no security groups": {func(a *QueueWorkerArgs) {
			a.Service.SecurityGroupIDs = nil
		}, `Service.SecurityGroupIDs: "": needs at least one`},
		"existing queue, own name": {func(a *QueueWorkerArgs) {
			existing(func(*ExistingQueue) {})(a)
			a.Queue.Name = "x.fifo"
		}, "no other setting of the queue"},
		"existing queue, no ARN": {existing(func(q *ExistingQueue) {
			q.ARN = nil
		}), `Queue.Existing.ARN: "": is required`},
		"existing queue, wrong ARN": {existing(func(q *ExistingQueue) {
			q.ARN = pulumi.String(testKey)
		}), "Queue.Existing.ARN"},
		"existing standard queue": {existing(func(q *ExistingQueue) {
			q.Name = pulumi.String("jobs")
		}), "ends in .fifo"},
		"existing DLQ by half": {existing(func(q *ExistingQueue) {
			q.DeadLetterQueueURL = pulumi.String("https://sqs/failed.fifo")
		}), "needs Queue.Existing.DeadLetterQueueARN, too"},
		"existing queue, wrong key": {existing(func(q *ExistingQueue) {
			q.KMSKeyARN = pulumi.String("key")
		}), "Queue.Existing.KMSKeyARN"},
		"statement with no resource": {
			func(a *QueueWorkerArgs) {
				a.Identity.TaskPolicyStatements = []PolicyStatement{{Actions: []string{"s3:GetObject"}}}
			},
			"Identity.TaskPolicyStatements[0].Resources"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, with(tc.change).Validate(), tc.want)
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("ab", 32)
	cases := map[string]func(*QueueWorkerArgs){
		"the least": func(*QueueWorkerArgs) {},
		"image by digest": func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("jobs@sha256:" + digest)
		},
		"image by tag and digest": func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("jobs:v1@sha256:" + digest)
		},
		"image with a port": func(a *QueueWorkerArgs) {
			a.Task.Image = pulumi.String("registry.local:5000/jobs:v1")
		},
		"twelve hours": func(a *QueueWorkerArgs) { a.Queue.VisibilityTimeoutSeconds = 43200 },
		"queue outputs": func(a *QueueWorkerArgs) {
			later := pulumi.String("").ToStringOutput()
			a.Queue.Existing = &ExistingQueue{URL: later, ARN: later, Name: later}
		},
		"any resource": func(a *QueueWorkerArgs) {
			a.Identity.TaskPolicyStatements =
				[]PolicyStatement{{Actions: []string{"*"}, Resources: pulumi.ToStringArray([]string{"*"})}}
		},
		"China": func(a *QueueWorkerArgs) {
			a.Task.KMSKeyARN = pulumi.String("arn:aws-cn:kms:cn-north-1:123456789012:key/1")
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, with(change).Validate())
		})
	}
}

func TestFargateSizes(t *testing.T) {
	t.Parallel()
	offered := map[int][]int{
		256:   {512, 1024, 2048},
		512:   {1024, 2048, 3072, 4096},
		1024:  {2048, 3072, 4096, 5120, 6144, 7168, 8192},
		2048:  {4096, 5120, 16384},
		4096:  {8192, 9216, 30720},
		8192:  {16384, 20480, 61440},
		16384: {32768, 40960, 122880},
	}
	refused := map[int][]int{
		256: {0, 256, 1536, 3072, 4096}, 512: {512, 1536, 5120}, 1024: {1024, 9216, 2049},
		2048: {3072, 17408}, 4096: {7168, 31744}, 8192: {17408, 65536}, 16384: {36864, 131072},
	}
	for cpu, memories := range offered {
		size, ok := findFargateSize(cpu)
		require.True(t, ok)
		for _, memory := range memories {
			assert.True(t, size.offers(memory), "%d CPU with %d MiB", cpu, memory)
		}
		for _, memory := range refused[cpu] {
			assert.False(t, size.offers(memory), "%d CPU with %d MiB", cpu, memory)
		}
	}
	_, ok := findFargateSize(100)
	assert.False(t, ok)
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*QueueWorkerArgs)
		want   []string
	}{
		"defaults": {func(*QueueWorkerArgs) {}, nil},
		"the tutorial's threshold on four vCPU": {
			func(a *QueueWorkerArgs) { a.Task.CPU = 4096; a.Scaling.Idle.CPUPercent = 0.01 },
			[]string{"Scaling.Idle.CPUPercent: 0.01: of 4 vCPU that is 0.4 ms of CPU a second, but a " +
				"process that only polls the queue needs about 1: the tasks may never count as idle; 0.25 " +
				"would do"},
		},
		"the same on a quarter": {
			func(a *QueueWorkerArgs) { a.Scaling.Idle.CPUPercent = 0.01 },
			[]string{"of 0.25 vCPU that is 0.025 ms"},
		},
		"unguarded": {func(a *QueueWorkerArgs) {
			a.Scaling.Idle.Unguarded = true
		}, []string{"Scaling.Idle.Unguarded"}},
		"twelve hours": {
			func(a *QueueWorkerArgs) { a.Queue.VisibilityTimeoutSeconds = 43200 },
			[]string{"blocked for up to 12.0 hours",
				"Queue.MessageRetentionSeconds: 345600: a message that is never finished is received 10 " +
					"times for 43200 seconds each"},
		},
		"twelve hours, and alarms for people": {
			func(a *QueueWorkerArgs) {
				a.Queue.VisibilityTimeoutSeconds, a.Queue.MessageRetentionSeconds = 43200, 1209600
				a.Task.HandlerTimeoutMinutes = 718
				a.Operations.TopicARN = pulumi.String(testTopic)
			},
			nil,
		},
		"alarms before a job may be done": {
			func(a *QueueWorkerArgs) {
				stuck, hours := 60, 11
				a.Task.HandlerTimeoutMinutes = 718
				a.Operations = OperationsArgs{TopicARN: pulumi.String(testTopic), StuckMinutes: &stuck,
					NeverStoppingHours: &hours}
			},
			[]string{"Operations.StuckMinutes: 60: a message may be worked on for 718 minutes " +
				"(Task.HandlerTimeoutMinutes)", "Operations.NeverStoppingHours: 11"},
		},
		"too many at once": {
			func(a *QueueWorkerArgs) { a.Task.Concurrency = 32 },
			[]string{"Task.Concurrency: 32: leaves 16 MiB of Task.MemoryMiB",
				"Task.Concurrency: 32: leaves 8 units of Task.CPU"},
		},
		"a sidecar": {
			func(a *QueueWorkerArgs) {
				a.Task.Sidecars = []pulumi.Map{{"name": pulumi.String("agent"),
					"image": pulumi.String("agent:v1")}}
			},
			[]string{"Task.Sidecars: \"1 container\": their CPU counts, too"},
		},
		"Spot in name only": {
			func(a *QueueWorkerArgs) {
				a.Service.SpotPercent, a.Service.OnDemandBase, a.Scaling.MaxCapacity = 50, 5, 5
				a.Scaling.AdjustmentType = ExactCapacity
			},
			[]string{"Service.OnDemandBase: 5: is all of Scaling.MaxCapacity (5): nothing ever runs on Spot"},
		},
		"another log driver": {
			func(a *QueueWorkerArgs) {
				a.Task.LogConfiguration = pulumi.Map{"logDriver": pulumi.String("splunk")}
			},
			[]string{"Task.LogConfiguration: \"splunk\": the metrics that the worker writes into its log"},
		},
		"steps that touch": {func(a *QueueWorkerArgs) {
			a.Scaling.Steps = []ScalingStep{{Upper: at(9), Change: -1}, {Lower: at(9), Change: 1}}
		}, []string{"at a depth of 9 both alarms act", "up to 9 messages are waiting or worked on"}},
		"exact steps": {func(a *QueueWorkerArgs) {
			a.Scaling.AdjustmentType = ExactCapacity
			a.Scaling.Steps = []ScalingStep{{Lower: at(1), Change: 1}, {Lower: at(9), Change: 3}}
		}, []string{"the scale-out alarm looks at waiting messages only"}},
		"exact steps of a worker that protects its task": {func(a *QueueWorkerArgs) {
			a.Task.ProtectsItself = true
			a.Scaling.AdjustmentType = ExactCapacity
			a.Scaling.Steps = []ScalingStep{{Lower: at(1), Change: 1}, {Lower: at(9), Change: 3}}
		}, nil},
		"an existing queue": {func(a *QueueWorkerArgs) { a.Queue.Existing = &ExistingQueue{} }, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := with(tc.change).withDefaults().warnings()
			require.Len(t, got, len(tc.want))
			for i, want := range tc.want {
				assert.Contains(t, got[i].Error(), want)
			}
		})
	}
}
