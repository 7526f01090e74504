package program

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"fargate-queue-worker/sandbox/plan"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// TestGoldenPlan keeps what each stack declares as a file, so that a review of a
// change shows what it does: go test ./program -update.
func TestGoldenPlan(t *testing.T) {
	t.Parallel()
	for _, stack := range goldenStacks {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			p, err := plan.Of(Declare(".."), options(t, stack, nil))
			require.NoError(t, err)
			got := render(t, p)
			file := fmt.Sprintf("testdata/%s.plan.yaml", stack)
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), got, "if the change is meant: go test ./program -update")
		})
	}
}

// render lists type, name and inputs of a plan's resources, and which Pulumi will not
// delete.
func render(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var text strings.Builder
	for _, r := range p.Sorted() {
		title := r.Type + " " + r.Name
		if r.RPC.GetProtect() {
			title += " (protected)"
		}
		if r.Inside != "" {
			title += " (inside " + r.Inside + ")"
		}
		block, err := yaml.Marshal(map[string]any{title: r.Inputs})
		require.NoError(t, err)
		text.Write(block)
	}
	return text.String()
}

func TestRegionAndTagsReachTheExplicitProvider(t *testing.T) {
	t.Parallel()
	for _, preview := range []bool{false, true} {
		o := options(t, "dev", map[string]string{
			"aws:region": "eu-central-1", "aws:defaultTags": `{"tags":{"team":"jobs"}}`,
			"aws:profile": "work", "aws:allowedAccountIds": `["123456789012"]`,
		})
		o.Preview = preview
		p, err := plan.Of(Declare(".."), o)
		require.NoError(t, err)
		provider, ok := p.Find("pulumi:providers:aws", "aws")
		require.True(t, ok)
		assert.Equal(t, "eu-central-1", provider.Inputs["region"])
		assert.Equal(t, map[string]any{"tags": map[string]any{"team": "jobs"}},
			provider.Inputs["defaultTags"])
		assert.Equal(t, "work", provider.Inputs["profile"])
		assert.Equal(t, []any{"123456789012"}, provider.Inputs["allowedAccountIds"])
		assertOnProvider(t, p)
	}
}

// assertOnProvider checks that every resource is on the explicit provider: aws ones
// name it, and the components, from which awsx's inherit it for their children,
// carry it.
func assertOnProvider(t *testing.T, p *plan.Plan) {
	t.Helper()
	components := map[string]bool{}
	for _, r := range p.Resources {
		if strings.HasPrefix(r.Type, "fargate-queue-worker:") {
			assert.Contains(t, r.RPC.GetProviders()["aws"], "pulumi:providers:aws::aws", r.Name)
			components[r.Type+"::"+r.Name] = true
		}
	}
	packaged := 0
	for _, r := range p.Resources {
		switch {
		case r.Inside != "": // it inherits the component's
		case strings.HasPrefix(r.Type, "aws:"):
			assert.Contains(t, r.RPC.GetProvider(), "pulumi:providers:aws::aws", r.Name)
		case strings.HasPrefix(r.Type, "awsx:"):
			parent := r.RPC.GetParent()
			assert.True(t, components[parent[strings.Index(parent, "fargate-queue-worker:index"):]],
				"%s has the parent %s", r.Name, parent)
			packaged++
		}
	}
	assert.Equal(t, 3, packaged)
}

func TestProdCreatesOnlyWhatItOwns(t *testing.T) {
	t.Parallel()
	p, err := plan.Of(Declare(".."), options(t, "prod", nil))
	require.NoError(t, err)
	for _, typ := range []string{"awsx:ec2:Vpc", "awsx:ecr:Repository", "awsx:ecr:Image",
		"aws:ecs/cluster:Cluster",
		"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "aws:ec2/securityGroup:SecurityGroup"} {
		assert.Zero(t, p.Types()[typ], typ)
	}
}

func TestFailedComponents(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		overrides map[string]string
		want      string
	}{
		"VPC without subnets": {map[string]string{key("vpcId"): "vpc-00000000000000bad",
			key("subnetIds"): "[]"}, "has no subnet"},
		"no such cluster": {map[string]string{key("clusterName"): "nowhere"},
			`clusterName: "nowhere": looking up the cluster failed`},
		"no such repository": {map[string]string{key("repositoryName"): "nowhere"},
			`repositoryName: "nowhere": looking up the repository failed`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Of(Declare(".."), options(t, "prod", tc.overrides))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func BenchmarkDevProgramUnderMocks(b *testing.B) {
	o := options(b, "dev", nil)
	b.ReportAllocs()
	for b.Loop() {
		o.Account = account(b)
		if _, err := plan.Of(Declare(".."), o); err != nil {
			b.Fatal(err)
		}
	}
}

func TestADockerfileOfOnesOwn(t *testing.T) {
	t.Parallel()
	for dockerfile, overrides := range map[string]map[string]string{
		"worker/Dockerfile": nil,
		"worker/examples/python/Dockerfile": {key("dockerfile"): "worker/examples/python/Dockerfile",
			key("imageContext"): "."},
	} {
		p, err := plan.Of(Declare(".."), options(t, "dev", overrides))
		require.NoError(t, err)
		image, ok := p.Find("awsx:ecr:Image", "worker-image")
		require.True(t, ok)
		assert.Equal(t, dockerfile, image.Inputs["dockerfile"])
		assert.Equal(t, ".", image.Inputs["context"])
		assert.FileExists(t, "../"+dockerfile)
	}
}
