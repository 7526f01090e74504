// Package program is the Pulumi program: the stack's configuration in, components
// and outputs out. `pulumi up`, the sandbox and the tests run this one function.
package program

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
)

// workerName names the resources of the stack.
const workerName = "worker"

// Deploy declares a stack of the project in the working folder. A wrong configuration is
// reported whole, before any resource is registered.
func Deploy(ctx *pulumi.Context) error { return DeployIn("")(ctx) }

// DeployIn declares a stack of the project in a folder; "" is the working folder.
func DeployIn(folder string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error { return run(ctx, folder, true) }
}

// Declare is DeployIn without what only an engine can do, for Pulumi's mocks.
func Declare(folder string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error { return run(ctx, folder, false) }
}

func run(ctx *pulumi.Context, folder string, engine bool) error {
	cfg, err := loadConfig(ctx, folder)
	if err != nil {
		return err
	}
	cfg.Worker.WatchKeys = engine
	return deploy(ctx, cfg)
}

func deploy(ctx *pulumi.Context, cfg configuration) error {
	provider, err := newProvider(ctx, cfg.AWS)
	if err != nil {
		return err
	}
	onProvider := pulumi.Providers(provider)
	network, err := components.NewNetwork(ctx, workerName, &cfg.Network, onProvider)
	if err != nil {
		return components.Spell(err, keyOfComponent("Network"))
	}
	cluster, err := components.NewCluster(ctx, workerName, &cfg.Cluster, onProvider)
	if err != nil {
		return components.Spell(err, keyOfComponent("Cluster"))
	}
	image, err := components.NewImage(ctx, workerName, &cfg.Image, onProvider)
	if err != nil {
		return components.Spell(err, keyOfComponent("Image"))
	}
	args := cfg.Worker
	args.Task.Image, args.Task.RepositoryARN = image.URI, image.RepositoryARN
	args.Service.ClusterName = cluster.Name
	args.Service.SubnetIDs, args.Service.SecurityGroupIDs = network.SubnetIDs, network.SecurityGroupIDs
	worker, err := components.NewQueueWorker(ctx, workerName, &args, onProvider)
	if err != nil {
		return err
	}
	export(ctx, worker, image, cfg.Worker.Service.AssignPublicIP)
	return nil
}

// networkConfiguration is where the tasks run, as `aws ecs run-task` takes it.
func networkConfiguration(worker *components.QueueWorker, publicIP bool) pulumi.StringOutput {
	assign := map[bool]string{true: "ENABLED", false: "DISABLED"}[publicIP]
	return pulumi.JSONMarshal(pulumi.Map{"awsvpcConfiguration": pulumi.Map{
		"subnets": worker.SubnetIDs, "securityGroups": worker.SecurityGroupIDs,
		"assignPublicIp": pulumi.String(assign),
	}})
}

func export(ctx *pulumi.Context, worker *components.QueueWorker, image *components.Image, publicIP bool) {
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
	ctx.Export("serviceArn", worker.ServiceARN)
	ctx.Export("taskDefinitionArn", worker.TaskDefinitionARN)
	ctx.Export("image", worker.Image)
	ctx.Export("repositoryArn", image.RepositoryARN)
	ctx.Export("taskRoleArn", worker.TaskRoleARN)
	ctx.Export("taskPolicy", worker.TaskPolicy)
	ctx.Export("executionRoleArn", worker.ExecutionRoleARN)
	ctx.Export("executionPolicy", worker.ExecutionPolicy)
	ctx.Export("subnetIds", worker.SubnetIDs)
	ctx.Export("securityGroupIds", worker.SecurityGroupIDs)
	ctx.Export("networkConfiguration", networkConfiguration(worker, publicIP))
	ctx.Export("logGroupName", worker.LogGroupName)
	ctx.Export("scalableTargetId", worker.ScalableTargetID)
	ctx.Export("policyArns", worker.PolicyARNs)
	ctx.Export("alarmArns", worker.AlarmARNs)
	ctx.Export("dashboardName", worker.DashboardName)
}
