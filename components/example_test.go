package components_test

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/efs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
)

// place is where the workers of the examples run.
var place = components.ServiceArgs{
	ClusterName:      pulumi.String("apps"),
	SubnetIDs:        pulumi.ToStringArray([]string{"subnet-0123456789abcdef0"}),
	SecurityGroupIDs: pulumi.ToStringArray([]string{"sg-0123456789abcdef0"}),
}

// Everything that a worker needs, made by the same program.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		network, err := components.NewNetwork(ctx, "jobs", nil)
		if err != nil {
			return err
		}
		cluster, err := components.NewCluster(ctx, "jobs", nil)
		if err != nil {
			return err
		}
		image, err := components.NewImage(ctx, "jobs", &components.ImageArgs{Dockerfile: "Dockerfile"})
		if err != nil {
			return err
		}
		_, err = components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{Image: image.URI},
			Service: components.ServiceArgs{
				ClusterName: cluster.Name, SubnetIDs: network.SubnetIDs,
				SecurityGroupIDs: network.SecurityGroupIDs,
				AssignPublicIP:   true, // a network that is made has public subnets only
			},
			Scaling: components.ScalingArgs{MaxCapacity: 10},
		})
		return err
	})
}

func Example_existingNetwork() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		network, err := components.NewNetwork(ctx, "jobs",
			&components.NetworkArgs{VPCID: pulumi.String("vpc-0123456789abcdef0")})
		if err != nil {
			return err
		}
		_, err = components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{Image: pulumi.String("ghcr.io/acme/jobs:v1")},
			Service: components.ServiceArgs{
				ClusterName: pulumi.String("apps"), SubnetIDs: network.SubnetIDs,
				SecurityGroupIDs: network.SecurityGroupIDs,
			},
		})
		return err
	})
}

func Example_existingQueue() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		queue, err := sqs.NewQueue(ctx, "orders", &sqs.QueueArgs{FifoQueue: pulumi.Bool(true)})
		if err != nil {
			return err
		}
		_, err = components.NewQueueWorker(ctx, "orders", &components.QueueWorkerArgs{
			Queue:   components.QueueArgs{Existing: &components.ExistingQueue{ARN: queue.Arn}},
			Task:    components.TaskArgs{Image: pulumi.String("ghcr.io/acme/orders:v1")},
			Service: place,
		})
		return err
	})
}

// An OpenTelemetry collector beside the worker.
func Example_sidecar() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{
				Image: pulumi.String("ghcr.io/acme/jobs:v1"), CPU: 512,
				Sidecars: []pulumi.Map{{
					"name":  pulumi.String("collector"),
					"image": pulumi.String("public.ecr.aws/aws-observability/aws-otel-collector:v0.43.0"),
				}},
			},
			Service: place,
			Scaling: components.ScalingArgs{Idle: components.IdleArgs{CPUPercent: 5}},
		})
		return err
	})
}

// Logs by FireLens to somebody else than CloudWatch.
func Example_fireLens() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{
				Image: pulumi.String("ghcr.io/acme/jobs:v1"),
				LogConfiguration: pulumi.Map{"logDriver": pulumi.String("awsfirelens"),
					"options": pulumi.Map{"Name": pulumi.String("datadog")}},
				Sidecars: []pulumi.Map{{
					"name": pulumi.String("router"),
					"image": pulumi.String("public.ecr.aws/aws-observability/" +
						"aws-for-fluent-bit:stable"),
					"essential":             pulumi.Bool(true),
					"firelensConfiguration": pulumi.Map{"type": pulumi.String("fluentbit")},
				}},
				ContainerOverrides: pulumi.Map{"dependsOn": pulumi.Array{pulumi.Map{
					"containerName": pulumi.String("router"), "condition": pulumi.String("START"),
				}}},
			},
			Service: place,
		})
		return err
	})
}

func Example_efs() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		models, err := efs.NewFileSystem(ctx, "models", nil)
		if err != nil {
			return err
		}
		_, err = components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{
				Image: pulumi.String("ghcr.io/acme/jobs:v1"),
				Volumes: []components.Volume{{Name: "models",
					EFS: &components.EFSVolume{FileSystemID: models.ID().ToStringOutput()}}},
				MountPoints: []components.MountPoint{{SourceVolume: "models", ContainerPath: "/models",
					ReadOnly: true}},
			},
			Service: place,
		})
		return err
	})
}

// A root file system that cannot be written to, and room in /tmp.
func Example_scratchSpace() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{
				Image: pulumi.String("ghcr.io/acme/jobs:v1"), ReadonlyRootFilesystem: true,
				EphemeralStorageGiB: 100,
				Volumes:             []components.Volume{{Name: "tmp"}},
				MountPoints:         []components.MountPoint{{SourceVolume: "tmp", ContainerPath: "/tmp"}},
			},
			Service: place,
		})
		return err
	})
}

func Example_permissionsBoundary() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{Image: pulumi.String("ghcr.io/acme/jobs:v1")},
			Identity: components.IdentityArgs{
				Path:                   "/workers/",
				PermissionsBoundaryARN: pulumi.String("arn:aws:iam::123456789012:policy/boundary"),
				TaskPolicyStatements: []components.PolicyStatement{{
					Actions:   []string{"s3:GetObject"},
					Resources: pulumi.ToStringArray([]string{"arn:aws:s3:::acme-input/*"}),
					Conditions: map[string]map[string][]string{
						"StringEquals": {"s3:ExistingObjectTag/team": {"jobs"}},
					},
				}},
			},
			Service: place,
		})
		return err
	})
}

// Roles that somebody else makes: the outputs say what they have to allow.
func Example_existingRoles() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		worker, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task: components.TaskArgs{Image: pulumi.String("ghcr.io/acme/jobs:v1")},
			Identity: components.IdentityArgs{
				TaskRoleARN:      pulumi.String("arn:aws:iam::123456789012:role/jobs-task"),
				ExecutionRoleARN: pulumi.String("arn:aws:iam::123456789012:role/jobs-execution"),
			},
			Service: place,
		})
		if err != nil {
			return err
		}
		ctx.Export("taskPolicy", worker.TaskPolicy)
		ctx.Export("executionPolicy", worker.ExecutionPolicy)
		return nil
	})
}

func Example_twoWorkers() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		for name, most := range map[string]int{"emails": 2, "invoices": 20} {
			_, err := components.NewQueueWorker(ctx, name, &components.QueueWorkerArgs{
				Task:    components.TaskArgs{Image: pulumi.Sprintf("ghcr.io/acme/%s:v1", name)},
				Service: place,
				Scaling: components.ScalingArgs{MaxCapacity: most},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Jobs of hours, one at a time, on Fargate Spot.
func Example_longJobs() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		place := place
		place.SpotPercent = 100
		_, err := components.NewQueueWorker(ctx, "renders", &components.QueueWorkerArgs{
			Task: components.TaskArgs{
				Image: pulumi.String("ghcr.io/acme/renders:v1"), CPU: 4096, MemoryMiB: 16384,
				HandlerTimeoutMinutes: 300, Concurrency: 1, ProtectsItself: true,
			},
			Service: place,
		})
		return err
	})
}

// Who is notified, and what they see.
func Example_alarms() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		oldest := 180
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Task:    components.TaskArgs{Image: pulumi.String("ghcr.io/acme/jobs:v1")},
			Service: place,
			Operations: components.OperationsArgs{
				TopicARN:             pulumi.String("arn:aws:sns:eu-west-1:123456789012:on-call"),
				OldestMessageMinutes: &oldest,
				Dashboard:            true,
			},
			AlarmLabels: map[string]components.AlarmLabel{"stuck": {Name: "jobs-stuck"}},
		})
		return err
	})
}

// What was sent under a key stays encrypted with it.
func Example_anotherKey() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := components.NewQueueWorker(ctx, "jobs", &components.QueueWorkerArgs{
			Queue: components.QueueArgs{
				KMSKeyARN: pulumi.String("arn:aws:kms:eu-west-1:123456789012:key/new"),
				PreviousKMSKeyARNs: pulumi.ToStringArray(
					[]string{"arn:aws:kms:eu-west-1:123456789012:key/old"},
				),
			},
			Task:      components.TaskArgs{Image: pulumi.String("ghcr.io/acme/jobs:v1")},
			Service:   place,
			WatchKeys: true,
		})
		return err
	})
}
