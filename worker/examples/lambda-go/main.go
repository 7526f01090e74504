// Command lambda-go is a function for SQS messages as it would run on AWS Lambda. Nothing
// in it knows of the worker.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, event events.SQSEvent) error {
	for _, record := range event.Records {
		var job map[string]any
		if err := json.Unmarshal([]byte(record.Body), &job); err != nil {
			return fmt.Errorf("not a job: %w", err)
		}
		slog.InfoContext(ctx, "a job", "group", record.Attributes["MessageGroupId"], "job", job)
	}
	return nil
}
