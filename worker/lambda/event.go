package lambda

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"fargate-queue-worker/worker/consumer"
)

// Queue is the source of the messages.
type Queue struct {
	// ARN of the queue.
	ARN string
	// Region of the queue.
	Region string
}

// QueueOf is the queue of a URL such as
// https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo. A region that is not given
// is read from the URL.
func QueueOf(queueURL, region string) Queue {
	var host, account, name string
	if u, err := url.Parse(queueURL); err == nil {
		host = u.Hostname()
		path := strings.Split(strings.Trim(u.Path, "/"), "/")
		name = path[len(path)-1]
		if len(path) > 1 {
			account = path[len(path)-2]
		}
	}
	if labels := strings.Split(host, "."); region == "" && len(labels) > 1 && labels[0] == "sqs" {
		region = labels[1]
	}
	arn := fmt.Sprintf("arn:%s:sqs:%s:%s:%s", partition(region), region, account, name)
	return Queue{ARN: arn, Region: region}
}

// account that the queue belongs to.
func (q Queue) account() string { return strings.Split(q.ARN, ":")[4] }

// Name of the queue.
func (q Queue) Name() string { return strings.Split(q.ARN, ":")[5] }

// partition of AWS that a region is in.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// event is an SQS event of one record, as Lambda writes it
// (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
type event struct {
	Records []record `json:"Records"`
}

type record struct {
	MessageID         string                      `json:"messageId"`
	ReceiptHandle     string                      `json:"receiptHandle"`
	Body              string                      `json:"body"`
	Attributes        map[string]string           `json:"attributes"`
	MessageAttributes map[string]messageAttribute `json:"messageAttributes"`
	MD5OfBody         string                      `json:"md5OfBody"`
	MD5OfAttributes   string                      `json:"md5OfMessageAttributes,omitempty"`
	EventSource       string                      `json:"eventSource"`
	EventSourceARN    string                      `json:"eventSourceARN"`
	AWSRegion         string                      `json:"awsRegion"`
}

// messageAttribute is an attribute; SQS has no lists, Lambda sends them empty.
type messageAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues [][]byte `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

// event is the event of a message.
func (q Queue) event(m *consumer.Message) []byte {
	sum := md5.Sum([]byte(m.Body))
	attributes := map[string]messageAttribute{}
	for name, value := range m.Attributes {
		attributes[name] = messageAttribute{
			StringValue: value.StringValue, BinaryValue: value.BinaryValue,
			DataType:         aws.ToString(value.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	text, err := json.Marshal(event{[]record{{
		MessageID: m.ID, ReceiptHandle: m.ReceiptHandle, Body: m.Body,
		Attributes: m.SystemAttributes, MessageAttributes: attributes,
		MD5OfBody: hex.EncodeToString(sum[:]), MD5OfAttributes: m.AttributesMD5,
		EventSource: "aws:sqs", EventSourceARN: q.ARN, AWSRegion: q.Region,
	}}})
	if err != nil {
		panic(err) // strings and bytes, which always have a JSON form
	}
	return text
}

// traceHeader is the message's trace, or a new one that nobody samples: functions rely on
// there being one
// (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
func traceHeader(m *consumer.Message) string {
	if m.TraceHeader != "" {
		return m.TraceHeader
	}
	var id [20]byte
	_, _ = rand.Read(id[:]) // it never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), id[:12], id[12:])
}
