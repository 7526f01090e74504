package provider

import "fargate-queue-worker/sandbox/cloud"

func init() {
	register(
		define(kind{
			token: "aws:ec2/securityGroup:SecurityGroup", nameSuffix: noSuffix,
			immutable: []string{"name", "description", "vpcId"}, computed: []string{"arn"},
		}, model[cloud.SecurityGroup]{
			id: func(g *cloud.SecurityGroup) string { return g.ID },
			create: func(a *cloud.Account, g cloud.SecurityGroup) (*cloud.SecurityGroup, error) {
				g.ID = a.NewID("sg-")
				return a.PutSecurityGroup(g)
			},
			find: lookUp(func(a *cloud.Account) map[string]*cloud.SecurityGroup { return a.SecurityGroups }),
			update: func(a *cloud.Account, id string, g cloud.SecurityGroup,
				_ []string) (*cloud.SecurityGroup, error) {
				g.ID = id
				return a.PutSecurityGroup(g)
			},
			remove: (*cloud.Account).DeleteSecurityGroup,
		}),
		define(kind{
			token: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", immutable: []string{"vpcId"},
			computed: []string{"arn", "name"},
		}, model[cloud.SecurityGroup]{
			id:     func(g *cloud.SecurityGroup) string { return g.ID },
			create: (*cloud.Account).AdoptDefaultSecurityGroup,
			find: lookUp(func(a *cloud.Account) map[string]*cloud.SecurityGroup {
				return a.SecurityGroups
			}),
			remove: (*cloud.Account).DeleteSecurityGroup, // the provider only forgets it
		}),
	)
}
