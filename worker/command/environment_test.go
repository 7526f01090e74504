package command

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

func TestAttributesAsVariables(t *testing.T) {
	t.Parallel()
	small := strings.Repeat("x", largestVariable)
	cases := map[string]struct {
		attributes map[string]types.MessageAttributeValue
		want       []string
	}{
		"none": {nil, nil},
		"in capitals": {
			map[string]types.MessageAttributeValue{"jobKind": stringValue("a")},
			[]string{"MESSAGE_ATTRIBUTE_JOBKIND=a"},
		},
		"other characters": {
			map[string]types.MessageAttributeValue{"job-kind.v2": stringValue("a")},
			[]string{"MESSAGE_ATTRIBUTE_JOB_KIND_V2=a"},
		},
		"binary, in base64": {
			map[string]types.MessageAttributeValue{
				"b": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
			},
			[]string{"MESSAGE_ATTRIBUTE_B=AAE="},
		},
		"small enough": {
			map[string]types.MessageAttributeValue{"a": stringValue(small)},
			[]string{"MESSAGE_ATTRIBUTE_A=" + small},
		},
		"too large": {map[string]types.MessageAttributeValue{"a": stringValue(small + "x")}, nil},
		"two of one name": {
			map[string]types.MessageAttributeValue{
				"a.b": stringValue("1"),
				"a_b": stringValue("2"),
				"c":   stringValue("3"),
			},
			[]string{"MESSAGE_ATTRIBUTE_C=3"},
		},
		"two but for capital": {
			map[string]types.MessageAttributeValue{"a": stringValue("1"), "A": stringValue("2")},
			nil,
		},
		"a NUL": {map[string]types.MessageAttributeValue{"a": stringValue("1\x002")}, nil},
		"a trace": {
			map[string]types.MessageAttributeValue{
				"traceparent": stringValue("00-1-2-01"),
				"tracestate":  stringValue("k=v"),
				"baggage":     stringValue("u=1"),
			},
			[]string{
				"BAGGAGE=u=1", "MESSAGE_ATTRIBUTE_BAGGAGE=u=1", "MESSAGE_ATTRIBUTE_TRACEPARENT=00-1-2-01",
				"MESSAGE_ATTRIBUTE_TRACESTATE=k=v",
				"TRACEPARENT=00-1-2-01", "TRACESTATE=k=v",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			always := environment(&consumer.Message{}, "")
			got := slices.DeleteFunc(
				environment(&consumer.Message{Attributes: tc.attributes}, ""),
				func(v string) bool { return slices.Contains(always, v) },
			)
			slices.Sort(got)
			assert.ElementsMatch(t, tc.want, got)
		})
	}
}

func TestTheFileHasAllAttributes(t *testing.T) {
	t.Parallel()
	h, log := script(t, `wc -c < "$MESSAGE_ATTRIBUTES_FILE"; cut -c 1-70 "$MESSAGE_ATTRIBUTES_FILE"`)
	m := testMessage()
	m.Attributes = map[string]types.MessageAttributeValue{
		"a.b": stringValue("1"), "a_b": stringValue("2"), "large": stringValue(strings.Repeat("x", 1<<20)),
		"binary": {DataType: aws.String("Binary.gzip"), BinaryValue: []byte{0, 1}},
	}
	content, err := attributesJSON(m.Attributes)
	require.NoError(t, err)
	require.NoError(t, h.Handle(t.Context(), m), "no size keeps the program from starting")
	assert.Contains(t, log.String(), `{\"a.b\":{\"dataType\":\"String\",\"stringValue\":\"1\"},\"a_b\":{`)
	var read map[string]map[string]string
	require.NoError(t, json.Unmarshal(content, &read))
	assert.Equal(t, map[string]string{"dataType": "Binary.gzip", "binaryValue": "AAE="}, read["binary"])
	assert.Len(t, read["large"]["stringValue"], 1<<20)
}

func stringValue(text string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(text)}
}
