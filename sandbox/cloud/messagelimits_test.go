package cloud

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// textAttribute is an attribute of type String.
func textAttribute(value string) MessageAttribute {
	return MessageAttribute{DataType: "String", StringValue: value}
}

func named(name string) map[string]MessageAttribute {
	return map[string]MessageAttribute{name: textAttribute("x")}
}

func typed(dataType, value string) map[string]MessageAttribute {
	return map[string]MessageAttribute{"a": {DataType: dataType, StringValue: value}}
}

func many(n int) map[string]MessageAttribute {
	attributes := map[string]MessageAttribute{}
	for i := range n {
		attributes[fmt.Sprint("a", i)] = textAttribute("x")
	}
	return attributes
}

// TestWhatSQSRefusesToTake names for each row the page of the API reference, or of the
// developer guide ("guide"), that says so.
func TestWhatSQSRefusesToTake(t *testing.T) {
	t.Parallel()
	const smallest = 1024 // bytes; the queue's MaximumMessageSize
	cases := map[string]struct {
		source string
		change func(*Message)
		code   string // "" is taken
		says   string
	}{
		"a message": {"SendMessage", func(*Message) {}, "", ""},
		"a delay": {"SendMessage, DelaySeconds: not per message on FIFO", func(m *Message) {
			m.DelaySeconds = 1
		}, "InvalidParameterValue", "parameter DelaySeconds is invalid"},
		"no body": {"SendMessage, MessageBody: one character at least", func(m *Message) {
			m.Body = ""
		}, "MissingParameter", "MessageBody"},
		"a NUL": {"SendMessage, MessageBody: #x9 | #xA | #xD | ...", func(m *Message) {
			m.Body = "a\x00"
		}, "InvalidMessageContents", "#x9 | #xA"},
		"a control character": {"SendMessage", func(m *Message) {
			m.Body = "\x1f"
		}, "InvalidMessageContents", ""},
		"tab, newline, return": {"SendMessage", func(m *Message) { m.Body = "\t\n\r" }, "", ""},
		"DEL": {"SendMessage: it is above #x20", func(m *Message) {
			m.Body = "\x7f"
		}, "", ""},
		"the end of a plane": {"SendMessage: to #xFFFD", func(m *Message) {
			m.Body = "\uFFFE"
		}, "InvalidMessageContents", ""},
		"the replacement itself": {"SendMessage: to #xFFFD", func(m *Message) {
			m.Body = "\uFFFD"
		}, "", ""},
		"beyond the first plane": {"SendMessage: #x10000 to #x10FFFF", func(m *Message) {
			m.Body = "😀\U0010FFFF"
		}, "", ""},
		"no UTF-8": {"SendMessage: no character at all", func(m *Message) {
			m.Body = "\xff"
		}, "InvalidMessageContents", ""},
		"half a surrogate": {"SendMessage: #xD800 to #xDFFF are left out", func(m *Message) {
			m.Body = "\xed\xa0\x80"
		}, "InvalidMessageContents", ""},
		"the largest body": {"CreateQueue, MaximumMessageSize", func(m *Message) {
			m.Body = strings.Repeat("x", smallest)
		}, "", ""},
		"a byte more": {"CreateQueue, MaximumMessageSize", func(m *Message) {
			m.Body = strings.Repeat("x", smallest+1)
		}, "InvalidParameterValue", "must be shorter than 1024 bytes"},
		"letters of two bytes": {"CreateQueue, MaximumMessageSize: bytes", func(m *Message) {
			m.Body = strings.Repeat("ü", smallest/2+1)
		}, "InvalidParameterValue", "shorter"},
		"attributes count": {"guide, message metadata: they count with the body", func(m *Message) {
			m.Body, m.Attributes = strings.Repeat("x", smallest-7), named("a")
		}, "InvalidParameterValue", "shorter"},
		"to the last byte": {"guide, message metadata: name, type and value", func(m *Message) {
			m.Body, m.Attributes = strings.Repeat("x", smallest-8), named("a")
		}, "", ""},
		"the trace does not count": {"SendMessage, MessageSystemAttributes", func(m *Message) {
			m.Body, m.TraceHeader = strings.Repeat("x", smallest), "Root=1"
		}, "", ""},
		"no group": {"SendMessage, MessageGroupId: required on FIFO", func(m *Message) {
			m.GroupID = ""
		}, "MissingParameter", "MessageGroupId"},
		"a group with a space": {"SendMessage, MessageGroupId", func(m *Message) {
			m.GroupID = "a b"
		}, "InvalidParameterValue", "MessageGroupId can only include alphanumeric and punctuation"},
		"a group with an umlaut": {"SendMessage, MessageGroupId", func(m *Message) {
			m.GroupID = "Grüße"
		}, "InvalidParameterValue", "MessageGroupId"},
		"all the punctuation": {"SendMessage, MessageGroupId", func(m *Message) {
			m.GroupID = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
		}, "", ""},
		"the longest group": {"SendMessage, MessageGroupId: 128", func(m *Message) {
			m.GroupID = strings.Repeat("g", 128)
		}, "", ""},
		"too long a group": {"SendMessage, MessageGroupId: 128", func(m *Message) {
			m.GroupID = strings.Repeat("g", 129)
		}, "InvalidParameterValue", "1 to 128 in length"},
		"no deduplication id": {"SendMessage, MessageDeduplicationId", func(m *Message) {
			m.DeduplicationID = ""
		}, "InvalidParameterValue", "ContentBasedDeduplication"},
		"one with a space": {"SendMessage, MessageDeduplicationId", func(m *Message) {
			m.DeduplicationID = "a b"
		}, "InvalidParameterValue", "MessageDeduplicationId can only include"},
		"one that is too long": {"SendMessage, MessageDeduplicationId: 128", func(m *Message) {
			m.DeduplicationID = strings.Repeat("g", 129)
		}, "InvalidParameterValue", "MessageDeduplicationId"},
		"ten attributes": {"guide, message quotas: 10", func(m *Message) {
			m.Attributes = many(10)
		}, "", ""},
		"eleven": {"guide, message quotas: 10", func(m *Message) {
			m.Attributes = many(11)
		}, "InvalidParameterValue", "[11] exceeds the allowed maximum [10]"},
		"an empty value": {"MessageAttributeValue: must not be empty", func(m *Message) {
			m.Attributes = typed("String", "")
		}, "InvalidParameterValue", "non-empty value"},
		"an empty binary value": {"MessageAttributeValue: must not be empty", func(m *Message) {
			m.Attributes = typed("Binary", "")
		}, "InvalidParameterValue", "non-empty value of type 'Binary'"},
		"a binary value": {"MessageAttributeValue", func(m *Message) {
			m.Attributes = map[string]MessageAttribute{"a": {DataType: "Binary.png", BinaryValue: []byte{0}}}
		}, "", ""},
		"a control character in a value": {"MessageAttributeValue: as in bodies", func(m *Message) {
			m.Attributes = typed("String", "\x01")
		}, "InvalidMessageContents", ""},
		"a label of one's own": {"guide, message metadata: custom types", func(m *Message) {
			m.Attributes = typed("Number.byte", "7")
		}, "", ""},
		"no type": {"MessageAttributeValue, DataType: required", func(m *Message) {
			m.Attributes = typed("", "x")
		}, "InvalidParameterValue", "message attribute type"},
		"another type": {"guide, message metadata: String, Number, Binary", func(m *Message) {
			m.Attributes = typed("Boolean", "x")
		}, "InvalidParameterValue", "Binary, Number, and String"},
		"a type that begins alike": {"guide, message metadata", func(m *Message) {
			m.Attributes = typed("Strings", "x")
		}, "InvalidParameterValue", "type prefixes"},
		"a number": {"guide, message metadata", func(m *Message) {
			m.Attributes = typed("Number", "-12.5e3")
		}, "", ""},
		"no number": {"guide, message metadata", func(m *Message) {
			m.Attributes = typed("Number", "many")
		}, "InvalidParameterValue", "to a number"},
		"no attribute name": {"guide, message metadata", func(m *Message) {
			m.Attributes = named("")
		}, "InvalidParameterValue", "attribute name"},
		"a name with a space": {"guide, message metadata: A-Za-z0-9_-.", func(m *Message) {
			m.Attributes = named("a b")
		}, "InvalidParameterValue", "attribute name"},
		"a name with dots": {"guide, message metadata", func(m *Message) {
			m.Attributes = named("a.b-c_D9")
		}, "", ""},
		"a leading dot": {"guide, message metadata", func(m *Message) {
			m.Attributes = named(".a")
		}, "InvalidParameterValue", "period"},
		"a trailing dot": {"guide, message metadata", func(m *Message) {
			m.Attributes = named("a.")
		}, "InvalidParameterValue", "period"},
		"two dots": {"guide, message metadata", func(m *Message) {
			m.Attributes = named("a..b")
		}, "InvalidParameterValue", "two in a row"},
		"a name of AWS's": {"guide, message metadata: in any case", func(m *Message) {
			m.Attributes = named("Aws.a")
		}, "InvalidParameterValue", "AWS."},
		"a name of Amazon's": {"guide, message metadata: in any case", func(m *Message) {
			m.Attributes = named("amazon.a")
		}, "InvalidParameterValue", "Amazon."},
		"a name that only begins so": {"guide, message metadata", func(m *Message) {
			m.Attributes = named("awsome")
		}, "", ""},
		"the longest name": {"guide, message metadata: 256", func(m *Message) {
			m.Attributes = named(strings.Repeat("n", 256))
		}, "", ""},
		"too long a name": {"guide, message metadata: 256", func(m *Message) {
			m.Attributes = named(strings.Repeat("n", 257))
		}, "InvalidParameterValue", "256"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _ := fifo(t, func(q *Queue) {
				q.ContentBasedDeduplication, q.MaxMessageSize = false, smallest
			})
			m := Message{Body: "x", GroupID: "a", DeduplicationID: "1"}
			tc.change(&m)
			_, err := b.Send(dawn, m)
			assertCode(t, tc.code, err, tc.source)
			if err != nil {
				require.ErrorContains(t, err, tc.says)
			}
			assert.Equal(t, tc.code == "", len(b.Messages()) == 1)
		})
	}
}

func assertCode(t *testing.T, want string, err error, source string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err, source)
		return
	}
	var refusal *Error
	require.True(t, errors.As(err, &refusal), "%s: %v", source, err)
	assert.Equal(t, want, refusal.Code, source)
}

// TestWhatSQSRefusesInABatch: API reference, SendMessageBatch and
// SendMessageBatchRequestEntry.
func TestWhatSQSRefusesInABatch(t *testing.T) {
	t.Parallel()
	numbers := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprint(i))
		}
		return ids
	}
	const prefix = "AWS.SimpleQueueService."
	cases := map[string]struct {
		why  string
		ids  []string
		code string
	}{
		"ten":    {"the most", numbers(10), ""},
		"eleven": {"more than ten", numbers(11), prefix + "TooManyEntriesInBatchRequest"},
		"none":   {"one at least", nil, prefix + "EmptyBatchRequest"},
		"two of an id": {"unique within the batch", []string{"a", "b", "a"}, prefix +
			"BatchEntryIdsNotDistinct"},
		"an id of 80": {"up to 80 characters", []string{strings.Repeat("a", 80)}, ""},
		"an id of 81": {"up to 80 characters", []string{strings.Repeat("a", 81)}, prefix +
			"InvalidBatchEntryId"},
		"an empty id": {"it is required", []string{""}, prefix + "InvalidBatchEntryId"},
		"an id with dots": {"alphanumerics, hyphens, underscores", []string{"a.b"}, prefix +
			"InvalidBatchEntryId"},
		"hyphen and such": {"alphanumerics, hyphens, underscores", []string{"a-B_9"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertCode(t, tc.code, CheckBatch(tc.ids), tc.why)
		})
	}
	half := Message{Body: strings.Repeat("x", largestMessage/2)}
	require.NoError(t, CheckBatchSize([]Message{half, half}))
	assertCode(t, prefix+"BatchRequestTooLong", CheckBatchSize([]Message{half, half, {Body: "x"}}),
		"SendMessageBatch: 1 MiB together")
}

// TestWhatSQSRefusesToReceive: API reference, ReceiveMessage.
func TestWhatSQSRefusesToReceive(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		most             int
		visibility, wait time.Duration
		attempt          string
		says             string
	}{
		"the least": {1, 0, 0, "", ""},
		"the most":  {10, MaxVisibility, maxWait, strings.Repeat("a", 128), ""},
		"no messages": {0, 0, 0, "",
			"Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10"},
		"eleven messages": {11, 0, 0, "", "Value 11 for parameter MaxNumberOfMessages"},
		"hidden too long": {1, MaxVisibility + time.Second, 0, "",
			"Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200"},
		"hidden for less than 0": {1, -time.Second, 0, "", "Value -1 for parameter VisibilityTimeout"},
		"too long a wait": {1, 0, 21 * time.Second, "",
			"Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20"},
		"a wait below 0": {1, 0, -time.Second, "", "WaitTimeSeconds"},
		"too long an attempt id": {1, 0, 0, strings.Repeat("a", 129),
			"ReceiveRequestAttemptId can only include"},
		"an attempt with spaces": {1, 0, 0, "a b", "ReceiveRequestAttemptId"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckReceive(tc.most, tc.visibility, tc.wait, tc.attempt)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			assertCode(t, "InvalidParameterValue", err, "ReceiveMessage")
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// TestHandles: API reference, DeleteMessage and ReceiptHandleIsInvalid. What a FIFO
// queue says of a handle whose time is over is not documented; users report both codes.
func TestHandles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		why         string
		handle      func(b, failed *Mailbox, m *Message) string
		code, entry string
	}{
		"of the latest receive": {"it is good", func(_, _ *Mailbox, m *Message) string {
			return m.ReceiptHandle
		}, "", ""},
		"not of SQS": {"malformed", func(*Mailbox, *Mailbox, *Message) string {
			return "nonsense"
		}, "ReceiptHandleIsInvalid", ""},
		"of another queue": {"malformed here", func(_, failed *Mailbox, _ *Message) string {
			m, _ := failed.Send(dawn, Message{Body: "x", GroupID: "a", DeduplicationID: "1"})
			failed.Receive(dawn, 1, hidden, "", nil)
			return m.ReceiptHandle
		}, "ReceiptHandleIsInvalid", ""},
		"of an earlier receive": {"expired", func(b, _ *Mailbox, m *Message) string {
			old := m.ReceiptHandle
			_ = b.ChangeVisibility(dawn, old, 0)
			b.Receive(dawn, 1, hidden, "", nil)
			return old
		}, "InvalidParameterValue", "ReceiptHandleIsInvalid"},
		"of a message that is visible": {"expired", func(b, _ *Mailbox, m *Message) string {
			_ = b.ChangeVisibility(dawn, m.ReceiptHandle, 0)
			return m.ReceiptHandle
		}, "InvalidParameterValue", "ReceiptHandleIsInvalid"},
		"of a dead-lettered message": {"expired, and not deleted",
			func(b, failed *Mailbox, m *Message) string {
				for range 2 {
					_ = b.ChangeVisibility(dawn, m.ReceiptHandle, 0)
					b.Receive(dawn, 1, hidden, "", failed)
				}
				old := m.ReceiptHandle
				_ = b.ChangeVisibility(dawn, old, 0)
				b.Receive(dawn, 1, hidden, "", failed)
				return old
			}, "InvalidParameterValue", "ReceiptHandleIsInvalid"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, failed := fifo(t)
			put(t, b, dawn, "a", "a1")
			m := b.Receive(dawn, 1, hidden, "", nil)[0]
			err := b.Delete(dawn, tc.handle(b, failed, m))
			assertCode(t, tc.code, err, tc.why)
			if refusal := new(Error); errors.As(err, &refusal) {
				assert.Equal(t, tc.entry, refusal.EntryCode)
			}
			if tc.code == "" {
				assert.Empty(t, b.Messages())
			} else {
				assert.Contains(t, bodiesOf(append(b.Messages(), failed.Messages()...)), "a1",
					"it is not deleted")
			}
		})
	}
}

// TestSystemAttributes: API reference, SendMessage, MessageSystemAttributes.
func TestSystemAttributes(t *testing.T) {
	t.Parallel()
	got, err := TraceHeader(named(traceHeader))
	require.NoError(t, err)
	assert.Equal(t, "x", got)
	_, err = TraceHeader(named("Other"))
	assertCode(t, "InvalidParameterValue", err, "only AWSTraceHeader is supported")
	_, err = TraceHeader(map[string]MessageAttribute{traceHeader: {DataType: "Number", StringValue: "1"}})
	assertCode(t, "InvalidParameterValue", err, "its type must be String")
	_, err = TraceHeader(map[string]MessageAttribute{traceHeader: textAttribute("")})
	assertCode(t, "InvalidParameterValue", err, "no empty values")
}
