package cloud

import (
	"encoding/json"
	"slices"
	"strings"
)

// permission is a statement of a role's policy. Conditions and the negations of IAM are
// not looked at: a statement that has one allows nothing.
type permission struct {
	effect             string
	actions, resources []string
	unknown            bool
}

// allows says whether the policies of a role allow an action on a resource: at least one
// statement does, and none denies it. Source: IAM user guide, "Policy evaluation logic".
func (a *Account) allows(roleARN, action, resource string) bool {
	name := lastPart(roleARN)
	if role, ok := a.Roles[name]; !ok || role.ARN != roleARN {
		return false
	}
	allowed := false
	for _, p := range a.RolePolicies {
		if p.Role != name {
			continue
		}
		for _, s := range p.permissions() {
			if s.unknown || !matchesAny(s.actions, action) || !matchesAny(s.resources, resource) {
				continue
			}
			if s.effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// permissions are the statements of the policy, parsed when they were last asked for.
func (p *RolePolicy) permissions() []permission {
	if p.parsed.text == p.Policy {
		return p.parsed.permissions
	}
	var document struct {
		Statement []struct {
			Effect                                       string
			Action, Resource                             oneOrMore
			Condition, NotAction, NotResource, Principal any
		}
	}
	var list []permission
	if err := json.Unmarshal([]byte(p.Policy), &document); err == nil {
		for _, s := range document.Statement {
			list = append(list, permission{
				effect: s.Effect, actions: s.Action, resources: s.Resource,
				unknown: s.Condition != nil || s.NotAction != nil || s.NotResource != nil,
			})
		}
	}
	p.parsed.text, p.parsed.permissions = p.Policy, list
	return list
}

// oneOrMore is a text, or a list of them.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*o = []string{one}
		return nil
	}
	var more []string
	err := json.Unmarshal(text, &more)
	*o = more
	return err
}

func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matchesPattern(p, text) })
}

// matchesPattern: * stands for any characters, ? for one.
func matchesPattern(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == text
	}
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '*':
			for j := 0; j <= len(text); j++ {
				if matchesPattern(pattern[i+1:], text[j:]) {
					return true
				}
			}
			return false
		case text == "" || pattern[i] != '?' && pattern[i] != text[0]:
			return false
		}
		text = text[1:]
	}
	return text == ""
}

// mayAssume says whether a role trusts a service of AWS that acts for a resource.
func (a *Account) mayAssume(service, roleARN, source string) bool {
	role, ok := a.Roles[lastPart(roleARN)]
	if !ok {
		return false
	}
	var trust struct {
		Statement []struct {
			Principal struct{ Service string }
			Condition struct {
				ArnLike map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(role.AssumeRolePolicy), &trust); err != nil {
		return false
	}
	for _, s := range trust.Statement {
		expected, limited := s.Condition.ArnLike["aws:SourceArn"]
		if s.Principal.Service == service && (!limited || expected == source) {
			return true
		}
	}
	return false
}
