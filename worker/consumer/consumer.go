// Package consumer consumes an SQS FIFO queue: the messages of a group strictly in
// order, groups in parallel, each message hidden from others for as long as its
// handler takes. What it does not finish it hands back, in order.
package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

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
		leases: c.currentLeases, warn: c.Logger.Warn,
	}
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
		before.lose()
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

// reportBlocked keeps the metric of blocked groups up to date.
func (c *Consumer) reportBlocked(ctx context.Context) {
	const every = 15 * time.Second
	for sleep(ctx, every) == nil {
		c.Metrics.Blocked(c.blocked.count(time.Now()))
	}
}
