package components

import (
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	awsxec2 "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// NetworkType is the type token of the component.
const NetworkType = "fargate-queue-worker:index:Network"

// NetworkArgs name the parts of the network that exist; the others are made or
// looked up.
type NetworkArgs struct {
	// VPCID of an existing VPC. Default: a new one over two availability zones,
	// with public subnets only: a NAT gateway would cost more each month than the
	// tasks save.
	VPCID string
	// SubnetIDs of the existing VPC. Default: all its subnets that give out public
	// addresses (with PublicIPs), or all those that do not; name them if a private
	// one has no way out, or a public one gives out no addresses.
	SubnetIDs []string
	// SecurityGroupIDs of the existing VPC. Default: a new group that lets traffic
	// out and none in.
	SecurityGroupIDs []string
	// PublicIPs says which subnets of an existing VPC are taken. Default false.
	PublicIPs bool
	// Tags are put on every resource that takes them. Default: none.
	Tags pulumi.StringMapInput
}

var vpcID = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)

// Validate reports what is wrong with the arguments, as *FieldError joined.
func (args NetworkArgs) Validate() error {
	var found FieldErrors
	if args.VPCID == "" && len(args.SubnetIDs) > 0 {
		found.Add("subnetIds", args.SubnetIDs, "belong to an existing VPC; name it in vpcId")
	}
	if args.VPCID == "" && len(args.SecurityGroupIDs) > 0 {
		found.Add("securityGroupIds", args.SecurityGroupIDs, "belong to an existing VPC; name it in vpcId")
	}
	if args.VPCID != "" && !vpcID.MatchString(args.VPCID) {
		found.Add("vpcId", args.VPCID, "needs to be a VPC id such as vpc-0123456789abcdef0")
	}
	return found.Err()
}

// Network is where tasks run.
type Network struct {
	pulumi.ResourceState

	SubnetIDs        pulumi.StringArrayOutput `pulumi:"subnetIds"`
	SecurityGroupIDs pulumi.StringArrayOutput `pulumi:"securityGroupIds"`
}

// NewNetwork joins or makes a network. It fails if an existing VPC has no subnet of
// the wanted kind.
func NewNetwork(ctx *pulumi.Context, name string, args NetworkArgs, opts ...pulumi.ResourceOption) (*Network, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("network %q:\n%w", name, err)
	}
	n := &Network{}
	if err := ctx.RegisterComponentResource(NetworkType, name, n, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	vpcID, err := n.subnets(ctx, name, args)
	if err != nil {
		return nil, err
	}
	if err := n.securityGroups(ctx, name, args, vpcID); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"subnetIds": n.SubnetIDs, "securityGroupIds": n.SecurityGroupIDs,
	})
}

// subnets sets SubnetIDs and returns the id of their VPC.
func (n *Network) subnets(ctx *pulumi.Context, name string, args NetworkArgs) (pulumi.StringInput, error) {
	if args.VPCID == "" {
		vpc, err := n.newVPC(ctx, name, args)
		if err != nil {
			return nil, err
		}
		n.SubnetIDs = vpc.PublicSubnetIds
		return vpc.VpcId, nil
	}
	ids := args.SubnetIDs
	if len(ids) == 0 {
		var err error
		if ids, err = n.lookUpSubnets(ctx, args); err != nil {
			return nil, err
		}
	}
	n.SubnetIDs = pulumi.ToStringArray(ids).ToStringArrayOutput()
	return pulumi.String(args.VPCID), nil
}

func (n *Network) newVPC(ctx *pulumi.Context, name string, args NetworkArgs) (*awsxec2.Vpc, error) {
	zones := 2
	strategy := awsxec2.SubnetAllocationStrategyAuto
	vpc, err := awsxec2.NewVpc(ctx, name+"-vpc", &awsxec2.VpcArgs{
		NumberOfAvailabilityZones: &zones,
		SubnetStrategy:            &strategy,
		SubnetSpecs:               []awsxec2.SubnetSpecArgs{{Type: awsxec2.SubnetTypePublic}},
		NatGateways:               &awsxec2.NatGatewayConfigurationArgs{Strategy: awsxec2.NatGatewayStrategyNone},
		EnableDnsHostnames:        pulumi.Bool(true),
		Tags:                      args.Tags,
	}, pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("creating the VPC: %w", err)
	}
	// A VPC comes with a group whose members may talk to each other. Nothing uses it;
	// without rules nothing can.
	_, err = ec2.NewDefaultSecurityGroup(ctx, name+"-default", &ec2.DefaultSecurityGroupArgs{
		VpcId: vpc.VpcId,
		Tags:  args.Tags,
	}, pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("closing the VPC's default security group: %w", err)
	}
	return vpc, nil
}

// lookUpSubnets finds the public or the private subnets by what AWS records of
// them: whether they give an address to what starts in them.
func (n *Network) lookUpSubnets(ctx *pulumi.Context, args NetworkArgs) ([]string, error) {
	kind := fmt.Sprint(args.PublicIPs)
	found, err := ec2.GetSubnets(ctx, &ec2.GetSubnetsArgs{Filters: []ec2.GetSubnetsFilter{
		{Name: "vpc-id", Values: []string{args.VPCID}},
		{Name: "map-public-ip-on-launch", Values: []string{kind}},
	}}, pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("looking up the subnets of %s: %w", args.VPCID, err)
	}
	if len(found.Ids) == 0 {
		return nil, &FieldError{Key: "vpcId", Value: args.VPCID,
			Want: fmt.Sprintf("has no subnet with map-public-ip-on-launch %s; name subnetIds, or set assignPublicIp to %t", kind, !args.PublicIPs)}
	}
	return found.Ids, nil
}

func (n *Network) securityGroups(ctx *pulumi.Context, name string, args NetworkArgs, vpcID pulumi.StringInput) error {
	if len(args.SecurityGroupIDs) > 0 {
		n.SecurityGroupIDs = pulumi.ToStringArray(args.SecurityGroupIDs).ToStringArrayOutput()
		return nil
	}
	group, err := ec2.NewSecurityGroup(ctx, name+"-egress", &ec2.SecurityGroupArgs{
		VpcId:       vpcID.ToStringOutput(),
		Description: pulumi.String("Queue workers: anything out, nothing in"),
		Egress: ec2.SecurityGroupEgressArray{&ec2.SecurityGroupEgressArgs{
			Protocol: pulumi.String("-1"), FromPort: pulumi.Int(0), ToPort: pulumi.Int(0),
			CidrBlocks:  pulumi.ToStringArray([]string{"0.0.0.0/0"}),
			Description: pulumi.String("What a handler has to reach is not known here"),
		}},
		Tags: args.Tags,
	}, pulumi.Parent(n))
	if err != nil {
		return fmt.Errorf("creating the security group: %w", err)
	}
	n.SecurityGroupIDs = pulumi.StringArray{group.ID().ToStringOutput()}.ToStringArrayOutput()
	return nil
}
