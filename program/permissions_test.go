package program

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"fargate-queue-worker/sandbox/permissions"
	"fargate-queue-worker/sandbox/plan"
)

// TestDeployersPolicies keeps the documents in docs/policies as the plans have it, each
// within what a managed policy may have: go test ./program -update.
func TestDeployersPolicies(t *testing.T) {
	t.Parallel()
	for _, stack := range goldenStacks {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Of(Declare(".."), options(t, stack, nil))
			require.NoError(t, err)
			for kind, generate := range map[string]func(*plan.Plan) (string,
				error){"deploy": permissions.Deploy, "preview": permissions.Read} {
				document, err := generate(p)
				require.NoError(t, err)
				assert.LessOrEqual(t, permissions.Size(document), permissions.Longest, kind)
				if kind == "preview" {
					assert.NotRegexp(t, `:(Create|Put|Delete|Update|Register|Run|Pass|Tag|Set)`, document,
						"it only looks")
				}
				if !slices.Contains(shipped, stack) {
					continue
				}
				file := "../docs/policies/" + stack + "-" + kind + ".json"
				if *update {
					require.NoError(t, os.WriteFile(file, []byte(document), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(want), document, "if the change is meant: go test ./program -update")
			}
		})
	}
}

// TestANewResourceTypeNeedsItsActions: a type without a row in the table fails.
func TestANewResourceTypeNeedsItsActions(t *testing.T) {
	t.Parallel()
	_, err := permissions.Deploy(&plan.Plan{Resources: []plan.Resource{{Type: "aws:s3/bucket:Bucket",
		Name: "b"}}})
	require.ErrorContains(t, err, "what aws:s3/bucket:Bucket takes is not in the table")
	_, err = permissions.Read(&plan.Plan{Calls: []string{"aws:s3/getBucket:getBucket"}})
	require.ErrorContains(t, err, "what aws:s3/getBucket:getBucket takes is not in the table")
}

// TestTheFirstRoleCanBeRead: the provider reads what PowerUserAccess and iam:*Role leave out.
func TestTheFirstRoleCanBeRead(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"dev-deploy", "prod-deploy", "dev-preview", "prod-preview"} {
		document, err := os.ReadFile("../docs/policies/" + file + ".json")
		require.NoError(t, err)
		assert.Contains(t, string(document), `"iam:ListRolePolicies"`)
		assert.Contains(t, string(document), `"iam:ListAttachedRolePolicies"`)
	}
}

// TestExistingRolesAreOnlyHandedOn: whoever deploys may not change a role that the stack
// does not make.
func TestExistingRolesAreOnlyHandedOn(t *testing.T) {
	t.Parallel()
	const existing = "arn:aws:iam::123456789012:role/jobs-task"
	document, err := permissions.Deploy(&plan.Plan{Resources: []plan.Resource{
		{Type: "aws:iam/role:Role", Name: "worker-execution-role"},
		{Type: "aws:ecs/taskDefinition:TaskDefinition", Name: "worker-task", Inputs: map[string]any{
			"taskRoleArn":      existing,
			"executionRoleArn": "arn:aws:iam::123456789012:role/worker-execution-role",
		}},
	}})
	require.NoError(t, err)
	var policy struct{ Statement []statement }
	require.NoError(t, json.Unmarshal([]byte(document), &policy))
	for _, s := range policy.Statement {
		named := slices.Contains(texts(s.Resource), existing)
		assert.Equal(t, s.Sid == "PassRoles", named, s.Sid)
	}
}

// TestTheProvidersCallsAreAllowed holds the table against calls that the provider's own code
// made, in both policies of each golden stack.
func TestTheProvidersCallsAreAllowed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/provider.calls.yaml")
	require.NoError(t, err)
	var recorded map[string]map[string]map[string][]string // stack, policy, service
	require.NoError(t, yaml.Unmarshal(text, &recorded))
	require.Len(t, recorded, len(goldenStacks))
	for _, stack := range goldenStacks {
		p, err := plan.Of(Declare(".."), options(t, stack, nil))
		require.NoError(t, err)
		deploy, err := permissions.Deploy(p)
		require.NoError(t, err)
		preview, err := permissions.Read(p)
		require.NoError(t, err)
		for kind, document := range map[string]string{"deploy": deploy, "preview": preview} {
			require.NotEmpty(t, recorded[stack][kind], "%s: %s", stack, kind)
			for service, actions := range recorded[stack][kind] {
				for _, action := range actions {
					assert.Contains(t, document, `"`+service+":"+action+`"`, "%s: %s", stack, kind)
				}
			}
		}
	}
}
