package awsapi

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

func TestAttributesAreGivenAsAskedFor(t *testing.T) {
	t.Parallel()
	all := map[string]types.MessageAttributeValue{}
	for _, name := range []string{"foo.a", "foo.b", "foobar", "other"} {
		all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(name)}
	}
	cases := map[string]struct {
		why          string
		names        []string
		system       []types.MessageSystemAttributeName
		want, wanted []string
	}{
		"nothing": {"without names none", nil, nil, nil, nil},
		"by name": {"those that are there", []string{"other", "missing"},
			[]types.MessageSystemAttributeName{"SequenceNumber", "AWSTraceHeader"}, []string{"other"},
			[]string{"SequenceNumber"}},
		"by prefix": {"up to the period", []string{"foo.*"}, nil, []string{"foo.a", "foo.b"}, nil},
		"all": {"", []string{"All"},
			[]types.MessageSystemAttributeName{"MessageGroupId", "SentTimestamp"},
			[]string{"foo.a", "foo.b", "foobar", "other"}, []string{"MessageGroupId", "SentTimestamp"}},
		"all by a star": {"the other way to say it", []string{".*"}, nil,
			[]string{"foo.a", "foo.b", "foobar", "other"}, nil},
		"all of SQS's": {"those that the message has", nil, []types.MessageSystemAttributeName{"All"},
			nil, []string{
				"ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageDeduplicationId",
				"MessageGroupId", "SenderId", "SentTimestamp", "SequenceNumber",
			}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client, queue := overHTTP(t)
			_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue,
				MessageBody: aws.String("x"), MessageGroupId: aws.String("a"), MessageAttributes: all})
			require.NoError(t, err)
			got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue,
				MessageAttributeNames: tc.names, MessageSystemAttributeNames: tc.system})
			require.NoError(t, err)
			require.Len(t, got.Messages, 1)
			assert.ElementsMatch(t, tc.want, keys(got.Messages[0].MessageAttributes), tc.why)
			assert.ElementsMatch(t, tc.wanted, keys(got.Messages[0].Attributes), tc.why)
			assert.Equal(t, len(tc.want) > 0, got.Messages[0].MD5OfMessageAttributes != nil,
				"of those that are given")
		})
	}
	_, client, queue := overHTTP(t)
	_, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"Colour"}})
	require.ErrorContains(t, err, "Unknown Attribute Colour")
}

func keys[V any](m map[string]V) (list []string) {
	for key := range m {
		list = append(list, key)
	}
	return list
}

// TestMD5OfAttributes: checksums that moto gives, and boto3 checks.
func TestMD5OfAttributes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		attributes map[string]cloud.MessageAttribute
		want       string
	}{
		"none": {nil, ""},
		"number": {map[string]cloud.MessageAttribute{"timestamp": {DataType: "Number",
			StringValue: "1493147359900"}}, "235c5c510d26fb653d073faed50ae77c"},
		"several, with a label and bytes": {map[string]cloud.MessageAttribute{
			"b": {DataType: "Binary.png", BinaryValue: []byte{0, 1, 0xff}},
			"a": {DataType: "String", StringValue: "ü"},
		}, "26dc7881718e265129a8bdef07bcb080"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, md5OfAttributes(tc.attributes))
		})
	}
}

func TestQueueAttributes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, client, _ := overHTTP(t)
	create := func(attributes map[string]string) (*string, error) {
		output, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("new.fifo"),
			Attributes: attributes, Tags: map[string]string{"team": "a"}})
		if err != nil {
			return nil, err
		}
		return output.QueueUrl, nil
	}
	queue, err := create(map[string]string{"FifoQueue": "true", "VisibilityTimeout": "0",
		"MaximumMessageSize": "2048", "DeduplicationScope": "messageGroup"})
	require.NoError(t, err)
	again, err := create(map[string]string{"FifoQueue": "true", "VisibilityTimeout": "0"})
	require.NoError(t, err, "API reference, CreateQueue: the same values are not an error")
	assert.Equal(t, queue, again)
	var exists *types.QueueNameExists
	_, err = create(map[string]string{"FifoQueue": "true", "VisibilityTimeout": "1"})
	require.ErrorAs(t, err, &exists)

	get := func(names ...types.QueueAttributeName) (map[string]string, error) {
		output, err := client.GetQueueAttributes(ctx,
			&sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: names})
		if err != nil {
			return nil, err
		}
		return output.Attributes, nil
	}
	all, err := get("All")
	require.NoError(t, err)
	assert.NotEmpty(t, all["CreatedTimestamp"])
	delete(all, "CreatedTimestamp")
	delete(all, "LastModifiedTimestamp")
	assert.Equal(t, map[string]string{
		"QueueArn": "arn:aws:sqs:us-west-1:123456789012:new.fifo", "FifoQueue": "true",
		"ContentBasedDeduplication": "false",
		"DeduplicationScope":        "messageGroup", "FifoThroughputLimit": "perQueue",
		"VisibilityTimeout":      "0",
		"MessageRetentionPeriod": "345600", "MaximumMessageSize": "2048",
		"DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "false",
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0",
		"ApproximateNumberOfMessagesDelayed": "0",
	}, all)
	none, err := get()
	require.NoError(t, err)
	assert.Empty(t, none)
	one, err := get("DelaySeconds")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"DelaySeconds": "0"}, one)
	_, err = get("Colour")
	require.ErrorContains(t, err, "InvalidAttributeName: Unknown Attribute Colour")

	set := func(name, value string) error {
		_, err := client.SetQueueAttributes(ctx,
			&sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{name: value}})
		return err
	}
	require.NoError(t, set("ContentBasedDeduplication", "true"))
	for name, value := range map[string]string{"VisibilityTimeout": "43201", "MaximumMessageSize": "1023",
		"DelaySeconds": "soon"} {
		var refusal smithy.APIError
		require.ErrorAs(t, set(name, value), &refusal)
		assert.Equal(t, "InvalidAttributeValue", refusal.ErrorCode(), name)
	}
	require.ErrorContains(t, set("QueueArn", "arn:x"), "Unknown Attribute QueueArn", "SQS sets it")
	require.ErrorContains(t, set("FifoQueue", "false"), "InvalidAttributeName", "it cannot be changed")

	_, err = client.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: queue, Tags: map[string]string{"env": "dev"}})
	require.NoError(t, err)
	_, err = client.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: queue, TagKeys: []string{"team"}})
	require.NoError(t, err)
	tags, err := client.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: queue})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"env": "dev"}, tags.Tags)
	listed, err := client.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("new")})
	require.NoError(t, err)
	assert.Equal(t, []string{*queue}, listed.QueueUrls)
	_, err = client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queue})
	require.NoError(t, err)
	_, err = get("All")
	var missing *types.QueueDoesNotExist
	require.ErrorAs(t, err, &missing)
}
