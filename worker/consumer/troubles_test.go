package consumer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/worker/protection"
)

// sendFaulty carries out a request with what goes wrong with it.
func (s *scenario) sendFaulty(next http.RoundTripper, actor string) roundTripper {
	return func(req *http.Request) (*http.Response, error) {
		fault := s.drawFault(actor)
		time.Sleep(fault.Delay)
		s.faultLock.Lock() // until the server asks for the fault
		s.fault = awsapi.Fault{Throttle: fault.Throttle, FailEntries: fault.FailEntries}
		response, err := next.RoundTrip(req)
		time.Sleep(fault.DelayAnswer)
		if fault.LoseResponse {
			return nil, errors.New("connection reset by peer")
		}
		return response, err
	}
}

// drawFault is the trouble of a request.
func (s *scenario) drawFault(actor string) awsapi.Fault {
	r := s.stream(actor)
	if s.calm.Load() || !r.chance(12) {
		return awsapi.Fault{}
	}
	s.totals.faults.Add(1)
	slowness := 15 * time.Second
	if s.kind.strict {
		slowness = 2 * time.Second // too short to lose a lease
	}
	switch r.number(5) {
	case 0:
		return awsapi.Fault{Throttle: true}
	case 1:
		return awsapi.Fault{LoseResponse: true}
	case 2:
		return awsapi.Fault{FailEntries: true}
	case 3:
		return awsapi.Fault{DelayAnswer: r.upTo(slowness)}
	}
	return awsapi.Fault{Delay: r.upTo(slowness)}
}

// workerLife runs a worker, which is killed or stopped some time, and started again.
func (s *scenario) workerLife(name string, workers int) {
	r := s.stream(name)
	lives := 1 + r.number(3)
	for life := range lives {
		time.Sleep(r.upTo(time.Minute))
		s.worker(fmt.Sprintf("%s.%d", name, life))
	}
}

// worker is one process: it runs for some minutes and is stopped, or killed.
func (s *scenario) worker(name string) {
	r := s.stream(name)
	var dead atomic.Bool
	agent := &awsapi.Agent{TaskARN: name, Answer: func(protect bool, _ time.Duration) awsapi.AgentAnswer {
		return s.agentAnswer(name, protect)
	}}
	config := s.config()
	config.VisibilityTimeout = time.Duration(10+r.number(50)) * time.Second
	if s.kind.strict {
		config.VisibilityTimeout += 20 * time.Second
	}
	config.Concurrency = 1 + r.number(5)
	if r.chance(20) {
		config.Concurrency += 20 // polls in parallel
	}
	if s.kind.strict {
		config.MaxReceiveCount = fewReceives
	}
	config.MaxAttempts = 1 + r.number(5)
	config.HandlerTimeout = time.Minute + r.upTo(time.Hour)
	config.Backoff, config.MaxBackoff = time.Second+r.upTo(15*time.Second), time.Minute
	config.StopTimeout = 30*time.Second + r.upTo(90*time.Second)
	config.Observe = func(e Event) {
		if e.Kind == LeaseLost {
			s.totals.lost.Add(1)
			s.history.add(happening{Actor: name, What: note, Group: e.Message.GroupID,
				Message: e.Message.Body, Detail: "lease lost"})
		}
	}
	task := protection.New(protection.Options{
		AgentURI: "http://agent", HandlerTimeout: config.HandlerTimeout, Logger: config.Logger,
		Client: &http.Client{Transport: agent}, Jitter: s.jitter(name),
	})
	config.Protection = task
	handler := func(ctx context.Context, m *Message) error { return s.handle(ctx, name, agent, &dead, m) }
	c := s.consumer(name, &dead, config, handler)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	select {
	case <-time.After(r.upTo(6 * time.Minute)):
	case err := <-ended:
		s.totals.unwanted.Add(1)
		if err != nil {
			s.broken(name, "it gave up: %v", err)
		}
		_ = task.Close(context.Background()) // the agent may refuse
		return
	}
	if r.chance(50) {
		s.totals.kills.Add(1)
		s.history.add(happening{Actor: name, What: killed})
		dead.Store(true)
	}
	stop()
	if err := <-ended; err != nil && !dead.Load() {
		s.broken(name, "it did not drain: %v", err)
	}
	_ = task.Close(context.Background()) // the agent may refuse
}

// consumer is a worker's consumer, whose randomness is the scenario's.
func (s *scenario) consumer(name string, dead *atomic.Bool, config Config, handler HandlerFunc) *Consumer {
	way := &line{w: s.world, name: name, linger: s.kind.linger, broken: dead.Load, faulty: s.sendFaulty}
	way.buried = func(message string) {
		s.history.add(happening{Actor: name, What: buried, Message: message})
	}
	if s.detailed {
		way.observe = func(actor string) { s.history.add(happening{Actor: actor, What: request}) }
	}
	c, err := New(client(way), handler, config)
	if err != nil {
		panic(err) // the scenario's own configuration
	}
	c.jitter = s.jitter(name)
	var polls atomic.Int64
	c.newID = func() string { return fmt.Sprintf("%s-poll-%d", name, polls.Add(1)) }
	return c
}

func (s *scenario) agentAnswer(worker string, protect bool) awsapi.AgentAnswer {
	r := s.stream(worker + " agent")
	if s.calm.Load() || s.kind.strict || !r.chance(15) {
		return awsapi.AgentAnswer{}
	}
	if protect {
		s.totals.refusals.Add(1)
	}
	return []awsapi.AgentAnswer{
		{Failure: "DEPLOYMENT_BLOCKED"},
		{Failure: "TASK_DEFINITION_INACTIVE"},
		{Status: http.StatusBadRequest,
			Body: `{"error":{"Code":"ThrottlingException","Message":"Rate exceeded"}}`},
		{Status: http.StatusGatewayTimeout,
			Body: `{"error":{"Code":"RequestCanceled","Message":"Timed out"}}`},
		{Status: http.StatusOK, Body: "<html>"},
		{Status: http.StatusOK, Body: `{}`},
		{Delay: 20 * time.Second},
		{Delay: 20 * time.Second, Effect: true},
		{Status: http.StatusGatewayTimeout,
			Body: `{"error":{"Code":"RequestCanceled","Message":"Timed out"}}`, Effect: true},
	}[r.number(9)]
}
