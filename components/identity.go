package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// IdentityArgs say with which rights tasks start and run.
type IdentityArgs struct {
	// TaskRoleARN is an existing role for the task's code. Nothing is attached to it; what
	// it has to allow is the output TaskPolicy. Default: a new role.
	TaskRoleARN pulumi.StringInput `pulumi:"taskRoleArn,optional"`
	// ExecutionRoleARN is an existing role with which ECS starts tasks. Nothing is attached
	// to it; what it has to allow is the output ExecutionPolicy. Default: a new role.
	ExecutionRoleARN pulumi.StringInput `pulumi:"executionRoleArn,optional"`
	// Path of the roles that are made, such as /workers/. Default: /.
	Path string `pulumi:"path,optional"`
	// PermissionsBoundaryARN is a policy that bounds what the roles that are made may do,
	// as some organizations demand of any role. Default: none.
	PermissionsBoundaryARN pulumi.StringInput `pulumi:"permissionsBoundaryArn,optional"`
	// TaskPolicyStatements is what the task's code may do besides consuming the queue.
	// Not with TaskRoleARN. Default: nothing.
	TaskPolicyStatements []PolicyStatement `pulumi:"taskPolicyStatements,optional"`
	// TaskPolicyARNs are managed policies that the new task role gets, too. Default: none.
	TaskPolicyARNs []pulumi.StringInput `pulumi:"taskPolicyArns,optional"`
	// ExecutionPolicyARNs are managed policies that the new execution role gets, too.
	// Default: none.
	ExecutionPolicyARNs []pulumi.StringInput `pulumi:"executionPolicyArns,optional"`
}

// roles are the two identities of a task: the execution role, with which ECS
// starts it, and the task role, with which its code runs.
type roles struct {
	executionARN, taskARN pulumi.StringOutput
	// executionPolicy and taskPolicy are what they may do.
	executionPolicy, taskPolicy pulumi.StringOutput
	// policies grant the roles their rights. The service depends on them, so that
	// the first task does not start before them and a draining task keeps them.
	policies []pulumi.Resource
}

// newRole makes a role that a service of AWS may assume.
func (b *builder) newRole(kind string, trust pulumi.StringInput) (*iam.Role, error) {
	name, opts := b.child(kind + "-role")
	settings := &iam.RoleArgs{AssumeRolePolicy: trust, Tags: b.tags}
	if b.identity.Path != "" {
		settings.Path = pulumi.String(b.identity.Path)
	}
	if b.identity.PermissionsBoundaryARN != nil {
		settings.PermissionsBoundary = b.identity.PermissionsBoundaryARN.ToStringOutput()
	}
	role, err := iam.NewRole(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the %s role: %w", kind, err)
	}
	return role, nil
}

// newRolePolicy attaches rights to a role.
func (b *builder) newRolePolicy(
	kind string, role *iam.Role, document pulumi.StringInput,
) (*iam.RolePolicy, error) {
	name, opts := b.child(kind + "-policy")
	policy, err := iam.NewRolePolicy(b.ctx, name,
		&iam.RolePolicyArgs{Role: role.Name, Policy: document.ToStringOutput()}, opts...)
	if err != nil {
		return nil, fmt.Errorf("attaching the %s role's policy: %w", kind, err)
	}
	return policy, nil
}

// newRoleThatMay makes a role and attaches rights to it.
func (b *builder) newRoleThatMay(
	kind string, trust pulumi.StringInput, statements []pulumi.Input,
) (*iam.Role, *iam.RolePolicy, error) {
	role, err := b.newRole(kind, trust)
	if err != nil {
		return nil, nil, err
	}
	policy, err := b.newRolePolicy(kind, role, policyDocument(statements...))
	return role, policy, err
}

// attachPolicies attaches managed policies to a role. Each is a resource of its own under
// the number it has in the list, since an ARN may not be known before.
func (b *builder) attachPolicies(
	kind string, role *iam.Role, arns []pulumi.StringInput,
) ([]pulumi.Resource, error) {
	var attached []pulumi.Resource
	for i, arn := range arns {
		name, opts := b.child(fmt.Sprintf("%s-managed-policy-%d", kind, i))
		attachment, err := iam.NewRolePolicyAttachment(b.ctx, name, &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: arn,
		}, opts...)
		if err != nil {
			return nil, fmt.Errorf("attaching a managed policy to the %s role: %w", kind, err)
		}
		attached = append(attached, attachment)
	}
	return attached, nil
}

// taskIdentity is the task role before there is a queue, so that what decrypts the
// queue's messages is in place before its key changes. Without a role of its own
// everything in it is nil.
type taskIdentity struct {
	role *iam.Role
	keys *iam.RolePolicy
}

func (b *builder) newTaskIdentity(args QueueWorkerArgs) (taskIdentity, error) {
	if b.identity.TaskRoleARN != nil {
		return taskIdentity{}, nil
	}
	role, err := b.newRole("task", b.tasksMayAssume())
	if err != nil {
		return taskIdentity{}, err
	}
	statements := keyStatements(args.Queue)
	if len(statements) == 0 {
		return taskIdentity{role: role}, nil
	}
	keys, err := b.newRolePolicy("task-keys", role, policyDocument(statements...))
	return taskIdentity{role: role, keys: keys}, err
}

// before are the resources that a change of the queue's key has to wait for.
func (i taskIdentity) before() []pulumi.Resource {
	if i.keys == nil {
		return nil
	}
	return []pulumi.Resource{i.keys}
}

func (b *builder) newRoles(
	args QueueWorkerArgs, identity taskIdentity, queue workQueue, logGroup *cloudwatch.LogGroup,
) (roles, error) {
	task := taskStatements(args, b.place, queue)
	execution := policyDocument(executionStatements(args.Task, b.place, logGroup)...)
	r := roles{executionPolicy: execution, taskPolicy: policyDocument(append(task,
		keyStatements(args.Queue)...)...), policies: identity.before()}
	if identity.role == nil {
		r.taskARN = b.identity.TaskRoleARN.ToStringOutput()
	} else {
		r.taskARN = identity.role.Arn
		if err := b.grant(&r, "task", identity.role, policyDocument(task...),
			b.identity.TaskPolicyARNs); err != nil {
			return roles{}, err
		}
	}
	if b.identity.ExecutionRoleARN != nil {
		r.executionARN = b.identity.ExecutionRoleARN.ToStringOutput()
		return r, nil
	}
	role, err := b.newRole("execution", b.tasksMayAssume())
	if err != nil {
		return roles{}, err
	}
	r.executionARN = role.Arn
	return r, b.grant(&r, "execution", role, execution, b.identity.ExecutionPolicyARNs)
}

// grant gives a new role its policy and managed ones.
func (b *builder) grant(
	r *roles, kind string, role *iam.Role, document pulumi.StringInput, managed []pulumi.StringInput,
) error {
	policy, err := b.newRolePolicy(kind, role, document)
	if err != nil {
		return err
	}
	attached, err := b.attachPolicies(kind, role, managed)
	r.policies = append(append(r.policies, policy), attached...)
	return err
}

func (b *builder) tasksMayAssume() pulumi.StringOutput {
	return b.mayAssume("ecs-tasks.amazonaws.com", "ecs", "*")
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
		allow(pulumi.StringArray{pulumi.Sprintf("%s:*", logGroup.Arn)}, "logs:CreateLogStream",
			"logs:PutLogEvents"),
	}
	statements = append(statements, imageStatements(args))
	if args.Secrets != nil {
		statements = append(statements, secretStatements(args, at))
	}
	if args.RegistryCredentialsARN != nil {
		statements = append(statements,
			allow(pulumi.StringArray{args.RegistryCredentialsARN}, "secretsmanager:GetSecretValue"))
	}
	if args.KMSKeyARN != nil && (args.Secrets != nil || args.RegistryCredentialsARN != nil) {
		statements = append(statements, allow(pulumi.StringArray{args.KMSKeyARN}, "kms:Decrypt"))
	}
	return statements
}

// imageStatements let ECS pull the image, and those of sidecars, where they are in ECR.
func imageStatements(args TaskArgs) pulumi.Input {
	repositories := pulumi.StringArray{}
	if args.RepositoryARN != nil {
		repositories = append(repositories, args.RepositoryARN)
	} else {
		repositories = append(repositories,
			args.Image.ToStringOutput().ApplyT(repositoryOfImage).(pulumi.StringOutput))
	}
	for _, sidecar := range args.Sidecars {
		if image, ok := sidecar["image"].(pulumi.StringInput); ok {
			repositories = append(repositories,
				image.ToStringOutput().ApplyT(repositoryOfImage).(pulumi.StringOutput))
		}
	}
	return repositories.ToStringArrayOutput().ApplyT(func(arns []string) []any {
		arns = sortedSet(arns)
		if len(arns) == 0 {
			return []any{}
		}
		return []any{
			// AWS offers no narrower resource for a token.
			grantOf([]string{"*"}, "ecr:GetAuthorizationToken"),
			grantOf(arns, "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
				"ecr:BatchGetImage"),
		}
	}).(pulumi.ArrayOutput)
}

// keyStatements let the task role read what was sent under the queues' keys, now and
// before, and put messages aside under the dead-letter queue's.
func keyStatements(q QueueArgs) []pulumi.Input {
	var statements []pulumi.Input
	key, deadLetterKey := q.KMSKeyARN, q.KMSKeyARN
	if q.Existing != nil {
		key, deadLetterKey = q.Existing.KMSKeyARN, q.Existing.DeadLetterQueueKMSKeyARN
	}
	if key != nil {
		statements = append(statements, allow(pulumi.StringArray{key}, "kms:Decrypt"))
	}
	if deadLetterKey != nil {
		statements = append(statements, allow(pulumi.StringArray{deadLetterKey}, "kms:GenerateDataKey",
			"kms:Decrypt"))
	}
	if q.PreviousKMSKeyARNs != nil {
		statements = append(statements, allow(q.PreviousKMSKeyARNs, "kms:Decrypt"))
	}
	return statements
}

// taskStatements let the worker consume the queue, put aside what can never
// succeed, and protect itself from scale-in while it works.
func taskStatements(args QueueWorkerArgs, at place, queue workQueue) []pulumi.Input {
	consume := []string{"sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:DeleteMessage",
		"sqs:GetQueueAttributes"}
	if !args.Scaling.Paused {
		consume = append([]string{"sqs:ReceiveMessage"}, consume...)
	}
	statements := []pulumi.Input{
		allow(pulumi.StringArray{queue.arn}, consume...),
		// AWS cannot scope these below the tasks of a cluster.
		allow(pulumi.StringArray{pulumi.Sprintf(at.arn("ecs", "task/%s/*"), args.Service.ClusterName)},
			"ecs:UpdateTaskProtection", "ecs:GetTaskProtection"),
	}
	if queue.deadLetter != nil {
		statements = append(statements, allow(pulumi.StringArray{queue.deadLetter.arn}, deadLetterActions...))
	}
	statements = append(statements, volumeStatements(args.Task, at)...)
	if args.Service.EnableExecuteCommand {
		// AWS offers no narrower resource for these.
		statements = append(statements, allow(pulumi.StringArray{pulumi.String("*")},
			"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"))
	}
	for _, own := range args.Identity.TaskPolicyStatements {
		statements = append(statements, own.statement())
	}
	return statements
}

// deadLetterActions are for putting messages aside, and for a check that it can be done.
var deadLetterActions = []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}

// arn names a resource of this account and region.
func (p place) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", p.partition, service, p.region, p.account, resource)
}
