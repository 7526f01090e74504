package deploy

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

const root = "../.."

// open opens a stack whose state is in a folder of its own.
func open(t *testing.T, ctx context.Context, folder, stack string, config ...string) *Stack {
	t.Helper()
	return openFrom(t, ctx, "", folder, stack, config...)
}

// openFrom opens a stack whose file is in a folder of the project.
func openFrom(t *testing.T, ctx context.Context, stackFolder, folder, stack string, config ...string) *Stack {
	t.Helper()
	absolute, err := filepath.Abs(root)
	require.NoError(t, err)
	output := io.Discard
	if testing.Verbose() {
		output = os.Stderr
	}
	s, err := Open(ctx, Options{
		Root: absolute, Folder: folder, CLIFolder: filepath.Join(absolute, ".sandbox"), Stack: stack,
		Config: config, Output: output,
		StackFolder: filepath.Join(absolute, stackFolder),
	})
	require.NoError(t, err)
	return s
}

// recordEvents returns a channel for the engine's events, and a function that waits
// for the last and returns all of them.
func recordEvents() (chan events.EngineEvent, func() []events.EngineEvent) {
	stream := make(chan events.EngineEvent)
	done := make(chan []events.EngineEvent, 1)
	go func() {
		var all []events.EngineEvent
		for event := range stream {
			all = append(all, event)
		}
		done <- all
	}()
	return stream, func() []events.EngineEvent { return <-done }
}

// steps are the operations of an update, by URN: when each began and ended, as
// positions among the events.
type steps map[string]struct {
	op           string
	began, ended int
}

func stepsOf(all []events.EngineEvent) steps {
	found := steps{}
	for i, event := range all {
		if pre := event.ResourcePreEvent; pre != nil {
			step := found[pre.Metadata.URN]
			step.op, step.began = string(pre.Metadata.Op), i
			found[pre.Metadata.URN] = step
		}
		if out := event.ResOutputsEvent; out != nil {
			step := found[out.Metadata.URN]
			step.ended = i
			found[out.Metadata.URN] = step
		}
	}
	return found
}

// edge says that a resource depends on another one.
type edge struct{ from, to string }

// edges are all dependencies in the stack's state.
func edges(t *testing.T, s *Stack) []edge {
	t.Helper()
	exported, err := s.stack.Export(t.Context())
	require.NoError(t, err)
	var state apitype.DeploymentV3
	require.NoError(t, json.Unmarshal(exported.Deployment, &state))
	custom := map[string]bool{}
	for _, r := range state.Resources {
		custom[string(r.URN)] = r.Custom
	}
	var list []edge
	for _, r := range state.Resources {
		for _, on := range r.Dependencies {
			if r.Custom && custom[string(on)] {
				list = append(list, edge{string(r.URN), string(on)})
			}
		}
	}
	return list
}

func short(urn string) string { return urn[strings.LastIndex(urn, "::")+2:] }

// dependsOn says whether one resource has to wait for another, directly or not.
func dependsOn(list []edge, from, to string) bool {
	for _, e := range list {
		if short(e.from) == from && (short(e.to) == to || dependsOn(list, short(e.to), to)) {
			return true
		}
	}
	return false
}

// TestLifecycle deploys a stack, deploys it again, changes it while auto scaling has
// moved the task count, and removes it; all with the real CLI.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	for _, stack := range []string{"dev", "prod"} {
		t.Run(stack, func(t *testing.T) {
			ctx, folder := t.Context(), t.TempDir()
			s := open(t, ctx, folder, stack)

			stream, all := recordEvents()
			first, err := s.Up(ctx, optup.EventStreams(stream))
			require.NoError(t, err)
			changes := *first.Summary.ResourceChanges
			assert.Positive(t, changes["create"])
			assert.Len(t, changes, 1, "one update makes everything: %v", changes)
			assertOutputs(t, first.Outputs["queueUrl"].Value, first.Outputs["scalableTargetId"].Value)
			dependencies := edges(t, s)
			assertCreatedInOrder(t, stepsOf(all()), dependencies)

			second, err := s.Up(ctx)
			require.NoError(t, err)
			assert.Equal(t, map[string]int{"same": changes["create"]}, *second.Summary.ResourceChanges,
				"a second up changes nothing")

			service := onlyService(t, s.Account)
			assert.Zero(t, service.DesiredCount)
			service.DesiredCount = 3 // as auto scaling does, behind Pulumi's back
			require.NoError(t, s.saveAccount())
			before := service.TaskDefinition
			changed := open(t, ctx, folder, stack, `environment={"ENV":"changed"}`)
			third, err := changed.Up(ctx, optup.Refresh())
			require.NoError(t, err)
			service = onlyService(t, changed.Account)
			assert.Equal(t, 3, service.DesiredCount, "a deployment leaves the task count alone")
			assert.NotEqual(t, before, service.TaskDefinition, "but brings the new environment")
			assert.Equal(t, 1, (*third.Summary.ResourceChanges)["replace"])
			assert.Equal(t, 1, (*third.Summary.ResourceChanges)["update"])

			if stack == "prod" {
				_, err = changed.Destroy(ctx)
				require.Error(t, err, "its queues are protected")
				assert.Len(t, changed.Account.Queues, 2)
				assert.Len(t, changed.Account.Services, 1, "nothing is half destroyed")
				_, err = changed.stack.Destroy(ctx) // as with --skip-preview
				require.Error(t, err)
				assert.Empty(t, changed.Account.Services)
				for _, queue := range changed.Account.Queues {
					assert.NotEmpty(t, queue.Policy, "what is left of them is still guarded")
					assert.True(t, queue.RedrivePolicy != "" ||
						queue.RedriveAllowPolicy != "", "and redriven")
				}
				changed = open(t, ctx, folder, stack, `environment={"ENV":"changed"}`, "protectQueue=false")
				_, err = changed.Up(ctx)
				require.NoError(t, err)
			}
			dependencies = edges(t, changed)
			stream, all = recordEvents()
			_, err = changed.Destroy(ctx, optdestroy.EventStreams(stream))
			require.NoError(t, err)
			assertDeletedInReverse(t, stepsOf(all()), dependencies)
			left, err := changed.ResourceCount(ctx)
			require.NoError(t, err)
			assert.Zero(t, left)
			assert.Empty(t, changed.Account.Queues)
			assert.Empty(t, changed.Account.Services)
			assert.Empty(t, changed.Account.Roles)
			assert.Empty(t, changed.Account.Alarms)
		})
	}
}

// TestGoldenStacks deploys the stacks that have the keys which dev and prod do not set: up,
// up without changes, destroy.
func TestGoldenStacks(t *testing.T) {
	t.Parallel()
	for _, stack := range []string{"joined", "everything", "paused"} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			ctx, folder := t.Context(), t.TempDir()
			s := openFrom(t, ctx, "program/testdata", folder, stack)
			_, err := s.Up(ctx)
			require.NoError(t, err)
			assert.Len(t, s.Account.Services, 1)
			_, err = s.Up(ctx, optup.ExpectNoChanges())
			require.NoError(t, err, "a second update changes nothing")
			_, err = s.Destroy(ctx)
			require.NoError(t, err)
			left, err := s.ResourceCount(ctx)
			require.NoError(t, err)
			assert.Zero(t, left)
			assert.Empty(t, s.Account.Services)
			assert.NotEmpty(t, s.Account.TaskDefinitions, "old revisions stay")
		})
	}
}

// TestAChangedKeyIsToldOf: what was sent under the old one would be lost to the tasks.
func TestAChangedKeyIsToldOf(t *testing.T) {
	t.Parallel()
	const old, key = "queueKmsKeyArn=arn:aws:kms:us-west-2:123456789012:key/1", "queueKmsKeyArn=arn:aws:" +
		"kms:us-west-2:123456789012:key/2"
	ctx, folder := t.Context(), t.TempDir()
	_, err := open(t, ctx, folder, "dev", old).Up(ctx)
	require.NoError(t, err)
	told := func(config ...string) bool {
		result, err := open(t, ctx, folder, "dev", config...).Preview(ctx)
		require.NoError(t, err)
		return strings.Contains(result.StdOut+result.StdErr,
			"queueKmsKeyArn: what was sent under arn:aws:kms:us-west-2:123456789012:key/1")
	}
	assert.True(t, told(key), "another key")
	assert.True(t, told(), "no key")
	assert.False(t, told(key, `previousQueueKmsKeyArns=["arn:aws:kms:us-west-2:123456789012:key/1"]`),
		"the old one is kept")
	assert.False(t, told(old), "nothing changes")
}

func assertOutputs(t *testing.T, queueURL, target any) {
	t.Helper()
	assert.Contains(t, queueURL, "https://sqs.us-west-2.amazonaws.com/123456789012/")
	assert.Contains(t, queueURL, ".fifo")
	assert.Regexp(t, "^service/[^/]+/worker-service-[0-9a-f]{7}$", target)
}

func assertCreatedInOrder(t *testing.T, found steps, dependencies []edge) {
	t.Helper()
	require.Greater(t, len(dependencies), 20)
	for _, e := range dependencies {
		assert.Equal(t, "create", found[e.from].op)
		assert.Less(t, found[e.to].ended, found[e.from].began, "%s begins after %s is there", short(e.from),
			short(e.to))
	}
	chain := []string{"worker-idle-alarm", "worker-idle-policy", "worker-target", "worker-service",
		"worker-task-policy"}
	for i := 1; i < len(chain); i++ {
		assert.True(t, dependsOn(dependencies, chain[i-1], chain[i]), "%s waits for %s", chain[i-1], chain[i])
	}
	assert.True(t, dependsOn(dependencies, "worker-scale-out-alarm", "worker-scale-out-policy"))
	assert.True(t, dependsOn(dependencies, "worker-service", "worker-execution-policy"))
}

func assertDeletedInReverse(t *testing.T, found steps, dependencies []edge) {
	t.Helper()
	for _, e := range dependencies {
		assert.Equal(t, "delete", found[e.from].op)
		assert.Less(t, found[e.from].ended, found[e.to].began, "%s is gone before %s goes", short(e.from),
			short(e.to))
	}
}

func onlyService(t *testing.T, a *cloud.Account) *cloud.Service {
	t.Helper()
	require.Len(t, a.Services, 1)
	for _, s := range a.Services {
		return s
	}
	return nil
}

// TestPreviewKnowsWhatCanBeKnown: names and what was given are in the plan, what AWS
// chooses is not.
func TestPreviewKnowsWhatCanBeKnown(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := open(t, ctx, t.TempDir(), "prod")
	stream, all := recordEvents()
	_, err := s.Preview(ctx, optpreview.EventStreams(stream))
	require.NoError(t, err)
	inputs, outputs := map[string]map[string]any{}, map[string]map[string]any{}
	for _, event := range all() {
		if pre := event.ResourcePreEvent; pre != nil && pre.Metadata.New != nil {
			inputs[short(pre.Metadata.URN)] = pre.Metadata.New.Inputs
		}
		if out := event.ResOutputsEvent; out != nil && out.Metadata.New != nil {
			outputs[short(out.Metadata.URN)] = out.Metadata.New.Outputs
		}
	}
	const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9" // how the engine writes it
	assert.Equal(t, "jobs.fifo", outputs["worker-queue"]["name"])
	assert.Equal(t, unknown, outputs["worker-queue"]["arn"])
	assert.Equal(t, unknown, outputs["worker-queue"]["url"])
	assert.Contains(t, inputs["worker-target"]["resourceId"], "service/apps/worker-service-")
	assert.Equal(t, []any{unknown}, inputs["worker-idle-alarm"]["alarmActions"])
	assert.Empty(t, s.Account.Queues, "a preview makes nothing")
}

func TestImmutableFieldsReplace(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	_, err := open(t, ctx, folder, "prod").Up(ctx)
	require.NoError(t, err)
	_, err = open(t, ctx, folder, "prod", "queueName=other.fifo").Preview(ctx)
	require.Error(t, err, "a protected queue is not replaced, and a preview says so")
	_, err = open(t, ctx, folder, "prod", "protectQueue=false").Up(ctx)
	require.NoError(t, err)
	cases := map[string]struct {
		config string
		ops    map[string]string
	}{
		"queue name": {"queueName=other.fifo", map[string]string{"worker-queue": "replace",
			"worker-task": "replace", "worker-service": "update"}},
		"cpu":        {"cpu=2048", map[string]string{"worker-task": "replace", "worker-service": "update"}},
		"visibility": {"visibilityTimeoutSeconds=60", map[string]string{"worker-queue": "update"}},
		"launch type": {"spotPercent=50", map[string]string{"worker-service": "replace",
			"worker-target": "replace", "worker-idle-policy": "replace", "worker-idle-alarm": "update"}},
		"capacity": {"maxCapacity=7", map[string]string{"worker-target": "update"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			stream, all := recordEvents()
			_, err := open(t, ctx, folder, "prod", "protectQueue=false", tc.config).Preview(ctx,
				optpreview.EventStreams(stream))
			require.NoError(t, err)
			got := map[string]string{}
			for _, event := range all() {
				if pre := event.ResourcePreEvent; pre != nil {
					got[short(pre.Metadata.URN)+" "+string(pre.Metadata.Op)] = string(pre.Metadata.Op)
				}
			}
			for resource, op := range tc.ops {
				assert.Contains(t, got, resource+" "+op)
			}
		})
	}
}

// TestDriftDetectionLeavesAutoScalingAlone: what Pulumi's drift detection runs, a
// refresh that only previews, finds no drift where auto scaling has moved the task
// count, and finds what was changed by hand.
func TestDriftDetectionLeavesAutoScalingAlone(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	s := open(t, ctx, folder, "dev")
	_, err := s.Up(ctx)
	require.NoError(t, err)
	drift := func() error {
		_, err := s.stack.PreviewRefresh(ctx, optrefresh.ExpectNoChanges())
		return err
	}
	require.NoError(t, drift())
	onlyService(t, s.Account).DesiredCount = 3
	require.NoError(t, drift())
	for _, target := range s.Account.Targets {
		target.MaxCapacity = 50
	}
	require.ErrorContains(t, drift(), "no changes were expected")
}

func TestWrongConfigurationCreatesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := open(t, ctx, t.TempDir(), "dev", "minCapacity=9")
	_, err := s.Up(ctx)
	require.EqualError(t, err,
		"the configuration of stack dev is not right:\nminCapacity: 9: is above maxCapacity (5); lower it "+
			"or raise maxCapacity")
	assert.Empty(t, s.Account.Queues)
	assert.Empty(t, s.Account.Clusters)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stack  string
		config []string
		want   string
	}{
		"no such stack": {"staging", nil, `there is no stack "staging": no file Pulumi.staging.yaml`},
		"no such key": {"dev", []string{"maxCapcity=1"},
			"fargate-queue-worker:maxCapcity is not a key that Pulumi.yaml describes"},
		"two such keys": {"dev", []string{"maxCapcity=1", "fooBar=1"},
			"fargate-queue-worker:fooBar is not a key that Pulumi.yaml describes (docs/configuration.md " +
				"has them all)\nstack dev: fargate-queue-worker:maxCapcity is not a key that Pulumi.yaml " +
				"describes; did you mean maxCapacity?"},
		"no key of AWS": {"dev", []string{"aws:acessKey=x"},
			"aws:acessKey is not handed on to the AWS provider"},
		"no value": {"dev", []string{"maxCapacity"},
			`"maxCapacity" is not a setting; write key=value`},
		"neither list nor map": {"dev", []string{"scalingSteps=[{lower: 1}]"}, "is not a JSON list or map"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), Options{Root: root, Folder: t.TempDir(), Stack: tc.stack,
				Config: tc.config, Output: io.Discard})
			require.ErrorContains(t, err, tc.want)
		})
	}
}
