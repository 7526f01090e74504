package components

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Architecture is the CPU architecture of a task.
type Architecture string

const (
	// X8664 is 64-bit Intel and AMD. The default.
	X8664 Architecture = "x86_64"
	// ARM64 is AWS Graviton; a fifth cheaper for the same size.
	ARM64 Architecture = "arm64"
)

// TaskArgs describe the container that consumes the queue. Any image will do that
// polls the queue named by QUEUE_URL and exits on SIGTERM; the project's worker is
// not required.
type TaskArgs struct {
	// Image is a reference with a tag or a digest, of any registry. Required. The
	// execution role may pull it if it is in ECR, of whatever account; that account's
	// repository has to let it in.
	Image pulumi.StringInput `pulumi:"image"`
	// RepositoryARN is the ECR repository that the execution role may pull from. Default:
	// read off Image, if that is in ECR.
	RepositoryARN pulumi.StringInput `pulumi:"repositoryArn,optional"`
	// RegistryCredentialsARN is a Secrets Manager secret with the username and password of
	// a private registry outside ECR. Default: none.
	RegistryCredentialsARN pulumi.StringInput `pulumi:"registryCredentialsArn,optional"`
	// CPU in units of 1/1024 vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384.
	// Default 256. Sidecars have a part of it.
	CPU int `pulumi:"cpu,optional"`
	// MemoryMiB goes with CPU as Fargate has it; 256 takes 512, 1024 or 2048.
	// Default: the least for the CPU.
	MemoryMiB int `pulumi:"memoryMiB,optional"`
	// Architecture is x86_64 (the default) or arm64; the image must be built for it.
	Architecture Architecture `pulumi:"architecture,optional"`
	// HandlerTimeoutMinutes is how long a message may be worked on, 1 to 718 (SQS lets a
	// message be hidden for twelve hours). The container gets it as HANDLER_TIMEOUT, and
	// from it follow the task's protection, the stuck alarm and how long Pulumi waits for
	// the service's end. Default 60.
	HandlerTimeoutMinutes int `pulumi:"handlerTimeoutMinutes,optional"`
	// Concurrency is how many message groups a task works on at once, 1 to 1000. The
	// container gets it as CONCURRENCY. Default 10.
	Concurrency int `pulumi:"concurrency,optional"`
	// MaxAttempts is how often a message is tried before the worker puts it aside, 1 to
	// 1000. The container gets it as MAX_ATTEMPTS. Default: the worker's own.
	MaxAttempts int `pulumi:"maxAttempts,optional"`
	// Command replaces the image's own. Default: the image's.
	Command []string `pulumi:"command,optional"`
	// Environment is added to what the component sets: QUEUE_URL, QUEUE_NAME, DLQ_URL (if
	// there is a dead-letter queue), STOP_TIMEOUT_SECONDS, HANDLER_TIMEOUT, CONCURRENCY and
	// MAX_ATTEMPTS, which it may not set anew. Default: nothing.
	Environment pulumi.StringMapInput `pulumi:"environment,optional"`
	// Secrets are environment variables read from SSM parameters (by name or ARN) or
	// Secrets Manager (by full ARN, with :json-key:version-stage:version-id if wanted)
	// when a task starts. Default: none.
	Secrets pulumi.StringMapInput `pulumi:"secrets,optional"`
	// KMSKeyARN is the customer key the secrets are encrypted with. Default: none,
	// for secrets under the keys of AWS.
	KMSKeyARN pulumi.StringInput `pulumi:"kmsKeyArn,optional"`
	// EphemeralStorageGiB is the size of the task's disk, 21 to 200.
	// Default: the 20 GiB that cost nothing.
	EphemeralStorageGiB int `pulumi:"ephemeralStorageGiB,optional"`
	// ReadonlyRootFilesystem forbids the container to write outside its mount points.
	// Not with ECS Exec, whose agent writes there. Default false.
	ReadonlyRootFilesystem bool `pulumi:"readonlyRootFilesystem,optional"`
	// Volumes are storage that MountPoints, and those of sidecars, refer to. Default: none.
	Volumes []Volume `pulumi:"volumes,optional"`
	// MountPoints are where the container sees volumes. Default: nowhere.
	MountPoints []MountPoint `pulumi:"mountPoints,optional"`
	// HealthCheck is a command that tells ECS whether the container is well; a task that
	// is not gets replaced, protected or not. Default: none.
	HealthCheck *HealthCheck `pulumi:"healthCheck,optional"`
	// Sidecars are container definitions beside the worker's, as the ECS API has them
	// (name, image, environment, dependsOn, ...). What is left out of one is chosen so that
	// it does not end the worker: essential is false, stopTimeout 120, and its output goes
	// to the log group. Default: none.
	Sidecars []pulumi.Map `pulumi:"sidecars,optional"`
	// LogConfiguration replaces the log driver of the worker's container, as the ECS API
	// has it: awsfirelens (with a sidecar that has a firelensConfiguration) or splunk. The
	// metrics that the worker writes into its log then do not get to CloudWatch.
	// Default: awslogs, into the component's log group, without blocking the container.
	LogConfiguration pulumi.Map `pulumi:"logConfiguration,optional"`
	// ContainerOverrides are merged into the worker's container definition last, for all
	// that has no argument of its own: ulimits, user, entryPoint, dockerLabels, dependsOn
	// and more. What safety rests on (see docs/security.md) is refused. Default: nothing.
	ContainerOverrides pulumi.Map `pulumi:"containerOverrides,optional"`
	// ProtectsItself says that the container protects its task from scale-in while it
	// works, as the project's worker does, so that scaling in by what waits alone
	// stops no work. It spares a warning. Default false.
	ProtectsItself bool `pulumi:"protectsItself,optional"`
	// LogRetentionDays is how long logs are kept, one of the spans CloudWatch Logs
	// offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 and more,
	// up to 3653. Default 30.
	LogRetentionDays int `pulumi:"logRetentionDays,optional"`
	// LogKMSKeyARN is the customer key that encrypts the logs; its policy has to let
	// the logs service of the region use it. Default: none, for the key of AWS.
	LogKMSKeyARN pulumi.StringInput `pulumi:"logKmsKeyArn,optional"`
}

const (
	// ContainerName is the name of the task's container, for ECS Exec and log streams.
	ContainerName = "worker"

	// stopTimeoutSeconds is the longest Fargate offers between SIGTERM and SIGKILL.
	stopTimeoutSeconds = 120

	defaultCPU                   = 256
	defaultHandlerTimeoutMinutes = 60
	defaultConcurrency           = 10
	defaultLogRetentionDays      = 30
)

func (b *builder) newLogGroup(args TaskArgs) (*cloudwatch.LogGroup, error) {
	name, opts := b.child("logs")
	settings := &cloudwatch.LogGroupArgs{RetentionInDays: pulumi.Int(args.LogRetentionDays), Tags: b.tags}
	if args.LogKMSKeyARN != nil {
		settings.KmsKeyId = args.LogKMSKeyARN.ToStringOutput()
	}
	group, err := cloudwatch.NewLogGroup(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the log group: %w", err)
	}
	return group, nil
}

func (b *builder) newTaskDefinition(
	args TaskArgs, queue workQueue, roles roles, logGroup *cloudwatch.LogGroup,
) (*ecs.TaskDefinition, error) {
	settings := &ecs.TaskDefinitionArgs{
		Family:                  pulumi.String(b.family()),
		RequiresCompatibilities: pulumi.ToStringArray([]string{"FARGATE"}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.String(strconv.Itoa(args.CPU)),
		Memory:                  pulumi.String(strconv.Itoa(args.MemoryMiB)),
		RuntimePlatform: &ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture:       pulumi.String(strings.ToUpper(string(args.Architecture))),
			OperatingSystemFamily: pulumi.String("LINUX"),
		},
		ExecutionRoleArn:     roles.executionARN,
		TaskRoleArn:          roles.taskARN,
		ContainerDefinitions: b.containerDefinitions(args, queue, logGroup),
		Volumes:              volumes(args.Volumes),
		// A revision that is deregistered can be rolled back to by no one.
		SkipDestroy: pulumi.Bool(true),
		Tags:        b.tags,
	}
	if args.EphemeralStorageGiB > 0 {
		settings.EphemeralStorage =
			&ecs.TaskDefinitionEphemeralStorageArgs{SizeInGib: pulumi.Int(args.EphemeralStorageGiB)}
	}
	name, opts := b.child("task")
	task, err := ecs.NewTaskDefinition(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the task definition: %w", err)
	}
	return task, nil
}

// family names the revisions of the task definition; unlike other names it has to
// stay the same, and no other stack of the account may share it.
func (b *builder) family() string {
	return strings.ReplaceAll(fmt.Sprintf("%s-%s-%s", b.ctx.Project(), b.ctx.Stack(), b.name), ".", "-")
}
