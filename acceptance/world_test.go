package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
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
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/protection"
	"fargate-queue-worker/worker/settings"
)

// reading is how the model of AWS is read, or broken on purpose. The zero value is how it is assumed to be.
type reading struct {
	overrides    []string // of the stack's configuration
	control      func(*cloud.ControlOptions)
	account      func(*cloud.Account)
	server       func(*awsapi.Server)
	stack        func(*declaredStack)
	withoutAgent bool
	// refuse has the handler fail more than it is asked to.
	refuse func(m *consumer.Message) bool
	// answer, if not nil, changes what AWS answers to an action.
	answer map[string]func(body []byte) []byte
	// calls, if not nil, get the actions that the case calls, as policies name them.
	calls *sync.Map
}

// world is the dev stack on the model of AWS, with real workers, in virtual time.
type world struct {
	t       *testing.T
	reading reading
	server  *awsapi.Server
	control *cloud.Control
	account *cloud.Account
	running sync.WaitGroup
	tasks   map[string]*task // by ARN; guarded by the server

	mu  sync.Mutex
	log []awsapi.LogEvent
}

// task is a worker that runs.
type task struct {
	w      *world
	task   *cloud.Task
	stop   context.CancelFunc
	killed atomic.Bool
}

// newWorld is a bench on a world. It has to be called in a bubble of synctest, which is left when the
// function is called.
func newWorld(t *testing.T, r reading) (b *Bench, leave func()) {
	t.Helper()
	account, err := declared.Account("..", "dev", r.overrides...)
	require.NoError(t, err)
	if r.account != nil {
		r.account(account)
	}
	w := &world{
		t:       t,
		reading: r,
		account: account,
		server:  awsapi.NewServer(account),
		tasks:   map[string]*task{},
	}
	if r.server != nil {
		r.server(w.server)
	}
	options := cloud.DefaultControlOptions()
	options.Phases = cloud.SeededPhases(1)
	if r.control != nil {
		r.control(&options)
	}
	w.control = cloud.NewControl(account, time.Now(), w, options)
	w.server.Run(w.control, func(string) []awsapi.LogEvent {
		w.mu.Lock()
		defer w.mu.Unlock()
		return append([]awsapi.LogEvent(nil), w.log...)
	})
	ctx, stop := context.WithCancel(t.Context())
	w.running.Go(func() { w.run(ctx) })
	stack := &declaredStack{server: w.server, account: account, overrides: r.overrides}
	if r.stack != nil {
		r.stack(stack)
	}
	b = NewBench(aws.Config{
		Region: account.Region, BaseEndpoint: aws.String("http://aws"),
		HTTPClient:  &http.Client{Transport: w},
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), RetryMaxAttempts: 1,
	}, stack)
	b.Outputs, err = stack.Up(ctx)
	require.NoError(t, err)
	b.Tag = stack.tag
	return b, func() {
		stop()
		w.server.Do(func(*cloud.Account, time.Time) {
			for _, task := range w.tasks {
				task.killed.Store(true)
				task.stop()
			}
		})
		w.server.Close()
		w.running.Wait()
	}
}

// run lets time pass.
func (w *world) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.server.Do(func(_ *cloud.Account, now time.Time) { w.control.Advance(now) })
		case <-ctx.Done():
			return
		}
	}
}

// policyPrefix is what policies call a service.
var policyPrefix = map[string]string{
	"AmazonSQS":                          "sqs",
	"AmazonEC2ContainerServiceV20141113": "ecs",
	"GraniteServiceVersion20100801":      "cloudwatch",
	"Logs_20140328":                      "logs",
	"AWSStepFunctions":                   "states",
	"ResourceGroupsTaggingAPI_20170126":  "tag",
}

// RoundTrip implements http.RoundTripper.
func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	service, action, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	if path := strings.Split(req.URL.Path, "/"); len(path) == 5 { // /service/S/operation/A
		service, action = path[2], path[4]
	}
	if w.reading.calls != nil {
		w.reading.calls.Store(policyPrefix[service]+":"+action, true)
	}
	response, err := w.server.RoundTrip(req)
	change := w.reading.answer[action]
	if err != nil || change == nil {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(change(body)))
	response.ContentLength = -1
	return response, nil
}

// Write is what a worker logs.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log,
		awsapi.LogEvent{At: time.Now(), Stream: "worker", Message: strings.TrimSpace(string(line))})
	return len(line), nil
}

// StartTask implements cloud.TaskHost.
func (w *world) StartTask(_ time.Time, t *cloud.Task) {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	started := &task{w: w, task: t, stop: stop}
	w.tasks[t.ARN] = started
	w.running.Go(func() { started.run(ctx, w.settings(t)) })
}

// settings are those of the environment that the stack declares.
func (w *world) settings(t *cloud.Task) settings.Settings {
	containers, err := w.account.TaskDefinitions[t.TaskDefinition].Containers()
	assert.NoError(w.t, err)
	variables := map[string]string{}
	for _, v := range containers[0].Environment {
		variables[v.Name] = v.Value
	}
	s, err := settings.Read(variables)
	assert.NoError(w.t, err)
	return s
}

// StopTask implements cloud.TaskHost.
func (w *world) StopTask(_ time.Time, t *cloud.Task) { w.tasks[t.ARN].stop() }

// KillTask implements cloud.TaskHost.
func (w *world) KillTask(_ time.Time, t *cloud.Task) {
	w.tasks[t.ARN].killed.Store(true)
	w.tasks[t.ARN].stop()
}

// CPU implements cloud.TaskHost.
func (w *world) CPU(time.Time, *cloud.Task) float64 { return 0 }

// run is the process of a worker.
func (t *task) run(ctx context.Context, s settings.Settings) {
	logger := slog.New(slog.NewJSONHandler(t.w, nil))
	config := s.Consumer()
	config.Logger, config.Observe = logger, func(e consumer.Event) {
		if m := e.Message; e.Kind == consumer.Done {
			logger.Info("done", "message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount)
		}
	}
	if !t.w.reading.withoutAgent {
		agent := &awsapi.Agent{
			TaskARN: t.task.ARN,
			Answer: func(protect bool, lease time.Duration) (answer awsapi.AgentAnswer) {
				t.w.server.Do(func(_ *cloud.Account, now time.Time) {
					answer.Failure = t.w.control.Protect(now, t.task, protect, lease)
				})
				return answer
			},
		}
		guard := protection.New(protection.Options{
			AgentURI: "http://agent", HandlerTimeout: s.HandlerTimeout, HoldDown: s.HoldDown, Logger: logger,
			Client: &http.Client{Transport: t.mortal(agent)},
		})
		config.Protection = guard
		defer func() { _ = guard.Close(context.WithoutCancel(ctx)) }() // one that was killed cannot
	}
	client := sqs.New(sqs.Options{
		Region: t.w.account.Region, BaseEndpoint: aws.String("http://sqs"),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		HTTPClient:  &http.Client{Transport: t.mortal(t.w.server)}, RetryMaxAttempts: 1,
	})
	c, err := consumer.New(client, consumer.HandlerFunc(t.handle), config)
	assert.NoError(t.w.t, err)
	err = c.Run(ctx)
	if t.killed.Load() {
		return
	}
	assert.NoError(t.w.t, err)
	t.w.server.Do(func(_ *cloud.Account, now time.Time) { t.w.control.TaskEnded(now, t.task) })
}

// handle does what the job of the acceptance stack does.
func (t *task) handle(ctx context.Context, m *consumer.Message) error {
	var asked job
	if err := json.Unmarshal([]byte(m.Body), &asked); err != nil {
		return consumer.Permanent(err)
	}
	select {
	case <-time.After(time.Duration(asked.Seconds * float64(time.Second))):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if asked.Exit != 0 || t.w.reading.refuse != nil && t.w.reading.refuse(m) {
		return consumer.Permanent(errors.New("exit code 65"))
	}
	return nil
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

var errKilled = errors.New("killed")

// mortal is a connection of a process that may have been killed.
func (t *task) mortal(to http.RoundTripper) http.RoundTripper {
	return transport(func(req *http.Request) (*http.Response, error) {
		if t.killed.Load() {
			return nil, errKilled
		}
		response, err := to.RoundTrip(req)
		if t.killed.Load() {
			return nil, errKilled
		}
		return response, err
	})
}

// declaredStack is the dev stack as it was declared on an account.
type declaredStack struct {
	server    *awsapi.Server // whose lock guards the account
	account   *cloud.Account
	overrides []string
	tag       string
	leave     string // a log group that destroy forgets
}

// Up implements Stack.
func (s *declaredStack) Up(context.Context) (o Outputs, err error) {
	s.tag = "dev"
	s.server.Do(func(*cloud.Account, time.Time) { o = s.outputs() })
	return o, nil
}

// outputs are those of the stack, whose resources get its tag.
func (s *declaredStack) outputs() (o Outputs) {
	for _, q := range s.account.Queues {
		if q.RedrivePolicy == "" {
			o.DeadLetterQueueURL = q.URL
		} else {
			o.QueueURL, o.QueueName = q.URL, q.Name
		}
		q.Tags = map[string]string{tagKey: s.tag}
	}
	for _, service := range s.account.Services {
		o.Cluster, o.Service = service.ClusterName(), service.Name
	}
	for name, group := range s.account.LogGroups {
		o.LogGroup = name
		group.Tags = map[string]string{tagKey: s.tag}
	}
	for arn := range s.account.StateMachines {
		o.WakeARN = arn
	}
	return o
}

// Preview implements Stack: what the program declares, against what there is.
func (s *declaredStack) Preview(context.Context) (changes []string, err error) {
	declaredNow, err := declared.Account("..", "dev", s.overrides...)
	if err != nil {
		return nil, err
	}
	s.server.Do(func(a *cloud.Account, _ time.Time) {
		for arn, want := range declaredNow.TaskDefinitions {
			if have := a.TaskDefinitions[arn]; have == nil ||
				have.ContainerDefinitions != want.ContainerDefinitions {
				changes = append(changes, "~ "+arn)
			}
		}
	})
	return changes, nil
}

// Destroy implements Stack.
func (s *declaredStack) Destroy(context.Context) error {
	s.server.Do(func(a *cloud.Account, _ time.Time) {
		clear(a.Queues)
		clear(a.Services)
		for name := range a.LogGroups {
			if s.leave != name {
				delete(a.LogGroups, name)
			}
		}
	})
	return nil
}
