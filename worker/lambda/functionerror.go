package lambda

import (
	"encoding/json"
	"maps"
	"slices"

	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/process"
)

// Error types of what no function reports, as Lambda names them.
const (
	// typeExit is a process that ended while it handled a message.
	typeExit = "Runtime.ExitError"
	// typeTimeout is a process that was stopped at the handler timeout.
	typeTimeout = "Sandbox.Timedout"
)

const (
	errorTypeHeader = "Lambda-Runtime-Function-Error-Type"
	// longestText bounds the message and the stack of an error: both go into one record
	// of the log, and into an attribute of a message.
	longestText = 8 << 10
)

// functionError is a failed call of a function.
type functionError struct {
	// Type and Message are the function's, or this package's for what the function could
	// not report.
	Type, Message string
	// Stack is the stack trace as the runtime sent it: a list of lines from Python, Node
	// and Java, of objects from Go.
	Stack any

	cause error
	exit  *process.Failure // of a process that has ended
}

// Error implements error.
func (e *functionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// Unwrap is what stopped the process, if something did.
func (e *functionError) Unwrap() error { return e.cause }

// Details are type, message and stack, and how the process ended if it did, for the log
// and the dead-letter queue.
func (e *functionError) Details() map[string]any {
	details := map[string]any{"errorMessage": e.Message}
	if e.Type != "" {
		details["errorType"] = e.Type
	}
	if e.Stack != nil {
		details["stack"] = e.Stack
	}
	if e.exit != nil {
		maps.Copy(details, e.exit.Details())
	}
	return details
}

// newFunctionError reads an error as runtimes send it; its type is in the body, in a
// header, or in both.
func newFunctionError(header string, body []byte) *functionError {
	var sent struct {
		Type       string          `json:"errorType"`
		Message    string          `json:"errorMessage"`
		StackTrace json.RawMessage `json:"stackTrace"`
		Trace      json.RawMessage `json:"trace"` // Node's name for it
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		sent.Type, sent.Message = header, string(body)
	}
	if sent.Type == "" {
		sent.Type = header
	}
	stack := sent.StackTrace
	if stack == nil {
		stack = sent.Trace
	}
	return &functionError{
		Type: bounded(sent.Type), Message: bounded(sent.Message), Stack: boundedStack(stack),
	}
}

func bounded(text string) string { return text[:min(len(text), longestText)] }

// boundedStack is a stack that is a JSON value; cut, it is text.
func boundedStack(stack json.RawMessage) any {
	var value any
	switch {
	case len(stack) > longestText:
		return bounded(string(stack))
	case json.Unmarshal(stack, &value) != nil:
		return nil
	default:
		return value
	}
}

// verdict marks the errors of a function that no repetition helps.
func (c Config) verdict(err error) error {
	//nolint:errorlint // it is never wrapped
	if e, ok := err.(*functionError); ok && slices.Contains(c.PermanentErrors, e.Type) {
		return consumer.Permanent(err)
	}
	return err
}
