package program

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

const project = "fargate-queue-worker"

// stackConfig is the configuration of a stack as the CLI hands it over, with
// overrides by key.
func stackConfig(t testing.TB, stack string, overrides map[string]string) map[string]string {
	t.Helper()
	loaded, err := stackfile.Load("..", stack)
	require.NoError(t, err)
	values, err := loaded.Values()
	require.NoError(t, err)
	maps.Copy(values, overrides)
	return values
}

// account has what the prod stack joins.
func account(t testing.TB) *cloud.Account {
	t.Helper()
	a := cloud.NewAccount("us-west-2")
	_, err := a.PutCluster(cloud.Cluster{Name: "apps"})
	require.NoError(t, err)
	a.PushImage("jobs", "v1")
	a.VPCs["vpc-0a1b2c3d4e5f60718"] = &cloud.VPC{PrivateSubnetIDs: []string{"subnet-0a1b2c3d4e5f6071a", "subnet-0a1b2c3d4e5f6071b"}}
	return a
}

func options(t testing.TB, stack string, overrides map[string]string) plan.Options {
	t.Helper()
	return plan.Options{Project: project, Stack: stack, Account: account(t), Config: stackConfig(t, stack, overrides)}
}

func key(name string) string { return project + ":" + name }
