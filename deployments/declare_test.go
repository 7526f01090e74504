package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden plan anew")

// recorder stands in for engine and provider.
type recorder struct {
	mu         sync.Mutex
	registered map[string]map[string]any
}

func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered[args.TypeToken+" "+args.Name] = args.Inputs.Mappable()
	return args.Name, args.Inputs, nil
}

func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return args.Args, nil
}

// declared runs the program on a configuration.
func declared(t *testing.T, preview bool, config map[string]string) (map[string]map[string]any, error) {
	t.Helper()
	r := &recorder{registered: map[string]map[string]any{}}
	full := map[string]string{}
	for key, value := range config {
		full["fargate-queue-worker-deployments:"+key] = value
	}
	err := pulumi.RunErr(declare, pulumi.WithMocks("fargate-queue-worker-deployments", "main", r),
		func(info *pulumi.RunInfo) {
			info.Config, info.DryRun = full, preview
		})
	return r.registered, err
}

func example(changes map[string]string) map[string]string {
	config := map[string]string{
		"organization": "acme", "repository": "acme/fargate-queue-worker",
		"roleArns": `{"dev":"arn:aws:iam::123456789012:role/pulumi-deployments-dev","prod":"arn:aws:iam::` +
			`123456789012:role/pulumi-deployments-prod"}`,
	}
	for key, value := range changes {
		config[key] = value
	}
	return config
}

// TestGoldenPlan keeps the settings as a file for reviews: go test . -update.
func TestGoldenPlan(t *testing.T) {
	t.Parallel()
	const file = "testdata/plan.yaml"
	for _, preview := range []bool{false, true} {
		got, err := declared(t, preview, example(nil))
		require.NoError(t, err)
		text, err := yaml.Marshal(got)
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(file, text, 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(text), "if the change is meant: go test . -update")
	}
}

// TestNoPullRequestRunsAsProd: and drift is reported, not mended, on any stack.
func TestNoPullRequestRunsAsProd(t *testing.T) {
	t.Parallel()
	got, err := declared(t, false, example(map[string]string{"runnerPoolId": "pool"}))
	require.NoError(t, err)
	settings := func(stack string) map[string]any {
		return got["pulumiservice:index:DeploymentSettings "+stack]
	}
	assert.Equal(t, true, settings("dev")["vcs"].(map[string]any)["previewPullRequests"])
	assert.Equal(t, false, settings("prod")["vcs"].(map[string]any)["previewPullRequests"])
	assert.Equal(t, "pool", settings("dev")["agentPoolId"], "dev builds its image")
	assert.NotContains(t, settings("prod"), "agentPoolId")
	assert.Equal(t, false, got["pulumiservice:index:DriftSchedule prod"]["autoRemediate"])
	assert.NotContains(t, got, "pulumiservice:index:DriftSchedule dev",
		"its image would be reported as deleted")
}

// TestPathsExist: a renamed folder would quietly deploy nothing.
func TestPathsExist(t *testing.T) {
	t.Parallel()
	for _, path := range paths {
		found, err := filepath.Glob("../" + strings.ReplaceAll(path, "**", "*"))
		require.NoError(t, err)
		assert.NotEmpty(t, found, path)
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change map[string]string
		want   string
	}{
		"no organization": {map[string]string{"organization": ""},
			`organization: "": needs to be the name of an organization`},
		"repository's URL": {map[string]string{"repository": "https://github.com/acme/x"},
			`repository: "https://github.com/acme/x": needs to be a GitHub repository`},
		"one role": {map[string]string{"roleArns": `{"dev":"arn:aws:iam::123456789012:role/d"}`},
			`roleArns.prod: "": needs to be the ARN of an IAM role`},
		"a user": {map[string]string{"roleArns": `{"dev":"arn:aws:iam::123456789012:user/d"}`},
			`roleArns.dev: "arn:aws:iam::123456789012:user/d": needs to be`},
		"no map": {map[string]string{"roleArns": `[1]`}, "needs to be a map of texts"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := declared(t, false, example(tc.change))
			require.ErrorContains(t, err, tc.want)
			assert.Empty(t, got)
		})
	}
}
