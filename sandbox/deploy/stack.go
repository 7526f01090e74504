// Package deploy runs the program on the sandbox with the real Pulumi CLI: the same
// engine and state as on AWS, with the sandbox's provider in AWS's place.
package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"fargate-queue-worker/program"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/provider"
	"fargate-queue-worker/sandbox/stackfile"
)

// Options of Open.
type Options struct {
	// Root is the folder with Pulumi.yaml.
	Root string
	// Folder keeps the sandbox's state: the CLI, Pulumi's state, the account.
	Folder string
	// CLIFolder keeps the CLI. Default: Folder.
	CLIFolder string
	// Stack is dev or prod, or any other there is a Pulumi.<stack>.yaml of.
	Stack string
	// StackFolder is where the stack's file is. Default: Root.
	StackFolder string
	// Config overrides the stack's configuration, as key=value.
	Config []string
	// Output gets what changes.
	Output io.Writer
	// Brief leaves out the resources, but not warnings and how many there are.
	Brief bool
}

// Stack is a stack of the program on the sandbox.
type Stack struct {
	// Account is what the stack is deployed to.
	Account *cloud.Account

	stack  auto.Stack
	output io.Writer
	brief  bool
	file   string // of the account
}

// Open prepares a stack: it reads its configuration, starts the provider, and has
// the Pulumi CLI built if there is none. The provider stops when ctx does.
func Open(ctx context.Context, o Options) (*Stack, error) {
	settings, err := stackfile.LoadFrom(o.Root, cmp.Or(o.StackFolder, o.Root), o.Stack, o.Config...)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(o.Folder, o.Stack)
	file := filepath.Join(folder, "account.json")
	account, err := loadAccount(file, settings)
	if err != nil {
		return nil, err
	}
	save := func() error { return account.Save(file) }
	ports, err := provider.Serve(ctx, account, &sync.Mutex{}, o.Root, save)
	if err != nil {
		return nil, err
	}
	if o.CLIFolder == "" {
		o.CLIFolder = o.Folder
	}
	cli, err := pulumiCLI(ctx, o.Root, o.CLIFolder, o.Output)
	if err != nil {
		return nil, err
	}
	stack, err := openStack(ctx, cli, o.Root, folder, ports, settings)
	if err != nil {
		return nil, err
	}
	return &Stack{Account: account, stack: stack, output: o.Output, brief: o.Brief, file: file}, nil
}

// loadAccount reads the account of a stack and puts into it what the stack joins.
func loadAccount(file string, settings *stackfile.Stack) (*cloud.Account, error) {
	region, err := settings.Region()
	if err != nil {
		return nil, err
	}
	account, err := cloud.LoadAccount(file, region)
	if err != nil {
		return nil, err
	}
	account.Region = region
	return account, settings.PutExisting(account)
}

// openStack creates or selects the stack in a workspace of its own, so that neither
// the project's files nor the user's Pulumi login are touched.
func openStack(
	ctx context.Context, cli auto.PulumiCommand, root, folder string, ports provider.Ports,
	settings *stackfile.Stack,
) (auto.Stack, error) {
	state, home, work := filepath.Join(folder, "state"), filepath.Join(folder,
		"home"), filepath.Join(folder, "work")
	for _, dir := range []string{state, home, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return auto.Stack{}, fmt.Errorf("preparing the sandbox: %w", err)
		}
	}
	if err := keepSalt(work, settings); err != nil {
		return auto.Stack{}, err
	}
	stack, err := auto.UpsertStackInlineSource(ctx, settings.Name, settings.Project.Name.String(),
		program.DeployIn(root),
		auto.Pulumi(cli), auto.WorkDir(work), auto.PulumiHome(home),
		auto.Project(*settings.Project),
		auto.Stacks(map[string]workspace.ProjectStack{settings.Name: *settings.Settings}),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":       "file://" + filepath.ToSlash(state),
			"PULUMI_CONFIG_PASSPHRASE": "sandbox",
			"PULUMI_SKIP_UPDATE_CHECK": "true",
			"PULUMI_DEBUG_PROVIDERS":   fmt.Sprintf("aws:%d,awsx:%d", ports.AWS, ports.AWSX),
		}))
	if err != nil {
		return auto.Stack{}, fmt.Errorf("opening the stack: %w", err)
	}
	return stack, nil
}

// keepSalt hands on the salt that Pulumi put into the workspace's stack file, from
// which the key to the state's secrets is made.
func keepSalt(work string, settings *stackfile.Stack) error {
	before, err := stackfile.Load(work, settings.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the first time
	}
	if err != nil {
		return err
	}
	settings.Settings.EncryptionSalt = before.Settings.EncryptionSalt
	return nil
}

// Up deploys the stack, and tells what changes.
func (s *Stack) Up(ctx context.Context, opts ...optup.Option) (auto.UpResult, error) {
	var o optup.Options
	for _, option := range opts {
		option.ApplyOption(&o)
	}
	r := s.report()
	result, err := s.stack.Up(ctx, append(opts, optup.EventStreams(append(o.EventStreams, r.follow())...))...)
	if err := r.finish("up", err); err != nil {
		return result, err
	}
	if !s.brief {
		showOutputs(s.output, result.Outputs)
	}
	return result, nil
}

// Preview says what Up would do.
func (s *Stack) Preview(ctx context.Context, opts ...optpreview.Option) (auto.PreviewResult, error) {
	var o optpreview.Options
	for _, option := range opts {
		option.ApplyOption(&o)
	}
	r := s.report()
	result, err := s.stack.Preview(ctx,
		append(opts, optpreview.EventStreams(append(o.EventStreams, r.follow())...))...)
	return result, r.finish("preview", err)
}

// Destroy removes everything the stack made. As the CLI does, it previews first, and
// so removes nothing if something is protected.
func (s *Stack) Destroy(ctx context.Context, opts ...optdestroy.Option) (auto.DestroyResult, error) {
	var o optdestroy.Options
	for _, option := range opts {
		option.ApplyOption(&o)
	}
	planned := &report{output: io.Discard, destroys: true}
	if _, err := s.stack.PreviewDestroy(ctx, optdestroy.EventStreams(planned.follow())); err != nil {
		return auto.DestroyResult{}, planned.finish("destroy", err)
	}
	r := s.report()
	r.destroys = true
	result, err := s.stack.Destroy(ctx,
		append(opts, optdestroy.EventStreams(append(o.EventStreams, r.follow())...))...)
	return result, r.finish("destroy", err)
}

func (s *Stack) report() *report { return &report{output: s.output, brief: s.brief} }

// ResourceCount is the number of resources in the stack's state.
func (s *Stack) ResourceCount(ctx context.Context) (int, error) {
	info, err := s.stack.Info(ctx)
	if err != nil || info.ResourceCount == nil {
		return 0, err
	}
	return *info.ResourceCount, nil
}

// saveAccount keeps a change that was made to the account behind Pulumi's back.
func (s *Stack) saveAccount() error { return s.Account.Save(s.file) }
