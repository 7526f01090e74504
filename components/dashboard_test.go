package components

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/emf"
)

// TestDashboardShowsWhatIsThere: each metric of the dashboard is one that the model of
// AWS or a worker reported in a run in which everything happens.
func TestDashboardShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, emf.Namespace, workerNamespace, "the worker's metrics are where it puts them")
		r := newRegion(t, onCall(), cloud.DefaultControlOptions())
		published := busyHour(t, r)
		charts := 0
		for _, w := range readDashboard(t, r.account).Widgets {
			if w.Type != "metric" {
				continue
			}
			charts++
			for _, line := range w.Properties.Metrics {
				namespace, name := line[0].(string), line[1].(string)
				dimensions := map[string]string{}
				for i := 2; i+1 < len(line); i += 2 {
					dimensions[line[i].(string)] = line[i+1].(string)
				}
				if namespace == workerNamespace {
					assert.Equal(t, map[string]string{"QueueName": "w-queue.fifo"}, dimensions)
					assert.Contains(t, published, name, "of the chart %s", w.Properties.Title)
					continue
				}
				assert.True(t, r.control.Reported(namespace, name, dimensions), "%s %s %v of the chart %s",
					namespace, name, dimensions, w.Properties.Title)
			}
		}
		assert.Equal(t, 11, charts)
	})
}

// busyHour runs a real consumer in virtual time: messages are done, delayed, fail, fail
// for good, and one is lost from under it. It returns the names of the metrics that it
// published.
func busyHour(t *testing.T, r *region) map[string]bool {
	t.Helper()
	server := awsapi.NewServer(r.account)
	var log bytes.Buffer
	metrics := emf.New(&log, "w-queue.fifo")
	client := sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient: &http.Client{Transport: server}, BaseEndpoint: aws.String("http://sqs"),
	})
	lost := make(chan struct{})
	handler := consumer.HandlerFunc(func(ctx context.Context, m *consumer.Message) error {
		switch m.GroupID {
		case "fails":
			return errors.New("not today")
		case "never":
			return consumer.Permanent(errors.New("never"))
		case "lost":
			close(lost)
			<-ctx.Done()
			return ctx.Err()
		}
		time.Sleep(3 * time.Minute)
		return nil
	})
	worker, err := consumer.New(client, handler, consumer.Config{
		QueueURL: r.queue.Queue().URL, DeadLetterQueueURL: r.deadLetters.Queue().URL,
		Observe: metrics.Observe, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	minutes := func(n int) {
		for range n {
			time.Sleep(time.Minute)
			server.Do(func(_ *cloud.Account, now time.Time) { r.control.Advance(now) })
			require.NoError(t, metrics.Flush(time.Now()))
		}
	}
	send := func(group string) {
		server.Do(func(_ *cloud.Account, now time.Time) {
			_, err := r.queue.Send(now, cloud.Message{GroupID: group, Body: group, DeduplicationID: group})
			require.NoError(t, err)
		})
	}
	for _, group := range []string{"works", "fails", "never"} {
		send(group)
	}
	r.queue.Queue().DelaySeconds = 90 // as an existing queue may have it
	send("delayed")
	r.queue.Queue().DelaySeconds = 0
	minutes(4) // a task starts
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	minutes(10)
	send("lost")
	<-lost
	server.Do(func(*cloud.Account, time.Time) { r.queue.Purge() })
	minutes(10)
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, metrics.Flush(time.Now()))
	return publishedBy(t, &log)
}

// publishedBy reads the embedded metric format.
func publishedBy(t *testing.T, log io.Reader) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		for _, definition := range line.AWS.CloudWatchMetrics {
			require.Equal(t, workerNamespace, definition.Namespace)
			require.Equal(t, [][]string{{"QueueName"}}, definition.Dimensions)
			for _, metric := range definition.Metrics {
				names[metric.Name] = true
			}
		}
	}
	return names
}

func readDashboard(t *testing.T, a *cloud.Account) cloud.DashboardBody {
	t.Helper()
	require.Len(t, a.Dashboards, 1)
	for _, d := range a.Dashboards {
		assert.Equal(t, "project-test-w-us-west-1", d.Name)
		body, err := d.Read()
		require.NoError(t, err)
		assert.Equal(t, "inherit", body.PeriodOverride)
		return body
	}
	return cloud.DashboardBody{}
}

// TestDashboardLayout: nothing covers anything else, and the alarms for people
// are on it.
func TestDashboardLayout(t *testing.T) {
	t.Parallel()
	r := newRegion(t, onCall(), cloud.DefaultControlOptions())
	type cell struct{ x, y int }
	taken := map[cell]string{}
	for _, w := range readDashboard(t, r.account).Widgets {
		if w.Type == "alarm" {
			assert.Len(t, w.Properties.Alarms, len(r.account.Alarms)-2, "but for scale-out and idle")
			assert.NotContains(t, strings.Join(w.Properties.Alarms, " "), "idle")
		}
		for x := w.X; x < w.X+w.Width; x++ {
			for y := w.Y; y < w.Y+w.Height; y++ {
				require.Empty(t, taken[cell{x, y}], "%s covers it", w.Properties.Title)
				taken[cell{x, y}] = w.Properties.Title
			}
		}
	}
}

func TestDashboardWithoutAlarms(t *testing.T) {
	t.Parallel()
	r := newRegion(t, with(func(a *QueueWorkerArgs) {
		a.Operations.Dashboard = true
	}), cloud.DefaultControlOptions())
	for _, w := range readDashboard(t, r.account).Widgets {
		assert.NotEqual(t, "alarm", w.Type, "AWS refuses an alarm widget without alarms")
	}
}
