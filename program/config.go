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

// Config is a stack's configuration, checked. Pulumi.yaml describes the keys.
type Config struct {
	AWS     AWSConfig
	Network components.NetworkArgs
	Cluster components.ClusterArgs
	Image   components.ImageArgs
	// Worker lacks only what the other components bring: image, cluster, network.
	Worker components.QueueWorkerArgs
}

// AWSConfig is what is handed on to the explicit provider.
type AWSConfig struct {
	Region            string
	DefaultTags       map[string]string
	Profile           string
	AllowedAccountIDs []string
}

// Where the image is built from when a stack brings none.
const (
	imageContext      = "."
	defaultDockerfile = "worker/Dockerfile"
)

// LoadConfig reads and checks the configuration of a stack. The error names every
// wrong key with its value and what would be right.
func LoadConfig(ctx *pulumi.Context) (Config, error) {
	r := &configReader{ctx: ctx, asked: map[string]bool{}}
	cfg := r.config()
	r.refuseUnknown()
	r.check(cfg)
	if err := r.found.Err(); err != nil {
		return Config{}, fmt.Errorf("the configuration of stack %s is not right:\n%w", ctx.Stack(), err)
	}
	return cfg, nil
}

func (r *configReader) config() Config {
	assignPublicIP := r.bool("assignPublicIp")
	architecture := components.Architecture(r.string("architecture"))
	spotPercent := r.int("spotPercent")
	return Config{
		AWS: r.aws(),
		Network: components.NetworkArgs{
			VPCID:            r.string("vpcId"),
			SubnetIDs:        r.strings("subnetIds"),
			SecurityGroupIDs: r.strings("securityGroupIds"),
			PublicIPs:        assignPublicIP,
		},
		Cluster: components.ClusterArgs{
			Existing: r.string("clusterName"),
			Spot:     spotPercent > 0,
		},
		Image: components.ImageArgs{
			Repository:   r.string("repositoryName"),
			Tag:          r.string("imageTag"),
			Digest:       r.string("imageDigest"),
			Context:      imageContext,
			Dockerfile:   cmp.Or(r.string("dockerfile"), defaultDockerfile),
			Architecture: architecture,
		},
		Worker: components.QueueWorkerArgs{
			Queue: r.queue(),
			Task:  r.task(architecture),
			Service: components.ServiceArgs{
				AssignPublicIP:                  assignPublicIP,
				SpotPercent:                     spotPercent,
				OnDemandBase:                    r.int("onDemandBase"),
				DeploymentMinimumHealthyPercent: r.intPointer("deploymentMinimumHealthyPercent"),
				DeploymentMaximumPercent:        r.intPointer("deploymentMaximumPercent"),
				EnableExecuteCommand:            r.bool("enableExecuteCommand"),
			},
			Scaling:              r.scaling(),
			Operations:           r.operations(),
			TaskPolicyStatements: r.statements(),
		},
	}
}

func (r *configReader) aws() AWSConfig {
	var defaultTags struct {
		Tags map[string]string `json:"tags"`
	}
	r.object("aws:defaultTags", &defaultTags, "of the form {tags: {name: value}}")
	return AWSConfig{
		Region:            r.string("aws:region"),
		DefaultTags:       defaultTags.Tags,
		Profile:           r.string("aws:profile"),
		AllowedAccountIDs: r.strings("aws:allowedAccountIds"),
	}
}

func (r *configReader) queue() components.QueueArgs {
	return components.QueueArgs{
		Name:                      r.string("queueName"),
		VisibilityTimeoutSeconds:  r.positive("visibilityTimeoutSeconds"),
		MessageRetentionSeconds:   r.positive("messageRetentionSeconds"),
		ContentBasedDeduplication: r.boolDefaultTrue("contentBasedDeduplication"),
		HighThroughput:            r.bool("highThroughput"),
		MaxReceiveCount:           r.positive("maxReceiveCount"),
		KMSKeyARN:                 optional(r.string("queueKmsKeyArn")),
		Protect:                   r.bool("protectQueue"),
		ProducerTopicARNs:         optionalList(r.strings("producerTopicArns")),
		ProducerAccountIDs:        r.strings("producerAccountIds"),
	}
}

func (r *configReader) task(architecture components.Architecture) components.TaskArgs {
	return components.TaskArgs{
		CPU:                    r.positive("cpu"),
		MemoryMiB:              r.int("memory"),
		Architecture:           architecture,
		Command:                r.strings("command"),
		Environment:            r.environment(),
		Secrets:                pulumi.ToStringMap(r.stringMap("secrets")),
		KMSKeyARN:              optional(r.string("kmsKeyArn")),
		EphemeralStorageGiB:    r.int("ephemeralStorageGiB"),
		ProtectsItself:         r.bool("protectsItself"),
		ReadonlyRootFilesystem: r.bool("readonlyRootFilesystem"),
		LogRetentionDays:       r.positive("logRetentionDays"),
		LogKMSKeyARN:           optional(r.string("logKmsKeyArn")),
	}
}

// environment keeps values secret in the state that are secret in the stack's file.
func (r *configReader) environment() pulumi.StringMap {
	vars := pulumi.ToStringMap(r.stringMap("environment"))
	if r.secret("environment") {
		for name, value := range vars {
			vars[name] = pulumi.ToSecret(value).(pulumi.StringOutput)
		}
	}
	return vars
}

func (r *configReader) scaling() components.ScalingArgs {
	names, descriptions := r.alarmTexts("alarmNames"), r.alarmTexts("alarmDescriptions")
	label := func(alarm string) components.AlarmLabel {
		return components.AlarmLabel{Name: names[alarm], Description: descriptions[alarm]}
	}
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
			Alarm:      label("idle"),
		},
		WakeIntervalSeconds: r.intPointer("wakeIntervalSeconds"),
		SuspendScaleIn:      r.bool("suspendScaleIn"),
		SuspendScaleOut:     r.bool("suspendScaleOut"),
		ScaleOutAlarm:       label("scaleOut"),
		ScaleInAlarm:        label("scaleIn"),
	}
}

func (r *configReader) operations() components.OperationsArgs {
	return components.OperationsArgs{
		TopicARN:             optional(r.string("alarmTopicArn")),
		OldestMessageMinutes: r.intPointer("oldestMessageMinutes"),
		NotStartingMinutes:   r.intPointer("notStartingMinutes"),
		StuckMinutes:         r.intPointer("stuckMinutes"),
		AtMaximumMinutes:     r.intPointer("atMaximumMinutes"),
		Dashboard:            r.bool("dashboard"),
	}
}

// alarmTexts reads a text for each alarm.
func (r *configReader) alarmTexts(key string) map[string]string {
	texts := r.stringMap(key)
	for _, alarm := range sortedKeys(texts) {
		if !slices.Contains([]string{"scaleOut", "scaleIn", "idle"}, alarm) {
			r.found.Add(key+"."+alarm, texts[alarm], "is no alarm; there are scaleOut, scaleIn and idle")
		}
	}
	return texts
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
	}
	r.object("taskPolicyStatements", &raw, "a list of {effect, actions, resources}")
	statements := make([]components.PolicyStatement, len(raw))
	for i, s := range raw {
		statements[i] = components.PolicyStatement{Effect: s.Effect, Actions: s.Actions, Resources: pulumi.ToStringArray(s.Resources)}
	}
	return statements
}

var (
	regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d$`)
	accountID  = regexp.MustCompile(`^\d{12}$`)
)

// check adds the rules of the stack to those of the component.
func (r *configReader) check(cfg Config) {
	if !regionName.MatchString(cfg.AWS.Region) {
		r.found.Add("aws:region", cfg.AWS.Region, "needs to be an AWS region, such as eu-west-1")
	}
	for _, id := range cfg.AWS.AllowedAccountIDs {
		if !accountID.MatchString(id) {
			r.found.Add("aws:allowedAccountIds", id, "needs to be an AWS account id of 12 digits, quoted")
		}
	}
	if topic := strings.Split(r.string("alarmTopicArn"), ":"); len(topic) > 3 && topic[3] != cfg.AWS.Region {
		r.found.Add("alarmTopicArn", r.string("alarmTopicArn"), "needs to be a topic of aws:region (%s); alarms publish to no other", cfg.AWS.Region)
	}
	r.found.AddError(cfg.Network.Validate())
	if cfg.Network.VPCID == "" && !cfg.Network.PublicIPs {
		r.found.Add("assignPublicIp", false, "a new VPC has public subnets and no NAT gateway, so tasks need public addresses; use true, or an existing vpcId")
	}
	r.found.AddError(cfg.Image.Validate())
	args := cfg.Worker
	later := pulumi.String("").ToStringOutput()
	args.Task.Image = later
	args.Service.ClusterName = later
	if cfg.Cluster.Existing != "" {
		args.Service.ClusterName = pulumi.String(cfg.Cluster.Existing)
	}
	args.Service.SubnetIDs = idsOrLater(cfg.Network.SubnetIDs)
	args.Service.SecurityGroupIDs = idsOrLater(cfg.Network.SecurityGroupIDs)
	r.found.AddError(args.Validate())
}

// idsOrLater stands in for ids that another component will bring.
func idsOrLater(ids []string) pulumi.StringArrayInput {
	if len(ids) == 0 {
		return pulumi.StringArray{}.ToStringArrayOutput()
	}
	return pulumi.ToStringArray(ids)
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

func sortedKeys(values map[string]string) []string {
	return slices.Sorted(maps.Keys(values))
}
