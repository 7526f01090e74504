package components

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

const (
	testKey    = "arn:aws:kms:us-west-1:123456789012:key/0a1b2c3d"
	testOther  = "arn:aws:kms:us-west-1:123456789012:key/ffffffff"
	testImage  = "123456789012.dkr.ecr.us-west-1.amazonaws.com/jobs:v1"
	testRepo   = "arn:aws:ecr:us-west-1:123456789012:repository/jobs"
	testQueue  = "arn:aws:sqs:us-west-1:123456789012:jobs.fifo"
	testFailed = "arn:aws:sqs:us-west-1:123456789012:failed.fifo"
)

// minimalArgs are the least that a QueueWorker needs.
func minimalArgs() *QueueWorkerArgs {
	return &QueueWorkerArgs{
		Task: TaskArgs{Image: pulumi.String(testImage)},
		Service: ServiceArgs{
			ClusterName:      pulumi.String("apps"),
			SubnetIDs:        pulumi.ToStringArray([]string{"subnet-0123456789abcdef0"}),
			SecurityGroupIDs: pulumi.ToStringArray([]string{"sg-0123456789abcdef0"}),
		},
	}
}

// with changes a copy of the minimal arguments.
func with(change func(*QueueWorkerArgs)) *QueueWorkerArgs {
	args := minimalArgs()
	change(args)
	return args
}

func testAccount(t *testing.T) *cloud.Account {
	t.Helper()
	account := cloud.NewAccount("us-west-1")
	_, err := account.PutCluster(cloud.Cluster{Name: "apps"})
	require.NoError(t, err)
	_, err = account.PutClusterCapacityProviders(cloud.ClusterCapacityProviders{ClusterName: "apps",
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}})
	require.NoError(t, err)
	return account
}

// planOf registers a program's resources, in an update or in a preview.
func planOf(t *testing.T, preview bool, program pulumi.RunFunc) (*plan.Plan, error) {
	t.Helper()
	return plan.Of(program, plan.Options{Project: "project", Stack: "test", Preview: preview,
		Account: testAccount(t)})
}

// workerPlan registers one QueueWorker named w.
func workerPlan(t *testing.T, preview bool, args *QueueWorkerArgs) *plan.Plan {
	t.Helper()
	p, err := planOf(t, preview, func(ctx *pulumi.Context) error {
		_, err := NewQueueWorker(ctx, "w", args)
		return err
	})
	require.NoError(t, err)
	return p
}

// bothModes runs a check in an update, where outputs are known, and in a preview,
// where they are not.
func bothModes(t *testing.T, args *QueueWorkerArgs, check func(t *testing.T, p *plan.Plan, preview bool)) {
	t.Helper()
	for _, preview := range []bool{false, true} {
		t.Run(fmt.Sprintf("preview=%t", preview), func(t *testing.T) {
			t.Parallel()
			check(t, workerPlan(t, preview, args), preview)
		})
	}
}

// inputs are those of the resource with a name, whatever its type.
func inputs(t *testing.T, p *plan.Plan, name string) map[string]any {
	t.Helper()
	return registration(t, p, name).Inputs
}

func registration(t *testing.T, p *plan.Plan, name string) plan.Resource {
	t.Helper()
	for _, r := range p.Resources {
		if r.Name == name && r.Type != QueueWorkerType {
			return r
		}
	}
	require.Failf(t, "not registered", "%s; there are %v", name, names(p))
	return plan.Resource{}
}

func names(p *plan.Plan) []string {
	var list []string
	for _, r := range p.Resources {
		list = append(list, r.Name)
	}
	return list
}

// document is an IAM policy.
type document struct {
	Statement []struct {
		Sid, Effect string
		Principal   any
		Action      any
		Resource    any
		Condition   map[string]map[string]any
	}
}

// readPolicy parses a policy of a resource.
func readPolicy(t *testing.T, p *plan.Plan, name, field string) document {
	t.Helper()
	var d document
	require.NoError(t, json.Unmarshal([]byte(inputs(t, p, name)[field].(string)), &d))
	return d
}

// grants says on which resources a policy allows an action.
func (d document) grants(action string) []string {
	var resources []string
	for _, s := range d.Statement {
		if s.Effect != "Allow" || !contains(s.Action, action) {
			continue
		}
		resources = append(resources, texts(s.Resource)...)
	}
	return resources
}

func contains(list any, text string) bool {
	for _, item := range texts(list) {
		if item == text {
			return true
		}
	}
	return false
}

func texts(value any) []string {
	if single, ok := value.(string); ok {
		return []string{single}
	}
	var list []string
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, item.(string))
	}
	return list
}

// dependsOn says whether a registration waits for another one, by option or through
// an input.
func dependsOn(r plan.Resource, name string) bool {
	for _, urn := range r.RPC.GetDependencies() {
		if strings.HasSuffix(urn, "::"+name) {
			return true
		}
	}
	return false
}
