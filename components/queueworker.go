// Package components builds an SQS FIFO queue that is consumed by ECS Fargate
// tasks: they appear when messages arrive, are not stopped while they work, and
// cost nothing while the queue is empty.
//
// QueueWorker is the component; Network, Cluster and Image create what a stack
// does not bring along.
package components

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// QueueWorkerType is the type token of the component.
const QueueWorkerType = "fargate-queue-worker:index:QueueWorker"

// QueueWorkerArgs are the arguments of NewQueueWorker. What decides or is
// validated is a plain Go value, what may come from a resource is an Input.
type QueueWorkerArgs struct {
	// Queue describes the queue and its dead-letter queue, or names an existing one.
	Queue QueueArgs `pulumi:"queue,optional"`
	// Task describes the container that consumes the queue.
	Task TaskArgs `pulumi:"task"`
	// Identity says with which rights tasks start and run.
	Identity IdentityArgs `pulumi:"identity,optional"`
	// Service says where and how the tasks run.
	Service ServiceArgs `pulumi:"service"`
	// Scaling says how many tasks run, and when.
	Scaling ScalingArgs `pulumi:"scaling,optional"`
	// Operations says who is notified when something needs a person.
	Operations OperationsArgs `pulumi:"operations,optional"`
	// AlarmLabels name and describe the alarms, by AlarmKeys. Default: as Pulumi and the
	// component choose.
	AlarmLabels map[string]AlarmLabel `pulumi:"alarmLabels,optional"`
	// Tags are put on every resource that takes them, tasks included.
	// Default: none but the provider's default tags.
	Tags pulumi.StringMapInput `pulumi:"tags,optional"`

	// Spelling names arguments in errors and warnings, for a program whose users know them
	// by other names. Default: their paths in Go.
	Spelling func(path string) string `pulumi:"-"`
	// WatchKeys warns, in a preview, too, when a change of Queue.KMSKeyARN leaves messages
	// that the tasks cannot read. It takes an engine to call back: leave it out where a test
	// runs the program under mocks. Default false.
	WatchKeys bool `pulumi:"watchKeys,optional"`
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
	ServiceARN        pulumi.StringOutput `pulumi:"serviceArn"`
	TaskDefinitionARN pulumi.StringOutput `pulumi:"taskDefinitionArn"`
	Image             pulumi.StringOutput `pulumi:"image"`
	TaskRoleARN       pulumi.StringOutput `pulumi:"taskRoleArn"`
	ExecutionRoleARN  pulumi.StringOutput `pulumi:"executionRoleArn"`
	// TaskPolicy and ExecutionPolicy are IAM policy documents (JSON) of what the roles have
	// to allow: those that are made do, existing ones have to be given it.
	TaskPolicy      pulumi.StringOutput `pulumi:"taskPolicy"`
	ExecutionPolicy pulumi.StringOutput `pulumi:"executionPolicy"`
	LogGroupName    pulumi.StringOutput `pulumi:"logGroupName"`
	// SubnetIDs and SecurityGroupIDs are where the tasks run: a database has to let the
	// security groups in.
	SubnetIDs        pulumi.StringArrayOutput `pulumi:"subnetIds"`
	SecurityGroupIDs pulumi.StringArrayOutput `pulumi:"securityGroupIds"`
	// ScalableTargetID is the resource id of the scalable target,
	// service/<cluster>/<service>.
	ScalableTargetID pulumi.StringOutput `pulumi:"scalableTargetId"`
	// PolicyARNs and AlarmARNs are keyed scaleOut, idle and, if a step scales in,
	// scaleIn. With an SNS topic there are the alarms deadLetters, oldestMessage,
	// notStarting, stuck, neverStopping, atMaximum and failedStart, too.
	PolicyARNs pulumi.StringMapOutput `pulumi:"policyArns"`
	AlarmARNs  pulumi.StringMapOutput `pulumi:"alarmArns"`
	// DashboardName is "" without a dashboard.
	DashboardName pulumi.StringOutput `pulumi:"dashboardName"`
}

// NewQueueWorker registers the queue, the roles, the task definition, the service,
// the scalable target with its policies, and the alarms. Wrong arguments are
// reported all at once, as *FieldError joined, before anything is registered.
func NewQueueWorker(
	ctx *pulumi.Context, name string, args *QueueWorkerArgs, opts ...pulumi.ResourceOption,
) (*QueueWorker, error) {
	if args == nil {
		args = &QueueWorkerArgs{}
	}
	complete := args.withDefaults()
	found := FieldErrors{}
	if len(name) > longestName {
		found.Add("name", name, "has %d characters; the names of its roles leave room for %d", len(name),
			longestName)
	}
	found.AddError(complete.validate())
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("queue worker %q:\n%w", name, Spell(err, complete.Spelling))
	}
	for _, check := range complete.checks() {
		check.later(complete.Spelling)
	}
	w := &QueueWorker{}
	if err := ctx.RegisterComponentResourceV2(QueueWorkerType, name, complete.inputs(), w,
		opts...); err != nil {
		return nil, fmt.Errorf("registering %s: %w", name, err)
	}
	if err := w.build(ctx, name, complete); err != nil {
		return nil, err
	}
	return w, ctx.RegisterResourceOutputs(w, w.outputs())
}

// inputs are what the state shows of the component: what a person looks for there.
func (args *QueueWorkerArgs) inputs() pulumi.Map {
	return given(pulumi.Map{
		"image": args.Task.Image, "cpu": pulumi.Int(args.Task.CPU),
		"memoryMiB":             pulumi.Int(args.Task.MemoryMiB),
		"handlerTimeoutMinutes": pulumi.Int(args.Task.HandlerTimeoutMinutes),
		"concurrency":           pulumi.Int(args.Task.Concurrency),
		"clusterName":           args.Service.ClusterName, "subnetIds": args.Service.SubnetIDs,
		"minCapacity": pulumi.Int(args.Scaling.MinCapacity),
		"maxCapacity": pulumi.Int(args.Scaling.MaxCapacity),
		"paused":      pulumi.Bool(args.Scaling.Paused), "alarmTopicArn": args.Operations.TopicARN,
		"tags": args.Tags,
	})
}

// given leaves out inputs that have no value, empty texts and lists.
func given(inputs pulumi.Map) pulumi.Map {
	kept := pulumi.Map{}
	for name, input := range inputs {
		value := reflect.ValueOf(input)
		if !value.IsValid() || (value.Kind() == reflect.String || value.Kind() == reflect.Slice ||
			value.Kind() == reflect.Map) && value.Len() == 0 {
			continue
		}
		kept[name] = input
	}
	return kept
}

// longestName of a worker, so that <name>-wake-schedule-role- and the seven digits of Pulumi
// have the 64 characters that IAM allows.
const longestName = 37

// build makes the children, each from the outputs of those before it.
func (w *QueueWorker) build(ctx *pulumi.Context, name string, args QueueWorkerArgs) error {
	b := &builder{
		ctx: ctx, name: name, parent: w, tags: args.Tags,
		identity: args.Identity, labels: args.AlarmLabels, spelling: args.Spelling, watching: args.WatchKeys,
	}
	for _, warning := range args.warnings() {
		text := Spell(warning, args.Spelling).Error()
		if err := ctx.Log.Warn(text, &pulumi.LogArgs{Resource: w}); err != nil {
			return fmt.Errorf("logging a warning: %w", err)
		}
	}
	if err := b.lookUpPlace(); err != nil {
		return err
	}
	if err := b.checkPlace(args.Queue.Existing); err != nil {
		return err
	}
	identity, err := b.newTaskIdentity(args)
	if err != nil {
		return err
	}
	queue, err := b.newQueue(args.Queue, identity)
	if err != nil {
		return err
	}
	logGroup, err := b.newLogGroup(args.Task)
	if err != nil {
		return err
	}
	roles, err := b.newRoles(args, identity, queue, logGroup)
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
	alarms, err := b.newAlarms(scalingAlarms(args, queue, service, scaling))
	if err != nil {
		return err
	}
	forPeople, err := b.newOperationsAlarms(args, queue, service)
	if err != nil {
		return err
	}
	maps.Copy(alarms, forPeople)
	w.DashboardName = pulumi.String("").ToStringOutput()
	if args.Operations.Dashboard {
		dashboard, err := b.newDashboard(args, queue, service, wakeUp, forPeople)
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
	w.ServiceARN = service.ID().ToStringOutput()
	w.TaskDefinitionARN = task.Arn
	w.Image = args.Task.Image.ToStringOutput()
	w.TaskRoleARN, w.ExecutionRoleARN = roles.taskARN, roles.executionARN
	w.TaskPolicy, w.ExecutionPolicy = roles.taskPolicy, roles.executionPolicy
	w.SubnetIDs = args.Service.SubnetIDs.ToStringArrayOutput()
	w.SecurityGroupIDs = args.Service.SecurityGroupIDs.ToStringArrayOutput()
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
		"serviceArn":         w.ServiceARN,
		"taskDefinitionArn":  w.TaskDefinitionARN,
		"image":              w.Image,
		"taskPolicy":         w.TaskPolicy,
		"executionPolicy":    w.ExecutionPolicy,
		"subnetIds":          w.SubnetIDs,
		"securityGroupIds":   w.SecurityGroupIDs,
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

	identity IdentityArgs
	labels   map[string]AlarmLabel
	spelling func(path string) string
	watching bool
	keyHook  *pulumi.ResourceHook
}

// place is where the stack is deployed.
type place struct {
	partition, dnsSuffix, region, account string
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
	b.place = place{partition: partition.Partition, dnsSuffix: partition.DnsSuffix, region: region.Name,
		account: identity.AccountId}
	return nil
}

// checkPlace checks that an existing queue is where the stack is.
func (b *builder) checkPlace(existing *ExistingQueue) error {
	if existing == nil {
		return nil
	}
	var found FieldErrors
	for _, check := range existing.checksIn(b.place) {
		check.now(&found)
		check.later(b.spelling)
	}
	return Spell(found.Err(), b.spelling)
}

// child is the name and the options of a child resource.
func (b *builder) child(suffix string, opts ...pulumi.ResourceOption) (string, []pulumi.ResourceOption) {
	return b.name + "-" + suffix, append(opts, pulumi.Parent(b.parent))
}
