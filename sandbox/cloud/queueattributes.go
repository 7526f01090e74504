package cloud

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// queueAttribute is an attribute of a queue as the API of SQS has it: a text.
type queueAttribute struct {
	// get returns "" for what the queue does not have.
	get func(q *Queue) string
	// set is nil for what SQS alone sets.
	set func(q *Queue, value string) error
}

// queueAttributes are those of the API reference, CreateQueue and GetQueueAttributes,
// without the numbers of messages.
var queueAttributes = map[string]queueAttribute{
	"QueueArn":              {get: func(q *Queue) string { return q.ARN }},
	"CreatedTimestamp":      {get: func(q *Queue) string { return unixSeconds(q.Created) }},
	"LastModifiedTimestamp": {get: func(q *Queue) string { return unixSeconds(q.Modified) }},
	"FifoQueue":             flag(func(q *Queue) *bool { return &q.FIFO }),
	"VisibilityTimeout": {
		func(q *Queue) string { return strconv.Itoa(q.VisibilityTimeout()) },
		func(q *Queue, value string) error {
			n, err := strconv.Atoi(value)
			q.VisibilityTimeoutSeconds = &n
			return err
		},
	},
	"MessageRetentionPeriod": count(func(q *Queue) *int {
		return &q.MessageRetentionSeconds
	}, fourDays),
	"MaximumMessageSize":            count(func(q *Queue) *int { return &q.MaxMessageSize }, largestMessage),
	"ReceiveMessageWaitTimeSeconds": count(func(q *Queue) *int { return &q.ReceiveWaitTimeSeconds }, 0),
	"DelaySeconds":                  count(func(q *Queue) *int { return &q.DelaySeconds }, 0),
	"ContentBasedDeduplication":     flag(func(q *Queue) *bool { return &q.ContentBasedDeduplication }),
	"SqsManagedSseEnabled":          flag(func(q *Queue) *bool { return &q.SQSManagedSSE }),
	"DeduplicationScope":            text(func(q *Queue) *string { return &q.DeduplicationScope }, "queue"),
	"FifoThroughputLimit": text(func(q *Queue) *string {
		return &q.FIFOThroughputLimit
	}, "perQueue"),
	"KmsMasterKeyId":     text(func(q *Queue) *string { return &q.KMSMasterKeyID }, ""),
	"Policy":             text(func(q *Queue) *string { return &q.Policy }, ""),
	"RedrivePolicy":      text(func(q *Queue) *string { return &q.RedrivePolicy }, ""),
	"RedriveAllowPolicy": text(func(q *Queue) *string { return &q.RedriveAllowPolicy }, ""),
}

// text is a text whose field is "" where the default holds.
func text(field func(*Queue) *string, otherwise string) queueAttribute {
	return queueAttribute{
		func(q *Queue) string { return cmp.Or(*field(q), otherwise) },
		func(q *Queue, value string) error {
			*field(q) = value
			return nil
		},
	}
}

func flag(field func(*Queue) *bool) queueAttribute {
	return queueAttribute{
		func(q *Queue) string { return strconv.FormatBool(*field(q)) },
		func(q *Queue, value string) (err error) {
			*field(q), err = strconv.ParseBool(value)
			return err
		},
	}
}

// count is a number whose field is 0 where the default holds.
func count(field func(*Queue) *int, otherwise int) queueAttribute {
	return queueAttribute{
		func(q *Queue) string { return strconv.Itoa(cmp.Or(*field(q), otherwise)) },
		func(q *Queue, value string) (err error) {
			*field(q), err = strconv.Atoi(value)
			return err
		},
	}
}

func unixSeconds(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// Attributes are the queue's attributes by the names of SQS's API, with the numbers of
// messages; those it does not have are left out. Names are those wanted, "All" for all.
func (b *Mailbox) Attributes(now time.Time, names []string) (map[string]string, error) {
	b.Touch(now)
	counts := b.Counts(now)
	all := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(counts.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(counts.InFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(counts.Delayed),
	}
	for name, attribute := range queueAttributes {
		all[name] = attribute.get(b.queue)
	}
	wanted := map[string]string{}
	for _, name := range names {
		if name == "All" {
			wanted = maps.Clone(all)
			continue
		}
		value, ok := all[name]
		if !ok {
			return nil, refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		wanted[name] = value
	}
	maps.DeleteFunc(wanted, func(_, value string) bool { return value == "" })
	return wanted, nil
}

// setAttributes sets attributes by the names of SQS's API.
func (q *Queue) setAttributes(values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		attribute, ok := queueAttributes[name]
		if !ok || attribute.set == nil {
			return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if err := attribute.set(q, values[name]); err != nil {
			return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
		}
	}
	return nil
}

// CreateQueueAs is CreateQueue with attributes by the names of SQS's API. A queue that
// exists with these attributes is returned as it is.
func (a *Account) CreateQueueAs(
	now time.Time, name string, attributes, tags map[string]string,
) (*Queue, error) {
	q := Queue{Name: name, Tags: tags, Created: now.UTC(), Modified: now.UTC()}
	if err := q.setAttributes(attributes); err != nil {
		return nil, err
	}
	there, ok := a.Queues[a.QueueURL(name)]
	if !ok {
		return a.CreateQueue(q)
	}
	for _, attribute := range slices.Sorted(maps.Keys(attributes)) {
		if queueAttributes[attribute].get(there) != queueAttributes[attribute].get(&q) {
			return nil, refuse("QueueAlreadyExists",
				"A queue already exists with the same name and a different value for attribute %s", attribute,
			)
		}
	}
	return there, nil
}

// SetQueueAttributes changes attributes by the names of SQS's API.
func (a *Account) SetQueueAttributes(now time.Time, url string, attributes map[string]string) error {
	q, err := a.queue(url)
	if err != nil {
		return err
	}
	changed := *q
	if err := changed.setAttributes(attributes); err != nil {
		return err
	}
	if changed.FIFO != q.FIFO {
		return refuse("InvalidAttributeName", "Unknown Attribute FifoQueue.")
	}
	if err := a.checkQueue(changed); err != nil {
		return err
	}
	changed.Modified = now.UTC()
	*q = changed
	return nil
}
