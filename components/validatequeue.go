package components

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

func validateQueue(found *FieldErrors, q QueueArgs) {
	for _, name := range []struct{ field, value string }{
		{"Queue.Name", q.Name}, {"Queue.DeadLetterQueueName", q.DeadLetterQueueName},
	} {
		if want := optionally(isQueueName)(name.value); want != "" {
			found.Add(name.field, name.value, "%s", want)
		}
	}
	if q.Name != "" && q.Name == q.DeadLetterQueueName {
		found.Add("Queue.DeadLetterQueueName", q.DeadLetterQueueName,
			"is the name of the queue itself ({Queue.Name})")
	}
	checkRange(found, "Queue.VisibilityTimeoutSeconds", q.VisibilityTimeoutSeconds, 1, 43200,
		"12 hours, the most SQS allows")
	checkRange(found, "Queue.MessageRetentionSeconds", q.MessageRetentionSeconds, 60, 1209600,
		"14 days, the most SQS allows")
	if q.MessageRetentionSeconds < q.VisibilityTimeoutSeconds {
		found.Add("Queue.MessageRetentionSeconds", q.MessageRetentionSeconds,
			"below {Queue.VisibilityTimeoutSeconds} (%d); a message would expire while it is worked on",
			q.VisibilityTimeoutSeconds)
	}
	checkRange(found, "Queue.MaxReceiveCount", q.MaxReceiveCount, 1, 1000, "the most SQS allows")
	for i, id := range q.ProducerAccountIDs {
		if !accountID.MatchString(id) {
			found.Add(fmt.Sprintf("Queue.ProducerAccountIDs[%d]", i), id,
				"needs to be an AWS account id of 12 digits, quoted")
		}
	}
}

// validateExistingQueue: with a queue that is there already, nothing else about it can be
// chosen.
func validateExistingQueue(found *FieldErrors, q QueueArgs) {
	existing := q.Existing
	if !hasDefaults(q) {
		found.Add("Queue.Existing", describe(existing.ARN),
			"is used as it is; no other setting of the queue may be given with it")
	}
	if existing.ARN == nil {
		found.Add("Queue.Existing.ARN", "",
			"is required, such as arn:aws:sqs:eu-west-1:123456789012:jobs.fifo")
	}
	if existing.DeadLetterQueueARN == nil && existing.DeadLetterQueueURL != nil {
		found.Add("Queue.Existing.DeadLetterQueueURL", describe(existing.DeadLetterQueueURL),
			"needs {Queue.Existing.DeadLetterQueueARN}, too")
	}
	if existing.DeadLetterQueueARN == nil && existing.DeadLetterQueueKMSKeyARN != nil {
		found.Add("Queue.Existing.DeadLetterQueueKMSKeyARN", describe(existing.DeadLetterQueueKMSKeyARN),
			"is the key of a dead-letter queue; name that in {Queue.Existing.DeadLetterQueueARN}, too")
	}
}

// checks are those of the arguments that may come from a resource.
func (q *ExistingQueue) checks() []inputCheck {
	isFIFO := all(isARN("sqs", ""), hasSuffix(".fifo", "needs to be a FIFO queue, whose name ends in .fifo"))
	return []inputCheck{
		{field: "Queue.Existing.ARN", text: &q.ARN, check: isFIFO},
		{field: "Queue.Existing.Name", text: &q.Name, check: isQueueName},
		{field: "Queue.Existing.URL", text: &q.URL, check: isURL},
		{field: "Queue.Existing.KMSKeyARN", text: &q.KMSKeyARN, check: isKMSKey},
		{field: "Queue.Existing.DeadLetterQueueARN", text: &q.DeadLetterQueueARN, check: isFIFO},
		{field: "Queue.Existing.DeadLetterQueueURL", text: &q.DeadLetterQueueURL, check: isURL},
		{field: "Queue.Existing.DeadLetterQueueKMSKeyARN", text: &q.DeadLetterQueueKMSKeyARN,
			check: isKMSKey},
	}
}

// checksIn are those that need to know where the stack is.
func (q *ExistingQueue) checksIn(at place) []inputCheck {
	isHere := func(arn string) string {
		if parts := strings.SplitN(arn, ":", arnParts); parts[3] != at.region || parts[4] != at.account {
			return fmt.Sprintf("needs to be a queue of the stack's region (%s) and account (%s): alarms, "+
				"and so scaling, see the metrics of no other",
				at.region, at.account)
		}
		return ""
	}
	return []inputCheck{
		{field: "Queue.Existing.ARN", text: &q.ARN, check: isHere},
		{field: "Queue.Existing.DeadLetterQueueARN", text: &q.DeadLetterQueueARN, check: isHere},
	}
}

// hasDefaults says whether everything about a queue is as if it had been left out, but for
// what goes with an existing one.
func hasDefaults(q QueueArgs) bool {
	q.Existing, q.PreviousKMSKeyARNs = nil, nil
	return reflect.DeepEqual(q, QueueWorkerArgs{}.withDefaults().Queue)
}

var (
	queueName = regexp.MustCompile(`^[A-Za-z0-9_-]+\.fifo$`)
	isURL     = matches(regexp.MustCompile(`^https?://.+/.+$`), "needs to be the URL of a queue")
)

func isQueueName(name string) string {
	const longest = 80 // with the suffix
	if !queueName.MatchString(name) || len(name) > longest {
		return fmt.Sprintf("the name of a FIFO queue ends in .fifo and has at most %d letters, digits, - "+
			"and _, such as jobs.fifo", longest)
	}
	return ""
}
