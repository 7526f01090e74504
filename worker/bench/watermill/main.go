// Command watermill consumes a number of messages with watermill-aws, another public
// consumer, and prints the CPU it took in nanoseconds. The throughput benchmark runs
// it beside ours; it is a module of its own, so that nothing else depends on it.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"syscall"

	"github.com/ThreeDotsLabs/watermill"
	watermillsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	if err := consume(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// resolver knows the queue's URL.
type resolver struct{ watermillsqs.QueueUrlResolver }

func (resolver) ResolveQueueUrl(
	context.Context, watermillsqs.ResolveQueueUrlParams,
) (watermillsqs.QueueUrlResolverResult, error) {
	queue := watermillsqs.QueueURL("http://stub/jobs.fifo")
	exists := true
	return watermillsqs.QueueUrlResolverResult{QueueName: "jobs.fifo", QueueURL: &queue, Exists: &exists}, nil
}

func consume(endpoint, count string) error {
	messages, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	if _, err := url.Parse(endpoint); err != nil {
		return err
	}
	subscriber, err := watermillsqs.NewSubscriber(watermillsqs.SubscriberConfig{
		AWSConfig: aws.Config{Region: "us-west-1",
			Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")},
		OptFns: []func(*sqs.Options){func(o *sqs.Options) {
			o.BaseEndpoint = aws.String(endpoint)
		}},
		DoNotCreateQueueIfNotExists: true,
		QueueUrlResolver:            resolver{},
		GenerateReceiveMessageInput: func(_ context.Context,
			queue watermillsqs.QueueURL) (*sqs.ReceiveMessageInput, error) {
			return &sqs.ReceiveMessageInput{QueueUrl: aws.String(string(queue)), MaxNumberOfMessages: 10,
				WaitTimeSeconds: 20}, nil
		},
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	received, err := subscriber.Subscribe(context.Background(), "jobs.fifo")
	if err != nil {
		return err
	}
	for range messages {
		(<-received).Ack()
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	fmt.Println(usage.Utime.Nano() + usage.Stime.Nano())
	return nil
}
