package cloud

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Queue is an SQS queue with its attributes.
type Queue struct {
	ARN                       string `json:"arn"`
	URL                       string `json:"url"`
	Name                      string `json:"name"`
	FIFO                      bool   `json:"fifoQueue,omitempty"`
	ContentBasedDeduplication bool   `json:"contentBasedDeduplication,omitempty"`
	DeduplicationScope        string `json:"deduplicationScope,omitempty"`
	FIFOThroughputLimit       string `json:"fifoThroughputLimit,omitempty"`
	// 0 to 43200; nil is 30
	VisibilityTimeoutSeconds *int `json:"visibilityTimeoutSeconds,omitempty"`
	// 60 to 1209600; 0 is 4 days
	MessageRetentionSeconds int `json:"messageRetentionSeconds,omitempty"`
	ReceiveWaitTimeSeconds  int `json:"receiveWaitTimeSeconds,omitempty"` // 0 to 20
	DelaySeconds            int `json:"delaySeconds,omitempty"`           // 0 to 900
	// 1024 to 1048576 bytes; 0 is 1 MiB
	MaxMessageSize     int               `json:"maxMessageSize,omitempty"`
	KMSMasterKeyID     string            `json:"kmsMasterKeyId,omitempty"`
	SQSManagedSSE      bool              `json:"sqsManagedSseEnabled,omitempty"`
	RedrivePolicy      string            `json:"redrivePolicy,omitempty"`
	RedriveAllowPolicy string            `json:"redriveAllowPolicy,omitempty"`
	Policy             string            `json:"policy,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`

	// redrive is RedrivePolicy, parsed when it was last asked for.
	redrive struct {
		text   string
		policy RedrivePolicy
	}
	// Created and Modified are known of queues that were made by the API of SQS.
	Created  time.Time `json:"-"`
	Modified time.Time `json:"-"`
}

// QueuePolicy is the access policy of a queue.
type QueuePolicy struct {
	QueueURL string `json:"queueUrl"`
	Policy   string `json:"policy"`
}

// QueueRedrivePolicy sends messages of a queue that were received too often to another.
type QueueRedrivePolicy struct {
	QueueURL      string `json:"queueUrl"`
	RedrivePolicy string `json:"redrivePolicy"`
}

// RedriveAllowPolicy says which queues may use a queue as their dead-letter queue.
type RedriveAllowPolicy struct {
	QueueURL           string `json:"queueUrl"`
	RedriveAllowPolicy string `json:"redriveAllowPolicy"`
}

// RedrivePolicy sends messages that were received too often to another queue.
type RedrivePolicy struct {
	DeadLetterTargetARN string `json:"deadLetterTargetArn"`
	MaxReceiveCount     int    `json:"maxReceiveCount"`
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// QueueURL is the URL of a queue of the account.
func (a *Account) QueueURL(name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", a.Region, AccountID, name)
}

// CreateQueue makes a queue and fills in its URL and ARN.
func (a *Account) CreateQueue(q Queue) (*Queue, error) {
	q.URL, q.ARN = a.QueueURL(q.Name), a.ARN("sqs", q.Name)
	if _, taken := a.Queues[q.URL]; taken {
		return nil, refuse("QueueAlreadyExists", "a queue named %s exists already", q.Name)
	}
	if err := a.checkQueue(q); err != nil {
		return nil, err
	}
	a.Queues[q.URL] = &q
	return &q, nil
}

// UpdateQueue replaces the attributes of a queue.
func (a *Account) UpdateQueue(url string, q Queue) (*Queue, error) {
	old, err := a.queue(url)
	if err != nil {
		return nil, err
	}
	q.URL, q.ARN, q.Policy, q.RedriveAllowPolicy = old.URL, old.ARN, old.Policy, old.RedriveAllowPolicy
	if q.RedrivePolicy == "" {
		q.RedrivePolicy = old.RedrivePolicy // it may be set on its own
	}
	if err := a.checkQueue(q); err != nil {
		return nil, err
	}
	*old = q
	return old, nil
}

// DeleteQueue removes a queue and what is in it.
func (a *Account) DeleteQueue(url string) error {
	delete(a.mailboxes, url)
	return remove(a.Queues, url)
}

// queueGone is the code of what is asked of a queue that does not exist.
const queueGone = "AWS.SimpleQueueService.NonExistentQueue"

func (a *Account) queue(url string) (*Queue, error) {
	q, ok := a.Queues[url]
	if !ok {
		return nil, refuse(queueGone, "the queue %s does not exist", url)
	}
	return q, nil
}

func (a *Account) checkQueue(q Queue) error {
	base, isFIFO := strings.CutSuffix(q.Name, ".fifo")
	if q.FIFO != isFIFO {
		return refuse("InvalidParameterValue",
			"the name of a FIFO queue, and of no other, ends in .fifo: %s", q.Name)
	}
	if !queueName.MatchString(base) || len(q.Name) > 80 {
		return refuse("InvalidParameterValue",
			"a queue's name has 1 to 80 letters, digits, hyphens and underscores: %s", q.Name)
	}
	if !q.FIFO && (q.ContentBasedDeduplication || q.DeduplicationScope != "" || q.FIFOThroughputLimit != "") {
		return refuse("InvalidAttributeName", "deduplication is an attribute of FIFO queues")
	}
	if q.FIFOThroughputLimit == "perMessageGroupId" && q.DeduplicationScope != "messageGroup" {
		return refuse("InvalidAttributeValue",
			"fifoThroughputLimit perMessageGroupId needs deduplicationScope messageGroup")
	}
	if q.KMSMasterKeyID != "" && q.SQSManagedSSE {
		return refuse("InvalidAttributeValue", "a queue is encrypted by SQS or with a KMS key, not both")
	}
	ranges := []struct {
		name               string
		value, least, most int
	}{
		{"visibilityTimeoutSeconds", q.VisibilityTimeout(), 0, 43200},
		{"messageRetentionSeconds", q.messageRetention(), 60, 1209600},
		{"receiveWaitTimeSeconds", q.ReceiveWaitTimeSeconds, 0, 20},
		{"delaySeconds", q.DelaySeconds, 0, 900},
		{"maxMessageSize", q.MaximumMessageSize(), smallestSizeLimit, largestMessage},
	}
	for _, r := range ranges {
		if r.value < r.least || r.value > r.most {
			return refuse("InvalidAttributeValue", "%s is %d; it has to be %d to %d", r.name, r.value,
				r.least, r.most)
		}
	}
	return a.checkRedrive(q)
}

func (a *Account) checkRedrive(q Queue) error {
	if q.RedrivePolicy == "" {
		return nil
	}
	policy, err := q.Redrive()
	if err != nil {
		return refuse("InvalidAttributeValue", "redrivePolicy is not a valid policy: %v", err)
	}
	if policy.MaxReceiveCount < 1 || policy.MaxReceiveCount > 1000 {
		return refuse("InvalidAttributeValue", "maxReceiveCount is %d; it has to be 1 to 1000",
			policy.MaxReceiveCount)
	}
	target := a.queueByARN(policy.DeadLetterTargetARN)
	if target == nil {
		return refuse("InvalidParameterValue", "the dead-letter queue %s does not exist",
			policy.DeadLetterTargetARN)
	}
	if target.FIFO != q.FIFO {
		return refuse("InvalidParameterValue",
			"the dead-letter queue of a FIFO queue, and of no other, is FIFO")
	}
	return target.checkAllows(q.ARN)
}

// checkAllows holds a queue to the allow policy of its dead-letter queue.
func (q *Queue) checkAllows(source string) error {
	if q.RedriveAllowPolicy == "" {
		return nil
	}
	var policy struct {
		RedrivePermission string
		SourceQueueArns   []string
	}
	if err := json.Unmarshal([]byte(q.RedriveAllowPolicy), &policy); err != nil {
		return refuse("InvalidAttributeValue", "redriveAllowPolicy is not a valid policy: %v", err)
	}
	if policy.RedrivePermission == "denyAll" || policy.RedrivePermission == "byQueue" &&
		!slices.Contains(policy.SourceQueueArns, source) {
		return refuse("InvalidParameterValue", "the dead-letter queue %s does not allow %s to use it",
			q.ARN, source)
	}
	return nil
}

// PutRedrivePolicy sets the redrive policy of a queue; "" removes it.
func (a *Account) PutRedrivePolicy(p QueueRedrivePolicy) error {
	q, err := a.queue(p.QueueURL)
	if err != nil {
		return err
	}
	changed := *q
	changed.RedrivePolicy = p.RedrivePolicy
	if err := a.checkRedrive(changed); err != nil {
		return err
	}
	q.RedrivePolicy = p.RedrivePolicy
	return nil
}

// Redrive is the parsed RedrivePolicy.
func (q *Queue) Redrive() (RedrivePolicy, error) {
	if q.RedrivePolicy == q.redrive.text {
		return q.redrive.policy, nil
	}
	var policy RedrivePolicy
	if q.RedrivePolicy != "" {
		if err := json.Unmarshal([]byte(q.RedrivePolicy), &policy); err != nil {
			return policy, err
		}
	}
	q.redrive.text, q.redrive.policy = q.RedrivePolicy, policy
	return policy, nil
}

// VisibilityTimeout in seconds, with its default.
func (q *Queue) VisibilityTimeout() int {
	if q.VisibilityTimeoutSeconds == nil {
		return 30
	}
	return *q.VisibilityTimeoutSeconds
}

// MaximumMessageSize in bytes, with its default.
func (q *Queue) MaximumMessageSize() int { return cmp.Or(q.MaxMessageSize, largestMessage) }

const fourDays = 4 * 24 * 60 * 60 // seconds

// messageRetention in seconds, with its default.
func (q *Queue) messageRetention() int {
	return cmp.Or(q.MessageRetentionSeconds, fourDays)
}

func (a *Account) queueByARN(arn string) *Queue {
	q := a.Queues[a.QueueURL(arn[strings.LastIndex(arn, ":")+1:])]
	if q == nil || q.ARN != arn {
		return nil
	}
	return q
}

// DeadLetterSources are the URLs of the queues that use a queue as their dead-letter
// queue, sorted.
func (a *Account) DeadLetterSources(url string) ([]string, error) {
	target, err := a.queue(url)
	if err != nil {
		return nil, err
	}
	sources := []string{}
	for _, source := range slices.Sorted(maps.Keys(a.Queues)) {
		if policy, err := a.Queues[source].Redrive(); err == nil && policy.DeadLetterTargetARN == target.ARN {
			sources = append(sources, source)
		}
	}
	return sources, nil
}

// PutQueuePolicy sets the access policy of a queue; "" removes it.
func (a *Account) PutQueuePolicy(p QueuePolicy) error {
	q, err := a.queue(p.QueueURL)
	if err != nil {
		return err
	}
	if p.Policy != "" {
		if err := checkPolicyDocument(p.Policy); err != nil {
			return err
		}
	}
	q.Policy = p.Policy
	return nil
}

// PutRedriveAllowPolicy sets the redrive allow policy of a queue; "" removes it.
func (a *Account) PutRedriveAllowPolicy(p RedriveAllowPolicy) error {
	q, err := a.queue(p.QueueURL)
	if err != nil {
		return err
	}
	if p.RedriveAllowPolicy != "" && !json.Valid([]byte(p.RedriveAllowPolicy)) {
		return refuse("InvalidAttributeValue", "redriveAllowPolicy is not valid JSON")
	}
	q.RedriveAllowPolicy = p.RedriveAllowPolicy
	return nil
}

// checkPolicyDocument refuses what IAM calls a malformed policy.
func checkPolicyDocument(text string) error {
	var document struct {
		Version   string
		Statement []struct {
			Effect                      string
			Action, Resource, Principal any
		}
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return refuse("MalformedPolicyDocument", "the policy is not a valid policy document: %v", err)
	}
	if document.Version != "2012-10-17" {
		return refuse("MalformedPolicyDocument", "the policy has version %q, not 2012-10-17",
			document.Version)
	}
	for i, s := range document.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || s.Action == nil {
			return refuse("MalformedPolicyDocument", "statement %d needs an effect and an action", i)
		}
	}
	return nil
}
