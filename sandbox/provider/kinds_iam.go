package provider

import "fargate-queue-worker/sandbox/cloud"

func init() {
	register(
		define(kind{
			token: "aws:iam/role:Role", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.Role]{
			id:     func(r *cloud.Role) string { return r.Name },
			create: (*cloud.Account).PutRole,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.Role { return a.Roles }),
			remove: (*cloud.Account).DeleteRole,
		}),
		define(kind{
			token: "aws:iam/rolePolicy:RolePolicy", nameSuffix: noSuffix,
			immutable: []string{"name", "role"},
		}, model[cloud.RolePolicy]{
			id:     (*cloud.RolePolicy).ID,
			create: (*cloud.Account).PutRolePolicy,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.RolePolicy { return a.RolePolicies }),
			remove: (*cloud.Account).DeleteRolePolicy,
		}),
		define(kind{
			token: "aws:cloudwatch/logGroup:LogGroup", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.LogGroup]{
			id:     func(g *cloud.LogGroup) string { return g.Name },
			create: (*cloud.Account).PutLogGroup,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.LogGroup { return a.LogGroups }),
			remove: (*cloud.Account).DeleteLogGroup,
		}),
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
			update: func(a *cloud.Account, id string, g cloud.SecurityGroup, _ []string) (*cloud.SecurityGroup, error) {
				g.ID = id
				return a.PutSecurityGroup(g)
			},
			remove: (*cloud.Account).DeleteSecurityGroup,
		}),
	)
}
