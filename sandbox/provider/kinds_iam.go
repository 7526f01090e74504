package provider

import "fargate-queue-worker/sandbox/cloud"

func init() {
	register(
		define(kind{
			token: "aws:iam/role:Role", nameSuffix: noSuffix,
			immutable: []string{"name", "path"}, computed: []string{"arn"},
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
			token:     "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
			immutable: []string{"role", "policyArn"},
		}, model[cloud.RolePolicyAttachment]{
			id:     (*cloud.RolePolicyAttachment).ID,
			create: (*cloud.Account).AttachRolePolicy,
			find: lookUp(func(a *cloud.Account) map[string]*cloud.RolePolicyAttachment {
				return a.RolePolicyAttachments
			}),
			remove: (*cloud.Account).DetachRolePolicy,
		}),
	)
}
