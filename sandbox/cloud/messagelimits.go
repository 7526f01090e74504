package cloud

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What SQS refuses of requests about messages. Sources: API reference, SendMessage,
// SendMessageBatch, ReceiveMessage, MessageAttributeValue; developer guide, "Amazon SQS
// message metadata", "Amazon SQS message quotas".
const (
	// largestMessage is the most bytes of a message with its attributes, and of all
	// messages of a batch, and what a queue's MaximumMessageSize is by default.
	largestMessage = 1 << 20
	// maxWait is the longest wait of a long poll.
	maxWait = 20 * time.Second

	maxAttributes     = 10
	maxAttributeName  = 256
	maxFIFOID         = 128
	traceHeader       = "AWSTraceHeader"
	smallestSizeLimit = 1024
)

var (
	batchEntryID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
	number        = regexp.MustCompile(`^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$`)
)

func invalid(format string, args ...any) error {
	return refuse("InvalidParameterValue", format, args...)
}

// check holds a message to the rules of a FIFO queue.
func (q *Queue) check(m *Message) error {
	if m.Body == "" {
		return refuse("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if !allowedText(m.Body) {
		return refuse("InvalidMessageContents",
			"Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "+
				"#xE000 to #xFFFD | #x10000 to #x10FFFF",
		)
	}
	if m.Size() > q.MaximumMessageSize() {
		return invalid(
			"One or more parameters are invalid. Reason: Message must be shorter than %d bytes.",
			q.MaximumMessageSize(),
		)
	}
	if m.DelaySeconds != 0 {
		return invalid(
			"Value %d for parameter DelaySeconds is invalid. Reason: The request include parameter that "+
				"is not valid for this queue type.", m.DelaySeconds,
		)
	}
	if m.GroupID == "" {
		return refuse("MissingParameter", "The request must contain the parameter MessageGroupId.")
	}
	if err := checkFIFOID("MessageGroupId", m.GroupID); err != nil {
		return err
	}
	if m.DeduplicationID == "" && !q.ContentBasedDeduplication {
		return invalid(
			"The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId " +
				"provided explicitly",
		)
	}
	if err := checkFIFOID("MessageDeduplicationId", m.DeduplicationID); err != nil {
		return err
	}
	if len(m.Attributes) == 0 {
		return nil
	}
	return checkAttributes(m)
}

// allowedText says whether a text has only the characters that SQS takes.
func allowedText(text string) bool {
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
				return false // no UTF-8
			}
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
			return false
		}
		i += size
	}
	return true
}

// checkFIFOID: group, deduplication and attempt ids have 1 to 128 alphanumerics and
// punctuation marks, all of them ASCII. An empty one was not given.
func checkFIFOID(parameter, id string) error {
	ok := len(id) <= maxFIFOID
	for i := 0; ok && i < len(id); i++ {
		ok = id[i] > ' ' && id[i] <= '~'
	}
	if !ok {
		return invalid(
			"Value %s for parameter %s is invalid. Reason: %[2]s can only include alphanumeric and "+
				"punctuation characters. 1 to 128 in length.", id, parameter,
		)
	}
	return nil
}

// checkAttributes refuses the first bad attribute by name.
func checkAttributes(m *Message) error {
	if len(m.Attributes) > maxAttributes {
		return invalid(
			"Number of message attributes [%d] exceeds the allowed maximum [%d].", len(m.Attributes),
			maxAttributes,
		)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := m.Attributes[name].check("message attribute", name); err != nil {
			return err
		}
	}
	return nil
}

// TraceHeader is the value of the only system attribute there is, AWSTraceHeader; any
// other is refused.
func TraceHeader(system map[string]MessageAttribute) (string, error) {
	for _, name := range slices.Sorted(maps.Keys(system)) {
		if name != traceHeader || system[name].DataType != "String" {
			return "", invalid(
				"Message system attribute name '%s' is invalid. Only %s of type String is supported.", name,
				traceHeader,
			)
		}
		if err := system[name].check("message system attribute", name); err != nil {
			return "", err
		}
	}
	return system[traceHeader].StringValue, nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	reserved := strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.")
	if reserved || len(name) > maxAttributeName || !attributeName.MatchString(name) {
		return invalid(
			"The message attribute name '%s' is invalid. Attribute name can contain A-Z, a-z, 0-9, "+
				"underscore (_), hyphen (-), and period (.) characters, up to %d; it may not begin with "+
				"AWS. "+
				"or Amazon., begin or end with a period, or have two in a row.", name, maxAttributeName,
		)
	}
	return nil
}

func (a MessageAttribute) check(kind, name string) error {
	if len(a.DataType) > maxAttributeName || !attributeType.MatchString(a.DataType) {
		return invalid(
			"The %s '%s' has an invalid message attribute type, the set of supported type prefixes is "+
				"Binary, Number, and String.", kind, name,
		)
	}
	base, _, _ := strings.Cut(a.DataType, ".")
	if base == "Binary" {
		if len(a.BinaryValue) == 0 || a.StringValue != "" {
			return invalid("The %s '%s' must contain a non-empty value of type 'Binary'.", kind, name)
		}
		return nil
	}
	if a.StringValue == "" || len(a.BinaryValue) > 0 {
		return invalid("The %s '%s' must contain a non-empty value of type 'String'.", kind, name)
	}
	if !allowedText(a.StringValue) {
		return refuse("InvalidMessageContents", "Invalid characters found in the %s '%s'.", kind, name)
	}
	if base == "Number" && !number.MatchString(a.StringValue) {
		return invalid("Can't cast the value of the %s '%s' to a number.", kind, name)
	}
	return nil
}

// Size is what counts of a message: its body and the names, types and values of its
// attributes, in bytes. System attributes do not count.
func (m *Message) Size() int {
	size := len(m.Body)
	for name, a := range m.Attributes {
		size += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return size
}

// CheckBatch holds a batch to its rules: 1 to 10 entries, each with an id of its own.
func CheckBatch(ids []string) error {
	if len(ids) == 0 {
		return refuse("AWS.SimpleQueueService.EmptyBatchRequest",
			"There should be at least one entry in the request.",
		)
	}
	if len(ids) > batchSize {
		return refuse("AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", batchSize, len(ids),
		)
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !batchEntryID.MatchString(id) {
			return refuse("AWS.SimpleQueueService.InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can "+
					"be at most 80 letters long.",
			)
		}
		if seen[id] {
			return refuse("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// CheckBatchSize refuses messages that are too large together. A message that is too
// large for its queue alone fails for itself.
func CheckBatchSize(messages []Message) error {
	total := 0
	for i := range messages {
		total += messages[i].Size()
	}
	if total > largestMessage {
		return refuse("AWS.SimpleQueueService.BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", largestMessage, total,
		)
	}
	return nil
}

// CheckReceive holds the parameters of a receive to their ranges: 1 to 10 messages,
// hidden for 0 s to 12 h, a wait of 0 to 20 s.
func CheckReceive(most int, visibility, wait time.Duration, attemptID string) error {
	const reason = "Value %d for parameter %s is invalid. Reason: Must be "
	switch {
	case most < 1 || most > batchSize:
		return invalid(reason+"between 1 and %d, if provided.", most, "MaxNumberOfMessages", batchSize)
	case visibility < 0 || visibility > MaxVisibility:
		return invalid(reason+"between 0 and %d, if provided.", int(visibility.Seconds()),
			"VisibilityTimeout", int(MaxVisibility.Seconds()),
		)
	case wait < 0 || wait > maxWait:
		return invalid(reason+">= 0 and <= %d, if provided.", int(wait.Seconds()),
			"WaitTimeSeconds", int(maxWait.Seconds()),
		)
	}
	return checkFIFOID("ReceiveRequestAttemptId", attemptID)
}
