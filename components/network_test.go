package components

import (
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

const testVPC = "vpc-0123456789abcdef0"

// networkPlan makes a network in an account with one VPC, and returns the ids of its subnets and groups.
func networkPlan(t *testing.T, preview bool, args NetworkArgs) (p *plan.Plan, subnets []string, err error) {
	t.Helper()
	account := testAccount(t)
	account.VPCs[testVPC] = &cloud.VPC{PublicSubnetIDs: []string{"subnet-public"},
		PrivateSubnetIDs: []string{"subnet-private"}}
	account.VPCs["vpc-00000000000000bad"] = &cloud.VPC{}
	known := make(chan []string, 1)
	p, err = plan.Of(func(ctx *pulumi.Context) error {
		provider, err := aws.NewProvider(ctx, "mine", &aws.ProviderArgs{Region: pulumi.String("us-west-1")})
		if err != nil {
			return err
		}
		n, err := NewNetwork(ctx, "n", &args, pulumi.Providers(provider))
		if err == nil {
			n.SubnetIDs.ApplyT(func(ids []string) bool { known <- ids; return true })
		}
		return err
	}, plan.Options{Project: "project", Stack: "test", Preview: preview, Account: account})
	if err == nil && !preview {
		subnets = <-known
	}
	return p, subnets, err
}

func TestNewNetwork(t *testing.T) {
	t.Parallel()
	for _, preview := range []bool{false, true} {
		p, subnets, err := networkPlan(t, preview, NetworkArgs{})
		require.NoError(t, err)
		vpc := registration(t, p, "n-vpc")
		assert.Equal(t, "awsx:ec2:Vpc", vpc.Type)
		assert.Contains(t, vpc.RPC.GetParent(), NetworkType+"::n",
			"from whom it inherits the provider for its children")
		assert.Contains(t, registration(t, p, "n").RPC.GetProviders()["aws"], "::mine")
		assert.Equal(t, map[string]any{"strategy": "None"}, vpc.Inputs["natGateways"],
			"a NAT gateway costs more than the tasks save")
		assert.Equal(t, []any{map[string]any{"type": "Public"}}, vpc.Inputs["subnetSpecs"])
		closed := inputs(t, p, "n-default")
		assert.NotContains(t, closed, "ingress")
		assert.NotContains(t, closed, "egress")
		group := inputs(t, p, "n-egress")
		assert.NotContains(t, group, "ingress")
		assert.Equal(t, []any{"0.0.0.0/0"}, group["egress"].([]any)[0].(map[string]any)["cidrBlocks"])
		if !preview {
			assert.Len(t, subnets, 2)
			assert.Equal(t, "vpc-00000000000000001", group["vpcId"])
		}
	}
}

func TestJoinedNetwork(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args    NetworkArgs
		subnets []string
		groups  int // security groups made
	}{
		"private subnets": {NetworkArgs{VPCID: pulumi.String(testVPC)}, []string{"subnet-private"}, 1},
		"public subnets": {NetworkArgs{VPCID: pulumi.String(testVPC), PublicIPs: true},
			[]string{"subnet-public"}, 1},
		"named subnets": {NetworkArgs{VPCID: pulumi.String(testVPC),
			SubnetIDs: pulumi.ToStringArray([]string{"subnet-0123456789abcdef0"})},
			[]string{"subnet-0123456789abcdef0"}, 1},
		"named groups": {NetworkArgs{VPCID: pulumi.String(testVPC),
			SecurityGroupIDs: pulumi.ToStringArray([]string{"sg-0123456789abcdef0"})},
			[]string{"subnet-private"}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, subnets, err := networkPlan(t, false, tc.args)
			require.NoError(t, err)
			assert.Equal(t, tc.subnets, subnets)
			assert.Zero(t, p.Types()["awsx:ec2:Vpc"])
			assert.Equal(t, tc.groups, p.Types()["aws:ec2/securityGroup:SecurityGroup"])
		})
	}
}

func TestVPCWithoutSubnets(t *testing.T) {
	t.Parallel()
	_, _, err := networkPlan(t, false, NetworkArgs{VPCID: pulumi.String("vpc-00000000000000bad")})
	require.ErrorContains(t, err,
		`VPCID: "vpc-00000000000000bad": has no subnet with map-public-ip-on-launch false; name SubnetIDs`)
}

func TestCluster(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args  ClusterArgs
		types map[string]int
	}{
		"new": {ClusterArgs{}, map[string]int{ClusterType: 1, "aws:ecs/cluster:Cluster": 1}},
		"new spot": {ClusterArgs{Spot: true}, map[string]int{ClusterType: 1, "aws:ecs/cluster:Cluster": 1,
			"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": 1}},
		"existing": {ClusterArgs{Existing: pulumi.String("apps")}, map[string]int{ClusterType: 1}},
		"existing spot is left as it is": {
			ClusterArgs{Existing: pulumi.String("apps"), Spot: true}, map[string]int{ClusterType: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, preview := range []bool{false, true} {
				p, err := planOf(t, preview, func(ctx *pulumi.Context) error {
					_, err := NewCluster(ctx, "c", &tc.args)
					return err
				})
				require.NoError(t, err)
				assert.Equal(t, tc.types, p.Types())
			}
		})
	}
}

func TestMissingCluster(t *testing.T) {
	t.Parallel()
	_, err := planOf(t, false, func(ctx *pulumi.Context) error {
		_, err := NewCluster(ctx, "c", &ClusterArgs{Existing: pulumi.String("nowhere")})
		return err
	})
	require.ErrorContains(t, err, "Existing: \"nowhere\": looking up the cluster failed")
}

func TestServiceWaitsForCapacityProviders(t *testing.T) {
	t.Parallel()
	p, err := planOf(t, false, func(ctx *pulumi.Context) error {
		cluster, err := NewCluster(ctx, "c", &ClusterArgs{Spot: true})
		if err != nil {
			return err
		}
		_, err = NewQueueWorker(ctx, "w", with(func(a *QueueWorkerArgs) {
			a.Service.ClusterName = cluster.Name
			a.Service.SpotPercent = 50
		}))
		return err
	})
	require.NoError(t, err)
	assert.True(t, dependsOn(registration(t, p, "w-service"), "c-capacity-providers"))
}
