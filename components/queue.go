package components

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// QueueArgs describe the FIFO queue. The dead-letter queue comes with it.
type QueueArgs struct {
	// Existing is a queue that this stack did not create. It is consumed as it is:
	// no policy, redrive policy or encryption is attached to it, and none of the
	// fields below may be set, but for PreviousKMSKeyARNs.
	Existing *ExistingQueue `pulumi:"existing,optional"`
	// Name ends in .fifo and has at most 80 characters. Default: chosen by Pulumi.
	Name string `pulumi:"name,optional"`
	// DeadLetterQueueName ends in .fifo and has at most 80 characters. Default: chosen
	// by Pulumi.
	DeadLetterQueueName string `pulumi:"deadLetterQueueName,optional"`
	// VisibilityTimeoutSeconds is how long a received message stays hidden,
	// 1 to 43200. Default 120. A consumer that extends it while it works (the
	// project's worker does) should keep it short: a message whose task died stays
	// hidden, and its message group blocked, until it runs out.
	VisibilityTimeoutSeconds int `pulumi:"visibilityTimeoutSeconds,optional"`
	// MessageRetentionSeconds is how long a message waits at most, 60 to 1209600.
	// Default 345600 (4 days).
	MessageRetentionSeconds int `pulumi:"messageRetentionSeconds,optional"`
	// ContentBasedDeduplication drops a message whose body was sent within the
	// last five minutes, unless it has a deduplication id of its own. Default true.
	ContentBasedDeduplication *bool `pulumi:"contentBasedDeduplication,optional"`
	// HighThroughput deduplicates by message group and counts the quota per group
	// instead of per queue. Default false.
	HighThroughput bool `pulumi:"highThroughput,optional"`
	// MaxReceiveCount is how often a message is received before SQS moves it to
	// the dead-letter queue, 1 to 1000. Default 10. The container gets it as
	// MAX_RECEIVE_COUNT: below 10 the worker receives messages one by one, which costs
	// more requests, so that those behind a message whose worker is killed do not spend
	// their receives on waiting.
	MaxReceiveCount int `pulumi:"maxReceiveCount,optional"`
	// KMSKeyARN encrypts both queues with a customer key. Default: the keys of SQS
	// (SSE-SQS).
	KMSKeyARN pulumi.StringInput `pulumi:"kmsKeyArn,optional"`
	// PreviousKMSKeyARNs are keys that the queues had before. A message stays encrypted
	// with the key that it was sent under, even in the dead-letter queue, so the task role
	// goes on decrypting with them. Take a key off the list when both queues have been
	// empty. Source: SQS developer guide, "Encryption at rest". Default: none.
	PreviousKMSKeyARNs pulumi.StringArrayInput `pulumi:"previousKmsKeyArns,optional"`
	// Protect keeps Pulumi from deleting or replacing both queues with the messages in
	// them, and their policies, until it is set to false and deployed. Default false.
	Protect bool `pulumi:"protect,optional"`
	// ProducerTopicARNs are SNS FIFO topics that may send to the queue. With
	// KMSKeyARN the key's policy must let SNS use it. Default: none.
	ProducerTopicARNs pulumi.StringArrayInput `pulumi:"producerTopicArns,optional"`
	// ProducerAccountIDs are other AWS accounts (12 digits) that may send to the
	// queue. Default: none.
	ProducerAccountIDs []string `pulumi:"producerAccountIds,optional"`
}

// ExistingQueue is a FIFO queue of the same region, of this account or another whose
// queue policy lets the task role in.
type ExistingQueue struct {
	// ARN is all that is needed. Required.
	ARN pulumi.StringInput `pulumi:"arn"`
	// URL and Name follow from the ARN. Default: so.
	URL  pulumi.StringInput `pulumi:"url,optional"`
	Name pulumi.StringInput `pulumi:"name,optional"`
	// KMSKeyARN is the customer key the queue is encrypted with. Default: none.
	KMSKeyARN pulumi.StringInput `pulumi:"kmsKeyArn,optional"`
	// DeadLetterQueueARN lets the worker put aside a message that can never succeed.
	// Default: none; such a message is retried until the queue's own redrive policy
	// takes it.
	DeadLetterQueueARN pulumi.StringInput `pulumi:"deadLetterQueueArn,optional"`
	// DeadLetterQueueURL follows from its ARN. Default: so.
	DeadLetterQueueURL pulumi.StringInput `pulumi:"deadLetterQueueUrl,optional"`
	// DeadLetterQueueKMSKeyARN is the key of the dead-letter queue. Default: none.
	DeadLetterQueueKMSKeyARN pulumi.StringInput `pulumi:"deadLetterQueueKmsKeyArn,optional"`
}

const (
	defaultVisibilityTimeoutSeconds = 120
	defaultMessageRetentionSeconds  = 4 * 24 * 3600
	defaultMaxReceiveCount          = 10

	// longPollSeconds is the longest wait of a receive that SQS offers.
	longPollSeconds = 20
	// deadLetterRetentionSeconds is the longest SQS offers: people need time to look.
	deadLetterRetentionSeconds = 14 * 24 * 3600
)

// workQueue is what the rest of the component needs to know of the queue.
type workQueue struct {
	url, arn, name pulumi.StringOutput
	kmsKeyARN      pulumi.StringInput // nil without a customer key
	deadLetter     *deadLetterQueue   // nil if an existing queue has none
	// maxReceiveCount is 0 for an existing queue, which does not say; the environment may.
	maxReceiveCount int
}

type deadLetterQueue struct {
	url, arn, name pulumi.StringOutput
	kmsKeyARN      pulumi.StringInput // nil without a customer key
}

func (b *builder) newQueue(args QueueArgs, identity taskIdentity) (workQueue, error) {
	if args.Existing != nil {
		return b.joinQueue(*args.Existing), nil
	}
	deadLetter, err := b.newDeadLetterQueue(args, identity)
	if err != nil {
		return workQueue{}, err
	}
	name, opts := b.child("queue", b.queueOptions(args, identity)...)
	settings := b.queueSettings(args)
	if args.Name != "" {
		settings.Name = pulumi.String(args.Name)
	}
	settings.ContentBasedDeduplication = pulumi.Bool(*args.ContentBasedDeduplication)
	settings.VisibilityTimeoutSeconds = pulumi.Int(args.VisibilityTimeoutSeconds)
	settings.MessageRetentionSeconds = pulumi.Int(args.MessageRetentionSeconds)
	settings.ReceiveWaitTimeSeconds = pulumi.Int(longPollSeconds)
	queue, err := sqs.NewQueue(b.ctx, name, settings, opts...)
	if err != nil {
		return workQueue{}, fmt.Errorf("creating the queue: %w", err)
	}
	if err := b.guardQueues(args, queue, deadLetter); err != nil {
		return workQueue{}, err
	}
	return workQueue{
		url: queue.Url, arn: queue.Arn, name: queue.Name, kmsKeyARN: args.KMSKeyARN,
		maxReceiveCount: args.MaxReceiveCount,
		deadLetter: &deadLetterQueue{url: deadLetter.Url, arn: deadLetter.Arn, name: deadLetter.Name,
			kmsKeyARN: args.KMSKeyARN},
	}, nil
}

func (b *builder) joinQueue(existing ExistingQueue) workQueue {
	arn := existing.ARN.ToStringOutput()
	q := workQueue{
		arn:       arn,
		url:       orDerived(existing.URL, arn, b.place.queueURL),
		name:      orDerived(existing.Name, arn, queueNameOf),
		kmsKeyARN: existing.KMSKeyARN,
	}
	if existing.DeadLetterQueueARN != nil {
		arn := existing.DeadLetterQueueARN.ToStringOutput()
		q.deadLetter = &deadLetterQueue{
			arn:       arn,
			url:       orDerived(existing.DeadLetterQueueURL, arn, b.place.queueURL),
			name:      orDerived(nil, arn, queueNameOf),
			kmsKeyARN: existing.DeadLetterQueueKMSKeyARN,
		}
	}
	return q
}

// orDerived is a value, or what follows from an ARN if it was left out.
func orDerived(
	value pulumi.StringInput, arn pulumi.StringOutput, derive func(arn string) string,
) pulumi.StringOutput {
	if value != nil {
		return value.ToStringOutput()
	}
	return arn.ApplyT(derive).(pulumi.StringOutput)
}

// queueURL is where a queue is, of whatever account.
func (p place) queueURL(arn string) string {
	parts := strings.SplitN(arn, ":", arnParts)
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", parts[3], p.dnsSuffix, parts[4], parts[5])
}

// queueNameOf is the last part of a queue's ARN.
func queueNameOf(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// newDeadLetterQueue makes the queue for messages that failed too often. That of a
// FIFO queue has to be FIFO, and deduplicates by the ids that SQS gives it.
func (b *builder) newDeadLetterQueue(args QueueArgs, identity taskIdentity) (*sqs.Queue, error) {
	name, opts := b.child("dlq", b.queueOptions(args, identity)...)
	settings := b.queueSettings(args)
	if args.DeadLetterQueueName != "" {
		settings.Name = pulumi.String(args.DeadLetterQueueName)
	}
	settings.MessageRetentionSeconds = pulumi.Int(deadLetterRetentionSeconds)
	queue, err := sqs.NewQueue(b.ctx, name, settings, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating the dead-letter queue: %w", err)
	}
	return queue, nil
}

// queueSettings is what both queues have in common.
func (b *builder) queueSettings(args QueueArgs) *sqs.QueueArgs {
	settings := &sqs.QueueArgs{FifoQueue: pulumi.Bool(true), Tags: b.tags}
	// Stated in either case: what is left out stays as it is when it is switched off.
	settings.DeduplicationScope, settings.FifoThroughputLimit =
		pulumi.String("queue"), pulumi.String("perQueue")
	if args.HighThroughput {
		settings.DeduplicationScope, settings.FifoThroughputLimit =
			pulumi.String("messageGroup"), pulumi.String("perMessageGroupId")
	}
	if args.KMSKeyARN != nil {
		settings.KmsMasterKeyId = args.KMSKeyARN.ToStringOutput()
	} else {
		settings.SqsManagedSseEnabled = pulumi.Bool(true)
	}
	return settings
}

// guardQueues says who may use the queues.
func (b *builder) guardQueues(args QueueArgs, queue, deadLetter *sqs.Queue) error {
	name, opts := b.child("queue-policy", pulumi.Protect(args.Protect))
	_, err := sqs.NewQueuePolicy(b.ctx, name, &sqs.QueuePolicyArgs{
		QueueUrl: queue.Url,
		Policy: policyDocument(append([]pulumi.Input{denyPlainHTTP(queue.Arn)},
			producerStatements(args, b.place, queue.Arn)...)...),
	}, opts...)
	if err != nil {
		return fmt.Errorf("attaching the queue's policy: %w", err)
	}
	name, opts = b.child("dlq-policy", pulumi.Protect(args.Protect))
	_, err = sqs.NewQueuePolicy(b.ctx, name, &sqs.QueuePolicyArgs{
		QueueUrl: deadLetter.Url,
		Policy:   policyDocument(denyPlainHTTP(deadLetter.Arn)),
	}, opts...)
	if err != nil {
		return fmt.Errorf("attaching the dead-letter queue's policy: %w", err)
	}
	return b.redrive(args, queue, deadLetter)
}

// redrive sends messages that failed too often to the dead-letter queue. That takes
// only those of this queue, and has to say so first: when the queue is replaced, the
// new one may not use it before.
func (b *builder) redrive(args QueueArgs, queue, deadLetter *sqs.Queue) error {
	name, opts := b.child("dlq-redrive-allow", pulumi.Protect(args.Protect))
	allowed, err := sqs.NewRedriveAllowPolicy(b.ctx, name, &sqs.RedriveAllowPolicyArgs{
		QueueUrl: deadLetter.Url,
		RedriveAllowPolicy: pulumi.JSONMarshal(pulumi.Map{
			"redrivePermission": pulumi.String("byQueue"),
			"sourceQueueArns":   pulumi.StringArray{queue.Arn},
		}),
	}, opts...)
	if err != nil {
		return fmt.Errorf("allowing the redrive: %w", err)
	}
	name, opts = b.child("redrive", pulumi.Protect(args.Protect),
		pulumi.DependsOn([]pulumi.Resource{allowed}))
	_, err = sqs.NewRedrivePolicy(b.ctx, name, &sqs.RedrivePolicyArgs{
		QueueUrl: queue.Url,
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{
			"deadLetterTargetArn": deadLetter.Arn,
			"maxReceiveCount":     pulumi.Int(args.MaxReceiveCount),
		}),
	}, opts...)
	if err != nil {
		return fmt.Errorf("setting the redrive policy: %w", err)
	}
	return nil
}

func denyPlainHTTP(queueARN pulumi.StringOutput) pulumi.Map {
	return pulumi.Map{
		"Sid":       pulumi.String("DenyPlainHTTP"),
		"Effect":    pulumi.String("Deny"),
		"Principal": pulumi.String("*"),
		"Action":    pulumi.String("sqs:*"),
		"Resource":  queueARN,
		"Condition": pulumi.Map{"Bool": pulumi.Map{"aws:SecureTransport": pulumi.String("false")}},
	}
}

func producerStatements(args QueueArgs, at place, queueARN pulumi.StringOutput) []pulumi.Input {
	var statements []pulumi.Input
	if args.ProducerTopicARNs != nil {
		statements = append(statements, pulumi.Map{
			"Sid":       pulumi.String("TopicsMaySend"),
			"Effect":    pulumi.String("Allow"),
			"Principal": pulumi.Map{"Service": pulumi.String("sns.amazonaws.com")},
			"Action":    pulumi.String("sqs:SendMessage"),
			"Resource":  queueARN,
			"Condition": pulumi.Map{"ArnEquals": pulumi.Map{"aws:SourceArn": args.ProducerTopicARNs}},
		})
	}
	if len(args.ProducerAccountIDs) > 0 {
		principals := make([]string, len(args.ProducerAccountIDs))
		for i, id := range args.ProducerAccountIDs {
			principals[i] = fmt.Sprintf("arn:%s:iam::%s:root", at.partition, id)
		}
		statements = append(statements, pulumi.Map{
			"Sid":       pulumi.String("AccountsMaySend"),
			"Effect":    pulumi.String("Allow"),
			"Principal": pulumi.Map{"AWS": pulumi.ToStringArray(principals)},
			"Action":    pulumi.ToStringArray(sendActions),
			"Resource":  queueARN,
		})
	}
	return statements
}

var sendActions = []string{"sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"}

// producerPolicy is the document of the ProducerPolicy output.
func producerPolicy(q workQueue) pulumi.StringOutput {
	statements := []pulumi.Input{allow(pulumi.StringArray{q.arn}, sendActions...)}
	if q.kmsKeyARN != nil {
		statements = append(statements,
			allow(pulumi.StringArray{q.kmsKeyARN}, "kms:GenerateDataKey", "kms:Decrypt"))
	}
	return policyDocument(statements...)
}

func (q workQueue) deadLetterOutputs() (url, arn pulumi.StringOutput) {
	if q.deadLetter == nil {
		none := pulumi.String("").ToStringOutput()
		return none, none
	}
	return q.deadLetter.url, q.deadLetter.arn
}
