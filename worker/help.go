package main

import (
	"io"

	"fargate-queue-worker/worker/dlq"
	"fargate-queue-worker/worker/settings"
)

// programHelp is what worker -help says first.
const programHelp = `usage: worker [-- program arguments...]

Runs the program once per message of an SQS FIFO queue: the body on standard input,
MESSAGE_ID, MESSAGE_GROUP_ID, MESSAGE_RECEIVE_COUNT, MESSAGE_BODY_LENGTH (bytes) and more
in the environment. Exit code 0 is done, 65 can never succeed (dead-letter queue), 75 is
later (a minute, which is not a failure); any other is a failed attempt, and repeated.
Without a program each message is logged and done.

`

// functionHelp is what it says of functions.
const functionHelp = `
worker -lambda -- runtime arguments...

Keeps CONCURRENCY processes of a function of AWS Lambda running, such as python -m
awslambdaric app.handler, and hands them one message each as an SQS event.

worker -check [-lambda] [-- program arguments...]

Checks, without receiving a message, whether a worker could work here: settings, program
or function, queues, task protection. Exit code 0 if it could, 1 if not. WORKER_CHECK=true
does the same for an image that has other arguments in its entry point.

`

// printHelp writes what the worker does and which settings it has.
func printHelp(output io.Writer) error {
	if _, err := io.WriteString(output, programHelp); err != nil {
		return err
	}
	if err := settings.Print(output); err != nil {
		return err
	}
	_, err := io.WriteString(output, functionHelp+dlq.Usage)
	return err
}
