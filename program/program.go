// Package program is the Pulumi program: the stack's configuration in, components
// and outputs out. `pulumi up`, the sandbox and the tests run this one function.
package program

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
)

// workerName names the resources of the stack.
const workerName = "worker"

// Deploy declares a stack. A wrong configuration is reported whole, before any
// resource is registered.
func Deploy(ctx *pulumi.Context) error {
	cfg, err := LoadConfig(ctx)
	if err != nil {
		return err
	}
	provider, err := newProvider(ctx, cfg)
	if err != nil {
		return err
	}
	onProvider := pulumi.Providers(provider)
	network, err := components.NewNetwork(ctx, workerName, cfg.Network, onProvider)
	if err != nil {
		return err
	}
	cluster, err := components.NewCluster(ctx, workerName, cfg.Cluster, onProvider)
	if err != nil {
		return err
	}
	image, err := components.NewImage(ctx, workerName, cfg.Image, onProvider)
	if err != nil {
		return err
	}
	args := cfg.Worker
	args.Task.Image, args.Task.RepositoryARN = image.URI, image.RepositoryARN
	args.Task.ProtectsItself = args.Task.ProtectsItself || cfg.Image.Repository == "" // it is built from worker/
	args.Service.ClusterName = cluster.Name
	args.Service.SubnetIDs, args.Service.SecurityGroupIDs = network.SubnetIDs, network.SecurityGroupIDs
	worker, err := components.NewQueueWorker(ctx, workerName, &args, onProvider)
	if err != nil {
		return err
	}
	export(ctx, worker)
	return nil
}

// newProvider makes the one AWS provider of the stack, for awsx's children too.
// Left to default providers, awsx would bring a second one of its own version; an
// explicit one ignores the stack's aws:* configuration, so that is handed on.
func newProvider(ctx *pulumi.Context, cfg Config) (*aws.Provider, error) {
	args := &aws.ProviderArgs{Region: pulumi.String(cfg.AWS.Region)}
	if len(cfg.AWS.DefaultTags) > 0 {
		args.DefaultTags = &aws.ProviderDefaultTagsArgs{Tags: pulumi.ToStringMap(cfg.AWS.DefaultTags)}
	}
	if cfg.AWS.Profile != "" {
		args.Profile = pulumi.String(cfg.AWS.Profile)
	}
	if len(cfg.AWS.AllowedAccountIDs) > 0 {
		args.AllowedAccountIds = pulumi.ToStringArray(cfg.AWS.AllowedAccountIDs)
	}
	provider, err := aws.NewProvider(ctx, "aws", args)
	if err != nil {
		return nil, fmt.Errorf("configuring the AWS provider: %w", err)
	}
	return provider, nil
}

func export(ctx *pulumi.Context, worker *components.QueueWorker) {
	ctx.Export("queueUrl", worker.QueueURL)
	ctx.Export("queueArn", worker.QueueARN)
	ctx.Export("queueName", worker.QueueName)
	ctx.Export("deadLetterQueueUrl", worker.DeadLetterQueueURL)
	ctx.Export("deadLetterQueueArn", worker.DeadLetterQueueARN)
	ctx.Export("producerPolicy", worker.ProducerPolicy)
	ctx.Export("wakeArn", worker.WakeARN)
	ctx.Export("wakePolicy", worker.WakePolicy)
	ctx.Export("clusterName", worker.ClusterName)
	ctx.Export("serviceName", worker.ServiceName)
	ctx.Export("taskRoleArn", worker.TaskRoleARN)
	ctx.Export("logGroupName", worker.LogGroupName)
	ctx.Export("scalableTargetId", worker.ScalableTargetID)
	ctx.Export("policyArns", worker.PolicyARNs)
	ctx.Export("alarmArns", worker.AlarmARNs)
	ctx.Export("dashboardName", worker.DashboardName)
}
