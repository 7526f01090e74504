package cloud

import (
	"cmp"
	"strings"
)

// Role is an IAM role.
type Role struct {
	ARN              string            `json:"arn"`
	Name             string            `json:"name"`
	Path             string            `json:"path,omitempty"`
	AssumeRolePolicy string            `json:"assumeRolePolicy"`
	Boundary         string            `json:"permissionsBoundary,omitempty"`
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
	if r.Path != "" && (!strings.HasPrefix(r.Path, "/") || !strings.HasSuffix(r.Path, "/")) {
		return nil, refuse("ValidationError", "the path %q has to begin and end with /", r.Path)
	}
	if r.Boundary != "" && !isPolicy(r.Boundary) {
		return nil, refuse("NoSuchEntity", "the permissions boundary %s is not the ARN of a policy",
			r.Boundary)
	}
	r.ARN = globalARN("iam", "role"+cmp.Or(r.Path, "/")+r.Name)
	a.Roles[r.Name] = &r
	return &r, nil
}

// isPolicy says whether an ARN is that of a managed policy.
func isPolicy(arn string) bool {
	return strings.HasPrefix(arn, "arn:"+Partition+":iam::") && strings.Contains(arn, ":policy/")
}

// RolePolicyAttachment is a managed policy that a role has.
type RolePolicyAttachment struct {
	Role      string `json:"role"`
	PolicyARN string `json:"policyArn"`
}

// ID identifies an attachment.
func (p *RolePolicyAttachment) ID() string { return p.Role + "/" + p.PolicyARN }

// AttachRolePolicy attaches a managed policy, of which a role may have ten.
func (a *Account) AttachRolePolicy(p RolePolicyAttachment) (*RolePolicyAttachment, error) {
	if _, ok := a.Roles[p.Role]; !ok {
		return nil, refuse("NoSuchEntity", "the role %s does not exist", p.Role)
	}
	if !isPolicy(p.PolicyARN) {
		return nil, refuse("NoSuchEntity", "the policy %s does not exist", p.PolicyARN)
	}
	const quota = 10
	attached := 0
	for _, other := range a.RolePolicyAttachments {
		if other.Role == p.Role && other.PolicyARN != p.PolicyARN {
			attached++
		}
	}
	if attached >= quota {
		return nil, refuse("LimitExceeded", "the role %s has %d managed policies, the quota",
			p.Role, attached)
	}
	a.RolePolicyAttachments[p.ID()] = &p
	return &p, nil
}

// DetachRolePolicy takes a managed policy off a role.
func (a *Account) DetachRolePolicy(id string) error { return remove(a.RolePolicyAttachments, id) }

// DeleteRole removes a role, which must have no policies left.
func (a *Account) DeleteRole(name string) error {
	for _, p := range a.RolePolicies {
		if p.Role == name {
			return refuse("DeleteConflict", "role %s still has the policy %s", name, p.Name)
		}
	}
	for _, p := range a.RolePolicyAttachments {
		if p.Role == name {
			return refuse("DeleteConflict", "role %s still has the policy %s", name, p.PolicyARN)
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
