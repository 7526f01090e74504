package components

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

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
	VPCID pulumi.StringInput `pulumi:"vpcId,optional"`
	// AvailabilityZones of a new VPC, two or more by name, such as us-east-1a. Name them if
	// Fargate does not run in all zones of the account. Default: the region's first two.
	AvailabilityZones []string `pulumi:"availabilityZones,optional"`
	// CIDR of a new VPC, from a /16 to a /24. Default 10.0.0.0/16.
	CIDR string `pulumi:"cidr,optional"`
	// SubnetIDs of the existing VPC. Default: all its subnets that give out public
	// addresses (with PublicIPs), or all those that do not; name them if a private
	// one has no way out, or a public one gives out no addresses.
	SubnetIDs pulumi.StringArrayInput `pulumi:"subnetIds,optional"`
	// SecurityGroupIDs of the existing VPC. Default: a new group that lets traffic
	// out and none in.
	SecurityGroupIDs pulumi.StringArrayInput `pulumi:"securityGroupIds,optional"`
	// PublicIPs says which subnets of an existing VPC are taken. Default false.
	PublicIPs bool `pulumi:"publicIps,optional"`
	// Tags are put on every resource that takes them. Default: none.
	Tags pulumi.StringMapInput `pulumi:"tags,optional"`
}

var (
	isVPCID = matches(regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`),
		"needs to be a VPC id such as vpc-0123456789abcdef0")
	availabilityZone = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d[a-z]$`)
)

// checks are those of the arguments that may come from a resource.
func (args *NetworkArgs) checks() []inputCheck {
	return []inputCheck{
		{field: "VPCID", text: &args.VPCID, check: isVPCID},
		{field: "SubnetIDs", list: &args.SubnetIDs, check: isSubnetID},
		{field: "SecurityGroupIDs", list: &args.SecurityGroupIDs, check: isSecurityGroupID},
	}
}

// Validate reports what is wrong with the arguments, as *FieldError joined.
func (args *NetworkArgs) Validate() error {
	var found FieldErrors
	for _, check := range args.checks() {
		check.now(&found)
	}
	if args.VPCID == nil {
		if args.SubnetIDs != nil {
			found.Add("SubnetIDs", args.SubnetIDs, "belong to an existing VPC; name it in {VPCID}")
		}
		if args.SecurityGroupIDs != nil {
			found.Add("SecurityGroupIDs", args.SecurityGroupIDs,
				"belong to an existing VPC; name it in {VPCID}")
		}
	} else {
		if len(args.AvailabilityZones) > 0 {
			found.Add("AvailabilityZones", args.AvailabilityZones,
				"are those of a new VPC; {VPCID} names one that has its own")
		}
		if args.CIDR != "" {
			found.Add("CIDR", args.CIDR, "is that of a new VPC; {VPCID} names one that has its own")
		}
	}
	validateZones(&found, args.AvailabilityZones)
	if args.CIDR != "" && !isVPCRange(args.CIDR) {
		found.Add("CIDR", args.CIDR,
			"needs to be a private range with 16 to 24 bits of network, such as 10.20.0.0/16")
	}
	return found.Err()
}

func validateZones(found *FieldErrors, zones []string) {
	if len(zones) == 1 {
		found.Add("AvailabilityZones", zones, "needs two zones or more, so that one may fail")
	}
	for i, zone := range zones {
		field := fmt.Sprintf("AvailabilityZones[%d]", i)
		if !availabilityZone.MatchString(zone) {
			found.Add(field, zone, "needs to be the name of a zone, such as us-east-1a")
		}
		if slices.Index(zones, zone) < i {
			found.Add(field, zone, "is in the list twice")
		}
	}
}

// isVPCRange says whether a range is private and as large as subnets for tasks need; the
// bits of the host are 0.
func isVPCRange(text string) bool {
	const widest, narrowest = 16, 24
	prefix, err := netip.ParsePrefix(text)
	return err == nil && prefix == prefix.Masked() && prefix.Addr().Is4() && prefix.Addr().IsPrivate() &&
		prefix.Bits() >= widest && prefix.Bits() <= narrowest
}

// Network is where tasks run.
type Network struct {
	pulumi.ResourceState

	VPCID            pulumi.StringOutput      `pulumi:"vpcId"`
	SubnetIDs        pulumi.StringArrayOutput `pulumi:"subnetIds"`
	SecurityGroupIDs pulumi.StringArrayOutput `pulumi:"securityGroupIds"`
}

// NewNetwork joins or makes a network. It fails if an existing VPC has no subnet of
// the wanted kind.
func NewNetwork(
	ctx *pulumi.Context, name string, args *NetworkArgs, opts ...pulumi.ResourceOption,
) (*Network, error) {
	if args == nil {
		args = &NetworkArgs{}
	}
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("network %q:\n%w", name, err)
	}
	checked := *args
	for _, check := range checked.checks() {
		check.later(itself)
	}
	n := &Network{}
	if err := ctx.RegisterComponentResourceV2(NetworkType, name, checked.inputs(), n, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	if err := n.subnets(ctx, name, checked); err != nil {
		return nil, err
	}
	if err := n.securityGroups(ctx, name, checked); err != nil {
		return nil, err
	}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"vpcId": n.VPCID, "subnetIds": n.SubnetIDs, "securityGroupIds": n.SecurityGroupIDs,
	})
}

// inputs are what the state shows of the component.
func (args *NetworkArgs) inputs() pulumi.Map {
	return given(pulumi.Map{
		"vpcId": args.VPCID, "subnetIds": args.SubnetIDs, "securityGroupIds": args.SecurityGroupIDs,
		"availabilityZones": pulumi.ToStringArray(args.AvailabilityZones), "cidr": pulumi.String(args.CIDR),
		"publicIps": pulumi.Bool(args.PublicIPs), "tags": args.Tags,
	})
}

// subnets sets VPCID and SubnetIDs.
func (n *Network) subnets(ctx *pulumi.Context, name string, args NetworkArgs) error {
	if args.VPCID == nil {
		vpc, err := n.newVPC(ctx, name, args)
		if err != nil {
			return err
		}
		n.VPCID, n.SubnetIDs = vpc.VpcId, vpc.PublicSubnetIds
		return nil
	}
	n.VPCID = args.VPCID.ToStringOutput()
	if args.SubnetIDs != nil {
		n.SubnetIDs = args.SubnetIDs.ToStringArrayOutput()
		return nil
	}
	return n.lookUpSubnets(ctx, args)
}

func (n *Network) newVPC(ctx *pulumi.Context, name string, args NetworkArgs) (*awsxec2.Vpc, error) {
	zones := 2
	settings := &awsxec2.VpcArgs{
		SubnetSpecs:        []awsxec2.SubnetSpecArgs{{Type: awsxec2.SubnetTypePublic}},
		NatGateways:        &awsxec2.NatGatewayConfigurationArgs{Strategy: awsxec2.NatGatewayStrategyNone},
		EnableDnsHostnames: pulumi.Bool(true),
		Tags:               args.Tags,
	}
	strategy := awsxec2.SubnetAllocationStrategyAuto
	settings.SubnetStrategy = &strategy
	if len(args.AvailabilityZones) > 0 {
		settings.AvailabilityZoneNames = args.AvailabilityZones
	} else {
		settings.NumberOfAvailabilityZones = &zones
	}
	if args.CIDR != "" {
		settings.CidrBlock = &args.CIDR
	}
	vpc, err := awsxec2.NewVpc(ctx, name+"-vpc", settings, pulumi.Parent(n))
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
func (n *Network) lookUpSubnets(ctx *pulumi.Context, args NetworkArgs) error {
	kind := fmt.Sprint(args.PublicIPs)
	none := func(vpc string) error {
		return &FieldError{Field: "VPCID", Value: vpc, Want: fmt.Sprintf(
			"has no subnet with map-public-ip-on-launch %s; name {SubnetIDs}, or set {PublicIPs} to %t",
			kind, !args.PublicIPs)}
	}
	vpc, known := plain(args.VPCID)
	if !known {
		found := ec2.GetSubnetsOutput(ctx, ec2.GetSubnetsOutputArgs{Filters: ec2.GetSubnetsFilterArray{
			ec2.GetSubnetsFilterArgs{Name: pulumi.String("vpc-id"), Values: pulumi.StringArray{args.VPCID}},
			ec2.GetSubnetsFilterArgs{Name: pulumi.String("map-public-ip-on-launch"),
				Values: pulumi.ToStringArray([]string{kind})},
		}}, pulumi.Parent(n))
		n.SubnetIDs = pulumi.All(found.Ids(), args.VPCID).ApplyT(func(both []any) ([]string, error) {
			ids, _ := both[0].([]string)
			if len(ids) == 0 {
				return nil, none(fmt.Sprint(both[1]))
			}
			return ids, nil
		}).(pulumi.StringArrayOutput)
		return nil
	}
	found, err := ec2.GetSubnets(ctx, &ec2.GetSubnetsArgs{Filters: []ec2.GetSubnetsFilter{
		{Name: "vpc-id", Values: []string{vpc}},
		{Name: "map-public-ip-on-launch", Values: []string{kind}},
	}}, pulumi.Parent(n))
	if err != nil {
		return fmt.Errorf("looking up the subnets of %s: %w", vpc, err)
	}
	if len(found.Ids) == 0 {
		return none(vpc)
	}
	n.SubnetIDs = pulumi.ToStringArray(found.Ids).ToStringArrayOutput()
	return nil
}

func (n *Network) securityGroups(ctx *pulumi.Context, name string, args NetworkArgs) error {
	if args.SecurityGroupIDs != nil {
		n.SecurityGroupIDs = args.SecurityGroupIDs.ToStringArrayOutput()
		return nil
	}
	group, err := ec2.NewSecurityGroup(ctx, name+"-egress", &ec2.SecurityGroupArgs{
		VpcId:       n.VPCID,
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
