package consumer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

var (
	scenarios = flag.Int("scenarios", 500, "random scenarios to run")
	firstSeed = flag.Uint64("seed", 1, "seed of the first scenario; 0 draws one")
)

// TestScenarios lets workers consume a queue while everything goes wrong at random:
// handlers fail, panic, hang and ignore their cancellation; SQS throttles, loses
// answers after the effect, fails entries of batches, is slow, and jumps in time; the
// agent refuses, errs and talks nonsense; workers are killed and started again. Then
// all of it ends, one good worker does what is left, and the books must balance. In half
// of the scenarios a long poll goes on at SQS when its client hangs up. A violation leaves
// its history in a file, in $TEST_ARTIFACTS or where temporary files are; see TestHistory.
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
	const percent = 400 // the heap is small and short-lived; collecting it took a quarter of the time
	before := debug.SetGCPercent(percent)
	t.Cleanup(func() { debug.SetGCPercent(before) })
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
				synctest.Test(t, func(t *testing.T) {
					s := newScenario(t, seed+i)
					s.run(&totals)
					s.report()
				})
			}
		})
	}
	t.Cleanup(func() { t.Logf("in all: %s", &totals) })
}

// TestASeedReplays: a seed gives the same happenings for each actor, each time.
func TestASeedReplays(t *testing.T) {
	t.Parallel()
	const first, seeds, times = 3000, 40, 5
	for seed := uint64(first); seed < first+seeds; seed++ {
		var before map[string][]happening
		for range times {
			synctest.Test(t, func(t *testing.T) {
				s := newScenario(t, seed)
				s.detailed = true
				s.run(&tally{})
				now := s.history.byActor()
				if before != nil {
					assert.Equal(t, before, now, "seed %d", seed)
				}
				before = now
			})
		}
	}
}

func (h *history) byActor() map[string][]happening {
	of := map[string][]happening{}
	for _, e := range h.happenings() {
		key := e.Actor + " " + e.Group
		of[key] = append(of[key], e)
	}
	return of
}

// tally is what the scenarios went through; a generator that stopped producing a
// kind of trouble would show here.
type tally struct {
	messages, successes, buried, lost, kills, refusals, faults, unwanted, lingering atomic.Int64
}

func (c *tally) String() string {
	return fmt.Sprintf("%d messages, %d successes, %d put aside, %d leases lost, %d kills, %d refusals of "+
		"protection, "+
		"%d workers sent away, %d faults; polls outlive their connections in %d scenarios",
		c.messages.Load(), c.successes.Load(), c.buried.Load(), c.lost.Load(), c.kills.Load(),
		c.refusals.Load(),
		c.unwanted.Load(), c.faults.Load(), c.lingering.Load())
}

// scenario is a world in which things go wrong.
type scenario struct {
	*world
	t       *testing.T
	seed    uint64
	totals  *tally
	history history
	kind    kind
	// detailed notes each request, too.
	detailed bool

	faultLock sync.Mutex
	fault     awsapi.Fault // of the request that the server is about to get

	streamLock sync.Mutex
	streams    map[string]*stream
	calm       atomic.Bool // no more trouble
}

// kind is what kind of trouble there is.
type kind struct {
	// strict: the queue redrives after three receives, and nothing is so slow that a lease
	// is lost by it. Otherwise the shipped ten, and all the trouble there is.
	strict bool
	// linger: a long poll goes on at SQS when its client hangs up.
	linger bool
	// jumps: SQS's clock jumps.
	jumps bool
}

const (
	shippedReceives = 10
	fewReceives     = 3
)

func newScenario(t *testing.T, seed uint64) *scenario {
	s := &scenario{t: t, seed: seed, streams: map[string]*stream{}, history: history{began: time.Now()}}
	r := s.stream("kind")
	s.kind = kind{strict: r.chance(30), linger: seed%2 == 0, jumps: r.chance(20)}
	receives := shippedReceives
	if s.kind.strict {
		receives, s.kind.jumps = fewReceives, false
	}
	s.world = newWorld(t, receives)
	return s
}

// stream is the randomness of one actor: what it decides depends on the seed, its name
// and how often it has decided before, not on when it is asked.
type stream struct {
	mu     sync.Mutex
	random *rand.Rand
}

func (s *scenario) stream(actor string) *stream {
	s.streamLock.Lock()
	defer s.streamLock.Unlock()
	r, ok := s.streams[actor]
	if !ok {
		hash := fnv.New64a()
		_, _ = io.WriteString(hash, actor) // a hash does not fail
		r = &stream{random: rand.New(rand.NewPCG(s.seed, hash.Sum64()))}
		s.streams[actor] = r
	}
	return r
}

func (r *stream) number(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.IntN(n)
}

func (r *stream) upTo(d time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.random.Int64N(int64(d) + 1))
}

// jitter is a Jitter of a worker. It depends on the time, not on how often it was asked:
// groups that fail at once ask in any order.
func (s *scenario) jitter(worker string) func(time.Duration) time.Duration {
	return func(d time.Duration) time.Duration {
		return s.stream(fmt.Sprintf("%s jitter of %s at %s", worker, d, time.Since(s.history.began))).upTo(d)
	}
}

func (r *stream) chance(percent int) bool { return r.number(100) < percent }

func (s *scenario) broken(actor, format string, args ...any) {
	s.history.add(happening{Actor: actor, What: broken, Detail: fmt.Sprintf(format, args...)})
}

// report judges the scenario, and leaves the history of a bad one.
func (s *scenario) report() {
	wrong := judge(s.history.happenings())
	if len(wrong) == 0 {
		return
	}
	folder := os.Getenv("TEST_ARTIFACTS")
	if folder == "" {
		folder = os.TempDir()
	}
	file := s.history.write(s.t, folder, s.seed)
	s.t.Errorf("seed %d (%+v), history in %s: %v", s.seed, s.kind, file, wrong)
}

func (s *scenario) run(totals *tally) {
	s.totals = totals
	if s.kind.linger {
		totals.lingering.Add(1)
	}
	s.server.Fault = func(string) awsapi.Fault {
		fault := s.fault
		s.fault = awsapi.Fault{}
		s.faultLock.Unlock()
		return fault
	}
	var troubled sync.WaitGroup
	troubled.Go(s.produce)
	if s.kind.jumps {
		troubled.Go(func() {
			r := s.stream("clock")
			time.Sleep(r.upTo(5 * time.Minute))
			by := r.upTo(2*time.Minute) - time.Minute
			s.history.add(happening{Actor: "clock", What: jumped, Detail: by.String()})
			s.server.Skew(by)
			s.wake()
		})
	}
	workers := 1 + s.stream("workers").number(3)
	for i := range workers {
		troubled.Go(func() { s.workerLife(fmt.Sprint("worker", i), workers) })
	}
	troubled.Wait()
	s.calm.Store(true)
	s.settleBooks()
	time.Sleep(time.Minute) // handlers that ignored their cancellation return by now
	synctest.Wait()
}

// produce sends messages of a few groups, over some minutes.
func (s *scenario) produce() {
	r := s.stream("producer")
	groups := 1 + r.number(4)
	for i := range 1 + r.number(12) {
		time.Sleep(r.upTo(30 * time.Second))
		group := fmt.Sprint("group", r.number(groups))
		body := fmt.Sprintf("%s/%d", group, i)
		s.history.add(happening{Actor: "producer", What: sent, Message: body, Group: group})
		s.send(group, body)
		s.totals.messages.Add(1)
	}
}

// handle is a handler that does anything, and notes what it was promised.
func (s *scenario) handle(
	ctx context.Context, worker string, agent *awsapi.Agent, dead *atomic.Bool, m *Message,
) (err error) {
	if dead.Load() {
		return errKilled // a dead process runs nothing
	}
	start := s.atStart(m)
	start.Actor, start.Unprotected = worker, agent != nil && !agent.Protected()
	start.Detail = fmt.Sprint(m.ReceiveCount)
	s.history.add(start)
	defer func() {
		p := recover()
		if dead.Load() {
			return
		}
		end := happening{Actor: worker, Message: m.Body, Group: m.GroupID, What: succeeded}
		switch cause := context.Cause(ctx); {
		case p != nil, err != nil && cause == nil, errors.Is(cause, ErrHandlerTimeout):
			end.What = failedItself
		case err != nil && errors.Is(cause, ErrStopping):
			end.What = cutShort
		case err != nil:
			end.What = interrupted
		default:
			s.totals.successes.Add(1)
		}
		s.history.add(end)
		if p != nil {
			panic(p)
		}
	}()
	return s.work(ctx, s.stream(fmt.Sprintf("%s %s %d", worker, m.Body, m.ReceiveCount)))
}

// atStart says how the queue is as a message starts.
func (s *scenario) atStart(m *Message) happening {
	start := happening{What: started, Message: m.Body, Group: m.GroupID, Gone: true}
	s.server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(s.queueURL)
		if err != nil {
			return // there is no such queue, so the message is gone
		}
		for _, other := range box.Messages() {
			switch {
			case other.GroupID != m.GroupID:
			case other.ID == m.ID:
				start.Gone = false
			case start.Gone && awsapi.SequenceNumber(other) < m.SequenceNumber: // of equal length
				start.Ahead = append(start.Ahead, other.Body)
			}
		}
	})
	return start
}

// work takes some time and ends somehow.
func (s *scenario) work(ctx context.Context, r *stream) error {
	if s.calm.Load() {
		time.Sleep(r.upTo(time.Second))
		return nil
	}
	busy := time.NewTimer(r.upTo(40 * time.Second))
	defer busy.Stop()
	kind := r.number(20)
	if kind == 0 { // hangs until it is cancelled, and then some
		<-ctx.Done()
		time.Sleep(r.upTo(20 * time.Second))
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
		return RetryAfter(r.upTo(2*time.Minute), errors.New("as asked"))
	case 4, 5, 6:
		return errors.New("as asked")
	}
	return nil
}

// settleBooks has one good worker do the rest, until each message is either handled or
// in the dead-letter queue.
func (s *scenario) settleBooks() {
	config := s.config()
	config.MaxBackoff = time.Minute
	if s.kind.strict {
		config.MaxReceiveCount = fewReceives
	}
	const name = "the-last"
	c := s.consumer(name, new(atomic.Bool), config, func(ctx context.Context, m *Message) error {
		return s.handle(ctx, name, nil, new(atomic.Bool), m)
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	time.Sleep(time.Second) // it has begun, even if there is nothing to do
	const patience = 24 * time.Hour
	for began := time.Now(); len(s.bodies(s.queueURL)) > 0; time.Sleep(10 * time.Second) {
		if time.Since(began) > patience {
			s.broken(name, "the queue is never empty: %v", s.bodies(s.queueURL))
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		s.broken(name, "%v", err)
	}
	for _, body := range s.bodies(s.failed) {
		s.totals.buried.Add(1)
		s.history.add(happening{Actor: "queue", What: deadLettered, Message: body})
	}
}
