package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ServiceArgs say where and how the tasks run.
type ServiceArgs struct {
	// Name has 1 to 255 letters, digits, - and _. Default: chosen by Pulumi, which allows
	// replacement.
	Name string `pulumi:"name,optional"`
	// ClusterName is the name (not the ARN) of the ECS cluster. Required.
	ClusterName pulumi.StringInput `pulumi:"clusterName"`
	// SubnetIDs the tasks run in; at least one. Required.
	SubnetIDs pulumi.StringArrayInput `pulumi:"subnetIds"`
	// SecurityGroupIDs of the tasks; egress to HTTPS is all they need. Required.
	SecurityGroupIDs pulumi.StringArrayInput `pulumi:"securityGroupIds"`
	// AssignPublicIP gives tasks a public address, without which those in a public
	// subnet reach nothing. Default false.
	AssignPublicIP bool `pulumi:"assignPublicIp,optional"`
	// SpotPercent is the share of tasks on Fargate Spot, 0 to 100. AWS takes them
	// back with two minutes' notice, whatever protection they have. The cluster
	// needs the capacity providers FARGATE and FARGATE_SPOT. Default 0.
	SpotPercent int `pulumi:"spotPercent,optional"`
	// OnDemandBase is how many tasks run on Fargate before SpotPercent applies, 0 to
	// 100000. Only with a SpotPercent of 1 to 99. Default 0.
	OnDemandBase int `pulumi:"onDemandBase,optional"`
	// DeploymentMinimumHealthyPercent is the least share of the desired tasks during
	// a deployment, 0 to 100. Default 100.
	DeploymentMinimumHealthyPercent *int `pulumi:"deploymentMinimumHealthyPercent,optional"`
	// DeploymentMaximumPercent is the largest share, 100 to 200, and above the
	// minimum: a protected task keeps running beside its successor. Default 200.
	DeploymentMaximumPercent *int `pulumi:"deploymentMaximumPercent,optional"`
	// EnableExecuteCommand opens a shell into tasks (ECS Exec). Default false.
	EnableExecuteCommand bool `pulumi:"enableExecuteCommand,optional"`
}

const (
	defaultMinimumHealthyPercent = 100
	defaultMaximumPercent        = 200

	// drainMinutes is what a service gets to go, beyond the longest job: a task that is
	// told to stop has two minutes, and ECS needs some to notice.
	drainMinutes = 10
	// longestDeleteMinutes is where waiting stops, since the credentials of a deployment
	// are good for an hour; Pulumi then says so, and a second run goes on.
	longestDeleteMinutes = 45
)

// deleteTimeout is how long Pulumi waits for the service's end: a protected task keeps it
// draining for as long as it works.
func deleteTimeout(task TaskArgs) string {
	return fmt.Sprintf("%dm", min(task.HandlerTimeoutMinutes+drainMinutes, longestDeleteMinutes))
}

func (b *builder) newService(
	args QueueWorkerArgs, task *ecs.TaskDefinition, roles roles,
) (*ecs.Service, error) {
	settings := &ecs.ServiceArgs{
		Cluster:        args.Service.ClusterName.ToStringOutput(),
		TaskDefinition: task.Arn,
		// Only the first desired count is set here; from then on auto scaling owns it.
		DesiredCount: pulumi.Int(args.Scaling.least()),
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			Subnets:        args.Service.SubnetIDs,
			SecurityGroups: args.Service.SecurityGroupIDs,
			AssignPublicIp: pulumi.Bool(args.Service.AssignPublicIP),
		},
		DeploymentMinimumHealthyPercent: pulumi.Int(*args.Service.DeploymentMinimumHealthyPercent),
		DeploymentMaximumPercent:        pulumi.Int(*args.Service.DeploymentMaximumPercent),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true),
		},
		// Rebalancing would stop a working task to even out the zones.
		AvailabilityZoneRebalancing: pulumi.String("DISABLED"),
		EnableExecuteCommand:        pulumi.Bool(args.Service.EnableExecuteCommand),
		EnableEcsManagedTags:        pulumi.Bool(true),
		// Default tags stop at the service unless it passes them on.
		PropagateTags: pulumi.String("SERVICE"),
		Tags:          b.tags,
	}
	if args.Service.Name != "" {
		settings.Name = pulumi.String(args.Service.Name)
	}
	placeOnFargate(settings, args.Service)
	name, opts := b.child("service",
		pulumi.IgnoreChanges([]string{"desiredCount"}),
		pulumi.DependsOn(roles.policies),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Delete: deleteTimeout(args.Task)}),
	)
	service, err := ecs.NewService(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the service: %w", err)
	}
	return service, nil
}

// placeOnFargate chooses between plain Fargate, which needs nothing of the cluster,
// and a mix with Fargate Spot, which needs its capacity providers.
func placeOnFargate(settings *ecs.ServiceArgs, args ServiceArgs) {
	if args.SpotPercent == 0 {
		settings.LaunchType = pulumi.String("FARGATE")
		return
	}
	settings.CapacityProviderStrategies = ecs.ServiceCapacityProviderStrategyArray{
		&ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: pulumi.String("FARGATE"),
			Base:             pulumi.Int(args.OnDemandBase),
			Weight:           pulumi.Int(100 - args.SpotPercent),
		},
		&ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: pulumi.String("FARGATE_SPOT"),
			Weight:           pulumi.Int(args.SpotPercent),
		},
	}
	// ECS takes a changed mix only together with a new deployment.
	settings.ForceNewDeployment = pulumi.Bool(true)
}
