package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImportIDs are those that the AWS provider's documentation names under "Import".
func TestImportIDs(t *testing.T) {
	t.Parallel()
	s := &pulumiStack{region: "us-west-2", account: "123456789012"}
	for kind, tc := range map[string]struct {
		inputs map[string]any
		want   string
	}{
		"aws:cloudwatch/metricAlarm:MetricAlarm": {map[string]any{"name": "a"}, "a"},
		"aws:cloudwatch/dashboard:Dashboard":     {map[string]any{"dashboardName": "d"}, "d"},
		"aws:iam/rolePolicy:RolePolicy":          {map[string]any{"role": "r", "name": "p"}, "r:p"},
		"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
			map[string]any{"role": "r", "policyArn": "arn:aws:iam::aws:policy/X"},
			"r/arn:aws:iam::aws:policy/X",
		},
		"aws:sqs/queue:Queue": {
			map[string]any{"name": "q.fifo"}, "https://sqs.us-west-2.amazonaws.com/123456789012/q.fifo",
		},
		"aws:sfn/stateMachine:StateMachine": {
			map[string]any{"name": "m"}, "arn:aws:states:us-west-2:123456789012:stateMachine:m",
		},
		"aws:scheduler/schedule:Schedule": {map[string]any{"name": "s"}, "default/s"},
		"aws:ecs/service:Service": {
			map[string]any{"name": "s", "cluster": "arn:aws:ecs:us-west-2:123456789012:cluster/c"}, "c/s",
		},
		"aws:appautoscaling/target:Target": {
			map[string]any{
				"serviceNamespace": "ecs", "resourceId": "service/c/s",
				"scalableDimension": "ecs:service:DesiredCount",
			}, "ecs/service/c/s/ecs:service:DesiredCount",
		},
		"aws:appautoscaling/policy:Policy": {map[string]any{"name": "goes with its target"}, ""},
		"aws:ec2/vpc:Vpc":                  {map[string]any{}, ""}, // AWS chooses it
	} {
		assert.Equal(t, tc.want, s.importID(recorded{Type: kind, Inputs: tc.inputs}), kind)
	}
}

// killed is a state as a kill leaves it: a role that is known, and five resources of which it is not
// known whether they are.
const killed = `{
	"manifest": {"new": "field"},
	"resources": [
		{"urn": "role", "type": "aws:iam/role:Role", "id": "r-1"},
		{"urn": "group-1", "type": "aws:ec2/securityGroup:SecurityGroup", "id": "sg-1"}
	],
	"pending_operations": [
		{"type": "creating", "resource": {"urn": "role", "type": "aws:iam/role:Role",
			"inputs": {"name": "r-2"}, "outputs": {}, "new": "field"}},
		{"type": "creating", "resource": {"urn": "group-2", "type": "aws:ec2/securityGroup:SecurityGroup"}},
		{"type": "creating", "resource": {"urn": "a", "type": "aws:ec2/subnet:Subnet"}},
		{"type": "creating", "resource": {"urn": "b", "type": "aws:ec2/subnet:Subnet"}},
		{"type": "creating", "resource": {"urn": "route", "type": "aws:ec2/route:Route"}},
		{"type": "deleting", "resource": {"urn": "role", "type": "aws:iam/role:Role", "id": "r-1"}}
	]
}`

// TestPendingCreatesAreAdopted by their names and their tags, and nothing else is touched.
func TestPendingCreatesAreAdopted(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:ec2:us-west-2:123456789012:"
	var said bytes.Buffer
	s := &pulumiStack{output: &said, tagged: func(context.Context) ([]string, error) {
		return []string{
			arn + "security-group/sg-1", arn + "security-group/sg-2", arn + "subnet/subnet-1",
			arn + "subnet/subnet-2", arn + "vpc/vpc-1",
		}, nil
	}}
	state := deployment{}
	require.NoError(t, json.Unmarshal([]byte(killed), &state))
	pending, err := state.pendingCreates()
	require.NoError(t, err)
	known, err := state.resources()
	require.NoError(t, err)
	require.NoError(t, s.identifyAll(t.Context(), state, known, pending))
	text, err := json.Marshal(state)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"manifest": {"new": "field"},
		"resources": [
			{"urn": "role", "type": "aws:iam/role:Role", "id": "r-1"},
			{"urn": "group-1", "type": "aws:ec2/securityGroup:SecurityGroup", "id": "sg-1"},
			{"urn": "role", "type": "aws:iam/role:Role", "id": "r-2", "inputs": {"name": "r-2"},
				"new": "field", "delete": true},
			{"urn": "group-2", "type": "aws:ec2/securityGroup:SecurityGroup", "id": "sg-2"},
			{"urn": "a", "type": "aws:ec2/subnet:Subnet", "id": "subnet-1"},
			{"urn": "b", "type": "aws:ec2/subnet:Subnet", "id": "subnet-2"}
		]
	}`, string(text))
}

// TestLocks of processes that run are held, of others not.
func TestLocks(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	locks, err := locksOf(state)
	require.NoError(t, err)
	assert.Empty(t, locks, "no folder")
	host, err := os.Hostname()
	require.NoError(t, err)
	folder := filepath.Join(state, ".pulumi", "locks", "organization", "p", "s")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	const nobody = 1 << 30 // more than there are processes
	for _, tc := range []struct {
		lock stateLock
		held bool
	}{
		{stateLock{PID: os.Getpid(), Hostname: host}, true},
		{stateLock{PID: nobody, Hostname: host}, false},
		{stateLock{PID: nobody, Hostname: host + "-2"}, true}, // nobody here can tell
	} {
		text, err := json.Marshal(tc.lock)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "lock.json"), text, 0o600))
		locks, err := locksOf(state)
		require.NoError(t, err)
		require.Len(t, locks, 1)
		assert.Equal(t, tc.held, locks[0].held(), "%s", text)
	}
}

// TestRemovals are in an order that AWS takes; what no command is known of stands at the end.
func TestRemovals(t *testing.T) {
	t.Parallel()
	const of = ":us-west-2:123456789012:"
	assert.Equal(t, []string{
		"aws ecs delete-service --force --cluster c --service s",
		"aws logs delete-log-group --log-group-name g",
		"aws stepfunctions delete-state-machine --state-machine-arn arn:aws:states" + of + "stateMachine:m",
		"aws sqs delete-queue --queue-url $(aws sqs get-queue-url --queue-name q.fifo --output text)",
		"aws ec2 delete-security-group --group-id sg-1",
		"aws ec2 delete-vpc --vpc-id vpc-1",
		"arn:aws:new" + of + "thing/x",
	}, removals([]string{
		"arn:aws:ec2" + of + "vpc/vpc-1",
		"arn:aws:new" + of + "thing/x",
		"arn:aws:sqs" + of + "q.fifo",
		"arn:aws:ec2" + of + "security-group/sg-1",
		"arn:aws:states" + of + "stateMachine:m",
		"arn:aws:logs" + of + "log-group:g:*",
		"arn:aws:ecs" + of + "service/c/s",
	}))
}
