// Command worker consumes the queue named by QUEUE_URL: it runs the program given as
// its arguments once per message, the body on standard input, and deletes the
// message if the program exits with 0.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("QUEUE_URL"), os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("the worker stopped", "error", err)
		os.Exit(1)
	}
}

// run consumes one message at a time until ctx ends.
func run(ctx context.Context, queueURL string, handler []string) error {
	if queueURL == "" {
		return errors.New(`QUEUE_URL: "": needs to be the URL of an SQS FIFO queue`)
	}
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(settings)
	for ctx.Err() == nil {
		received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(queueURL), MaxNumberOfMessages: 1, WaitTimeSeconds: 20,
		})
		if err != nil {
			return err
		}
		for _, message := range received.Messages {
			if err := handle(ctx, handler, message); err != nil {
				slog.Error("the handler failed; SQS delivers the message again", "message", *message.MessageId, "error", err)
				continue
			}
			_, err := client.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{
				QueueUrl: aws.String(queueURL), ReceiptHandle: message.ReceiptHandle,
			})
			if err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// handle runs the handler on a message; without one it logs the body.
func handle(ctx context.Context, handler []string, message types.Message) error {
	if len(handler) == 0 {
		slog.Info("message", "body", *message.Body)
		return nil
	}
	command := exec.CommandContext(ctx, handler[0], handler[1:]...)
	command.Stdin = strings.NewReader(*message.Body)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
