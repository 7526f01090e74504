package cloud

import "slices"

// VPC is a network that exists, with the subnets in it.
type VPC struct {
	PublicSubnetIDs  []string `json:"publicSubnetIds"`
	PrivateSubnetIDs []string `json:"privateSubnetIds"`
}

// SubnetIDs of a VPC: the public ones, which give an address to what starts in
// them, or the private ones.
func (a *Account) SubnetIDs(vpcID string, public bool) []string {
	vpc, ok := a.VPCs[vpcID]
	if !ok {
		return nil
	}
	if public {
		return slices.Clone(vpc.PublicSubnetIDs)
	}
	return slices.Clone(vpc.PrivateSubnetIDs)
}

// SecurityGroup is a firewall.
type SecurityGroup struct {
	ID          string              `json:"-"`
	ARN         string              `json:"arn"`
	Name        string              `json:"name"`
	Description string              `json:"description,omitempty"`
	VPCID       string              `json:"vpcId"`
	Egress      []SecurityGroupRule `json:"egress,omitempty"`
	Ingress     []SecurityGroupRule `json:"ingress,omitempty"`
	Tags        map[string]string   `json:"tags,omitempty"`
}

// SecurityGroupRule lets traffic through.
type SecurityGroupRule struct {
	Protocol    string   `json:"protocol"`
	FromPort    int      `json:"fromPort"`
	ToPort      int      `json:"toPort"`
	CIDRBlocks  []string `json:"cidrBlocks,omitempty"`
	Description string   `json:"description,omitempty"`
}

// PutSecurityGroup makes or changes a security group.
func (a *Account) PutSecurityGroup(g SecurityGroup) (*SecurityGroup, error) {
	if g.VPCID == "" {
		return nil, refuse("VPCIdNotSpecified", "the security group %s needs a VPC", g.Name)
	}
	for _, rule := range append(g.Egress, g.Ingress...) {
		if rule.Protocol == "-1" && (rule.FromPort != 0 || rule.ToPort != 0) {
			return nil, refuse("InvalidParameterValue",
				"protocol -1 covers all ports; from_port and to_port have to be 0")
		}
	}
	g.ARN = a.ARN("ec2", "security-group/"+g.ID)
	a.SecurityGroups[g.ID] = &g
	return &g, nil
}

// AdoptDefaultSecurityGroup gives the group that a VPC comes with the rules stated, and
// no others.
func (a *Account) AdoptDefaultSecurityGroup(g SecurityGroup) (*SecurityGroup, error) {
	g.ID, g.Name = "sg-default-"+g.VPCID, "default"
	return a.PutSecurityGroup(g)
}

// DeleteSecurityGroup removes a security group that no service uses.
func (a *Account) DeleteSecurityGroup(id string) error {
	for _, s := range a.Services {
		if slices.Contains(s.NetworkConfiguration.SecurityGroups, id) {
			return refuse("DependencyViolation", "the security group %s is used by the service %s",
				id, s.Name)
		}
	}
	return remove(a.SecurityGroups, id)
}
