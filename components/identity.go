package components

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// roles are the two identities of a task: the execution role, with which ECS
// starts it, and the task role, with which its code runs.
type roles struct {
	execution, task *iam.Role
	// policies grant the roles their rights. The service depends on them, so that
	// the first task does not start before them and a draining task keeps them.
	policies []pulumi.Resource
}

func (b *builder) newRoles(args QueueWorkerArgs, queue workQueue, logGroup *cloudwatch.LogGroup) (roles, error) {
	tasks := b.mayAssume("ecs-tasks.amazonaws.com", "ecs", "*")
	execution, executionPolicy, err := b.newRole("execution", tasks, executionStatements(args.Task, b.place, logGroup))
	if err != nil {
		return roles{}, err
	}
	task, taskPolicy, err := b.newRole("task", tasks, taskStatements(args, b.place, queue))
	if err != nil {
		return roles{}, err
	}
	return roles{execution: execution, task: task, policies: []pulumi.Resource{executionPolicy, taskPolicy}}, nil
}

// newRole makes a role and its policy.
func (b *builder) newRole(kind string, trust pulumi.StringInput, statements []pulumi.Input) (*iam.Role, *iam.RolePolicy, error) {
	name, opts := b.child(kind + "-role")
	role, err := iam.NewRole(b.ctx, name, &iam.RoleArgs{
		AssumeRolePolicy: trust,
		Tags:             b.tags,
	}, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("creating the %s role: %w", kind, err)
	}
	name, opts = b.child(kind + "-policy")
	policy, err := iam.NewRolePolicy(b.ctx, name, &iam.RolePolicyArgs{
		Role:   role.Name,
		Policy: policyDocument(statements...),
	}, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("attaching the %s role's policy: %w", kind, err)
	}
	return role, policy, nil
}

// mayAssume trusts a service of AWS, but only for resources of this account and
// region: the conditions AWS recommends against a confused deputy.
func (b *builder) mayAssume(principal, service, resources string) pulumi.StringOutput {
	return policyDocument(pulumi.Map{
		"Effect":    pulumi.String("Allow"),
		"Principal": pulumi.Map{"Service": pulumi.String(principal)},
		"Action":    pulumi.String("sts:AssumeRole"),
		"Condition": pulumi.Map{
			"StringEquals": pulumi.Map{"aws:SourceAccount": pulumi.String(b.place.account)},
			"ArnLike":      pulumi.Map{"aws:SourceArn": pulumi.String(b.place.arn(service, resources))},
		},
	})
}

// executionStatements let ECS pull the image, write the logs and read exactly the
// secrets named.
func executionStatements(args TaskArgs, at place, logGroup *cloudwatch.LogGroup) []pulumi.Input {
	statements := []pulumi.Input{
		allow(pulumi.StringArray{pulumi.Sprintf("%s:*", logGroup.Arn)}, "logs:CreateLogStream", "logs:PutLogEvents"),
	}
	if args.RepositoryARN != nil {
		statements = append(statements,
			// AWS offers no narrower resource for a token.
			allow(pulumi.StringArray{pulumi.String("*")}, "ecr:GetAuthorizationToken"),
			allow(pulumi.StringArray{args.RepositoryARN},
				"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"))
	}
	return append(statements, secretStatements(args, at)...)
}

// secretStatements grant one statement per secret, since a reference that comes
// from a resource does not say at plan time which service it belongs to.
func secretStatements(args TaskArgs, at place) []pulumi.Input {
	var statements []pulumi.Input
	for _, name := range slices.Sorted(maps.Keys(args.Secrets)) {
		statements = append(statements, args.Secrets[name].ToStringOutput().ApplyT(func(reference string) map[string]any {
			secret := parseSecretReference(reference, at)
			return map[string]any{"Effect": "Allow", "Action": []string{secret.action}, "Resource": []string{secret.resourceARN}}
		}).(pulumi.MapOutput))
	}
	if args.KMSKeyARN != nil && len(args.Secrets) > 0 {
		statements = append(statements, allow(pulumi.StringArray{args.KMSKeyARN}, "kms:Decrypt"))
	}
	return statements
}

// taskStatements let the worker consume the queue, put aside what can never
// succeed, and protect itself from scale-in while it works.
func taskStatements(args QueueWorkerArgs, at place, queue workQueue) []pulumi.Input {
	statements := []pulumi.Input{
		allow(pulumi.StringArray{queue.arn},
			"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
		// AWS cannot scope these below the tasks of a cluster.
		allow(pulumi.StringArray{pulumi.Sprintf(at.arn("ecs", "task/%s/*"), args.Service.ClusterName)},
			"ecs:UpdateTaskProtection", "ecs:GetTaskProtection"),
	}
	if queue.kmsKeyARN != nil {
		statements = append(statements, allow(pulumi.StringArray{queue.kmsKeyARN}, "kms:Decrypt"))
	}
	if queue.deadLetter != nil {
		statements = append(statements, allow(pulumi.StringArray{queue.deadLetter.arn}, "sqs:SendMessage"))
		if queue.deadLetter.kmsKeyARN != nil {
			statements = append(statements, allow(pulumi.StringArray{queue.deadLetter.kmsKeyARN}, "kms:GenerateDataKey", "kms:Decrypt"))
		}
	}
	if args.Service.EnableExecuteCommand {
		// AWS offers no narrower resource for these.
		statements = append(statements, allow(pulumi.StringArray{pulumi.String("*")},
			"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"))
	}
	for _, own := range args.TaskPolicyStatements {
		statements = append(statements, own.statement())
	}
	return statements
}

// arn names a resource of this account and region.
func (p place) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", p.partition, service, p.region, p.account, resource)
}
