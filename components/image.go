package components

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
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
	// Reference is the image itself, with a tag or a digest, of any registry. It is taken
	// as it is. Default: none; an image in a Repository, or one that is built.
	Reference pulumi.StringInput `pulumi:"reference,optional"`
	// Repository is the name of an existing ECR repository of the same account and region.
	// Default: a new one, deleted with its images when the stack is.
	Repository pulumi.StringInput `pulumi:"repository,optional"`
	// Tag or Digest (sha256: and 64 hex digits) selects the image in an existing
	// repository; exactly one of them.
	Tag    pulumi.StringInput `pulumi:"tag,optional"`
	Digest pulumi.StringInput `pulumi:"digest,optional"`
	// Dockerfile says how to build the image, relative to the program. Required for a new
	// repository.
	Dockerfile string `pulumi:"dockerfile,optional"`
	// Context is the folder the image is built from, relative to the program.
	// Default: the Dockerfile's.
	Context string `pulumi:"context,optional"`
	// Folder is where relative paths are looked for before anything is created.
	// Default: the working folder, in which Pulumi runs the program.
	Folder string `pulumi:"-"`
	// Architecture the image is built for. Default x86_64.
	Architecture Architecture `pulumi:"architecture,optional"`
	// Tags are put on a new repository. Default: none.
	Tags pulumi.StringMapInput `pulumi:"tags,optional"`
}

var (
	isTag = matches(regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`),
		"is not a valid tag; use up to 128 letters, digits and _ . -")
	isDigest = matches(regexp.MustCompile(`^sha256:[0-9a-f]{64}$`), "needs to be sha256: and 64 hex digits")
)

// checks are those of the arguments that may come from a resource.
func (args *ImageArgs) checks() []inputCheck {
	return []inputCheck{
		{field: "Reference", text: &args.Reference, check: isImage},
		{field: "Tag", text: &args.Tag, check: isTag},
		{field: "Digest", text: &args.Digest, check: isDigest},
	}
}

// Validate reports what is wrong with the arguments, as *FieldError joined. It looks for
// the Dockerfile.
func (args *ImageArgs) Validate() error {
	var found FieldErrors
	for _, check := range args.checks() {
		check.now(&found)
	}
	if args.Reference != nil {
		for _, other := range []struct {
			field string
			value pulumi.StringInput
		}{{"Repository", args.Repository}, {"Tag", args.Tag}, {"Digest", args.Digest}} {
			if other.value != nil {
				found.Add(other.field, describe(other.value),
					"does not go with {Reference}, which names the whole image")
			}
		}
		return found.Err()
	}
	switch {
	case args.Repository == nil && args.Tag != nil:
		found.Add("Tag", describe(args.Tag),
			"selects an image in an existing repository; name it in {Repository}")
	case args.Repository == nil && args.Digest != nil:
		found.Add("Digest", describe(args.Digest),
			"selects an image in an existing repository; name it in {Repository}")
	case args.Repository == nil:
		args.validateBuild(&found)
	case (args.Tag == nil) == (args.Digest == nil):
		found.Add("Repository", describe(args.Repository), "needs one of {Tag} and {Digest}")
	}
	return found.Err()
}

func (args *ImageArgs) validateBuild(found *FieldErrors) {
	if args.Dockerfile == "" {
		found.Add("Dockerfile", "",
			"is required to build an image; or name one in {Reference}, or a {Repository}")
		return
	}
	if info, err := os.Stat(args.located(args.Dockerfile)); err != nil || info.IsDir() {
		found.Add("Dockerfile", args.Dockerfile, "there is no such file in %s", args.folder())
	}
	if info, err := os.Stat(args.located(args.context())); err != nil || !info.IsDir() {
		found.Add("Context", args.context(), "there is no such folder in %s", args.folder())
	}
}

// located is where a path of the arguments is.
func (args *ImageArgs) located(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(args.folder(), name)
}

// folder is where the program runs.
func (args *ImageArgs) folder() string {
	if args.Folder != "" {
		return args.Folder
	}
	if folder, err := os.Getwd(); err == nil {
		return folder
	}
	return "."
}

// context is the folder that the image is built from.
func (args *ImageArgs) context() string {
	return cmp.Or(args.Context, path.Dir(args.Dockerfile))
}

// Image is the image of a task, built or found.
type Image struct {
	pulumi.ResourceState

	// URI names the image by its digest: a tag that is moved later changes nothing
	// until the stack is deployed again.
	URI pulumi.StringOutput `pulumi:"uri"`
	// RepositoryARN is what the execution role may pull from, "" for an image outside ECR.
	RepositoryARN pulumi.StringOutput `pulumi:"repositoryArn"`
}

// NewImage builds or finds an image. It fails if the repository to use or the tag in
// it does not exist.
func NewImage(
	ctx *pulumi.Context, name string, args *ImageArgs, opts ...pulumi.ResourceOption,
) (*Image, error) {
	if args == nil {
		args = &ImageArgs{}
	}
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("image %q:\n%w", name, err)
	}
	checked := *args
	for _, check := range checked.checks() {
		check.later(itself)
	}
	image := &Image{}
	if err := ctx.RegisterComponentResourceV2(ImageType, name, checked.inputs(), image, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	provide := image.build
	switch {
	case args.Reference != nil:
		provide = image.take
	case args.Repository != nil:
		provide = image.find
	}
	if err := provide(ctx, name, checked); err != nil {
		return nil, err
	}
	return image, ctx.RegisterResourceOutputs(image,
		pulumi.Map{"uri": image.URI, "repositoryArn": image.RepositoryARN})
}

// inputs are what the state shows of the component.
func (args *ImageArgs) inputs() pulumi.Map {
	return given(pulumi.Map{
		"reference": args.Reference, "repository": args.Repository, "tag": args.Tag, "digest": args.Digest,
		"dockerfile": pulumi.String(args.Dockerfile), "context": pulumi.String(args.Context),
		"architecture": pulumi.String(cmp.Or(args.Architecture, X8664)), "tags": args.Tags,
	})
}

// take uses an image as it is named.
func (i *Image) take(_ *pulumi.Context, _ string, args ImageArgs) error {
	i.URI = args.Reference.ToStringOutput()
	i.RepositoryARN = i.URI.ApplyT(repositoryOfImage).(pulumi.StringOutput)
	return nil
}

// find looks an image up: at once if its names are known, so that a wrong one fails
// before anything is created.
func (i *Image) find(ctx *pulumi.Context, _ string, args ImageArgs) error {
	name, known := plain(args.Repository)
	tag, tagKnown := plain(args.Tag)
	if !known || args.Tag != nil && !tagKnown {
		i.findLater(ctx, args)
		return nil
	}
	repository, err := ecr.LookupRepository(ctx, &ecr.LookupRepositoryArgs{Name: name}, pulumi.Parent(i))
	if err != nil {
		return &FieldError{Field: "Repository", Value: name,
			Want: fmt.Sprintf("looking up the repository failed: %v", err)}
	}
	digest := args.Digest
	if digest == nil {
		image, err := ecr.GetImage(ctx, &ecr.GetImageArgs{RepositoryName: name, ImageTag: &tag},
			pulumi.Parent(i))
		if err != nil {
			return &FieldError{Field: "Tag", Value: tag,
				Want: fmt.Sprintf("looking up the image in %s failed: %v", name, err)}
		}
		digest = pulumi.String(image.ImageDigest)
	}
	i.URI = pulumi.Sprintf("%s@%s", repository.RepositoryUrl, digest)
	i.RepositoryARN = pulumi.String(repository.Arn).ToStringOutput()
	return nil
}

// findLater finds an image in a repository that another resource makes.
func (i *Image) findLater(ctx *pulumi.Context, args ImageArgs) {
	repository := ecr.LookupRepositoryOutput(ctx, ecr.LookupRepositoryOutputArgs{Name: args.Repository},
		pulumi.Parent(i))
	digest := args.Digest
	if digest == nil {
		digest = ecr.GetImageOutput(ctx, ecr.GetImageOutputArgs{
			RepositoryName: args.Repository, ImageTag: args.Tag.ToStringOutput().ToStringPtrOutput(),
		}, pulumi.Parent(i)).ImageDigest()
	}
	i.URI = pulumi.Sprintf("%s@%s", repository.RepositoryUrl(), digest)
	i.RepositoryARN = repository.Arn()
}

func (i *Image) build(ctx *pulumi.Context, name string, args ImageArgs) error {
	repository, err := awsxecr.NewRepository(ctx, name+"-repository", &awsxecr.RepositoryArgs{
		ForceDelete: pulumi.Bool(true),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{
			ScanOnPush: pulumi.Bool(true),
		},
		LifecyclePolicy: keepImages(),
		Tags:            args.Tags,
	}, pulumi.Parent(i))
	if err != nil {
		return fmt.Errorf("creating the repository: %w", err)
	}
	built, err := awsxecr.NewImage(ctx, name+"-image", &awsxecr.ImageArgs{
		RepositoryUrl: repository.Url,
		Context:       pulumi.String(args.context()),
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
	untagged := awsxecr.LifecyclePolicyRuleArgs{
		Description:           pulumi.String("Keep the last images that lost their tag to a newer one."),
		TagStatus:             awsxecr.LifecycleTagStatusUntagged,
		MaximumNumberOfImages: pulumi.Float64(keptImages),
	}
	return &awsxecr.LifecyclePolicyArgs{Rules: awsxecr.LifecyclePolicyRuleArray{untagged}}
}

func dockerPlatform(architecture Architecture) string {
	if architecture == ARM64 {
		return "linux/arm64"
	}
	return "linux/amd64"
}

// repositoryOfImage reads the ARN of the ECR repository off an image's reference; "" for an
// image from elsewhere.
func repositoryOfImage(reference string) string {
	url, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(url, ":"); colon > strings.LastIndex(url, "/") {
		url = url[:colon]
	}
	arn, err := repositoryARN(url)
	if err != nil {
		return ""
	}
	return arn
}

var repositoryURL = regexp.MustCompile(`^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)` +
	`\.amazonaws\.com(?:\.cn)?/(.+)$`)

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
