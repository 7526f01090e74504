package lambda

import (
	"bytes"
	"encoding/json"
)

// typeBatchItemFailure is the error type of a message that a function reports in its
// response, or whose response cannot be read.
const typeBatchItemFailure = "BatchItemFailure"

// batchItemFailure reads the response of a function whose event had one message, as
// Lambda does: no response, null, an object without failures and an empty list of them
// are success; what cannot be read, and a failure without an identifier or with one that
// was not in the event, fails all messages of the event
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func batchItemFailure(response []byte, messageID string) error {
	malformed := func(what string) error {
		message := "the response is not one with batchItemFailures: " + what
		return &functionError{Type: typeBatchItemFailure, Message: message}
	}
	response = bytes.TrimSpace(response)
	if len(response) == 0 {
		return nil
	}
	var object map[string]json.RawMessage // null leaves it nil
	if err := json.Unmarshal(response, &object); err != nil {
		return malformed(err.Error())
	}
	var failures []map[string]any
	if list := object["batchItemFailures"]; list != nil {
		if err := json.Unmarshal(list, &failures); err != nil {
			return malformed(err.Error())
		}
	}
	for _, failure := range failures {
		switch identifier := failure["itemIdentifier"]; identifier {
		case messageID:
		case nil, "":
			return malformed("a failure has no itemIdentifier")
		default:
			return malformed("an itemIdentifier is not of the event")
		}
	}
	if len(failures) > 0 {
		const message = "the function reports the message in batchItemFailures"
		return &functionError{Type: typeBatchItemFailure, Message: message}
	}
	return nil
}
