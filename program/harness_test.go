package program

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

const project = "fargate-queue-worker"

// shipped are the stacks of the project; goldenStacks have every key in at least one.
var (
	shipped      = []string{"dev", "prod"}
	goldenStacks = append(slices.Clone(shipped), "joined", "everything", "paused")
)

// folderOf is where the file of a stack is.
func folderOf(stack string) string {
	if slices.Contains(shipped, stack) {
		return ".."
	}
	return "testdata"
}

// stackConfig is the configuration of a stack as the CLI hands it over, with
// overrides by key.
func stackConfig(t testing.TB, stack string, overrides map[string]string) map[string]string {
	t.Helper()
	loaded, err := stackfile.LoadFrom("..", folderOf(stack), stack)
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
	a.VPCs["vpc-0a1b2c3d4e5f60718"] = &cloud.VPC{PrivateSubnetIDs: []string{"subnet-0a1b2c3d4e5f6071a",
		"subnet-0a1b2c3d4e5f6071b"}}
	return a
}

func options(t testing.TB, stack string, overrides map[string]string) plan.Options {
	t.Helper()
	a := account(t)
	loaded, err := stackfile.LoadFrom("..", folderOf(stack), stack)
	require.NoError(t, err)
	if !slices.Contains(shipped, stack) {
		require.NoError(t, loaded.PutExisting(a))
	}
	return plan.Options{Project: project, Stack: stack, Account: a, Config: stackConfig(t, stack, overrides)}
}

func key(name string) string { return project + ":" + name }
