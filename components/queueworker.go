// Package components builds an SQS FIFO queue that is consumed by ECS Fargate
// tasks: they appear when messages arrive, are not stopped while they work, and
// cost nothing while the queue is empty.
//
// QueueWorker is the component; Network, Cluster and Image create what a stack
// does not bring along.
package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// QueueWorkerType is the type token of the component.
const QueueWorkerType = "fargate-queue-worker:index:QueueWorker"

// QueueWorkerArgs are the arguments of NewQueueWorker. What decides or is
// validated is a plain Go value, what may come from a resource is an Input.
type QueueWorkerArgs struct {
	// Queue describes the queue and its dead-letter queue, or names an existing one.
	Queue QueueArgs
	// Task describes the container that consumes the queue.
	Task TaskArgs
	// Service says where and how the tasks run.
	Service ServiceArgs
	// Scaling says how many tasks run, and when.
	Scaling ScalingArgs
	// Operations says who is told when something needs a person.
	Operations OperationsArgs
	// TaskPolicyStatements is what the task's code may do besides consuming the
	// queue. Default: nothing.
	TaskPolicyStatements []PolicyStatement
	// Tags are put on every resource that takes them, tasks included.
	// Default: none but the provider's default tags.
	Tags pulumi.StringMapInput
}

// QueueWorker is a FIFO queue with the Fargate service that consumes it and the
// scaling between them, made in one pass.
type QueueWorker struct {
	pulumi.ResourceState

	QueueURL           pulumi.StringOutput `pulumi:"queueUrl"`
	QueueARN           pulumi.StringOutput `pulumi:"queueArn"`
	QueueName          pulumi.StringOutput `pulumi:"queueName"`
	DeadLetterQueueURL pulumi.StringOutput `pulumi:"deadLetterQueueUrl"` // "" if an existing queue has none
	DeadLetterQueueARN pulumi.StringOutput `pulumi:"deadLetterQueueArn"` // "" if an existing queue has none
	// ProducerPolicy is an IAM policy document (JSON) that lets its holder send
	// messages to the queue.
	ProducerPolicy pulumi.StringOutput `pulumi:"producerPolicy"`
	// WakeARN is the state machine that starts the first tasks. A producer that starts it
	// right after a send need not wait until the queue is asked. "" if none starts tasks.
	WakeARN pulumi.StringOutput `pulumi:"wakeArn"`
	// WakePolicy is an IAM policy document (JSON) that lets its holder do so; "" without a
	// WakeARN.
	WakePolicy        pulumi.StringOutput `pulumi:"wakePolicy"`
	ClusterName       pulumi.StringOutput `pulumi:"clusterName"`
	ServiceName       pulumi.StringOutput `pulumi:"serviceName"`
	TaskDefinitionARN pulumi.StringOutput `pulumi:"taskDefinitionArn"`
	TaskRoleARN       pulumi.StringOutput `pulumi:"taskRoleArn"`
	ExecutionRoleARN  pulumi.StringOutput `pulumi:"executionRoleArn"`
	LogGroupName      pulumi.StringOutput `pulumi:"logGroupName"`
	// ScalableTargetID is the resource id of the scalable target,
	// service/<cluster>/<service>.
	ScalableTargetID pulumi.StringOutput `pulumi:"scalableTargetId"`
	// PolicyARNs and AlarmARNs are keyed scaleOut, idle and, if a step scales in,
	// scaleIn. With an SNS topic there are the alarms deadLetters, oldestMessage,
	// notStarting, stuck and atMaximum, too.
	PolicyARNs pulumi.StringMapOutput `pulumi:"policyArns"`
	AlarmARNs  pulumi.StringMapOutput `pulumi:"alarmArns"`
	// DashboardName is "" without a dashboard.
	DashboardName pulumi.StringOutput `pulumi:"dashboardName"`
}

// NewQueueWorker registers the queue, the roles, the task definition, the service,
// the scalable target with its policies, and the alarms. Wrong arguments are
// reported all at once, as *FieldError joined, before anything is registered.
func NewQueueWorker(ctx *pulumi.Context, name string, args *QueueWorkerArgs, opts ...pulumi.ResourceOption) (*QueueWorker, error) {
	if args == nil {
		args = &QueueWorkerArgs{}
	}
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("queue worker %q:\n%w", name, err)
	}
	w := &QueueWorker{}
	if err := ctx.RegisterComponentResource(QueueWorkerType, name, w, opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	if err := w.build(ctx, name, args.withDefaults()); err != nil {
		return nil, err
	}
	return w, ctx.RegisterResourceOutputs(w, w.outputs())
}

// build makes the children, each from the outputs of those before it.
func (w *QueueWorker) build(ctx *pulumi.Context, name string, args QueueWorkerArgs) error {
	b := &builder{ctx: ctx, name: name, parent: w, tags: args.Tags}
	for _, warning := range args.warnings() {
		if err := ctx.Log.Warn(warning, &pulumi.LogArgs{Resource: w}); err != nil {
			return fmt.Errorf("logging a warning: %w", err)
		}
	}
	if err := b.lookUpPlace(); err != nil {
		return err
	}
	queue, err := b.newQueue(args.Queue)
	if err != nil {
		return err
	}
	logGroup, err := b.newLogGroup(args.Task)
	if err != nil {
		return err
	}
	roles, err := b.newRoles(args, queue, logGroup)
	if err != nil {
		return err
	}
	task, err := b.newTaskDefinition(args.Task, queue, roles, logGroup)
	if err != nil {
		return err
	}
	service, err := b.newService(args, task, roles)
	if err != nil {
		return err
	}
	scaling, err := b.newScaling(args, service)
	if err != nil {
		return err
	}
	wakeUp, err := b.newWakeUp(args, queue, service, scaling.steps)
	if err != nil {
		return err
	}
	alarms, err := b.newAlarms(append(scalingAlarms(args, queue, service, scaling), operationsAlarms(args, queue, service)...))
	if err != nil {
		return err
	}
	w.DashboardName = pulumi.String("").ToStringOutput()
	if args.Operations.Dashboard {
		dashboard, err := b.newDashboard(args, queue, service, alarms)
		if err != nil {
			return err
		}
		w.DashboardName = dashboard.DashboardName
	}

	w.QueueURL, w.QueueARN, w.QueueName = queue.url, queue.arn, queue.name
	w.DeadLetterQueueURL, w.DeadLetterQueueARN = queue.deadLetterOutputs()
	w.ProducerPolicy = producerPolicy(queue)
	w.WakeARN, w.WakePolicy = wakeUp.arn, wakeUp.policy
	w.ClusterName = args.Service.ClusterName.ToStringOutput()
	w.ServiceName = service.Name
	w.TaskDefinitionARN = task.Arn
	w.TaskRoleARN, w.ExecutionRoleARN = roles.task.Arn, roles.execution.Arn
	w.LogGroupName = logGroup.Name
	w.ScalableTargetID = scaling.target.ResourceId
	w.PolicyARNs = scaling.policyARNs().ToStringMapOutput()
	w.AlarmARNs = alarms.ToStringMapOutput()
	return nil
}

func (w *QueueWorker) outputs() pulumi.Map {
	return pulumi.Map{
		"queueUrl":           w.QueueURL,
		"queueArn":           w.QueueARN,
		"queueName":          w.QueueName,
		"deadLetterQueueUrl": w.DeadLetterQueueURL,
		"deadLetterQueueArn": w.DeadLetterQueueARN,
		"producerPolicy":     w.ProducerPolicy,
		"wakeArn":            w.WakeARN,
		"wakePolicy":         w.WakePolicy,
		"clusterName":        w.ClusterName,
		"serviceName":        w.ServiceName,
		"taskDefinitionArn":  w.TaskDefinitionARN,
		"taskRoleArn":        w.TaskRoleARN,
		"executionRoleArn":   w.ExecutionRoleARN,
		"logGroupName":       w.LogGroupName,
		"scalableTargetId":   w.ScalableTargetID,
		"policyArns":         w.PolicyARNs,
		"alarmArns":          w.AlarmARNs,
		"dashboardName":      w.DashboardName,
	}
}

// builder holds what every child of one QueueWorker has in common.
type builder struct {
	ctx    *pulumi.Context
	name   string
	parent pulumi.Resource
	tags   pulumi.StringMapInput
	place  place
}

// place is where the stack is deployed.
type place struct {
	partition, region, account string
}

func (b *builder) lookUpPlace() error {
	parent := pulumi.Parent(b.parent)
	partition, err := aws.GetPartition(b.ctx, &aws.GetPartitionArgs{}, parent)
	if err != nil {
		return fmt.Errorf("looking up the partition: %w", err)
	}
	region, err := aws.GetRegion(b.ctx, &aws.GetRegionArgs{}, parent)
	if err != nil {
		return fmt.Errorf("looking up the region: %w", err)
	}
	identity, err := aws.GetCallerIdentity(b.ctx, &aws.GetCallerIdentityArgs{}, parent)
	if err != nil {
		return fmt.Errorf("looking up the account: %w", err)
	}
	b.place = place{partition: partition.Partition, region: region.Name, account: identity.AccountId}
	return nil
}

// child is the name and the options of a child resource.
func (b *builder) child(suffix string, opts ...pulumi.ResourceOption) (string, []pulumi.ResourceOption) {
	return b.name + "-" + suffix, append(opts, pulumi.Parent(b.parent))
}
