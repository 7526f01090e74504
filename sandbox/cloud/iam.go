package cloud

import "strings"

// Role is an IAM role.
type Role struct {
	ARN              string            `json:"arn"`
	Name             string            `json:"name"`
	AssumeRolePolicy string            `json:"assumeRolePolicy"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// RolePolicy is an inline policy of a role.
type RolePolicy struct {
	Role   string `json:"role"`
	Name   string `json:"name"`
	Policy string `json:"policy"`

	// parsed is Policy, when it was last asked for.
	parsed struct {
		text        string
		permissions []permission
	}
}

// PutRole makes or changes a role.
func (a *Account) PutRole(r Role) (*Role, error) {
	const longest = 64
	if r.Name == "" || len(r.Name) > longest {
		return nil, refuse("ValidationError", "a role's name has 1 to %d characters: %s", longest, r.Name)
	}
	if err := checkPolicyDocument(r.AssumeRolePolicy); err != nil {
		return nil, err
	}
	r.ARN = globalARN("iam", "role/"+r.Name)
	a.Roles[r.Name] = &r
	return &r, nil
}

// DeleteRole removes a role, which must have no policies left.
func (a *Account) DeleteRole(name string) error {
	for _, p := range a.RolePolicies {
		if p.Role == name {
			return refuse("DeleteConflict", "role %s still has the policy %s", name, p.Name)
		}
	}
	return remove(a.Roles, name)
}

// PutRolePolicy makes or changes an inline policy.
func (a *Account) PutRolePolicy(p RolePolicy) (*RolePolicy, error) {
	if _, ok := a.Roles[p.Role]; !ok {
		return nil, refuse("NoSuchEntity", "the role %s does not exist", p.Role)
	}
	if err := checkPolicyDocument(p.Policy); err != nil {
		return nil, err
	}
	a.RolePolicies[p.ID()] = &p
	return &p, nil
}

// ID identifies an inline policy.
func (p *RolePolicy) ID() string { return p.Role + ":" + p.Name }

// DeleteRolePolicy removes an inline policy.
func (a *Account) DeleteRolePolicy(id string) error { return remove(a.RolePolicies, id) }

func (a *Account) checkRoleARN(arn string) error {
	name := arn[strings.LastIndex(arn, "/")+1:]
	if role, ok := a.Roles[name]; !ok || role.ARN != arn {
		return refuse("ClientException", "the role %s does not exist", arn)
	}
	return nil
}
