// Package consumer consumes an SQS FIFO queue: the messages of a group strictly in
// order, groups in parallel, each message hidden from others for as long as its
// handler takes. What it does not finish it hands back, in order.
package consumer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/semaphore"
)

// Consumer consumes one queue.
type Consumer struct {
	Config
	client  SQS
	handler Handler
	deleter *deleter
	blocked blockedGroups
	// slots are the groups that may be worked on at once.
	slots *semaphore.Weighted
	// calls is the context of calls to SQS that have to be made even while stopping.
	calls context.Context

	stop     chan struct{} // closed when no more work may start
	killed   chan struct{} // closed when the process has StopTimeout left
	killedAt time.Time     // when that was; read it after killed
	stopOnce sync.Once
	running  sync.WaitGroup // goroutines of groups

	mu     sync.Mutex
	active map[string]*lease // by group: the latest
	leases map[*lease]bool
	// cutPoll ends the long poll that is under way, since what it asks for is no longer
	// what we want.
	cutPoll context.CancelFunc
	// pauseUntil is when to poll again after protection was refused.
	pauseUntil time.Time
	refusals   atomic.Int32 // in a row
}

// New is a consumer of the queue in the configuration, which it validates.
func New(client SQS, handler Handler, config Config) (*Consumer, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	c := &Consumer{
		Config: config, client: client, handler: handler,
		slots: semaphore.NewWeighted(int64(config.Concurrency)),
		stop:  make(chan struct{}), killed: make(chan struct{}),
		active: map[string]*lease{}, leases: map[*lease]bool{},
	}
	c.deleter = &deleter{client: client, queueURL: config.QueueURL, requests: make(chan deletion), groups: c.groupsNow}
	return c, nil
}

// Run consumes until ctx ends or the service wants the task no more, then drains:
// what has not started is handed back at once. Once ctx has ended, running handlers
// have until 15 s before StopTimeout, then they are cancelled; handlers of a task that
// is merely unwanted are protected and finish. Run fails if SQS refuses the first
// poll: no such queue, or no right to it. A Consumer runs once.
func (c *Consumer) Run(ctx context.Context) error {
	calls, endCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer endCalls()
	c.calls = calls
	work, cancelWork := context.WithCancelCause(calls)
	defer cancelWork(ErrStopping)

	var helpers sync.WaitGroup
	helpers.Go(func() { c.deleter.run(calls) })
	helpers.Go(func() { c.keeper().run(calls) })
	helpers.Go(func() { c.reportBlocked(calls) })

	polling, stopPolling := context.WithCancel(ctx)
	unhook := context.AfterFunc(ctx, func() {
		c.killedAt = time.Now()
		close(c.killed)
		c.stopWork()
	})
	go func() {
		<-c.stop
		stopPolling()
	}()
	err := c.poll(polling, work)
	c.stopWork()
	c.drain(cancelWork)
	unhook()
	c.cut()
	endCalls()
	helpers.Wait()
	return err
}

func (c *Consumer) keeper() *keeper {
	return &keeper{
		client: c.client, queueURL: c.QueueURL, visibility: c.VisibilityTimeout,
		onLoss: c.countLoss, leases: c.currentLeases, warn: c.Logger.Warn,
	}
}

// stopWork lets no more work start.
func (c *Consumer) stopWork() { c.stopOnce.Do(func() { close(c.stop) }) }

func (c *Consumer) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// poll receives messages while there are slots for them.
func (c *Consumer) poll(ctx, work context.Context) error {
	for received := false; ; received = true {
		slots, err := c.takeSlots(ctx)
		if err != nil {
			return nil // stopping
		}
		p := newPoll(c, slots)
		if err := c.receive(ctx, p, received); err != nil {
			c.slots.Release(int64(slots))
			if ctx.Err() != nil {
				return nil // stopping
			}
			return fmt.Errorf("receiving from %s: %w", c.QueueURL, err)
		}
		c.start(work, p)
	}
}

// receive runs a poll, with patience: the same one again and again, so that messages
// whose delivery got lost come after all. Only the first may be refused for good.
func (c *Consumer) receive(ctx context.Context, p *poll, received bool) error {
	for failures := 1; ; failures++ {
		err := p.run(c.cuttable(ctx))
		if err == nil || ctx.Err() != nil || !received && isRefusal(err) {
			return err
		}
		c.Logger.Warn("receiving failed; it is tried again", "error", err)
		if err := sleep(ctx, exponential(c.Backoff, 30*time.Second, failures)); err != nil {
			return err
		}
		if time.Since(p.askedAt) > attemptLife {
			p.renew()
		}
	}
}

// cuttable is a context for a poll that others may cut short.
func (c *Consumer) cuttable(ctx context.Context) context.Context {
	poll, cut := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutPoll != nil {
		c.cutPoll() // of the poll before; it is over
	}
	c.cutPoll = cut
	return poll
}

// cut ends the poll that is under way.
func (c *Consumer) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutPoll != nil {
		c.cutPoll()
	}
}

// takeSlots waits until work may start, and takes as many slots as a poll can fill.
// While a failed message is about to come back it takes one only: then it comes
// alone, and does not burn the receive counts of those behind it.
func (c *Consumer) takeSlots(ctx context.Context) (int, error) {
	c.mu.Lock()
	pause := time.Until(c.pauseUntil)
	c.mu.Unlock()
	if pause > 0 {
		if err := sleep(ctx, pause); err != nil {
			return 0, err
		}
	}
	if err := c.awaitProtection(ctx); err != nil {
		return 0, err
	}
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	taken := 1
	if now := time.Now(); c.blocked.dueBetween(now, now.Add(c.WaitTime)) {
		return taken, nil
	}
	for taken < batchSize && c.slots.TryAcquire(1) {
		taken++
	}
	return taken, nil
}

// attemptLife is how long SQS remembers an attempt id, less a margin.
const attemptLife = 4 * time.Minute

// awaitProtection asks for protection before it receives, once it was refused: what is
// received only to be handed back comes nearer to the dead-letter queue each time.
func (c *Consumer) awaitProtection(ctx context.Context) error {
	for c.refusals.Load() > 0 {
		release, err := c.Protection.Hold(ctx)
		if err == nil {
			release()
			c.refusals.Store(0)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := sleep(ctx, c.refused(err)); err != nil {
			return err
		}
	}
	return nil
}

// poll is one receive.
type poll struct {
	c *Consumer
	// attempt tells SQS which receives are the same, so that a repetition after a lost
	// answer gets the same messages.
	attempt string
	slots   int
	askedAt time.Time
	// receivedAt is when the answer was asked for that arrived.
	receivedAt time.Time
	messages   []types.Message
}

func newPoll(c *Consumer, slots int) *poll {
	p := &poll{c: c, slots: slots}
	p.renew()
	return p
}

// renew makes it a receive of its own.
func (p *poll) renew() { p.attempt, p.askedAt = rand.Text(), time.Now() }

// run receives. If the answer is lost or the poll is cut off it asks again, at once,
// for the same messages: they would be hidden from everybody otherwise.
func (p *poll) run(ctx context.Context) error {
	err := p.receive(ctx, min(p.c.WaitTime, (p.c.VisibilityTimeout/3).Truncate(time.Second)))
	if err == nil || isRefusal(err) {
		return err
	}
	if again := p.receive(context.WithoutCancel(ctx), 0); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

func (p *poll) receive(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	p.receivedAt = time.Now()
	output, err := p.c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(p.c.QueueURL),
		MaxNumberOfMessages:         int32(p.slots),
		VisibilityTimeout:           int32(p.c.VisibilityTimeout / time.Second),
		WaitTimeSeconds:             int32(wait / time.Second),
		ReceiveRequestAttemptId:     aws.String(p.attempt),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return err
	}
	p.messages = output.Messages
	return nil
}

// isRefusal says whether SQS refused a request for what it is, so that repeating it
// is of no use.
func isRefusal(err error) bool {
	var refusal smithy.APIError
	throttles := []string{"RequestThrottled", "ThrottlingException", "Throttling", "TooManyRequestsException", "KmsThrottled"}
	return errors.As(err, &refusal) && refusal.ErrorFault() == smithy.FaultClient && !slices.Contains(throttles, refusal.ErrorCode())
}

// start begins the groups of a poll and gives back the slots it did not need. If the
// task cannot be protected now, it hands back everything before it polls again.
func (c *Consumer) start(work context.Context, p *poll) {
	c.Metrics.Received(len(p.messages))
	groups := byGroup(p.messages)
	c.slots.Release(int64(p.slots - len(groups)))
	if len(groups) == 0 {
		return
	}
	leases := make([]*lease, len(groups))
	before := make([]*lease, len(groups))
	for i, messages := range groups {
		leases[i] = newLease(work, messages, p.askedAt, p.receivedAt, c.VisibilityTimeout, c.countLoss)
		before[i] = c.register(leases[i])
	}
	if release, err := c.holdUnlessStopping(work); err == nil {
		defer release() // when each group has begun to hold it for itself, or soon after
	} else {
		c.releaseAll(leases)
	}
	for i, l := range leases {
		c.running.Go(func() { c.runGroup(l, before[i]) })
	}
}

// holdUnlessStopping asks for protection before any of a poll's groups starts.
func (c *Consumer) holdUnlessStopping(work context.Context) (release func(), err error) {
	if c.stopping() {
		return nil, ErrStopping
	}
	if release, err = c.Protection.Hold(work); err != nil {
		c.refused(err)
	}
	return release, err
}

// releaseAll hands back the messages of several groups.
func (c *Consumer) releaseAll(leases []*lease) {
	var calls sync.WaitGroup
	for _, l := range leases {
		calls.Go(func() { c.release(l.takeAll(), 0) })
	}
	calls.Wait()
}

// register notes a new lease and returns the one on the same group before it, which
// must be lost: SQS gives a group to somebody only when its lease has lapsed.
func (c *Consumer) register(l *lease) (before *lease) {
	c.mu.Lock()
	before = c.active[l.groupID]
	c.active[l.groupID] = l
	c.leases[l] = true
	groupsNow := len(c.leases)
	c.mu.Unlock()
	c.Metrics.InFlight(groupsNow)
	if before != nil && !before.concluding() {
		c.lose(before)
	}
	return before
}

// finish ends a group's goroutine. The group counts as active until a handler that
// ran before it has returned, too.
func (c *Consumer) finish(l, before *lease) {
	l.takeAll()
	l.cancel(context.Canceled)
	c.mu.Lock()
	delete(c.leases, l)
	groupsNow := len(c.leases)
	c.mu.Unlock()
	c.Metrics.InFlight(groupsNow)
	c.slots.Release(1)
	if before != nil {
		select {
		case <-before.done:
		default:
			go func() {
				<-before.done
				c.end(l)
			}()
			return
		}
	}
	c.end(l)
}

// end says that nothing of a lease runs any more.
func (c *Consumer) end(l *lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active[l.groupID] == l {
		delete(c.active, l.groupID)
	}
	close(l.done)
}

// groupsNow is how many groups are worked on.
func (c *Consumer) groupsNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.leases)
}

func (c *Consumer) currentLeases() []*lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*lease, 0, len(c.leases))
	for l := range c.leases {
		list = append(list, l)
	}
	return list
}

// lose ends a lease that others may have.
func (c *Consumer) lose(l *lease) {
	if l.lose() {
		c.countLoss(l)
	}
}

func (c *Consumer) countLoss(l *lease) {
	c.Metrics.LeaseLost(l.groupID)
	c.Logger.Warn("a lease is lost: the handler is cancelled, the messages will come again", "group", l.groupID)
}

// refused notes that protection was refused: when the service wants fewer tasks the
// worker stops, otherwise it waits a while, which it returns, before it polls again.
func (c *Consumer) refused(err error) (pause time.Duration) {
	var unwanted interface{ Unwanted() bool }
	if errors.As(err, &unwanted) && unwanted.Unwanted() {
		c.Logger.Info("the service wants fewer tasks; the worker stops", "reason", err)
		c.stopWork()
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause := time.Until(c.pauseUntil); pause > 0 {
		return pause
	}
	pause = exponential(5*time.Second, time.Minute, int(c.refusals.Add(1)))
	c.pauseUntil = time.Now().Add(pause)
	c.Logger.Warn("protection was refused: nothing starts, the messages are handed back", "pause", pause, "error", err)
	return pause
}

// drain hands back what waits, lets running handlers finish, and cancels them when
// the process has to end.
func (c *Consumer) drain(cancelWork context.CancelCauseFunc) {
	for _, l := range c.currentLeases() {
		if tail := l.takeTail(); tail != nil {
			c.running.Go(func() { c.changeVisibility(tail, 0) })
		}
	}
	finished := make(chan struct{})
	go func() {
		c.running.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return
	case <-c.killed:
	}
	deadline := c.killedAt.Add(c.StopTimeout - stopMargin)
	if waitUntil(finished, deadline) {
		return
	}
	c.Logger.Warn("handlers are cancelled: their time is up", "groups", len(c.currentLeases()))
	cancelWork(ErrStopping)
	if !waitUntil(finished, deadline.Add(cancelGrace)) {
		c.Logger.Error("handlers do not return; their messages become visible by themselves", "groups", len(c.currentLeases()))
	}
}

// waitUntil says whether a channel was closed in time.
func waitUntil(closed <-chan struct{}, deadline time.Time) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-closed:
		return true
	case <-timer.C:
		return false
	}
}

// reportBlocked keeps the metric of blocked groups up to date.
func (c *Consumer) reportBlocked(ctx context.Context) {
	const every = 15 * time.Second
	for sleep(ctx, every) == nil {
		c.Metrics.Blocked(c.blocked.count(time.Now()))
	}
}
