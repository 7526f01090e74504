package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
)

// testRepositories is an account with the image jobs:v1.
func testRepositories() *cloud.Account {
	account := cloud.NewAccount("us-west-1")
	account.PushImage("jobs", "v1")
	return account
}

func imagePlan(t *testing.T, preview bool, args ImageArgs) (p *plan.Plan, uri, repository string, err error) {
	t.Helper()
	account := testRepositories()
	known := make(chan []any, 1)
	p, err = plan.Of(func(ctx *pulumi.Context) error {
		image, err := NewImage(ctx, "i", &args)
		if err == nil {
			pulumi.All(image.URI, image.RepositoryARN).ApplyT(func(both []any) bool {
				known <- both
				return true
			})
		}
		return err
	}, plan.Options{Project: "project", Stack: "test", Preview: preview, Account: account})
	if err == nil && (!preview || args.Repository != nil) { // a new image is unknown in a preview
		both := <-known
		uri, repository = both[0].(string), both[1].(string)
	}
	return p, uri, repository, err
}

func TestBuiltImage(t *testing.T) {
	t.Parallel()
	for architecture, platform := range map[Architecture]string{ARM64: "linux/arm64", X8664: "linux/amd64"} {
		for _, preview := range []bool{false, true} {
			p, uri, repository, err := imagePlan(t, preview, ImageArgs{Context: ".",
				Dockerfile: "worker/Dockerfile", Folder: "..", Architecture: architecture})
			require.NoError(t, err)
			assert.Equal(t, true, inputs(t, p, "i-repository")["forceDelete"],
				"or the stack could not be destroyed")
			assert.Equal(t, map[string]any{"scanOnPush": true},
				inputs(t, p, "i-repository")["imageScanningConfiguration"])
			rule := inputs(t, p,
				"i-repository")["lifecyclePolicy"].(map[string]any)["rules"].([]any)[0].(map[string]any)
			assert.Equal(t, "untagged", rule["tagStatus"])
			assert.Equal(t, 10.0, rule["maximumNumberOfImages"], "a rollback needs the image before")
			image := inputs(t, p, "i-image")
			assert.Equal(t, platform, image["platform"])
			assert.Equal(t, "worker/Dockerfile", image["dockerfile"])
			if !preview {
				assert.Contains(t, uri, "@sha256:")
				assert.Equal(t, "arn:aws:ecr:us-west-1:123456789012:repository/i-repository", repository)
			}
		}
	}
}

func TestFoundImage(t *testing.T) {
	t.Parallel()
	for _, preview := range []bool{false, true} {
		p, uri, repository, err := imagePlan(t, preview,
			ImageArgs{Repository: pulumi.String("jobs"), Tag: pulumi.String("v1")})
		require.NoError(t, err)
		assert.Equal(t, map[string]int{ImageType: 1}, p.Types())
		digest, err := testRepositories().Image("jobs", "v1")
		require.NoError(t, err)
		assert.Equal(t, "123456789012.dkr.ecr.us-west-1.amazonaws.com/jobs@"+digest, uri,
			"a tag that is moved later changes nothing")
		assert.Equal(t, testRepo, repository)
	}
	_, uri, _, err := imagePlan(t, false, ImageArgs{Repository: pulumi.String("jobs"),
		Digest: pulumi.String("sha256:" + strings.Repeat("ab", 32))})
	require.NoError(t, err)
	assert.Equal(t, "123456789012.dkr.ecr.us-west-1.amazonaws.com/jobs@sha256:"+strings.Repeat("ab", 32), uri)
}

func TestMissingRepository(t *testing.T) {
	t.Parallel()
	_, _, _, err := imagePlan(t, false,
		ImageArgs{Repository: pulumi.String("nowhere"), Tag: pulumi.String("v1")})
	require.ErrorContains(t, err, "Repository: \"nowhere\": looking up the repository failed")
}

func TestMissingTag(t *testing.T) {
	t.Parallel()
	_, _, _, err := imagePlan(t, true, ImageArgs{Repository: pulumi.String("jobs"), Tag: pulumi.String("v2")})
	require.ErrorContains(t, err, "looking up the image in jobs failed",
		"a preview tells, before a task fails to start")
}

func TestRepositoryARN(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/" +
			"jobs": "arn:aws:ecr:eu-west-1:123456789012:repository/team/jobs",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/" +
			"jobs": "arn:aws-cn:ecr:cn-north-1:123456789012:repository/jobs",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/" +
			"jobs": "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/jobs",
	}
	for url, want := range cases {
		got, err := repositoryARN(url)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := repositoryARN("docker.io/library/alpine")
	require.ErrorContains(t, err, "not the URL of an ECR repository")
}
