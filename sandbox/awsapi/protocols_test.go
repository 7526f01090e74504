package awsapi

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// nobody hosts tasks.
type nobody struct{ cloud.TaskHost }

// runningServer has an alarm on a queue that has reported one message for three minutes.
func runningServer(t *testing.T) (*Server, time.Time) {
	t.Helper()
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	account := cloud.NewAccount("us-west-2")
	_, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true})
	require.NoError(t, err)
	_, err = account.PutMetricAlarm(cloud.Alarm{
		Name: "waiting", ComparisonOperator: "GreaterThanOrEqualToThreshold", Threshold: 1,
		EvaluationPeriods: 1,
		Namespace:         "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum",
		Period:     60,
		Dimensions: map[string]string{"QueueName": "jobs.fifo"},
	})
	require.NoError(t, err)
	box, err := account.Mailbox(account.QueueURL("jobs.fifo"))
	require.NoError(t, err)
	_, err = box.Send(start, cloud.Message{GroupID: "a", Body: "x", DeduplicationID: "1"})
	require.NoError(t, err)
	control := cloud.NewControl(account, start, nobody{}, cloud.DefaultControlOptions())
	control.Advance(start.Add(4 * time.Minute))
	s := NewServer(account)
	s.Run(control, func(string) []LogEvent { return nil })
	return s, start
}

func config(s *Server) aws.Config {
	return aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String("http://sandbox"),
		HTTPClient: &http.Client{Transport: s},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, nil
		}),
	}
}

// post sends a request as it is on the wire, and returns the answer.
func post(t *testing.T, s *Server, path, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sandbox"+path,
		strings.NewReader(body))
	require.NoError(t, err)
	for key, value := range header {
		req.Header.Set(key, value)
	}
	response, err := s.RoundTrip(req)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(text)
}

// TestCloudWatchInEachProtocol: clients of different ages speak to it in forms, JSON and CBOR, and all read
// the same.
func TestCloudWatchInEachProtocol(t *testing.T) {
	t.Parallel()
	s, start := runningServer(t)
	span := "StartTime=" + start.UTC().Format(time.RFC3339) + "&EndTime=" +
		start.Add(5*time.Minute).UTC().Format(time.RFC3339)
	_, text := post(t, s, "/",
		"Action=GetMetricStatistics&Version=2010-08-01&Namespace=AWS/"+
			"SQS&MetricName=ApproximateNumberOfMessagesVisible"+
			"&Period=60&Statistics.member.1=Maximum&Dimensions.member.1.Name=QueueName"+
			"&Dimensions.member.1.Value=jobs.fifo&"+span,
		map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	var statistics struct {
		Points []struct {
			Timestamp time.Time
			Maximum   float64
		} `xml:"GetMetricStatisticsResult>Datapoints>member"`
	}
	require.NoError(t, xml.Unmarshal([]byte(text), &statistics), text)
	require.Len(t, statistics.Points, 3, "a point a minute, and the newest is not published yet")
	assert.Equal(t, 1.0, statistics.Points[0].Maximum)
	assert.WithinDuration(t, start, statistics.Points[0].Timestamp, 0)

	_, text = post(t, s, "/", `{"AlarmNames": ["waiting"]}`, map[string]string{
		"X-Amz-Target": "GraniteServiceVersion20100801.DescribeAlarms",
		"Content-Type": "application/x-amz-json-1.0",
	})
	assert.Contains(t, text, `"StateValue":"ALARM"`)

	client := cloudwatch.NewFromConfig(config(s))
	alarms, err := client.DescribeAlarms(t.Context(),
		&cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"waiting"}})
	require.NoError(t, err)
	require.Len(t, alarms.MetricAlarms, 1)
	assert.Equal(t, types.StateValueAlarm, alarms.MetricAlarms[0].StateValue)
	assert.Equal(t, "Threshold Crossed: 1 datapoints [1]: messages waiting is at least the threshold (1).",
		*alarms.MetricAlarms[0].StateReason)
	data, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &start, EndTime: aws.Time(start.Add(5 * time.Minute)),
		ScanBy: types.ScanByTimestampAscending,
		MetricDataQueries: []types.MetricDataQuery{
			{Id: aws.String("visible"), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{
				Stat: aws.String("Maximum"), Period: aws.Int32(60), Metric: &types.Metric{
					Namespace:  aws.String("AWS/SQS"),
					MetricName: aws.String("ApproximateNumberOfMessagesVisible"),
					Dimensions: []types.Dimension{{Name: aws.String("QueueName"),
						Value: aws.String("jobs.fifo")}},
				},
			}},
			{Id: aws.String("twice"), Expression: aws.String("visible * 2")},
		},
	})
	require.NoError(t, err)
	require.Len(t, data.MetricDataResults, 1)
	assert.Equal(t, []float64{2, 2, 2}, data.MetricDataResults[0].Values)
	assert.WithinDuration(t, start, data.MetricDataResults[0].Timestamps[0], 0)

	_, err = client.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("waiting"), StateValue: types.StateValueOk,
		StateReason: aws.String("a rehearsal"),
	})
	require.NoError(t, err)
	history, err := client.DescribeAlarmHistory(t.Context(),
		&cloudwatch.DescribeAlarmHistoryInput{AlarmName: aws.String("waiting")})
	require.NoError(t, err)
	require.Len(t, history.AlarmHistoryItems, 2, "to ALARM, and back")
	assert.Equal(t, "Alarm updated from ALARM to OK", *history.AlarmHistoryItems[0].HistorySummary)
	assert.Contains(t, *history.AlarmHistoryItems[0].HistoryData, "a rehearsal")
}

// TestWhatTheSandboxLacksIsNamed in each protocol's own form of an error.
func TestWhatTheSandboxLacksIsNamed(t *testing.T) {
	t.Parallel()
	s, _ := runningServer(t)
	for name, tc := range map[string]struct {
		path, body string
		header     map[string]string
		want       []string
	}{
		"an action in JSON": {"/", "{}",
			map[string]string{"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.CreateCluster"},
			[]string{`"__type":"UnknownOperationException"`, "does not do CreateCluster of ECS"}},
		"a service in JSON": {"/", "{}", map[string]string{"X-Amz-Target": "DynamoDB_20120810.ListTables"},
			[]string{`"__type":"UnknownOperationException"`, "DynamoDB_20120810", "ListTables",
				"it does for SQS, ECS"}},
		"a service in forms": {"/", "Action=DescribeVpcs&Version=2016-11-15", map[string]string{
			"Content-Type": "application/x-www-form-urlencoded",
			"Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-west-2/ec2/aws4_request, " +
				"SignedHeaders=host",
		}, []string{"<Code>UnknownOperationException</Code>", "ec2", "DescribeVpcs"}},
		"an action in CBOR": {"/service/GraniteServiceVersion20100801/operation/ListMetrics", "", nil,
			[]string{"does not do ListMetrics of CloudWatch"}},
		"a path": {"/2015-03-31/functions", "", map[string]string{
			"Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-west-2/lambda/aws4_request, " +
				"SignedHeaders=host",
		}, []string{"lambda", "/2015-03-31/functions"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, text := post(t, s, tc.path, tc.body, tc.header)
			assert.Equal(t, http.StatusBadRequest, status)
			for _, want := range tc.want {
				assert.Contains(t, text, want)
			}
		})
	}
}

// TestErrorsReachTheSDK under the code that AWS has for them.
func TestErrorsReachTheSDK(t *testing.T) {
	t.Parallel()
	s, _ := runningServer(t)
	var refusal smithy.APIError
	_, err := ecs.NewFromConfig(config(s)).DescribeServices(t.Context(),
		&ecs.DescribeServicesInput{Cluster: aws.String("nope"), Services: []string{"x"}})
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "ClusterNotFoundException", refusal.ErrorCode())
	_, err = cloudwatch.NewFromConfig(config(s)).SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("nope"), StateValue: types.StateValueOk, StateReason: aws.String("x"),
	})
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "ResourceNotFound", refusal.ErrorCode())
}

// TestFilterPatterns of the logs.
func TestFilterPatterns(t *testing.T) {
	t.Parallel()
	const warning, info = `{"level":"WARN","msg":"failed"}`, `{"level":"INFO","msg":"done"}`
	for pattern, want := range map[string][]string{
		``:                       {warning, info},
		`{ $.level = "WARN" }`:   {warning},
		`{ $.level != "WARN" }`:  {info},
		`{ $.missing = "WARN" }`: nil,
		`done`:                   {info},
		`"INFO" done`:            {info},
	} {
		matches, err := filterOf(pattern)
		require.NoError(t, err, pattern)
		var found []string
		for _, line := range []string{warning, info} {
			if matches(line) {
				found = append(found, line)
			}
		}
		assert.Equal(t, want, found, pattern)
	}
	_, err := filterOf(`[a, b]`)
	require.ErrorContains(t, err, "the sandbox does not do the filter pattern [a, b]")
}
