package program

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// wildcardResources are the statements of the golden plans whose resource has to be a
// pattern, and why. docs/security.md has them, too.
var wildcardResources = map[string]string{
	"ecr:GetAuthorizationToken on *":        "AWS offers no narrower resource for a token",
	"logs:CreateLogStream on log-group:…:*": "the streams of this log group",
	"logs:PutLogEvents on log-group:…:*":    "the streams of this log group",
	"ecs:UpdateTaskProtection on " +
		"task/<cluster>/*": "the ids of tasks are not known before, and AWS cannot scope it to a service",
	"ecs:GetTaskProtection on " +
		"task/<cluster>/*": "the ids of tasks are not known before, and AWS cannot scope it to a service",
	"sts:AssumeRole for ecs-tasks.amazonaws.com": "tasks of this account and region, by conditions",
	"sts:AssumeRole for " +
		"scheduler.amazonaws.com": "schedules of this account's default group, by conditions",
	"sts:AssumeRole for " +
		"states.amazonaws.com": "state machines of this account and region, by conditions",
	"deny sqs:* to everyone who does not use HTTPS": "a refusal, and so all the better for being wide",
}

// statement is one of an IAM policy; each field may be a text or a list.
type statement struct {
	Sid, Effect      string
	Action, Resource any
	Principal        any
	NotAction        any
	NotResource      any
	NotPrincipal     any
	Condition        map[string]map[string]any
}

// statementsOf gathers the statements of every policy of a golden plan, wherever a
// document is.
func statementsOf(t *testing.T, stack string) map[string][]statement {
	t.Helper()
	text, err := os.ReadFile("testdata/" + stack + ".plan.yaml")
	require.NoError(t, err)
	var resources map[string]map[string]any
	require.NoError(t, yaml.Unmarshal(text, &resources))
	found := map[string][]statement{}
	for name, inputs := range resources {
		for _, value := range inputs {
			document, ok := value.(string)
			if !ok || !strings.Contains(document, `"Statement"`) {
				continue
			}
			var policy struct{ Statement []statement }
			require.NoError(t, json.Unmarshal([]byte(document), &policy), name)
			require.NotEmpty(t, policy.Statement, name)
			found[name] = append(found[name], policy.Statement...)
		}
	}
	return found
}

// TestNoWildcards walks every IAM statement of both golden plans: no action is a
// pattern, and no resource or principal is, but for those on the list.
func TestNoWildcards(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, stack := range []string{"dev", "prod"} {
		policies := statementsOf(t, stack)
		assert.GreaterOrEqual(t, len(policies), 10, "four roles with a policy each, two queues")
		for name, statements := range policies {
			for _, s := range statements {
				for _, pattern := range s.patterns() {
					assert.Contains(t, wildcardResources, pattern, "%s: %s", stack, name)
					used[pattern] = true
				}
			}
		}
	}
	for pattern := range wildcardResources {
		assert.True(t, used[pattern], "%s is on the list and in no plan", pattern)
	}
}

// patterns are what a statement leaves open, as the list names it.
func (s statement) patterns() []string {
	if s.Effect == "Deny" {
		if s.Condition["Bool"]["aws:SecureTransport"] == "false" {
			return []string{"deny sqs:* to everyone who does not use HTTPS"}
		}
		return []string{"a refusal that is not known: " + s.Sid}
	}
	var found []string
	if s.NotAction != nil || s.NotResource != nil || s.NotPrincipal != nil {
		found = append(found, "all but something: "+s.Sid)
	}
	for _, action := range texts(s.Action) {
		if strings.ContainsAny(action, "*?") {
			found = append(found, "the action "+action)
		}
		for _, resource := range texts(s.Resource) {
			if strings.ContainsAny(resource, "*?") {
				found = append(found, action+" on "+shape(resource))
			}
		}
		if s.Principal != nil {
			found = append(found, action+" for "+s.principal())
		}
	}
	return found
}

// shape is a resource without the names of this stack.
func shape(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	switch {
	case kind == "task" && strings.Count(rest, "/") == 1 && strings.HasSuffix(rest, "/*") &&
		strings.Count(rest, "*") == 1:
		return "task/<cluster>/*"
	case strings.HasPrefix(kind, "log-group:") && strings.HasSuffix(kind, ":*") &&
		strings.Count(kind, "*") == 1:
		return "log-group:…:*"
	}
	return arn
}

// principal is a service of AWS whose use of the role is bound to this account, or
// what else the statement lets in.
func (s statement) principal() string {
	service, _ := s.Principal.(map[string]any)
	arn, _ := s.Condition["ArnLike"]["aws:SourceArn"].(string)
	if s.Condition["StringEquals"]["aws:SourceAccount"] == "123456789012" &&
		strings.Contains(arn, ":us-west-2:123456789012:") {
		return fmt.Sprint(service["Service"])
	}
	return fmt.Sprintf("%v, without a condition on the account", s.Principal)
}

func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, item := range value {
			list = append(list, fmt.Sprint(item))
		}
		return list
	}
	return nil
}

// TestWildcardsAreFound: the test above can fail.
func TestWildcardsAreFound(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason, statement string
		clean             bool
	}{
		"named": {"nothing is open",
			`{"Effect":"Allow","Action":["sqs:SendMessage"],` +
				`"Resource":"arn:aws:sqs:us-west-2:123456789012:q"}`,
			true},
		"action": {"any call of a service",
			`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-west-2:123456789012:q"}`,
			false},
		"action with ?": {"a pattern, too",
			`{"Effect":"Allow","Action":["sqs:SendMessag?"],` +
				`"Resource":"arn:aws:sqs:us-west-2:123456789012:q"}`,
			false},
		"resource": {"any queue",
			`{"Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["*"]}`, false},
		"part of a resource": {"any queue that begins so",
			`{"Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["arn:aws:sqs:us-west-2:` +
				`123456789012:q*"]}`, false},
		"tasks of any cluster": {"only those of one are on the list",
			`{"Effect":"Allow","Action":["ecs:UpdateTaskProtection"],"Resource":["arn:aws:ecs:us-west-2:` +
				`123456789012:task/*"]}`, false},
		"other call on tasks": {"the list names calls",
			`{"Effect":"Allow","Action":["ecs:StopTask"],"Resource":["arn:aws:ecs:us-west-2:123456789012:` +
				`task/apps/*"]}`, false},
		"anyone": {"a queue that the world may send to",
			`{"Effect":"Allow","Action":["sqs:SendMessage"],"Principal":"*","Resource":"arn:aws:sqs:` +
				`us-west-2:123456789012:q"}`, false},
		"confused deputy": {"the service on behalf of any account",
			`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks.amazonaws.com"}}`,
			false},
		"all but": {"NotAction is wide",
			`{"Effect":"Allow","NotAction":"iam:CreateUser",` +
				`"Resource":"arn:aws:sqs:us-west-2:123456789012:q"}`,
			false},
	}
	for name, tc := range cases {
		var s statement
		require.NoError(t, json.Unmarshal([]byte(tc.statement), &s))
		clean := true
		for _, pattern := range s.patterns() {
			if _, known := wildcardResources[pattern]; !known {
				clean = false
			}
		}
		assert.Equal(t, tc.clean, clean, "%s: %s", name, tc.reason)
	}
}
