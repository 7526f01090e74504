package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	"fargate-queue-worker/worker/protection"
)

// realWorkers runs real consumers as the tasks of a service, in virtual time.
type realWorkers struct {
	t       *testing.T
	row     conformance
	system  System
	server  *awsapi.Server
	control *cloud.Control
	start   time.Time
	tasks   sync.WaitGroup
	changed chan struct{} // gets a value when the control plane may have more to do; buffered

	mu    sync.Mutex
	notes []note
	byARN map[string]*realTask
	order []*realTask
	calls map[string]int // of the handler that have returned, by message
}

// realTask is a consumer that runs.
type realTask struct {
	w      *realWorkers
	task   *cloud.Task
	killed atomic.Bool
	stop   context.CancelFunc

	mu      sync.Mutex
	bodies  map[string]string // by receipt handle
	receive map[string]int    // by body
}

// runReal is what real workers do.
func (row conformance) runReal(t *testing.T) []note {
	w := &realWorkers{
		t: t, row: row, system: row.system(t), start: time.Now(), byARN: map[string]*realTask{},
		calls:   map[string]int{},
		changed: make(chan struct{}, 1),
	}
	w.server = awsapi.NewServer(w.system.Account)
	w.control = cloud.NewControl(w.system.Account, w.start, w, row.control())
	for i := 0; i < len(row.jobs); {
		n := i
		for n < len(row.jobs) && row.jobs[n].At == row.jobs[i].At {
			n++
		}
		first, together := i+1, row.jobs[i:n]
		time.AfterFunc(together[0].At, func() { w.send(first, together) })
		i = n
	}
	for _, d := range row.desired {
		time.AfterFunc(d.at, func() {
			w.change(func(time.Time) { w.system.Service.DesiredCount = d.tasks })
		})
	}
	for _, at := range row.kills {
		time.AfterFunc(at, w.killOldest)
	}
	for end := w.start.Add(row.length()); time.Now().Before(end); {
		var next time.Time
		w.server.Do(func(_ *cloud.Account, now time.Time) {
			w.control.Advance(now)
			next = w.control.Next()
		})
		timer := time.NewTimer(min(time.Until(next), time.Until(end)))
		select {
		case <-timer.C:
		case <-w.changed:
			timer.Stop()
		}
	}
	w.mu.Lock()
	notes := slices.Clone(w.notes)
	w.mu.Unlock()
	for _, task := range w.byARN {
		task.killed.Store(true)
		task.stop()
	}
	w.tasks.Wait()
	return notes
}

// change changes the account, and has the control plane act on it.
func (w *realWorkers) change(change func(now time.Time)) {
	w.server.Do(func(_ *cloud.Account, now time.Time) {
		w.control.Advance(now)
		change(now)
		w.control.Advance(now)
	})
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *realWorkers) send(serial int, together []Job) {
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.system.Queue.URL)
		assert.NoError(w.t, err)
		for _, j := range together {
			_, err = box.Send(now, cloud.Message{
				Body: strconv.Itoa(serial), GroupID: strconv.Itoa(j.Group),
				DeduplicationID: strconv.Itoa(serial),
			})
			assert.NoError(w.t, err)
			serial++
		}
	})
}

func (w *realWorkers) killOldest() {
	w.change(func(now time.Time) {
		if len(w.order) == 0 {
			return
		}
		task := w.order[0]
		w.KillTask(now, task.task)
		w.control.TaskEnded(now, task.task)
	})
}

// StartTask implements cloud.TaskHost.
func (w *realWorkers) StartTask(_ time.Time, t *cloud.Task) {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	task := &realTask{w: w, task: t, stop: stop, bodies: map[string]string{}, receive: map[string]int{}}
	w.byARN[t.ARN] = task
	w.order = append(w.order, task)
	w.tasks.Go(func() { task.run(ctx) })
}

// StopTask implements cloud.TaskHost.
func (w *realWorkers) StopTask(_ time.Time, t *cloud.Task) { w.byARN[t.ARN].stop() }

// KillTask implements cloud.TaskHost.
func (w *realWorkers) KillTask(_ time.Time, t *cloud.Task) {
	task := w.byARN[t.ARN]
	task.killed.Store(true)
	task.stop()
	w.order = slices.DeleteFunc(w.order, func(o *realTask) bool { return o == task })
}

// CPU implements cloud.TaskHost.
func (w *realWorkers) CPU(time.Time, *cloud.Task) float64 { return 0 }

var errKilled = errors.New("killed")

// run is a worker's process.
func (r *realTask) run(ctx context.Context) {
	agent := &awsapi.Agent{TaskARN: r.task.ARN, Answer: r.agent}
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	config := r.w.system.Worker.Config
	guard := protection.New(protection.Options{
		AgentURI: "http://agent", HandlerTimeout: config.HandlerTimeout, HoldDown: r.w.system.Worker.HoldDown,
		Client: &http.Client{Transport: r.mortal(agent)}, Logger: silent, Jitter: noJitter,
	})
	config.Protection, config.Logger = guard, silent
	client := sqs.New(sqs.Options{
		Region: "us-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient:       &http.Client{Transport: r.mortal(r.observed(r.w.server))},
		BaseEndpoint:     aws.String("http://sqs"),
		RetryMaxAttempts: 1,
	})
	c, err := consumer.New(client, consumer.HandlerFunc(r.handle), config)
	require.NoError(r.w.t, err)
	err = c.Run(ctx)
	if r.killed.Load() {
		return
	}
	assert.NoError(r.w.t, err)
	assert.NoError(r.w.t, guard.Close(context.WithoutCancel(ctx)))
	r.w.change(func(now time.Time) {
		r.w.order = slices.DeleteFunc(r.w.order, func(o *realTask) bool { return o == r })
		r.w.control.TaskEnded(now, r.task)
	})
}

func (r *realTask) note(what what, body string, wait time.Duration) {
	if r.killed.Load() {
		return
	}
	r.mu.Lock()
	nth := r.receive[body]
	r.mu.Unlock()
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.notes = append(r.w.notes, note{
		at: begin.Add(time.Since(r.w.start)), task: r.task.ID(), what: what, body: body, nth: nth, wait: wait,
	})
}

// handle works on a message for as long as its job says.
func (r *realTask) handle(ctx context.Context, m *consumer.Message) error {
	serial, err := strconv.Atoi(m.Body)
	require.NoError(r.w.t, err)
	j := r.w.row.jobs[serial-1]
	r.note(started, m.Body, 0)
	timer := time.NewTimer(j.Work)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.w.mu.Lock()
	call := r.w.calls[m.Body]
	r.w.calls[m.Body]++
	r.w.mu.Unlock()
	if call < len(j.Failures) {
		return j.Failures[call]
	}
	r.note(done, m.Body, 0)
	return nil
}

// agent answers for ECS.
func (r *realTask) agent(protect bool, lease time.Duration) (answer awsapi.AgentAnswer) {
	r.w.server.Do(func(_ *cloud.Account, now time.Time) {
		answer.Failure = r.w.control.Protect(now, r.task, protect, lease)
	})
	switch {
	case !protect:
		r.note(unprotected, "", 0)
	case answer.Failure != "":
		r.note(refused, "", 0)
	default:
		r.note(protected, "", 0)
	}
	return answer
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

// mortal is a connection of a process that may have been killed.
func (r *realTask) mortal(to http.RoundTripper) http.RoundTripper {
	return transport(func(req *http.Request) (*http.Response, error) {
		if r.killed.Load() {
			return nil, errKilled
		}
		response, err := to.RoundTrip(req)
		if r.killed.Load() {
			return nil, errKilled
		}
		return response, err
	})
}

// observed notes what requests to SQS do.
func (r *realTask) observed(to http.RoundTripper) http.RoundTripper {
	return transport(func(req *http.Request) (*http.Response, error) {
		asked, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(asked))
		response, err := to.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		answered, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(answered))
		_, action, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
		r.look(action, asked, answered)
		return response, nil
	})
}

func (r *realTask) look(action string, asked, answered []byte) {
	switch action {
	case "ReceiveMessage":
		var got struct {
			Messages []struct {
				Body, ReceiptHandle string
				Attributes          map[string]string
			}
		}
		assert.NoError(r.w.t, json.Unmarshal(answered, &got))
		for _, m := range got.Messages {
			nth, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
			r.mu.Lock()
			r.bodies[m.ReceiptHandle], r.receive[m.Body] = m.Body, nth
			r.mu.Unlock()
			r.note(received, m.Body, 0)
		}
	case "ChangeMessageVisibilityBatch":
		var change struct {
			Entries []struct {
				ReceiptHandle     string
				VisibilityTimeout int
			}
		}
		assert.NoError(r.w.t, json.Unmarshal(asked, &change))
		for _, e := range change.Entries {
			wait := time.Duration(e.VisibilityTimeout) * time.Second
			if wait == r.w.system.Worker.VisibilityTimeout {
				continue // an extension
			}
			r.mu.Lock()
			body := r.bodies[e.ReceiptHandle]
			r.mu.Unlock()
			r.note(handedBack, body, wait)
		}
	case "SendMessage":
		var sent struct{ MessageBody string }
		assert.NoError(r.w.t, json.Unmarshal(asked, &sent))
		r.note(deadLettered, sent.MessageBody, 0)
	}
}
