package components

import (
	"fmt"
	"maps"
	"slices"
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
	// Image is a reference with a tag or a digest. Required.
	Image pulumi.StringInput
	// RepositoryARN is the private ECR repository of the image, which the execution
	// role may pull from. Default: none, for an image from elsewhere.
	RepositoryARN pulumi.StringInput
	// CPU in units of 1/1024 vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384.
	// Default 256.
	CPU int
	// MemoryMiB goes with CPU as Fargate has it; 256 takes 512, 1024 or 2048.
	// Default: the least for the CPU.
	MemoryMiB int
	// Architecture is x86_64 (the default) or arm64; the image must be built for it.
	Architecture Architecture
	// Command replaces the image's own. Default: the image's.
	Command []string
	// Environment is added to what the component sets: QUEUE_URL, QUEUE_NAME,
	// DLQ_URL (if there is a dead-letter queue) and STOP_TIMEOUT_SECONDS, which it may
	// not set anew. Default: nothing.
	Environment pulumi.StringMap
	// Secrets are environment variables read from SSM parameters (by name or ARN) or
	// Secrets Manager (by full ARN, with :json-key:version-stage:version-id if wanted)
	// when a task starts. Default: none.
	Secrets pulumi.StringMap
	// KMSKeyARN is the customer key the secrets are encrypted with. Default: none,
	// for secrets under the keys of AWS.
	KMSKeyARN pulumi.StringInput
	// EphemeralStorageGiB is the size of the task's disk, 21 to 200.
	// Default: the 20 GiB that cost nothing.
	EphemeralStorageGiB int
	// ReadonlyRootFilesystem forbids the container to write outside its volumes.
	// Not with ECS Exec, whose agent writes there. Default false.
	ReadonlyRootFilesystem bool
	// ProtectsItself says that the container protects its task from scale-in while it
	// works, as the project's worker does, so that scaling in by what waits alone
	// stops no work. It spares a warning. Default false.
	ProtectsItself bool
	// LogRetentionDays is how long logs are kept, one of the spans CloudWatch Logs
	// offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 and more,
	// up to 3653. Default 30.
	LogRetentionDays int
	// LogKMSKeyARN is the customer key that encrypts the logs; its policy has to let
	// the logs service of the region use it. Default: none, for the key of AWS.
	LogKMSKeyARN pulumi.StringInput
}

const (
	// ContainerName is the name of the task's container, for ECS Exec and log streams.
	ContainerName = "worker"

	// stopTimeoutSeconds is the longest Fargate offers between SIGTERM and SIGKILL.
	stopTimeoutSeconds = 120

	defaultCPU              = 256
	defaultLogRetentionDays = 30
)

// ownEnvironment are the variables that the component sets and a user may not.
var ownEnvironment = []string{"QUEUE_URL", "QUEUE_NAME", "DLQ_URL", "STOP_TIMEOUT_SECONDS"}

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

func (b *builder) newTaskDefinition(args TaskArgs, queue workQueue, roles roles, logGroup *cloudwatch.LogGroup) (*ecs.TaskDefinition, error) {
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
		ExecutionRoleArn:     roles.execution.Arn,
		TaskRoleArn:          roles.task.Arn,
		ContainerDefinitions: pulumi.JSONMarshal(pulumi.Array{b.container(args, queue, logGroup)}),
		Tags:                 b.tags,
	}
	if args.EphemeralStorageGiB > 0 {
		settings.EphemeralStorage = &ecs.TaskDefinitionEphemeralStorageArgs{SizeInGib: pulumi.Int(args.EphemeralStorageGiB)}
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

func (b *builder) container(args TaskArgs, queue workQueue, logGroup *cloudwatch.LogGroup) pulumi.Map {
	container := pulumi.Map{
		"name":        pulumi.String(ContainerName),
		"image":       args.Image,
		"essential":   pulumi.Bool(true),
		"environment": nameValues(environment(args, queue), "value"),
		"stopTimeout": pulumi.Int(stopTimeoutSeconds),
		// A child that the handler leaves behind would stay a zombie without an init.
		"linuxParameters":        pulumi.Map{"initProcessEnabled": pulumi.Bool(true)},
		"readonlyRootFilesystem": pulumi.Bool(args.ReadonlyRootFilesystem),
		"logConfiguration": pulumi.Map{
			"logDriver": pulumi.String("awslogs"),
			"options": pulumi.Map{
				"awslogs-group":         logGroup.Name,
				"awslogs-region":        pulumi.String(b.place.region),
				"awslogs-stream-prefix": pulumi.String(ContainerName),
			},
		},
	}
	if len(args.Command) > 0 {
		container["command"] = pulumi.ToStringArray(args.Command)
	}
	if len(args.Secrets) > 0 {
		container["secrets"] = nameValues(b.secrets(args), "valueFrom")
	}
	return container
}

func environment(args TaskArgs, queue workQueue) pulumi.StringMap {
	vars := pulumi.StringMap{
		"QUEUE_URL":            queue.url,
		"QUEUE_NAME":           queue.name,
		"STOP_TIMEOUT_SECONDS": pulumi.String(strconv.Itoa(stopTimeoutSeconds)),
	}
	if queue.deadLetter != nil {
		vars["DLQ_URL"] = queue.deadLetter.url
	}
	maps.Copy(vars, args.Environment)
	return vars
}

func (b *builder) secrets(args TaskArgs) pulumi.StringMap {
	references := pulumi.StringMap{}
	for name, reference := range args.Secrets {
		references[name] = reference.ToStringOutput().ApplyT(func(reference string) string {
			return parseSecretReference(reference, b.place).valueFrom
		}).(pulumi.StringOutput)
	}
	return references
}

// nameValues lists variables as a container definition does, sorted, so that equal
// definitions are equal texts.
func nameValues(vars pulumi.StringMap, valueKey string) pulumi.Array {
	list := pulumi.Array{}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, pulumi.Map{"name": pulumi.String(name), valueKey: vars[name]})
	}
	return list
}
