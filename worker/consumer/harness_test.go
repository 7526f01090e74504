package consumer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// world is a queue with its dead-letter queue, on the sandbox's model of SQS, which
// the real SDK talks to without a network, so that hours pass in no time.
type world struct {
	t        testing.TB
	server   *awsapi.Server
	queueURL string
	failed   string // URL of the dead-letter queue

	mu      sync.Mutex
	changed chan struct{} // closed when polls on a line should look again
}

// newWorld is one where a long poll ends when its client hangs up.
func newWorld(t testing.TB, maxReceiveCount int) *world {
	t.Helper()
	w := newLingeringWorld(t, maxReceiveCount)
	w.server.PollsEndWithConnection = true
	return w
}

// newLingeringWorld is one where SQS goes on serving a poll whose client hung up.
func newLingeringWorld(t testing.TB, maxReceiveCount int) *world {
	t.Helper()
	account := cloud.NewAccount("us-west-1")
	failed, err := account.CreateQueue(cloud.Queue{Name: "failed.fifo", FIFO: true})
	require.NoError(t, err)
	queue, err := account.CreateQueue(cloud.Queue{
		// as deployed
		Name: "jobs.fifo", FIFO: true, ContentBasedDeduplication: true, ReceiveWaitTimeSeconds: 20,
		RedrivePolicy: fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, failed.ARN,
			maxReceiveCount),
	})
	require.NoError(t, err)
	return &world{t: t, server: awsapi.NewServer(account), queueURL: queue.URL, failed: failed.URL}
}

// client is a real SQS client whose requests go through a transport.
func client(transport http.RoundTripper) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, BaseEndpoint: aws.String("http://sqs"),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return time.Duration(attempt) * time.Second, nil // the SDK's own, without its randomness
			})
		}),
	})
}

// send puts messages into a group; their bodies are their names.
func (w *world) send(group string, bodies ...string) {
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.queueURL)
		require.NoError(w.t, err)
		for _, body := range bodies {
			_, err := box.Send(now, cloud.Message{GroupID: group, Body: body})
			require.NoError(w.t, err)
		}
	})
	w.wake()
}

// bodies are those of the messages that are in a queue.
func (w *world) bodies(queueURL string) []string {
	list := []string{}
	w.server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(queueURL)
		require.NoError(w.t, err)
		for _, m := range box.Messages() {
			list = append(list, m.Body)
		}
	})
	return list
}

// message finds a message of the queue by its body.
func (w *world) message(body string) (found cloud.Message, ok bool) {
	w.server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(w.queueURL)
		require.NoError(w.t, err)
		for _, m := range box.Messages() {
			if m.Body == body {
				found, ok = *m, true
			}
		}
	})
	return found, ok
}

func (w *world) config() Config {
	return Config{
		QueueURL: w.queueURL, DeadLetterQueueURL: w.failed, VisibilityTimeout: 30 * time.Second,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// run starts a consumer; stop drains it and returns the error of Run.
func (w *world) run(config Config, handler HandlerFunc) (stop func() error) {
	w.t.Helper()
	return w.runOn(w.server, config, handler)
}

func (w *world) runOn(transport http.RoundTripper, config Config, handler HandlerFunc) (stop func() error) {
	w.t.Helper()
	c, err := New(client(transport), handler, config)
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	return func() error {
		cancel()
		return <-result
	}
}

// record is a list that goroutines add to.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.lines...)
}

// counts is an observer that can be read.
type counts struct {
	mu            sync.Mutex
	of            map[EventKind]int
	messages      int // received
	blockedGroups int
	blockedFor    time.Duration
}

func (c *counts) observe(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[EventKind]int{}
	}
	c.of[e.Kind]++
	switch e.Kind {
	case Received:
		c.messages += e.Count
	case Blocked:
		c.blockedGroups, c.blockedFor = e.Count, e.Age
	}
}

func (c *counts) get(kind EventKind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[kind]
}

func (c *counts) blocked() (groups int, oldest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blockedGroups, c.blockedFor
}
