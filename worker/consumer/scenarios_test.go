package consumer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/protection"
)

var (
	scenarios = flag.Int("scenarios", 500, "random scenarios to run")
	firstSeed = flag.Uint64("seed", 0, "seed of the first scenario; 0 draws one")
)

// TestScenarios lets workers consume a queue while everything goes wrong at random:
// handlers fail, panic, hang and ignore their cancellation; SQS throttles, loses
// answers after the effect, fails entries of batches, is slow, and jumps in time; the
// agent refuses, errs and talks nonsense; workers are killed and started again. Then
// all of it ends, one good worker does what is left, and the books must balance.
//
//	go test ./worker/consumer -run TestScenarios -scenarios 100000
//	go test ./worker/consumer -run TestScenarios -scenarios 1 -seed 42
func TestScenarios(t *testing.T) {
	t.Parallel()
	seed := *firstSeed
	if seed == 0 {
		seed = rand.Uint64() >> 1
	}
	t.Logf("seeds %d to %d", seed, seed+uint64(*scenarios)-1)
	var next atomic.Uint64
	var totals tally
	for lane := range min(runtime.GOMAXPROCS(0), *scenarios) {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			for {
				i := next.Add(1) - 1
				if i >= uint64(*scenarios) || t.Failed() {
					return
				}
				if i%10000 == 9999 {
					t.Logf("%d scenarios", i+1)
				}
				synctest.Test(t, func(t *testing.T) { newScenario(t, seed+i).run(&totals) })
			}
		})
	}
	t.Cleanup(func() { t.Logf("in all: %s", &totals) })
}

// tally is what the scenarios went through; a generator that stopped producing a
// kind of trouble would show here.
type tally struct {
	messages, successes, buried, lost, kills, refusals, faults, unwanted atomic.Int64
}

func (c *tally) String() string {
	return fmt.Sprintf("%d messages, %d successes, %d put aside, %d leases lost, %d kills, %d refusals of protection, %d workers sent away, %d faults",
		c.messages.Load(), c.successes.Load(), c.buried.Load(), c.lost.Load(), c.kills.Load(), c.refusals.Load(), c.unwanted.Load(), c.faults.Load())
}

type scenario struct {
	*world
	t      *testing.T
	seed   uint64
	totals *tally
	jumps  bool // SQS's clock jumps

	mu     sync.Mutex
	random *rand.Rand
	calm   bool // no more trouble
	sent   []string
	done   map[string]bool // bodies that a handler succeeded on
	live   map[string]int  // running handlers by worker and group
}

func newScenario(t *testing.T, seed uint64) *scenario {
	random := rand.New(rand.NewPCG(seed, 1))
	return &scenario{
		world: newWorld(t, 3+random.IntN(10)), t: t, seed: seed, random: random, jumps: random.IntN(5) == 0,
		done: map[string]bool{}, live: map[string]int{},
	}
}

// violation reports a broken promise, with the seed that shows it.
func (s *scenario) violation(format string, args ...any) {
	s.t.Errorf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// draw makes random decisions one at a time.
func draw[T any](s *scenario, decide func(r *rand.Rand) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return decide(s.random)
}

func (s *scenario) chance(percent int) bool {
	return draw(s, func(r *rand.Rand) bool { return r.IntN(100) < percent })
}

func (s *scenario) upTo(d time.Duration) time.Duration {
	return draw(s, func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(d))) })
}

func (s *scenario) number(n int) int { return draw(s, func(r *rand.Rand) int { return r.IntN(n) }) }

func (s *scenario) isCalm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calm
}

func (s *scenario) run(totals *tally) {
	s.totals = totals
	s.server.Fault = s.fault
	var troubled sync.WaitGroup
	troubled.Go(s.produce)
	if s.jumps {
		troubled.Go(func() {
			time.Sleep(s.upTo(5 * time.Minute))
			s.server.Skew(s.upTo(2*time.Minute) - time.Minute)
		})
	}
	for i := range 1 + s.number(3) {
		troubled.Go(func() { s.workerLife(fmt.Sprint("worker", i)) })
	}
	troubled.Wait()
	s.mu.Lock()
	s.calm = true
	s.mu.Unlock()
	s.settleBooks()
	time.Sleep(time.Minute) // handlers that ignored their cancellation return by now
}

// produce sends messages of a few groups, over some minutes.
func (s *scenario) produce() {
	groups := 1 + s.number(4)
	for i := range 1 + s.number(12) {
		time.Sleep(s.upTo(30 * time.Second))
		group := fmt.Sprint("group", s.number(groups))
		body := fmt.Sprintf("%s/%d", group, i)
		s.mu.Lock()
		s.sent = append(s.sent, body)
		s.mu.Unlock()
		s.send(group, body)
		s.totals.messages.Add(1)
	}
}

// fault is the trouble of a request.
func (s *scenario) fault(string) awsapi.Fault {
	if s.isCalm() || !s.chance(12) {
		return awsapi.Fault{}
	}
	s.totals.faults.Add(1)
	switch s.number(5) {
	case 0:
		return awsapi.Fault{Throttle: true}
	case 1:
		return awsapi.Fault{LoseResponse: true}
	case 2:
		return awsapi.Fault{FailEntries: true}
	case 3:
		return awsapi.Fault{DelayAnswer: s.upTo(15 * time.Second)}
	}
	return awsapi.Fault{Delay: s.upTo(15 * time.Second)}
}

// workerLife runs a worker, which is killed or stopped some time, and started again.
func (s *scenario) workerLife(name string) {
	for life := range 1 + s.number(3) {
		time.Sleep(s.upTo(time.Minute))
		s.worker(fmt.Sprintf("%s.%d", name, life))
	}
}

// errKilled is what a dead process's calls come to.
var errKilled = errors.New("killed")

// worker is one process: it runs for some minutes and is stopped, or killed.
func (s *scenario) worker(name string) {
	var killed atomic.Bool
	line := roundTripper(func(req *http.Request) (*http.Response, error) {
		if killed.Load() {
			return nil, errKilled
		}
		response, err := s.server.RoundTrip(req)
		if killed.Load() {
			return nil, errKilled
		}
		return response, err
	})
	agent := &awsapi.Agent{TaskARN: name, Answer: s.agentAnswer}
	config := s.config()
	config.VisibilityTimeout = time.Duration(10+s.number(50)) * time.Second
	config.Concurrency = 1 + s.number(5)
	config.MaxAttempts = 1 + s.number(3)
	config.HandlerTimeout = time.Minute + s.upTo(time.Hour)
	config.MaxBackoff = time.Minute
	config.StopTimeout = 30*time.Second + s.upTo(90*time.Second)
	config.Observe = func(e Event) {
		if e.Kind == LeaseLost {
			s.totals.lost.Add(1)
		}
	}
	task := protection.New(protection.Options{
		AgentURI: "http://agent", HandlerTimeout: config.HandlerTimeout, Logger: config.Logger, Client: &http.Client{Transport: agent},
	})
	config.Protection = task
	handler := func(ctx context.Context, m *Message) error { return s.handle(ctx, name, agent, &killed, m) }
	c, err := New(client(line), HandlerFunc(handler), config)
	if err != nil {
		s.violation("%v", err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	select {
	case <-time.After(s.upTo(6 * time.Minute)):
	case err := <-ended:
		s.totals.unwanted.Add(1)
		if err != nil {
			s.violation("%s gave up: %v", name, err)
		}
		_ = task.Close(context.Background()) // the agent may refuse
		return
	}
	if s.chance(50) {
		s.totals.kills.Add(1)
		killed.Store(true)
	}
	stop()
	if err := <-ended; err != nil && !killed.Load() {
		s.violation("%s did not drain: %v", name, err)
	}
	_ = task.Close(context.Background()) // the agent may refuse
}

func (s *scenario) agentAnswer(protect bool, _ time.Duration) awsapi.AgentAnswer {
	if s.isCalm() || !s.chance(15) {
		return awsapi.AgentAnswer{}
	}
	if protect {
		s.totals.refusals.Add(1)
	}
	return []awsapi.AgentAnswer{
		{Failure: "DEPLOYMENT_BLOCKED"},
		{Failure: "TASK_DEFINITION_INACTIVE"},
		{Status: http.StatusBadRequest, Body: `{"error":{"Code":"ThrottlingException","Message":"Rate exceeded"}}`},
		{Status: http.StatusGatewayTimeout, Body: `{"error":{"Code":"RequestCanceled","Message":"Timed out"}}`},
		{Status: http.StatusOK, Body: "<html>"},
		{Status: http.StatusOK, Body: `{}`},
		{Delay: 20 * time.Second},
		{Delay: 20 * time.Second, Effect: true},
		{Status: http.StatusGatewayTimeout, Body: `{"error":{"Code":"RequestCanceled","Message":"Timed out"}}`, Effect: true},
	}[s.number(9)]
}

// handle is a handler that does anything, and checks what it was promised.
func (s *scenario) handle(ctx context.Context, worker string, agent *awsapi.Agent, killed *atomic.Bool, m *Message) error {
	if killed.Load() {
		return errKilled // a dead process runs nothing
	}
	s.checkStart(worker, m)
	if agent != nil && !agent.Protected() {
		s.violation("%s starts %s unprotected", worker, m.Body)
	}
	key := worker + " " + m.GroupID
	s.mu.Lock()
	if s.live[key]++; s.live[key] > 1 {
		s.violation("%s has two live handlers of %s", worker, m.GroupID)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.live[key]--
		s.mu.Unlock()
	}()
	err := s.work(ctx)
	if err == nil && !killed.Load() {
		s.mu.Lock()
		s.done[m.Body] = true
		s.mu.Unlock()
		s.totals.successes.Add(1)
	}
	return err
}

// checkStart: when a message starts, those before it in its group are gone from the
// queue, and it is not, unless SQS's clock jumped and took the lease with it before
// the worker could know.
func (s *scenario) checkStart(worker string, m *Message) {
	s.server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(s.queueURL)
		if err != nil {
			s.violation("%v", err)
			return
		}
		for _, other := range box.Messages() {
			switch {
			case other.GroupID != m.GroupID:
			case other.ID == m.ID:
				return
			case awsapi.SequenceNumber(other) < m.SequenceNumber: // of equal length
				s.violation("%s starts %s while %s is in the queue", worker, m.Body, other.Body)
			}
		}
		if !s.jumps {
			s.violation("%s starts %s, which is gone already", worker, m.Body)
		}
	})
}

// work takes some time and ends somehow.
func (s *scenario) work(ctx context.Context) error {
	if s.isCalm() {
		return nil
	}
	busy := time.NewTimer(s.upTo(40 * time.Second))
	defer busy.Stop()
	kind := s.number(20)
	if kind == 0 { // hangs until it is cancelled, and then some
		<-ctx.Done()
		time.Sleep(s.upTo(20 * time.Second))
		return ctx.Err()
	}
	select {
	case <-busy.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	switch kind {
	case 1:
		panic("as asked")
	case 2:
		return Permanent(errors.New("as asked"))
	case 3:
		return RetryAfter(s.upTo(2*time.Minute), errors.New("as asked"))
	case 4, 5, 6:
		return errors.New("as asked")
	}
	return nil
}

// settleBooks has one good worker do the rest, and checks that each message was
// either handled or is in the dead-letter queue.
func (s *scenario) settleBooks() {
	config := s.config()
	config.MaxBackoff = time.Minute
	stop := s.world.run(config, func(ctx context.Context, m *Message) error {
		return s.handle(ctx, "the last", nil, new(atomic.Bool), m)
	})
	const patience = 24 * time.Hour
	for began := time.Now(); len(s.bodies(s.queueURL)) > 0; time.Sleep(10 * time.Second) {
		if time.Since(began) > patience {
			s.violation("the queue is never empty: %v", s.bodies(s.queueURL))
			break
		}
	}
	if err := stop(); err != nil {
		s.violation("the last worker: %v", err)
	}
	aside := map[string]bool{}
	for _, body := range s.bodies(s.failed) {
		aside[body] = true
	}
	s.totals.buried.Add(int64(len(aside)))
	for _, body := range s.sent {
		if !s.done[body] && !aside[body] {
			s.violation("%s was neither done nor put aside", body)
		}
	}
}
