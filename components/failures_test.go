package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

// failAt runs a constructor and makes the registration of one resource fail, as it
// does when the engine shuts down, and returns the constructor's error.
func failAt(t *testing.T, name string, construct func(*pulumi.Context, pulumi.ResourceOption) error) error {
	t.Helper()
	reached, over := make(chan struct{}), make(chan struct{})
	result := make(chan error, 1)
	holdBack := pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			if args.Name == name && args.Type != QueueWorkerType {
				close(reached)
				<-over
			}
			return nil
		},
	})
	_, err := plan.Of(func(ctx *pulumi.Context) error {
		go func() { result <- construct(ctx, holdBack) }()
		select {
		case <-reached:
			return nil
		case err := <-result:
			require.NoError(t, err, "before %s was reached", name)
			require.Failf(t, "never registered", "%s", name)
			return nil
		}
	}, plan.Options{Project: "project", Stack: "test", Account: testAccount(t)})
	require.NoError(t, err)
	close(over)
	return <-result
}

func TestFailuresSayWhatFailed(t *testing.T) {
	t.Parallel()
	worker := func(ctx *pulumi.Context, opt pulumi.ResourceOption) error {
		_, err := NewQueueWorker(ctx, "w", with(func(a *QueueWorkerArgs) {
			a.Scaling.Steps = []ScalingStep{{Upper: at(0), Change: -1}, {Lower: at(1), Change: 1}}
			a.Operations = OperationsArgs{TopicARN: pulumi.String(testTopic), Dashboard: true}
		}), opt)
		return err
	}
	network := func(ctx *pulumi.Context, opt pulumi.ResourceOption) error {
		_, err := NewNetwork(ctx, "n", &NetworkArgs{}, opt)
		return err
	}
	cluster := func(ctx *pulumi.Context, opt pulumi.ResourceOption) error {
		_, err := NewCluster(ctx, "c", &ClusterArgs{Spot: true}, opt)
		return err
	}
	image := func(ctx *pulumi.Context, opt pulumi.ResourceOption) error {
		_, err := NewImage(ctx, "i", &ImageArgs{Context: ".", Dockerfile: "worker/Dockerfile", Folder: ".."},
			opt)
		return err
	}
	cases := map[string]struct {
		construct func(*pulumi.Context, pulumi.ResourceOption) error
		want      string
	}{
		"w-dlq":                {worker, "creating the dead-letter queue"},
		"w-queue":              {worker, "creating the queue"},
		"w-queue-policy":       {worker, "attaching the queue's policy"},
		"w-dlq-policy":         {worker, "attaching the dead-letter queue's policy"},
		"w-dlq-redrive-allow":  {worker, "allowing the redrive"},
		"w-redrive":            {worker, "setting the redrive policy"},
		"w-logs":               {worker, "creating the log group"},
		"w-execution-role":     {worker, "creating the execution role"},
		"w-execution-policy":   {worker, "attaching the execution role's policy"},
		"w-task-role":          {worker, "creating the task role"},
		"w-task-policy":        {worker, "attaching the task role's policy"},
		"w-task":               {worker, "creating the task definition"},
		"w-service":            {worker, "creating the service"},
		"w-target":             {worker, "registering the scalable target"},
		"w-scale-out-policy":   {worker, "creating the scale-out policy"},
		"w-scale-in-policy":    {worker, "creating the scale-in policy"},
		"w-idle-policy":        {worker, "creating the idle policy"},
		"w-scale-out-alarm":    {worker, "creating the scale-out-alarm"},
		"w-scale-in-alarm":     {worker, "creating the scale-in-alarm"},
		"w-idle-alarm":         {worker, "creating the idle-alarm"},
		"w-stuck-alarm":        {worker, "creating the stuck-alarm"},
		"w-failed-start":       {worker, "creating the rule for failed starts"},
		"w-dashboard":          {worker, "creating the dashboard"},
		"n":                    {network, "registering n"},
		"n-vpc":                {network, "creating the VPC"},
		"n-default":            {network, "closing the VPC's default security group"},
		"n-egress":             {network, "creating the security group"},
		"c":                    {cluster, "registering c"},
		"c-cluster":            {cluster, "creating the cluster"},
		"c-capacity-providers": {cluster, "associating the capacity providers"},
		"i":                    {image, "registering i"},
		"i-repository":         {image, "creating the repository"},
		"i-image":              {image, "building the image"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.ErrorContains(t, failAt(t, name, tc.construct), tc.want)
		})
	}
}

func TestFailedLookUps(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		token, want string
		construct   pulumi.RunFunc
	}{
		"partition": {"aws:index/getPartition:getPartition", "looking up the partition", nil},
		"region":    {"aws:index/getRegion:getRegion", "looking up the region", nil},
		"account":   {"aws:index/getCallerIdentity:getCallerIdentity", "looking up the account", nil},
		"subnets": {"aws:ec2/getSubnets:getSubnets", "looking up the subnets of " + testVPC,
			func(ctx *pulumi.Context) error {
				_, err := NewNetwork(ctx, "n", &NetworkArgs{VPCID: pulumi.String(testVPC)})
				return err
			}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.construct == nil {
				tc.construct = func(ctx *pulumi.Context) error {
					_, err := NewQueueWorker(ctx, "w", minimalArgs())
					return err
				}
			}
			_, err := plan.Of(tc.construct, plan.Options{Project: "project", Stack: "test",
				Account: testAccount(t), FailCalls: []string{tc.token}})
			assert.ErrorContains(t, err, tc.want)
		})
	}
}
