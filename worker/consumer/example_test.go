package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fargate-queue-worker/worker/consumer"
)

// A worker with a handler in Go.
func ExampleNew() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	handler := consumer.HandlerFunc(func(ctx context.Context, m *consumer.Message) error {
		fmt.Println(m.GroupID, m.Body)
		return nil
	})
	worker, err := consumer.New(sqs.NewFromConfig(aws), handler, consumer.Config{
		QueueURL: os.Getenv("QUEUE_URL"), DeadLetterQueueURL: os.Getenv("DLQ_URL"), HandlerTimeout: time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := worker.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// A message that nobody can read goes to the dead-letter queue at once.
func ExamplePermanent() {
	handle := func(_ context.Context, m *consumer.Message) error {
		if m.Body == "" {
			return consumer.Permanent(errors.New("the body is empty"))
		}
		return nil
	}
	err := handle(context.Background(), &consumer.Message{})
	fmt.Println(consumer.IsPermanent(err), err)
	// Output: true the body is empty
}

// Something else is in the way: the message and those behind it in its group wait, and
// it counts as no failure.
func ExampleRetryAfter() {
	handle := func(context.Context, *consumer.Message) error {
		return consumer.RetryAfter(time.Minute, errors.New("the account is being moved"))
	}
	fmt.Println(handle(context.Background(), nil))
	// Output: the account is being moved
}
