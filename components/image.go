package components

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	awsxecr "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ImageType is the type token of the component.
const ImageType = "fargate-queue-worker:index:Image"

// ImageArgs name an image that exists, or say how to build one.
type ImageArgs struct {
	// Repository is the name of an existing ECR repository. Default: a new one,
	// deleted with its images when the stack is.
	Repository string
	// Tag or Digest (sha256: and 64 hex digits) selects the image in an existing
	// repository; exactly one of them.
	Tag, Digest string
	// Context is the folder the image is built from, and Dockerfile the file in it
	// that says how, both relative to the program. Required for a new repository.
	Context, Dockerfile string
	// Architecture the image is built for. Default x86_64.
	Architecture Architecture
	// Tags are put on a new repository. Default: none.
	Tags pulumi.StringMapInput
}

// Validate reports what is wrong with the arguments, as *FieldError joined.
func (args ImageArgs) Validate() error {
	var found FieldErrors
	switch {
	case args.Repository == "" && args.Tag != "":
		found.Add("imageTag", args.Tag, "selects an image in an existing repository; name it in repositoryName")
	case args.Repository == "" && args.Digest != "":
		found.Add("imageDigest", args.Digest, "selects an image in an existing repository; name it in repositoryName")
	case args.Repository != "" && (args.Tag == "") == (args.Digest == ""):
		found.Add("repositoryName", args.Repository, "needs one of imageTag and imageDigest")
	}
	if args.Tag != "" && !tag.MatchString(":"+args.Tag) {
		found.Add("imageTag", args.Tag, "is no tag; use up to 128 letters, digits and _ . -")
	}
	if args.Digest != "" && !digest.MatchString("@"+args.Digest) {
		found.Add("imageDigest", args.Digest, "needs to be sha256: and 64 hex digits")
	}
	return found.Err()
}

// Image is the image of a task, built or found.
type Image struct {
	pulumi.ResourceState

	// URI names the image by its digest: a tag that is moved later changes nothing
	// until the stack is deployed again.
	URI pulumi.StringOutput `pulumi:"uri"`
	// RepositoryARN is what the execution role may pull from.
	RepositoryARN pulumi.StringOutput `pulumi:"repositoryArn"`
}

// NewImage builds or finds an image. It fails if the repository to use or the tag in
// it does not exist.
func NewImage(ctx *pulumi.Context, name string, args ImageArgs, opts ...pulumi.ResourceOption) (*Image, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("image %q:\n%w", name, err)
	}
	image := &Image{}
	if err := ctx.RegisterComponentResource(ImageType, name, image, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	provide := image.build
	if args.Repository != "" {
		provide = image.find
	}
	if err := provide(ctx, name, args); err != nil {
		return nil, err
	}
	return image, ctx.RegisterResourceOutputs(image, pulumi.Map{"uri": image.URI, "repositoryArn": image.RepositoryARN})
}

func (i *Image) find(ctx *pulumi.Context, _ string, args ImageArgs) error {
	repository, err := ecr.LookupRepository(ctx, &ecr.LookupRepositoryArgs{Name: args.Repository}, pulumi.Parent(i))
	if err != nil {
		return fmt.Errorf("looking up the repository %s (key repositoryName): %w", args.Repository, err)
	}
	digest := args.Digest
	if digest == "" {
		image, err := ecr.GetImage(ctx, &ecr.GetImageArgs{RepositoryName: args.Repository, ImageTag: &args.Tag}, pulumi.Parent(i))
		if err != nil {
			return fmt.Errorf("looking up the image %s:%s (key imageTag): %w", args.Repository, args.Tag, err)
		}
		digest = image.ImageDigest
	}
	i.URI = pulumi.String(repository.RepositoryUrl + "@" + digest).ToStringOutput()
	i.RepositoryARN = pulumi.String(repository.Arn).ToStringOutput()
	return nil
}

func (i *Image) build(ctx *pulumi.Context, name string, args ImageArgs) error {
	repository, err := awsxecr.NewRepository(ctx, name+"-repository", &awsxecr.RepositoryArgs{
		ForceDelete:                pulumi.Bool(true),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		LifecyclePolicy:            keepImages(),
		Tags:                       args.Tags,
	}, pulumi.Parent(i))
	if err != nil {
		return fmt.Errorf("creating the repository: %w", err)
	}
	built, err := awsxecr.NewImage(ctx, name+"-image", &awsxecr.ImageArgs{
		RepositoryUrl: repository.Url,
		Context:       pulumi.String(args.Context),
		Dockerfile:    pulumi.String(args.Dockerfile),
		Platform:      pulumi.String(dockerPlatform(args.Architecture)),
	}, pulumi.Parent(i))
	if err != nil {
		return fmt.Errorf("building the image: %w", err)
	}
	i.URI = built.ImageUri
	i.RepositoryARN = repository.Url.ApplyT(repositoryARN).(pulumi.StringOutput)
	return nil
}

// keptImages is how many images without a tag stay. awsx pushes each build under the
// same tag, so the ones before have none, and tasks and a rollback may still need them.
const keptImages = 10

// keepImages replaces awsx's own rule, which keeps one image without a tag.
func keepImages() *awsxecr.LifecyclePolicyArgs {
	return &awsxecr.LifecyclePolicyArgs{Rules: awsxecr.LifecyclePolicyRuleArray{awsxecr.LifecyclePolicyRuleArgs{
		Description:           pulumi.String("Keep the last images that lost their tag to a newer one."),
		TagStatus:             awsxecr.LifecycleTagStatusUntagged,
		MaximumNumberOfImages: pulumi.Float64(keptImages),
	}}}
}

func dockerPlatform(architecture Architecture) string {
	if architecture == ARM64 {
		return "linux/arm64"
	}
	return "linux/amd64"
}

var repositoryURL = regexp.MustCompile(`^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)$`)

// repositoryARN reads the ARN of an ECR repository off its URL.
func repositoryARN(url string) (string, error) {
	parts := repositoryURL.FindStringSubmatch(url)
	if parts == nil {
		return "", fmt.Errorf("%q is not the URL of an ECR repository", url)
	}
	account, region, name := parts[1], parts[2], parts[3]
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", partition, region, account, name), nil
}
