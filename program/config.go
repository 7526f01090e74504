package program

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
)

// configuration is a stack's configuration, checked. Pulumi.yaml describes the keys.
type configuration struct {
	AWS     providerConfig
	Network components.NetworkArgs
	Cluster components.ClusterArgs
	Image   components.ImageArgs
	// Worker lacks only what the other components bring: image, cluster, network.
	Worker components.QueueWorkerArgs
}

// defaultDockerfile is the project's own, whose context is the project's folder; that of
// another one is the folder it is in.
const (
	defaultDockerfile = "worker/Dockerfile"
	defaultContext    = "."
)

// loadConfig reads and checks the configuration of a stack of the project in a folder. The
// error names every wrong key with its value and what would be right.
func loadConfig(ctx *pulumi.Context, folder string) (configuration, error) {
	r := &configReader{ctx: ctx, asked: map[string]bool{}, folder: folder}
	cfg := r.config()
	r.refuseUnknown()
	r.check(cfg)
	r.checkWorkerSettings()
	if err := r.err(); err != nil {
		return configuration{}, fmt.Errorf("the configuration of stack %s is not right:\n%w",
			ctx.Stack(), err)
	}
	return cfg, nil
}

func (r *configReader) config() configuration {
	assignPublicIP := r.bool("assignPublicIp")
	architecture := components.Architecture(r.string("architecture"))
	spotPercent := r.int("spotPercent")
	return configuration{
		AWS: r.aws(),
		Network: components.NetworkArgs{
			VPCID:             optional(r.string("vpcId")),
			AvailabilityZones: r.strings("availabilityZones"),
			CIDR:              r.string("vpcCidr"),
			SubnetIDs:         optionalList(r.strings("subnetIds")),
			SecurityGroupIDs:  optionalList(r.strings("securityGroupIds")),
			PublicIPs:         assignPublicIP,
		},
		Cluster: components.ClusterArgs{
			Existing: optional(r.string("clusterName")),
			Spot:     spotPercent > 0,
		},
		Image: r.image(architecture),
		Worker: components.QueueWorkerArgs{
			Queue:    r.queue(),
			Task:     r.task(architecture),
			Identity: r.identity(),
			Service: components.ServiceArgs{
				Name:                            r.string("serviceName"),
				AssignPublicIP:                  assignPublicIP,
				SpotPercent:                     spotPercent,
				OnDemandBase:                    r.int("onDemandBase"),
				DeploymentMinimumHealthyPercent: r.intPointer("deploymentMinimumHealthyPercent"),
				DeploymentMaximumPercent:        r.intPointer("deploymentMaximumPercent"),
				EnableExecuteCommand:            r.bool("enableExecuteCommand"),
			},
			Scaling:     r.scaling(),
			Operations:  r.operations(),
			AlarmLabels: r.alarmLabels(),
			Spelling:    keyOf,
		},
	}
}

func (r *configReader) image(architecture components.Architecture) components.ImageArgs {
	args := components.ImageArgs{
		Reference:    optional(r.string("image")),
		Repository:   optional(r.string("repositoryName")),
		Tag:          optional(r.string("imageTag")),
		Digest:       optional(r.string("imageDigest")),
		Dockerfile:   cmp.Or(r.string("dockerfile"), defaultDockerfile),
		Context:      r.string("imageContext"),
		Folder:       r.folder,
		Architecture: architecture,
	}
	if args.Dockerfile == defaultDockerfile {
		args.Context = cmp.Or(args.Context, defaultContext)
	}
	return args
}

func (r *configReader) queue() components.QueueArgs {
	return components.QueueArgs{
		Existing:                  r.existingQueue(),
		Name:                      r.string("queueName"),
		DeadLetterQueueName:       r.string("deadLetterQueueName"),
		VisibilityTimeoutSeconds:  r.positive("visibilityTimeoutSeconds"),
		MessageRetentionSeconds:   r.positive("messageRetentionSeconds"),
		ContentBasedDeduplication: r.boolDefaultTrue("contentBasedDeduplication"),
		HighThroughput:            r.bool("highThroughput"),
		MaxReceiveCount:           r.positive("maxReceiveCount"),
		KMSKeyARN:                 optional(r.string("queueKmsKeyArn")),
		PreviousKMSKeyARNs:        optionalList(r.strings("previousQueueKmsKeyArns")),
		Protect:                   r.bool("protectQueue"),
		ProducerTopicARNs:         optionalList(r.strings("producerTopicArns")),
		ProducerAccountIDs:        given(r.strings("producerAccountIds")),
	}
}

func (r *configReader) existingQueue() *components.ExistingQueue {
	var raw *struct {
		ARN                      string `json:"arn"`
		KMSKeyARN                string `json:"kmsKeyArn"`
		DeadLetterQueueARN       string `json:"deadLetterQueueArn"`
		DeadLetterQueueKMSKeyARN string `json:"deadLetterQueueKmsKeyArn"`
	}
	r.object("existingQueue", &raw,
		"of the form {arn, kmsKeyArn, deadLetterQueueArn, deadLetterQueueKmsKeyArn}")
	if r.isEmpty("existingQueue") || raw == nil {
		return nil
	}
	return &components.ExistingQueue{
		ARN:                      optional(raw.ARN),
		KMSKeyARN:                optional(raw.KMSKeyARN),
		DeadLetterQueueARN:       optional(raw.DeadLetterQueueARN),
		DeadLetterQueueKMSKeyARN: optional(raw.DeadLetterQueueKMSKeyARN),
	}
}

func (r *configReader) task(architecture components.Architecture) components.TaskArgs {
	return components.TaskArgs{
		RegistryCredentialsARN: optional(r.string("registryCredentialsArn")),
		CPU:                    r.positive("cpu"),
		MemoryMiB:              r.int("memory"),
		Architecture:           architecture,
		HandlerTimeoutMinutes:  r.positive("handlerTimeoutMinutes"),
		Concurrency:            r.positive("concurrency"),
		MaxAttempts:            r.int("maxAttempts"),
		Command:                r.strings("command"),
		Environment:            r.environment(),
		Secrets:                r.secrets(),
		KMSKeyARN:              optional(r.string("kmsKeyArn")),
		EphemeralStorageGiB:    r.int("ephemeralStorageGiB"),
		ReadonlyRootFilesystem: r.bool("readonlyRootFilesystem"),
		Volumes:                r.volumes(),
		MountPoints:            r.mountPoints(),
		HealthCheck:            r.healthCheck(),
		Sidecars:               r.sidecars(),
		LogConfiguration:       r.settings("logConfiguration"),
		ContainerOverrides:     r.settings("containerOverrides"),
		// An image that is built has the project's worker.
		ProtectsItself: r.bool("protectsItself") || r.string("image") == "" &&
			r.string("repositoryName") == "",
		LogRetentionDays: r.positive("logRetentionDays"),
		LogKMSKeyARN:     optional(r.string("logKmsKeyArn")),
	}
}

func (r *configReader) identity() components.IdentityArgs {
	return components.IdentityArgs{
		TaskRoleARN:            optional(r.string("taskRoleArn")),
		ExecutionRoleARN:       optional(r.string("executionRoleArn")),
		Path:                   r.string("rolePath"),
		PermissionsBoundaryARN: optional(r.string("permissionsBoundaryArn")),
		TaskPolicyStatements:   r.statements(),
		TaskPolicyARNs:         inputs(r.strings("taskPolicyArns")),
		ExecutionPolicyARNs:    inputs(r.strings("executionPolicyArns")),
	}
}

// environment keeps values secret in the state that are secret in the stack's file.
func (r *configReader) environment() pulumi.StringMapInput {
	vars := pulumi.ToStringMap(r.stringMap("environment"))
	if r.secret("environment") {
		for name, value := range vars {
			vars[name] = pulumi.ToSecret(value).(pulumi.StringOutput)
		}
	}
	return vars
}

func (r *configReader) secrets() pulumi.StringMapInput {
	references := r.stringMap("secrets")
	if len(references) == 0 {
		return nil
	}
	return pulumi.ToStringMap(references)
}

func (r *configReader) scaling() components.ScalingArgs {
	return components.ScalingArgs{
		MinCapacity:             r.int("minCapacity"),
		MaxCapacity:             r.positive("maxCapacity"),
		Steps:                   r.steps(),
		AdjustmentType:          components.AdjustmentType(r.string("adjustmentType")),
		MinAdjustmentMagnitude:  r.int("minAdjustmentMagnitude"),
		ScaleOutCooldownSeconds: r.positive("scaleOutCooldownSeconds"),
		ScaleInCooldownSeconds:  r.positive("scaleInCooldownSeconds"),
		Idle: components.IdleArgs{
			CPUPercent: r.positiveFloat("idleCpuPercent"),
			Minutes:    r.positive("idleMinutes"),
			Unguarded:  r.bool("idleUnguarded"),
		},
		WakeIntervalSeconds: r.intPointer("wakeIntervalSeconds"),
		SuspendScaleIn:      r.bool("suspendScaleIn"),
		SuspendScaleOut:     r.bool("suspendScaleOut"),
		Paused:              r.bool("paused"),
	}
}

func (r *configReader) operations() components.OperationsArgs {
	return components.OperationsArgs{
		TopicARN:             optional(r.string("alarmTopicArn")),
		OldestMessageMinutes: r.intPointer("oldestMessageMinutes"),
		NotStartingMinutes:   r.intPointer("notStartingMinutes"),
		StuckMinutes:         r.intPointer("stuckMinutes"),
		NeverStoppingHours:   r.intPointer("neverStoppingHours"),
		AtMaximumMinutes:     r.intPointer("atMaximumMinutes"),
		Dashboard:            r.bool("dashboard"),
	}
}

// alarmLabels reads the names and descriptions of alarms.
func (r *configReader) alarmLabels() map[string]components.AlarmLabel {
	names, descriptions := r.stringMap("alarmNames"), r.stringMap("alarmDescriptions")
	labels := map[string]components.AlarmLabel{}
	for alarm, name := range names {
		labels[alarm] = components.AlarmLabel{Name: name}
	}
	for alarm, description := range descriptions {
		labels[alarm] = components.AlarmLabel{Name: names[alarm], Description: description}
	}
	return labels
}

// steps tells a step without a change from one that changes nothing.
func (r *configReader) steps() []components.ScalingStep {
	var raw []struct {
		Lower, Upper, Change *int
	}
	r.object("scalingSteps", &raw, "a list of {lower, upper, change} in whole numbers")
	if raw == nil {
		return nil
	}
	steps := make([]components.ScalingStep, len(raw))
	for i, step := range raw {
		steps[i] = components.ScalingStep{Lower: step.Lower, Upper: step.Upper}
		if step.Change == nil {
			r.found.Add(fmt.Sprintf("scalingSteps[%d].change", i), "", "is required; 0 changes nothing")
			continue
		}
		steps[i].Change = *step.Change
	}
	return steps
}

func (r *configReader) statements() []components.PolicyStatement {
	var raw []struct {
		Effect             string
		Actions, Resources []string
		Conditions         map[string]map[string][]string
	}
	r.object("taskPolicyStatements", &raw, "a list of {effect, actions, resources, conditions}")
	statements := make([]components.PolicyStatement, len(raw))
	for i, s := range raw {
		statements[i] = components.PolicyStatement{Effect: s.Effect, Actions: s.Actions,
			Resources: pulumi.ToStringArray(s.Resources), Conditions: s.Conditions}
	}
	return statements
}

var (
	regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d$`)
	accountID  = regexp.MustCompile(`^\d{12}$`)
	roleARN    = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:role/.+$`)
)

// check adds the rules of the stack to those of the components.
func (r *configReader) check(cfg configuration) {
	r.checkAWS(cfg.AWS)
	r.checkRegion(cfg.AWS.Region, "alarmTopicArn",
		"needs to be a topic of aws:region (%s); alarms publish to no other")
	r.checkRegion(cfg.AWS.Region, "queueKmsKeyArn", "needs to be a key of aws:region (%s); SQS uses no other")
	r.checkRegion(cfg.AWS.Region, "logKmsKeyArn",
		"needs to be a key of aws:region (%s); CloudWatch Logs uses no other")
	for i, zone := range cfg.Network.AvailabilityZones {
		if regionName.MatchString(cfg.AWS.Region) && !strings.HasPrefix(zone, cfg.AWS.Region) {
			r.found.Add(fmt.Sprintf("availabilityZones[%d]", i), zone,
				"needs to be a zone of aws:region (%s)", cfg.AWS.Region)
		}
	}
	r.found.AddError(components.Spell(cfg.Network.Validate(), keyOfComponent("Network")))
	if cfg.Network.VPCID == nil && !cfg.Network.PublicIPs {
		r.found.Add("assignPublicIp", false,
			"a new VPC has public subnets and no NAT gateway, so tasks need public addresses; use true, or "+
				"an existing vpcId")
	}
	r.found.AddError(components.Spell(cfg.Image.Validate(), keyOfComponent("Image")))
	args := cfg.Worker
	later := pulumi.String("").ToStringOutput()
	args.Task.Image = later
	args.Service.ClusterName = later
	if cfg.Cluster.Existing != nil {
		args.Service.ClusterName = cfg.Cluster.Existing
	}
	// Their form was checked as the network's.
	args.Service.SubnetIDs = pulumi.StringArray{later}
	args.Service.SecurityGroupIDs = pulumi.StringArray{later}
	r.found.AddError(components.Spell(args.Validate(), keyOf))
}

// checkRegion checks where something is that AWS uses in its own region only.
func (r *configReader) checkRegion(region, key, want string) {
	arn := strings.Split(r.string(key), ":")
	if len(arn) > 3 && arn[3] != region {
		r.found.Add(key, r.string(key), want, region)
	}
}

func optional(value string) pulumi.StringInput {
	if value == "" {
		return nil
	}
	return pulumi.String(value)
}

func optionalList(values []string) pulumi.StringArrayInput {
	if len(values) == 0 {
		return nil
	}
	return pulumi.ToStringArray(values)
}

// given is nil for an empty list.
func given(values []string) []string {
	if len(values) == 0 {
		return nil
	}
	return values
}

func inputs(values []string) []pulumi.StringInput {
	var list []pulumi.StringInput
	for _, value := range values {
		list = append(list, pulumi.String(value))
	}
	return list
}

func sortedKeys[V any](values map[string]V) []string {
	return slices.Sorted(maps.Keys(values))
}
