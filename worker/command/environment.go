package command

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fargate-queue-worker/worker/consumer"
)

// largestVariable is the longest value of an attribute that becomes a variable: the
// longest baggage that a sender may count on (W3C Baggage, 3.3). SQS takes ten
// attributes, so all of them together stay far below what Linux gives to a program's
// environment (execve(2)); larger ones are in the file only.
const largestVariable = 8 << 10

// propagated are the attributes that OpenTelemetry's propagators write, by the variables
// that its SDKs read (Environment Variables as Context Propagation Carriers).
var propagated = map[string]string{
	"traceparent": "TRACEPARENT", "tracestate": "TRACESTATE", "baggage": "BAGGAGE",
}

// environment is what a program may know of its message.
func environment(m *consumer.Message, attributesFile string) []string {
	vars := []string{
		"MESSAGE_ID=" + m.ID,
		"MESSAGE_GROUP_ID=" + m.GroupID,
		"MESSAGE_DEDUPLICATION_ID=" + m.DeduplicationID,
		"MESSAGE_SEQUENCE_NUMBER=" + m.SequenceNumber,
		"MESSAGE_RECEIVE_COUNT=" + strconv.Itoa(m.ReceiveCount),
		"MESSAGE_SENT_AT=" + m.SentAt.UTC().Format(time.RFC3339Nano),
		"MESSAGE_BODY_LENGTH=" + strconv.Itoa(len(m.Body)),
		"MESSAGE_ATTRIBUTES_FILE=" + attributesFile,
	}
	if m.TraceHeader != "" {
		// The name that the X-Ray and OpenTelemetry SDKs read.
		vars = append(vars, "_X_AMZN_TRACE_ID="+m.TraceHeader)
	}
	for attribute, variable := range propagated {
		if value, ok := m.Attributes[attribute]; ok && isVariable(text(value)) {
			vars = append(vars, variable+"="+text(value))
		}
	}
	return append(vars, attributeVariables(m.Attributes)...)
}

// attributeVariables are the attributes that a variable each can hold. Of two whose
// names become one variable neither is there, rather than one of them by chance.
func attributeVariables(attributes map[string]types.MessageAttributeValue) []string {
	byVariable := map[string][]string{}
	for attribute := range attributes {
		variable := variableName(attribute)
		byVariable[variable] = append(byVariable[variable], attribute)
	}
	var vars []string
	for variable, names := range byVariable {
		if value := text(attributes[names[0]]); len(names) == 1 && isVariable(value) {
			vars = append(vars, variable+"="+value)
		}
	}
	slices.Sort(vars)
	return vars
}

// isVariable reports whether a variable can hold the text: none can hold a NUL.
func isVariable(value string) bool {
	return len(value) <= largestVariable && !strings.Contains(value, "\x00")
}

// text is an attribute's value; a binary one in base64.
func text(value types.MessageAttributeValue) string {
	if value.StringValue != nil {
		return *value.StringValue
	}
	return base64.StdEncoding.EncodeToString(value.BinaryValue)
}

// variableName is MESSAGE_ATTRIBUTE_ and an attribute's name in capitals, with _ for
// what a variable's name cannot have.
func variableName(attribute string) string {
	return "MESSAGE_ATTRIBUTE_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(attribute))
}

// attributesJSON has all attributes, in the spelling of Lambda's SQS events.
func attributesJSON(attributes map[string]types.MessageAttributeValue) ([]byte, error) {
	type attribute struct {
		DataType    *string `json:"dataType"`
		StringValue *string `json:"stringValue,omitempty"`
		BinaryValue []byte  `json:"binaryValue,omitempty"`
	}
	list := make(map[string]attribute, len(attributes))
	for name, value := range attributes {
		list[name] = attribute{value.DataType, value.StringValue, value.BinaryValue}
	}
	content, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("writing the message's attributes: %w", err)
	}
	return content, nil
}
