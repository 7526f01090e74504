package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Construct makes an awsx component: opaque, with the outputs the program reads.
func (s *server) Construct(
	ctx context.Context, req *pulumirpc.ConstructRequest,
) (*pulumirpc.ConstructResponse, error) {
	if req.GetProviders()["aws"] == "" {
		return nil, fmt.Errorf("%s %s got no aws provider: its children would run on a second one, without "+
			"the stack's region and tags", req.GetType(), req.GetName())
	}
	s.mu.Lock()
	engine := s.engine
	s.mu.Unlock()
	return provider.Construct(ctx, req, engine, s.construct)
}

// component is a constructed awsx component.
type component struct {
	pulumi.ResourceState
}

func (s *server) construct(
	ctx *pulumi.Context, typ, name string, inputs provider.ConstructInputs, options pulumi.ResourceOption,
) (*provider.ConstructResult, error) {
	outputs, ok := constructors[typ]
	if !ok {
		return nil, fmt.Errorf("the sandbox has no components of type %s", typ)
	}
	c := &component{}
	if err := ctx.RegisterComponentResource(typ, name, c, options); err != nil {
		return nil, err
	}
	args, err := inputs.Map()
	if err != nil {
		return nil, err
	}
	state := outputs(s, c, args)
	if !s.made(ctx, typ, name) {
		for output := range state {
			state[output] = pulumi.UnsafeUnknownOutput(nil)
		}
	}
	if err := ctx.RegisterResourceOutputs(c, state); err != nil {
		return nil, err
	}
	return &provider.ConstructResult{URN: c.URN(), State: state}, nil
}

// made says whether a component exists already, and notes one that is being made. In
// a preview of its creation AWS could not know its outputs, so we do not either.
func (s *server) made(ctx *pulumi.Context, typ, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := typ + "::" + name
	if !ctx.DryRun() {
		s.account.Components[key] = true
	}
	return s.account.Components[key]
}

// constructors make the outputs of a component. What AWS would choose follows from
// the URN, so that it stays the same from update to update.
var constructors = map[string]func(s *server, c *component, args pulumi.Map) pulumi.Map{
	"awsx:ec2:Vpc": func(_ *server, c *component, _ pulumi.Map) pulumi.Map {
		return pulumi.Map{
			"vpcId": c.id("vpc-"),
			"publicSubnetIds": pulumi.StringArray{
				pulumi.Sprintf("%sa", c.id("subnet-")), pulumi.Sprintf("%sb", c.id("subnet-")),
			},
			"privateSubnetIds":  pulumi.StringArray{},
			"isolatedSubnetIds": pulumi.StringArray{},
		}
	},
	"awsx:ecr:Repository": func(s *server, c *component, _ pulumi.Map) pulumi.Map {
		return pulumi.Map{"url": c.URN().ApplyT(func(urn pulumi.URN) string {
			return s.account.RepositoryURL("repository-" + hexID(string(urn))[:7])
		}).(pulumi.StringOutput)}
	},
	"awsx:ecr:Image": func(s *server, _ *component, args pulumi.Map) pulumi.Map {
		uri := pulumi.All(args["repositoryUrl"], args["context"], args["dockerfile"],
			args["platform"]).ApplyT(s.buildImage)
		return pulumi.Map{"imageUri": uri}
	},
}

func (c *component) id(prefix string) pulumi.StringOutput {
	return c.URN().ApplyT(func(urn pulumi.URN) string {
		return prefix + hexID(string(urn))
	}).(pulumi.StringOutput)
}

// hexID has the 16 digits that, with one to tell things apart, the ids of AWS have.
func hexID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:16]
}

// buildImage stands in for building and pushing an image: it checks that the
// Dockerfile is there, and gives the image a digest that follows from what is beside it.
func (s *server) buildImage(args []any) (string, error) {
	repositoryURL, dockerfile, platform := text(args[0]), text(args[2]), text(args[3])
	sum := sha256.New()
	fmt.Fprintln(sum, platform)
	source := os.DirFS(filepath.Join(s.root, filepath.Dir(dockerfile)))
	if _, err := os.Stat(filepath.Join(s.root, dockerfile)); err != nil {
		return "", fmt.Errorf("building the image: %w", err)
	}
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, path)
		fmt.Fprintln(sum, path, len(content))
		sum.Write(content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("building the image: %w", err)
	}
	return repositoryURL + "@sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
