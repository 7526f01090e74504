package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"fargate-queue-worker/program"
	"fargate-queue-worker/sandbox/stackfile"
)

// pulumiStack is a stack that the user's Pulumi CLI deploys. Its state is in a folder of its own,
// so that the user's stacks are not touched.
type pulumiStack struct {
	name, region, tag string
	// account of AWS, by its number.
	account string
	// exists says that there are resources in the state.
	exists bool
	// tagged are the ARNs of what has the stack's tag.
	tagged func(context.Context) ([]string, error)

	settings    *stackfile.Stack
	root, state string
	cli         auto.PulumiCommand
	stack       auto.Stack
	output      io.Writer
}

// overridesOf the stack's configuration: its image has the job of the cases, and all that it makes
// has a tag.
func overridesOf(tag string) []string {
	return []string{
		"dockerfile=acceptance/job/Dockerfile", "imageContext=.", "protectQueue=false",
		fmt.Sprintf(`aws:defaultTags={"tags":{"project":"fargate-queue-worker",%q:%q}}`, tagKey, tag),
	}
}

// newPulumiStack is a stack by its configuration. Nothing is looked for yet.
func newPulumiStack(root, name string, output io.Writer) (*pulumiStack, error) {
	settings, err := stackfile.Load(root, name, overridesOf(name)...)
	if err != nil {
		return nil, err
	}
	region, err := settings.Region()
	if err != nil {
		return nil, err
	}
	if region == "" {
		return nil, fmt.Errorf("aws:region: not set; Pulumi.%s.yaml needs to name one, such as us-west-2",
			name)
	}
	return &pulumiStack{
		name: "acceptance-" + name, region: region, tag: name,
		settings: settings, root: root, output: output,
	}, nil
}

// findTools looks for what deploying needs, or for what removing does, which builds no image.
func (s *pulumiStack) findTools(ctx context.Context, removing bool) (err error) {
	if s.cli, err = auto.NewPulumiCommand(nil); err != nil {
		return fmt.Errorf("the Pulumi CLI is not on the PATH, or too old; see"+
			" https://www.pulumi.com/docs/install/: %w", err)
	}
	if removing {
		return nil
	}
	const patience = 30 * time.Second // a daemon that hangs does not answer either
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if said, err := exec.CommandContext(limited, "docker", "info").CombinedOutput(); err != nil {
		return fmt.Errorf("the stack builds its image, and Docker does not answer (docker info): %w\n%s",
			err, said)
	}
	return nil
}

// open the stack, whose state is in a folder.
func (s *pulumiStack) open(ctx context.Context, folder string) (err error) {
	work := filepath.Join(folder, "work")
	s.state = filepath.Join(folder, "state")
	for _, dir := range []string{s.state, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("preparing the stack: %w", err)
		}
	}
	s.stack, err = auto.UpsertStackInlineSource(
		ctx, s.name, s.settings.Project.Name.String(), program.DeployIn(s.root),
		auto.Pulumi(s.cli), auto.WorkDir(work), auto.Project(*s.settings.Project),
		auto.Stacks(map[string]workspace.ProjectStack{s.name: *s.settings.Settings}),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":       "file://" + filepath.ToSlash(s.state),
			"PULUMI_CONFIG_PASSPHRASE": "acceptance",
			"PULUMI_SKIP_UPDATE_CHECK": "true",
		}),
	)
	if err != nil {
		return fmt.Errorf("opening the stack: %w", err)
	}
	if err := s.unlock(ctx); err != nil {
		return err
	}
	info, err := s.stack.Info(ctx)
	s.exists = err == nil && info.ResourceCount != nil && *info.ResourceCount > 0
	return err
}

// mend the state, which a run that was killed may have left locked and incomplete. Ctrl-C may end a
// command of that, which then is run once more.
func (s *pulumiStack) mend(ctx context.Context) error {
	once := func() error {
		if err := s.unlock(ctx); err != nil {
			return err
		}
		return s.adopt(ctx)
	}
	if once() == nil {
		return nil
	}
	return once()
}

// Up implements Stack. It looks first at what there is, since a run that was killed may not have
// written down what it made. Ctrl-C reaches the CLI by itself, which then ends what it has begun; a
// second interrupt, from here, would have it forget that.
func (s *pulumiStack) Up(ctx context.Context) (Outputs, error) {
	ctx = context.WithoutCancel(ctx)
	options := []optup.Option{optup.ProgressStreams(s.output), optup.ErrorProgressStreams(s.output)}
	if err := s.mend(ctx); err != nil {
		return Outputs{}, err
	}
	if s.exists {
		options = append(options, optup.Refresh())
	}
	result, err := s.stack.Up(ctx, options...)
	if err != nil {
		return Outputs{}, brief("up", err)
	}
	of := func(name string) string {
		text, _ := result.Outputs[name].Value.(string)
		return text
	}
	return Outputs{
		QueueURL:           of("queueUrl"),
		QueueName:          of("queueName"),
		DeadLetterQueueURL: of("deadLetterQueueUrl"),
		Cluster:            of("clusterName"),
		Service:            of("serviceName"),
		LogGroup:           of("logGroupName"),
		WakeARN:            of("wakeArn"),
	}, nil
}

// Preview implements Stack.
func (s *pulumiStack) Preview(ctx context.Context) (changes []string, err error) {
	result, err := s.stack.Preview(ctx,
		optpreview.ProgressStreams(s.output), optpreview.ErrorProgressStreams(s.output))
	if err != nil {
		return nil, brief("preview", err)
	}
	for op, n := range result.ChangeSummary {
		if op != apitype.OpSame && n > 0 {
			changes = append(changes, fmt.Sprintf("%d to %s", n, op))
		}
	}
	slices.Sort(changes)
	return changes, nil
}

// Destroy implements Stack. It looks first at what there is; for that and for interrupts see Up.
func (s *pulumiStack) Destroy(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if err := s.mend(ctx); err != nil {
		return err
	}
	_, err := s.stack.Destroy(ctx, optdestroy.Refresh(),
		optdestroy.ProgressStreams(s.output), optdestroy.ErrorProgressStreams(s.output))
	return brief("destroy", err)
}

// brief leaves out of an error what Pulumi has printed already.
func brief(command string, err error) error {
	if err == nil {
		return nil
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("pulumi %s: %s", command, first)
}
