// Package bench measures the consumer against a plain loop over the same SDK, both on
// a stub of SQS in another process.
package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/consumer"
)

const (
	stubVariable = "BENCH_STUB"
	bodyBytes    = 1024
	groups       = 100
	batch        = 10
)

// TestMain makes the binary the stub, if asked to.
func TestMain(m *testing.M) {
	if os.Getenv(stubVariable) != "" {
		serveStub()
		return
	}
	os.Exit(m.Run())
}

// stub answers like SQS on a full queue: messages never end, but a group gives none
// while one of its messages is not deleted.
type stub struct {
	perGroup int         // messages of a group in one receive
	free     chan string // groups that are not worked on
	mu       sync.Mutex
	receives int
	taken    map[string]taken // by group
}

// taken is a group that was received.
type taken struct {
	receive  int // which time
	messages int // not settled yet
	since    time.Time
}

// serveStub serves the number of groups that the variable says.
func serveStub() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	groups, _ := strconv.Atoi(os.Getenv(stubVariable)) // our own variable
	s := &stub{perGroup: max(1, batch/groups), free: make(chan string, groups), taken: map[string]taken{}}
	for i := range groups {
		s.free <- strconv.Itoa(i)
	}
	go s.expire()
	_ = http.Serve(listener, s) // until it is killed
}

// expire gives out again what was received and forgotten: the last poll of a consumer
// that was stopped.
func (s *stub) expire() {
	const visibility = 2 * time.Second
	for range time.Tick(visibility / 4) {
		s.mu.Lock()
		for group, t := range s.taken {
			if time.Since(t.since) > visibility {
				s.release(group)
			}
		}
		s.mu.Unlock()
	}
}

// release makes a group free; the caller holds the lock.
func (s *stub) release(group string) {
	delete(s.taken, group)
	s.free <- group
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if r.Header.Get("X-Amz-Target") != "AmazonSQS.ReceiveMessage" {
		s.settle(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // our own client
	var messages []string
	select {
	case group := <-s.free:
		messages = s.take(messages, group)
	case <-r.Context().Done():
		return
	case <-time.After(time.Second):
	}
	for len(messages) > 0 && len(messages) < batch {
		select {
		case group := <-s.free:
			messages = s.take(messages, group)
			continue
		default:
		}
		break
	}
	_, _ = io.WriteString(w, `{"Messages":[`+strings.Join(messages, ",")+`]}`)
}

var stubBody = strings.Repeat("x", bodyBytes)

func (s *stub) take(messages []string, group string) []string {
	s.mu.Lock()
	s.receives++
	receive := s.receives
	s.taken[group] = taken{receive, s.perGroup, time.Now()}
	s.mu.Unlock()
	for i := range s.perGroup {
		messages = append(messages,
			fmt.Sprintf(`{"MD5OfBody":"7265f4d211b56873a381d321f586e4a9","MessageId":`+
				`"00000000-0000-0000-0000-%012d","ReceiptHandle":"%s/%d/%s","Body":"%s","Attributes":{`+
				`"MessageGroupId":"%s","MessageDeduplicationId":"%d","SequenceNumber":`+
				`"18849496460467696128",`+
				`"ApproximateReceiveCount":"1",`+
				`"SentTimestamp":"1700000000000","ApproximateFirstReceiveTimestamp":"1700000000000",`+
				`"SenderId":`+
				`"1"}}`,
				i, strings.Repeat("h", 180), receive, group, stubBody, group, i))
	}
	return messages
}

// settle answers a batch, and frees the groups of what is deleted.
func (s *stub) settle(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		Id, ReceiptHandle string
		VisibilityTimeout int
	}
	var request struct {
		ReceiptHandle string // of a delete that is no batch
		Entries       []entry
	}
	_ = json.NewDecoder(r.Body).Decode(&request) // our own client
	_ = json.NewEncoder(w).Encode(map[string]any{"Successful": request.Entries, "Failed": []string{}})
	if request.ReceiptHandle != "" {
		request.Entries = []entry{{ReceiptHandle: request.ReceiptHandle}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range request.Entries {
		if e.VisibilityTimeout > 0 {
			continue // an extension; deleted or handed back, the message is out of the way
		}
		handle := strings.Split(e.ReceiptHandle, "/")
		if len(handle) != 3 {
			continue // none of ours
		}
		group := handle[2]
		t := s.taken[group]
		if strconv.Itoa(t.receive) != handle[1] {
			continue // it has expired
		}
		t.messages--
		s.taken[group] = t
		if t.messages == 0 {
			s.release(group)
		}
	}
}

// startStub runs the stub in a process of its own, so that its CPU is not counted.
func startStub(tb testing.TB, groups int) (client *sqs.Client, endpoint string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), stubVariable+"="+strconv.Itoa(groups))
	output, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	endpoint = "http://" + strings.TrimSpace(address)
	return sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		BaseEndpoint: aws.String(endpoint),
	}), endpoint
}

// watermill measures another public consumer, which is a module and a process of its
// own, in messages per second of CPU.
func watermill(b *testing.B, endpoint string, messages int) float64 {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "watermill")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "watermill"
	output, err := build.CombinedOutput()
	require.NoError(b, err, "%s", output)
	output, err = exec.CommandContext(b.Context(), binary, endpoint, strconv.Itoa(messages)).Output()
	require.NoError(b, err)
	nanoseconds, err := strconv.ParseFloat(strings.TrimSpace(string(output)), 64)
	require.NoError(b, err)
	return float64(messages) / (nanoseconds / 1e9)
}

// sample is what handling some messages cost.
type sample struct {
	messages    int
	cpu         time.Duration
	wall        time.Duration
	allocations uint64
}

func (s sample) perCPUSecond() float64 { return float64(s.messages) / s.cpu.Seconds() }

// measure runs something that handles messages.
func measure(tb testing.TB, handle func() int) sample {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, began := cpuTime(tb), time.Now()
	messages := handle()
	s := sample{messages: messages, cpu: cpuTime(tb) - cpu, wall: time.Since(began)}
	runtime.ReadMemStats(&after)
	s.allocations = (after.Mallocs - before.Mallocs) / uint64(messages)
	return s
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// rawLoop receives ten and deletes ten, with the SDK and nothing else.
func rawLoop(tb testing.TB, client *sqs.Client, messages int) int {
	tb.Helper()
	ctx := tb.Context()
	done := 0
	for done < messages {
		output, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String("http://stub/jobs.fifo"), MaxNumberOfMessages: batch, WaitTimeSeconds: 20,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameAll,
			},
		})
		require.NoError(tb, err)
		entries := make([]types.DeleteMessageBatchRequestEntry, len(output.Messages))
		for i, m := range output.Messages {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)),
				ReceiptHandle: m.ReceiptHandle}
		}
		_, err = client.DeleteMessageBatch(ctx,
			&sqs.DeleteMessageBatchInput{QueueUrl: aws.String("http://stub/jobs.fifo"), Entries: entries})
		require.NoError(tb, err)
		done += len(output.Messages)
	}
	return done
}

// consume handles messages with the consumer and a handler that does nothing.
func consume(tb testing.TB, client *sqs.Client, messages int) int {
	tb.Helper()
	ctx, stop := context.WithCancel(tb.Context())
	defer stop()
	counter := &doneCounter{until: int64(messages), stop: stop}
	c, err := consumer.New(client, consumer.HandlerFunc(func(context.Context, *consumer.Message) error {
		return nil
	}), consumer.Config{
		QueueURL: "http://stub/jobs.fifo", Concurrency: groups, Observe: counter.observe,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(tb, err)
	require.NoError(tb, c.Run(ctx))
	return int(counter.done.Load())
}

// doneCounter stops a consumer after some messages.
type doneCounter struct {
	done  atomic.Int64
	until int64
	stop  func()
}

func (d *doneCounter) observe(e consumer.Event) {
	if e.Kind == consumer.Done && d.done.Add(1) == d.until {
		d.stop()
	}
}

// BenchmarkThroughput compares messages per second of CPU, in turns, and reports the
// ratio of the medians.
func BenchmarkThroughput(b *testing.B) {
	client, endpoint := startStub(b, groups)
	const runs, messages = 5, 10000
	rawLoop(b, client, messages/10) // connections, caches
	consume(b, client, messages/10)
	var raw, ours []sample
	for b.Loop() {
		for range runs {
			raw = append(raw, measure(b, func() int { return rawLoop(b, client, messages) }))
			ours = append(ours, measure(b, func() int { return consume(b, client, messages) }))
		}
	}
	r, o := median(raw), median(ours)
	b.ReportMetric(watermill(b, endpoint, messages), "watermill-msg/cpu-s")
	b.ReportMetric(r.perCPUSecond(), "raw-msg/cpu-s")
	b.ReportMetric(o.perCPUSecond(), "consumer-msg/cpu-s")
	b.ReportMetric(o.perCPUSecond()/r.perCPUSecond(), "ratio")
	b.ReportMetric(float64(r.allocations), "raw-allocs/msg")
	b.ReportMetric(float64(o.allocations), "consumer-allocs/msg")
	b.ReportMetric(0, "ns/op")
}

func median(samples []sample) sample {
	slices.SortFunc(samples, func(a, b sample) int { return int(a.perCPUSecond() - b.perCPUSecond()) })
	return samples[len(samples)/2]
}

// BenchmarkHandOff measures, for one group, the time from the end of a handler to the
// start of the next, beside the round trip of a delete that it has to wait for.
func BenchmarkHandOff(b *testing.B) {
	client, _ := startStub(b, 1)
	var mu sync.Mutex
	var gaps []time.Duration
	var ended time.Time
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	const wanted = 2000
	c, err := consumer.New(client, consumer.HandlerFunc(func(context.Context, *consumer.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if !ended.IsZero() {
			gaps = append(gaps, time.Since(ended))
		}
		if len(gaps) == wanted {
			stop()
		}
		ended = time.Now()
		return nil
	}), consumer.Config{QueueURL: "http://stub/jobs.fifo",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(b, err)
	for b.Loop() {
		require.NoError(b, c.Run(ctx))
	}
	var trips []time.Duration
	for range wanted {
		began := time.Now()
		_, err := client.DeleteMessageBatch(b.Context(), &sqs.DeleteMessageBatchInput{
			QueueUrl: aws.String("http://stub/jobs.fifo"),
			Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("0"),
				ReceiptHandle: aws.String("h")}},
		})
		require.NoError(b, err)
		trips = append(trips, time.Since(began))
	}
	slices.Sort(gaps)
	slices.Sort(trips)
	b.ReportMetric(float64(gaps[len(gaps)/2].Microseconds()), "handoff-p50-us")
	b.ReportMetric(float64(gaps[len(gaps)*99/100].Microseconds()), "handoff-p99-us")
	b.ReportMetric(float64(trips[len(trips)/2].Microseconds()), "delete-p50-us")
	b.ReportMetric(0, "ns/op")
}
