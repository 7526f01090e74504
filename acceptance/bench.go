package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"
	smithytime "github.com/aws/smithy-go/time"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Outputs are those of the stack that cases use.
type Outputs struct {
	QueueURL, QueueName, DeadLetterQueueURL string
	Cluster, Service, LogGroup, WakeARN     string
}

// Bench is what cases work with: a stack that runs, and clients of AWS.
type Bench struct {
	Outputs
	// Minute of CloudWatch.
	Minute time.Duration
	// Poll is how often a case looks while it waits for something.
	Poll time.Duration
	// Tag is the value of the tag that all resources of the stack have.
	Tag   string
	Stack Stack

	sqs        *sqs.Client
	ecs        *ecs.Client
	cloudwatch *cloudwatch.Client
	logs       *cloudwatchlogs.Client
	states     *sfn.Client
	tagging    *resourcegroupstaggingapi.Client

	mu        sync.Mutex
	said      []Evidence
	requestID string // of the latest call
	sent      int
	work      *period
}

// period is a time in which a job was worked on, and after which the queue was empty.
type period struct{ began, ended time.Time }

// NewBench has clients by a configuration. With an endpoint, that of the sandbox, all of them go there.
func NewBench(cfg aws.Config, stack Stack) *Bench {
	b := &Bench{Minute: time.Minute, Poll: 5 * time.Second, Stack: stack}
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), b.remember)
	if cfg.BaseEndpoint != nil {
		cfg.APIOptions = append(cfg.APIOptions, keepHost)
	}
	b.sqs, b.ecs, b.cloudwatch = sqs.NewFromConfig(cfg), ecs.NewFromConfig(cfg), cloudwatch.NewFromConfig(cfg)
	b.logs, b.states = cloudwatchlogs.NewFromConfig(cfg), sfn.NewFromConfig(cfg)
	b.tagging = resourcegroupstaggingapi.NewFromConfig(cfg)
	return b
}

// keepHost keeps a service from putting a prefix before the host of an endpoint of one's own.
func keepHost(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("keepHost", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	}), middleware.Before)
}

// remember the id of each request, for the evidence.
func (b *Bench) remember(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("remember", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if id, ok := awsmiddleware.GetRequestIDMetadata(metadata); ok {
			b.mu.Lock()
			b.requestID = id
			b.mu.Unlock()
		}
		return out, metadata, err
	}), middleware.After)
}

func (b *Bench) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = nil
}

func (b *Bench) evidence() []Evidence {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.said)
}

// note what the latest call has said.
func (b *Bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, Evidence{time.Now().UTC(), fmt.Sprintf(format, args...), b.requestID})
}

// minutes of CloudWatch.
func (b *Bench) minutes(n float64) time.Duration { return time.Duration(n * float64(b.Minute)) }

// sleep for a time.
func (b *Bench) sleep(ctx context.Context, d time.Duration) error {
	return smithytime.SleepWithContext(ctx, d)
}

// until something is so. It ends with an error that says what was waited for.
func (b *Bench) until(ctx context.Context, what string, is func() (bool, error)) error {
	for {
		yes, err := is()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
		if yes {
			return nil
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
	}
}

// job is what the handler of the acceptance stack does with a message.
type job struct {
	Seconds float64
	Exit    int
}

// lasting is a job of some minutes.
func (b *Bench) lasting(minutes float64) job { return job{Seconds: b.minutes(minutes).Seconds()} }

// send a job to a queue, and return its message's id.
func (b *Bench) send(ctx context.Context, queueURL, group string, j job) (id string, err error) {
	body, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	b.sent++
	unique := fmt.Sprintf("%d-%d", time.Now().UnixNano(), b.sent)
	b.mu.Unlock()
	sent, err := b.sqs.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &queueURL, MessageGroupId: &group, MessageDeduplicationId: &unique,
		MessageBody: aws.String(string(body)),
	})
	if err != nil {
		return "", fmt.Errorf("sending a message: %w", err)
	}
	b.note("message %s sent in group %s: %s", *sent.MessageId, group, body)
	return *sent.MessageId, nil
}

// counts of a queue's messages, visible and in flight.
func (b *Bench) counts(ctx context.Context, queueURL string) (visible, inFlight int, err error) {
	got, err := b.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &queueURL,
		AttributeNames: []sqstypes.QueueAttributeName{
			sqstypes.QueueAttributeNameApproximateNumberOfMessages,
			sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		},
	})
	if err != nil {
		return 0, 0, err
	}
	visible, err = strconv.Atoi(got.Attributes["ApproximateNumberOfMessages"])
	if err != nil {
		return 0, 0, err
	}
	inFlight, err = strconv.Atoi(got.Attributes["ApproximateNumberOfMessagesNotVisible"])
	return visible, inFlight, err
}

// service is that of the stack.
func (b *Bench) service(ctx context.Context) (ecstypes.Service, error) {
	got, err := b.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: &b.Cluster, Services: []string{b.Service},
	})
	if err != nil {
		return ecstypes.Service{}, err
	}
	if len(got.Services) != 1 {
		return ecstypes.Service{}, fmt.Errorf("there is no service %s", b.Service)
	}
	return got.Services[0], nil
}

// setDesired count of the service, by hand.
func (b *Bench) setDesired(ctx context.Context, n int32) error {
	_, err := b.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &b.Cluster, Service: &b.Service, DesiredCount: &n,
	})
	if err == nil {
		b.note("the desired count is set to %d", n)
	}
	return err
}

// tasks that are wanted, or that are not.
func (b *Bench) tasks(ctx context.Context, status ecstypes.DesiredStatus) ([]ecstypes.Task, error) {
	list, err := b.ecs.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &b.Cluster, ServiceName: &b.Service, DesiredStatus: status,
	})
	if err != nil || len(list.TaskArns) == 0 {
		return nil, err
	}
	got, err := b.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &b.Cluster, Tasks: list.TaskArns})
	if err != nil {
		return nil, err
	}
	return got.Tasks, nil
}

// protectedTask is one that works, once there is one.
func (b *Bench) protectedTask(ctx context.Context) (arn string, err error) {
	err = b.until(ctx, "a task works, protected", func() (bool, error) {
		tasks, err := b.tasks(ctx, ecstypes.DesiredStatusRunning)
		if err != nil || len(tasks) == 0 {
			return false, err
		}
		arns := make([]string, len(tasks))
		for i, t := range tasks {
			arns[i] = *t.TaskArn
		}
		got, err := b.ecs.GetTaskProtection(ctx, &ecs.GetTaskProtectionInput{
			Cluster: &b.Cluster, Tasks: arns,
		})
		if err != nil {
			return false, err
		}
		for _, p := range got.ProtectedTasks {
			if p.ProtectionEnabled {
				arn = *p.TaskArn
				until := p.ExpirationDate.UTC().Format(time.RFC3339)
				b.note("task %s is protected until %s", idOf(arn), until)
				return true, nil
			}
		}
		return false, nil
	})
	return arn, err
}

func idOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// runs reports whether a task does.
func (b *Bench) runs(ctx context.Context, arn string) (bool, error) {
	got, err := b.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &b.Cluster, Tasks: []string{arn}})
	if err != nil {
		return false, err
	}
	return len(got.Tasks) == 1 && aws.ToString(got.Tasks[0].LastStatus) == "RUNNING", nil
}

// doneLine is what the worker logs of a message that is done.
type doneLine struct {
	Msg, Message string
	ReceiveCount int
	Time         time.Time
}

// done is the line of a message that is done, nil before.
func (b *Bench) done(ctx context.Context, id string) (*doneLine, error) {
	got, err := b.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &b.LogGroup, FilterPattern: aws.String(`{ $.message = "` + id + `" }`),
	})
	if err != nil {
		return nil, err
	}
	for _, event := range got.Events {
		var line doneLine
		if json.Unmarshal([]byte(*event.Message), &line) == nil && line.Msg == "done" {
			b.note("logged: %s", *event.Message)
			return &line, nil
		}
	}
	return nil, nil
}

// untilDone waits for a message.
func (b *Bench) untilDone(ctx context.Context, id string) (line *doneLine, err error) {
	err = b.until(ctx, "message "+id+" is done", func() (bool, error) {
		line, err = b.done(ctx, id)
		return line != nil, err
	})
	return line, err
}

// settle waits until nothing is left to do, and the stack has gone back to no task: how cases
// begin that look at the first task.
func (b *Bench) settle(ctx context.Context) error {
	return b.until(ctx, "the stack is idle and has stopped its tasks", func() (bool, error) {
		visible, inFlight, err := b.counts(ctx, b.QueueURL)
		if err != nil || visible+inFlight > 0 {
			return false, err
		}
		s, err := b.service(ctx)
		return s.DesiredCount == 0 && s.RunningCount+s.PendingCount == 0, err
	})
}

// errNoPoints is that a case has nothing to judge by.
var errNoPoints = errors.New("CloudWatch has no datapoint of the queue at all")
