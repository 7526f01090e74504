package lambda

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// TestKilledMidMessage kills the process of a function with -9 a hundred times, each in
// the middle of a message: nothing is lost, and the order of each group is kept.
func TestKilledMidMessage(t *testing.T) {
	t.Parallel()
	const groups, messages = 5, 200 // every other message kills its process once
	account := cloud.NewAccount("us-west-1")
	queue, err := account.CreateQueue(
		cloud.Queue{Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true},
	)
	require.NoError(t, err)
	server := awsapi.NewServer(account)
	server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(queue.URL)
		require.NoError(t, err)
		for i := range messages {
			_, err := box.Send(
				now,
				cloud.Message{GroupID: fmt.Sprint(i % groups), Body: fmt.Sprintf("%d/%d", i%groups, i)},
			)
			require.NoError(t, err)
		}
	})
	file := filepath.Join(t.TempDir(), "journal")
	p, _ := startPool(t, "journal", func(c *Config) {
		c.Args = append([]string{"env", "TEST_JOURNAL=" + file}, c.Args...)
		c.Processes = groups
	})
	client := sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		BaseEndpoint: aws.String("http://sqs"),
		HTTPClient:   &http.Client{Transport: server},
	})
	c, err := consumer.New(client, p, consumer.Config{
		QueueURL: queue.URL, Concurrency: groups, Logger: newLogger(), WaitTime: time.Second,
		Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	require.Eventually(t, func() (empty bool) {
		server.Do(func(a *cloud.Account, _ time.Time) {
			box, err := a.Mailbox(queue.URL)
			empty = assert.NoError(t, err) && len(box.Messages()) == 0
		})
		return empty
	}, 2*time.Minute, 20*time.Millisecond)
	stop()
	require.NoError(t, <-result)
	checkJournal(t, file, messages, 100)
}

// checkJournal: each message ended, was begun once for each kill and once more, and once
// the next of its group had begun it was not begun again.
func checkJournal(t *testing.T, file string, messages, kills int) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	ended := map[string]bool{}
	newest := map[int]int{}
	starts := 0
	for line := range strings.Lines(string(text)) {
		var event string
		var group, number int
		_, err := fmt.Sscanf(line, "%s %d/%d\n", &event, &group, &number)
		require.NoError(t, err, "%q", line)
		if event == "end" {
			ended[fmt.Sprintf("%d/%d", group, number)] = true
			continue
		}
		starts++
		assert.GreaterOrEqual(
			t,
			number,
			newest[group],
			"message %d of group %d begins after message %d",
			number,
			group,
			newest[group],
		)
		newest[group] = max(newest[group], number)
	}
	assert.Len(t, ended, messages, "nothing is lost")
	assert.Equal(t, messages+kills, starts)
}
