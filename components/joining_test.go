package components

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

// TestAnExistingQueueIsWhereTheStackIs: alarms see the metrics of their own region and
// account only, so that nothing would ever start.
func TestAnExistingQueueIsWhereTheStackIs(t *testing.T) {
	t.Parallel()
	const here = "arn:aws:sqs:us-west-1:123456789012:jobs.fifo"
	cases := map[string]struct {
		queue *ExistingQueue
		want  string
	}{
		"another region": {&ExistingQueue{ARN: pulumi.String("arn:aws:sqs:us-east-1:123456789012:" +
			"jobs.fifo")}, "Queue.Existing.ARN"},
		"another account": {&ExistingQueue{ARN: pulumi.String("arn:aws:sqs:us-west-1:210987654321:" +
			"jobs.fifo")}, "Queue.Existing.ARN"},
		"its dead letters": {&ExistingQueue{
			ARN:                pulumi.String(here),
			DeadLetterQueueARN: pulumi.String("arn:aws:sqs:us-east-1:123456789012:failed.fifo"),
		}, "Queue.Existing.DeadLetterQueueARN"},
		"known later": {&ExistingQueue{ARN: pulumi.String("arn:aws:sqs:us-east-1:123456789012:" +
			"jobs.fifo").ToStringOutput()}, "Queue.Existing.ARN"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, preview := range []bool{false, true} {
				_, err := planOf(t, preview, func(ctx *pulumi.Context) error {
					_, err := NewQueueWorker(ctx, "w", with(func(a *QueueWorkerArgs) {
						a.Queue.Existing = tc.queue
					}))
					return err
				})
				require.ErrorContains(t, err, tc.want)
				require.ErrorContains(t, err,
					"needs to be a queue of the stack's region (us-west-1) and account (123456789012)")
			}
		})
	}
}

// TestMapsFromResources: whole maps may be outputs.
func TestMapsFromResources(t *testing.T) {
	t.Parallel()
	p := workerPlan(t, false, with(func(a *QueueWorkerArgs) {
		a.Task.Environment = pulumi.ToStringMap(map[string]string{"ENV": "test"}).ToStringMapOutput()
		a.Task.Secrets = pulumi.ToStringMap(map[string]string{"TOKEN": "/token"}).ToStringMapOutput()
	}))
	assert.Equal(t, "test", containerOf(t, p).variables()["ENV"])
	assert.Equal(t, "arn:aws:ssm:us-west-1:123456789012:parameter/token",
		containerOf(t, p).secrets()["TOKEN"])
}

// TestJoiningResourcesOfTheSameProgram: Network, Cluster and Image take what is not known
// yet.
func TestJoiningResourcesOfTheSameProgram(t *testing.T) {
	t.Parallel()
	for _, preview := range []bool{false, true} {
		account := testAccount(t)
		account.VPCs[testVPC] = &cloud.VPC{PrivateSubnetIDs: []string{"subnet-0123456789abcdef0"}}
		account.PushImage("jobs", "v1")
		found := make(chan []any, 1)
		_, err := plan.Of(func(ctx *pulumi.Context) error {
			later := func(text string) pulumi.StringOutput { return pulumi.String(text).ToStringOutput() }
			network, err := NewNetwork(ctx, "n", &NetworkArgs{VPCID: later(testVPC)})
			require.NoError(t, err)
			cluster, err := NewCluster(ctx, "c", &ClusterArgs{Existing: later("apps")})
			require.NoError(t, err)
			image, err := NewImage(ctx, "i", &ImageArgs{Repository: later("jobs"), Tag: later("v1")})
			require.NoError(t, err)
			whole, err := NewImage(ctx, "r", &ImageArgs{Reference: later(testImage)})
			require.NoError(t, err)
			pulumi.All(network.SubnetIDs, cluster.Name, image.URI,
				whole.RepositoryARN).ApplyT(func(all []any) bool {
				found <- all
				return true
			})
			return nil
		}, plan.Options{Project: "project", Stack: "test", Preview: preview, Account: account})
		require.NoError(t, err)
		all := <-found
		assert.Equal(t, []string{"subnet-0123456789abcdef0"}, all[0])
		assert.Equal(t, "apps", all[1])
		assert.Contains(t, fmt.Sprint(all[2]), "/jobs@sha256:")
		assert.Equal(t, testRepo, all[3])
	}
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		_, err := NewNetwork(ctx, "n",
			&NetworkArgs{VPCID: pulumi.String("vpc-00000000000000bad").ToStringOutput()})
		return err
	})
	require.ErrorContains(t, err, "has no subnet with map-public-ip-on-launch false")
}
