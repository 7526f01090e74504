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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
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
	// exists says that there are resources in the state.
	exists bool

	stack  auto.Stack
	output io.Writer
}

// overridesOf the stack's configuration: its image has the job of the cases, and all that it makes
// has a tag.
func overridesOf(tag string) []string {
	return []string{
		"dockerfile=acceptance/job/Dockerfile", "imageContext=.", "protectQueue=false",
		fmt.Sprintf(`aws:defaultTags={"tags":{"project":"fargate-queue-worker",%q:%q}}`, tagKey, tag),
	}
}

// openPulumiStack prepares the stack, and looks for what deploying needs.
func openPulumiStack(
	ctx context.Context, root, folder, name string, output io.Writer,
) (*pulumiStack, error) {
	tag := name
	settings, err := stackfile.Load(root, name, overridesOf(tag)...)
	if err != nil {
		return nil, err
	}
	region, err := settings.Region()
	if err != nil {
		return nil, err
	}
	cli, err := auto.NewPulumiCommand(nil)
	if err != nil {
		return nil, fmt.Errorf(
			"the Pulumi CLI is not on the PATH, or too old; see https://www.pulumi.com/docs/install/: %w", err)
	}
	if said, err := exec.CommandContext(ctx, "docker", "info").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the stack builds its image, and Docker does not answer (docker info): %w\n%s",
			err, said)
	}
	s := &pulumiStack{name: "acceptance-" + name, region: region, tag: tag, output: output}
	return s, s.open(ctx, cli, root, folder, settings)
}

func (s *pulumiStack) open(
	ctx context.Context, cli auto.PulumiCommand, root, folder string, settings *stackfile.Stack,
) (err error) {
	state, work := filepath.Join(folder, "state"), filepath.Join(folder, "work")
	for _, dir := range []string{state, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("preparing the stack: %w", err)
		}
	}
	s.stack, err = auto.UpsertStackInlineSource(
		ctx, s.name, settings.Project.Name.String(), program.DeployIn(root),
		auto.Pulumi(cli), auto.WorkDir(work), auto.Project(*settings.Project),
		auto.Stacks(map[string]workspace.ProjectStack{s.name: *settings.Settings}),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":       "file://" + filepath.ToSlash(state),
			"PULUMI_CONFIG_PASSPHRASE": "acceptance",
			"PULUMI_SKIP_UPDATE_CHECK": "true",
		}),
	)
	if err != nil {
		return fmt.Errorf("opening the stack: %w", err)
	}
	info, err := s.stack.Info(ctx)
	s.exists = err == nil && info.ResourceCount != nil && *info.ResourceCount > 0
	return err
}

// unlock the state that a run which was killed has locked.
func (s *pulumiStack) unlock(ctx context.Context) { _ = s.stack.Cancel(ctx) } // most often there is no lock

// Up implements Stack. Ctrl-C reaches the CLI by itself, which then ends what it has begun; a
// second interrupt, from here, would have it forget that.
func (s *pulumiStack) Up(ctx context.Context) (Outputs, error) {
	ctx = context.WithoutCancel(ctx)
	s.unlock(ctx)
	result, err := s.stack.Up(ctx, optup.ProgressStreams(s.output), optup.ErrorProgressStreams(s.output))
	if err != nil {
		return Outputs{}, brief("up", err)
	}
	of := func(name string) string {
		text, _ := result.Outputs[name].Value.(string)
		return text
	}
	return Outputs{
		QueueURL: of("queueUrl"), QueueName: of("queueName"), DeadLetterQueueURL: of("deadLetterQueueUrl"),
		Cluster: of("clusterName"), Service: of("serviceName"), LogGroup: of("logGroupName"),
		WakeARN: of("wakeArn"),
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

// Destroy implements Stack. It looks first at what there is, since a run that was killed may not
// have written down what it made. For interrupts see Up.
func (s *pulumiStack) Destroy(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	s.unlock(ctx)
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

// identify says whose credentials there are.
func identify(ctx context.Context, region string) (aws.Config, string, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return aws.Config{}, "", fmt.Errorf("configuring the AWS SDK: %w", err)
	}
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = &endpoint // the clients keep its host
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return aws.Config{}, "", fmt.Errorf(
			"AWS does not know your credentials in %s (aws sts get-caller-identity): %w", region, err)
	}
	return cfg, *who.Account, nil
}
