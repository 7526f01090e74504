package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

// functionVariable makes the test binary a function: one on AWS's own runtime client, or
// one that does something which that client never does.
const functionVariable = "TEST_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(functionVariable) {
	case "":
		os.Exit(m.Run())
	case "function":
		awslambda.Start(function)
	case "journal":
		awslambda.Start(journal)
	case "init error":
		initError()
	case "init exit":
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(3)
	case "init hang":
		time.Sleep(time.Hour)
	case "raw":
		rawRuntime()
	}
}

type customError struct{}

func (*customError) Error() string { return "no such customer" }

// function does what the message's body says.
func function(ctx context.Context, event events.SQSEvent) (any, error) {
	m := event.Records[0]
	switch m.Body {
	case "fail":
		fmt.Fprintln(os.Stderr, "the last words")
		return nil, &customError{}
	case "panic":
		panic("oh")
	case "exit":
		fmt.Fprintln(os.Stderr, "the last words")
		os.Exit(4)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "hang":
		fmt.Fprintln(os.Stderr, "it hangs")
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("it hangs")
		time.Sleep(time.Hour)
	case "large":
		return strings.Repeat("x", longestResponse), nil
	case "stream":
		return iotest.ErrReader(&customError{}), nil
	case "report":
		return events.SQSEventResponse{
			BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: m.MessageId}},
		}, nil
	case "tell":
		tell(ctx, event)
	}
	return nil, nil
}

// tell prints what the function knows.
func tell(ctx context.Context, event events.SQSEvent) {
	about, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	text, _ := json.Marshal(map[string]any{
		"event": event, "requestId": about.AwsRequestID, "arn": about.InvokedFunctionArn,
		"deadline": deadline.UnixMilli(),
		"trace": os.Getenv(
			"_X_AMZN_TRACE_ID",
		), "environment": os.Environ(), "memory": lambdacontext.MemoryLimitInMB,
		"name": lambdacontext.FunctionName, "version": lambdacontext.FunctionVersion,
	})
	fmt.Println(string(text))
}

func post(path, contentType, body string) (status int) {
	response, err := http.Post(
		"http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/"+path,
		contentType,
		strings.NewReader(body),
	)
	if err != nil {
		fmt.Println("posting", err)
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// initError fails to initialise as Python's client does.
func initError() {
	post(
		"init/error",
		"application/json",
		`{"errorMessage":"No module named 'app'","errorType":"Runtime.ImportModuleError","stackTrace":[]}`,
	)
	os.Exit(1)
}

// rawRuntime goes through requests that a proper client does not make, and prints their
// status codes.
func rawRuntime() {
	next := func() (id, body string) {
		response, err := http.Get(
			"http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/next",
		)
		if err != nil {
			return "", err.Error()
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.Header.Get("Lambda-Runtime-Aws-Request-Id"), string(text)
	}
	for {
		id, event := next()
		switch {
		case strings.Contains(event, `"body":"twice"`):
			_, refusal := next()
			fmt.Println("next again:", strings.TrimSpace(refusal))
			fmt.Println("another id:", post("invocation/other/response", "application/json", "null"))
			fmt.Println("the answer:", post("invocation/"+id+"/response", "application/json", "null"))
			fmt.Println("once more:", post("invocation/"+id+"/error", "application/json", "{}"))
		case strings.Contains(event, `"body":"node"`):
			post(
				"invocation/"+id+"/error",
				"application/json",
				`{"errorType":"TypeError","errorMessage":"undefined","trace":["TypeError: x","    at f"]}`,
			)
		case strings.Contains(event, `"body":"text"`):
			post("invocation/"+id+"/error", "text/plain", "not JSON")
		case strings.Contains(event, `"body":"silent"`):
			post("invocation/"+id+"/response", "application/json", "null")
			time.Sleep(time.Hour)
		default:
			post("invocation/"+id+"/response", "application/json", `not JSON`)
		}
	}
}

// journal is a function that writes what it does to a file. The first time that it gets
// a message whose number is odd, it is killed in the middle of it.
func journal(event events.SQSEvent) error {
	body := event.Records[0].Body
	file, err := os.OpenFile(os.Getenv("TEST_JOURNAL"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	fmt.Fprintf(file, "start %s\n", body)
	var group, number int
	if _, err := fmt.Sscanf(body, "%d/%d", &group, &number); err != nil {
		return err
	}
	mark := fmt.Sprintf("%s-%d-%d", os.Getenv("TEST_JOURNAL"), group, number)
	if _, err := os.Stat(mark); number%2 == 1 && errors.Is(err, os.ErrNotExist) {
		_ = os.WriteFile(mark, nil, 0o600)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	}
	fmt.Fprintf(file, "end %s\n", body)
	return nil
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newPool is a pool of a test function, not started.
func newPool(t testing.TB, name string, change func(*Config)) (*Pool, *buffer) {
	t.Helper()
	log := &buffer{}
	queue := QueueOf("https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo", "")
	config := Config{
		Args: []string{"env", functionVariable + "=" + name, os.Args[0]}, Processes: 1, Queue: queue,
		Function: Function{
			Name:      "jobs",
			ARN:       "arn:aws:lambda:us-west-1:123456789012:function:jobs",
			MemoryMB:  256,
			LogGroup:  "g",
			LogStream: "s",
		},
		Logger: slog.New(slog.NewJSONHandler(log, nil)),
	}
	if change != nil {
		change(&config)
	}
	p, err := New(config)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, log
}

// startPool is a pool of a test function that is ready.
func startPool(t *testing.T, name string, change func(*Config)) (*Pool, *buffer) {
	t.Helper()
	p, log := newPool(t, name, change)
	require.NoError(t, p.Ready(t.Context()))
	return p, log
}

func newLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// cpuTime of this process and of its children that have ended.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		require.NoError(t, syscall.Getrusage(who, &usage))
		sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return sum
}

func message(body string) *consumer.Message {
	return &consumer.Message{
		ID:              "m-1",
		Body:            body,
		GroupID:         "g-1",
		DeduplicationID: "d-1",
		SequenceNumber:  "17",
		ReceiveCount:    2,
		SentAt:          time.UnixMilli(1700000000123),
		ReceiptHandle:   "h-1",
		SystemAttributes: map[string]string{
			"ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": "1700000000456",
			"MessageDeduplicationId": "d-1", "MessageGroupId": "g-1", "SenderId": "AIDA",
			"SentTimestamp": "1700000000123", "SequenceNumber": "17",
		},
	}
}

// details are what the consumer logs about an error.
func details(t *testing.T, err error) map[string]any {
	t.Helper()
	var detailed interface{ Details() map[string]any }
	require.ErrorAs(t, err, &detailed)
	return detailed.Details()
}

// eventually waits for something that other processes do.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, 5*time.Millisecond)
}
