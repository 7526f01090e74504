package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ClusterType is the type token of the component.
const ClusterType = "fargate-queue-worker:index:Cluster"

// ClusterArgs are the arguments of NewCluster.
type ClusterArgs struct {
	// Existing is the name of a cluster to join. It is looked up, never changed:
	// capacity providers associated here would replace those it has. Default: a new
	// cluster.
	Existing pulumi.StringInput `pulumi:"existing,optional"`
	// Spot associates a new cluster with FARGATE and FARGATE_SPOT. Default false.
	Spot bool `pulumi:"spot,optional"`
	// Tags are put on a new cluster. Default: none.
	Tags pulumi.StringMapInput `pulumi:"tags,optional"`
}

// Cluster is an ECS cluster, made or joined.
type Cluster struct {
	pulumi.ResourceState

	// Name is known once tasks can be placed, capacity providers included.
	Name pulumi.StringOutput `pulumi:"name"`
}

// NewCluster makes or joins a cluster. It fails if the cluster to join does not
// exist.
func NewCluster(
	ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption,
) (*Cluster, error) {
	if args == nil {
		args = &ClusterArgs{}
	}
	c := &Cluster{}
	if err := ctx.RegisterComponentResourceV2(ClusterType, name, given(pulumi.Map{
		"existing": args.Existing, "spot": pulumi.Bool(args.Spot), "tags": args.Tags,
	}), c, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	join := c.create
	if args.Existing != nil {
		join = c.lookUp
	}
	if err := join(ctx, name, args); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name})
}

// lookUp fails at once for a cluster that does not exist, and later for one whose name is
// not known yet.
func (c *Cluster) lookUp(ctx *pulumi.Context, _ string, args *ClusterArgs) error {
	name, known := plain(args.Existing)
	if !known {
		c.Name = ecs.LookupClusterOutput(ctx, ecs.LookupClusterOutputArgs{ClusterName: args.Existing},
			pulumi.Parent(c)).ClusterName()
		return nil
	}
	found, err := ecs.LookupCluster(ctx, &ecs.LookupClusterArgs{ClusterName: name}, pulumi.Parent(c))
	if err != nil {
		return &FieldError{Field: "Existing", Value: name,
			Want: fmt.Sprintf("looking up the cluster failed: %v", err)}
	}
	c.Name = pulumi.String(found.ClusterName).ToStringOutput()
	return nil
}

func (c *Cluster) create(ctx *pulumi.Context, name string, args *ClusterArgs) error {
	cluster, err := ecs.NewCluster(ctx, name+"-cluster", &ecs.ClusterArgs{Tags: args.Tags}, pulumi.Parent(c))
	if err != nil {
		return fmt.Errorf("creating the cluster: %w", err)
	}
	c.Name = cluster.Name
	if !args.Spot {
		return nil
	}
	providers, err := ecs.NewClusterCapacityProviders(ctx, name+"-capacity-providers",
		&ecs.ClusterCapacityProvidersArgs{
			ClusterName:       cluster.Name,
			CapacityProviders: pulumi.ToStringArray([]string{"FARGATE", "FARGATE_SPOT"}),
		}, pulumi.Parent(c))
	if err != nil {
		return fmt.Errorf("associating the capacity providers: %w", err)
	}
	c.Name = providers.ClusterName
	return nil
}
