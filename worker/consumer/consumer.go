// Package consumer consumes an SQS FIFO queue: the messages of a group strictly in
// order, groups in parallel, each message hidden from others for as long as its
// handler takes. What it does not finish it hands back, in order.
package consumer

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// Consumer consumes one queue.
type Consumer struct {
	config  Config
	client  SQS
	handler Handler
	deleter *deleter
	blocked blockedGroups
	slots   *slots
	polls   polls
	pause   pause
	// jitter returns a random part of a duration, and newID an id that no other poll
	// has; tests replace them.
	jitter func(time.Duration) time.Duration
	newID  func() string

	// calls is the context of calls to SQS, which have to be made even while stopping.
	calls context.Context
	// stop ends when no more work may start, and is ended by stopWork.
	stop     context.Context
	stopWork context.CancelFunc
	killed   chan struct{} // closed when the process has StopTimeout left
	killedAt time.Time     // when that was; read it after killed
	pollers  sync.WaitGroup
	groups   sync.WaitGroup

	mu     sync.Mutex
	active map[string]*lease // by group: the latest
	leases map[*lease]bool
	// single is until when messages are received one by one; see outlasted.
	single time.Time
}

// New is a consumer of the queue in the configuration, which it validates.
func New(client SQS, handler Handler, config Config) (*Consumer, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	c := &Consumer{
		config: config, client: client, handler: handler, slots: newSlots(config),
		pause:  pause{idle: make(chan struct{}, 1)},
		jitter: config.Jitter, newID: rand.Text,
		killed: make(chan struct{}), active: map[string]*lease{}, leases: map[*lease]bool{},
	}
	c.stop, c.stopWork = context.WithCancel(context.Background())
	c.deleter = &deleter{
		client: client, queueURL: config.QueueURL, requests: make(chan deletion), groups: c.slots.working,
	}
	return c, nil
}

// Run consumes until ctx ends or the service wants the task no more, then drains:
// what has not started is handed back at once, and so is what a poll brings that is
// under way, which may take another 20 s. Once ctx has ended, running handlers have
// until StopSignal before the end of StopTimeout, then they are cancelled; handlers of a
// task that is merely not wanted are protected and finish. Run fails if SQS refuses the
// first poll: at once if there is no such queue, after a minute if the task has no right
// to it, since new rights take a while to be known everywhere. A Consumer runs once.
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
	defer helpers.Wait()
	defer endCalls()

	unhook := context.AfterFunc(ctx, func() {
		c.killedAt = time.Now()
		close(c.killed)
		c.stopWork()
	})
	defer unhook()
	polled := make(chan error, 1)
	go func() {
		err := c.poll(work)
		c.stopWork()
		c.pollers.Wait()
		polled <- err
	}()
	<-c.stop.Done()
	return c.drain(polled, cancelWork)
}

func (c *Consumer) stopping() bool { return c.stop.Err() != nil }

func (c *Consumer) keeper() *keeper {
	return &keeper{
		client: c.client, queueURL: c.config.QueueURL, visibility: c.config.VisibilityTimeout,
		leases: c.currentLeases, warn: c.config.Logger.Warn,
	}
}

// begin starts the groups of a poll and gives back the slots it did not need. If the
// task cannot be protected now, it hands back everything before it returns.
func (c *Consumer) begin(work context.Context, p *poll) {
	c.config.Observe(Event{Kind: Received, Count: len(p.messages)})
	groups := byGroup(p.messages)
	if len(groups) == 0 {
		c.slots.giveBack(p.slots)
		return
	}
	leases := make([]*lease, len(groups))
	before := make([]*lease, len(groups))
	for i, messages := range groups {
		l := newLease(work, messages, p.askedAt, p.receivedAt, c.config.VisibilityTimeout, c.leaseLost)
		l.slot = i < p.slots // a group beyond them, which SQS would not send, waits for one
		leases[i], before[i] = l, c.register(l)
	}
	c.observeInFlight(c.slots.begin(p.slots, min(p.slots, len(groups))))
	if release, err := c.holdUnlessStopping(work); err == nil {
		defer release() // when each group has begun to hold it for itself, or soon after
		if len(p.messages) >= p.slots {
			c.pollMore(work)
		}
	} else {
		c.handBackAll(leases)
	}
	for i, l := range leases {
		c.groups.Go(func() { c.runGroup(l, before[i]) })
	}
}

// holdUnlessStopping asks for protection before any of a poll's groups starts.
func (c *Consumer) holdUnlessStopping(work context.Context) (release func(), err error) {
	if c.stopping() {
		return nil, ErrStopping
	}
	if release, err = c.config.Protection.Hold(work); err != nil {
		c.refused(err)
	}
	return release, err
}

// register notes a new lease and returns the one on the same group before it, which
// must be lost: SQS gives a group to somebody only when its lease has lapsed.
func (c *Consumer) register(l *lease) (before *lease) {
	c.mu.Lock()
	before = c.active[l.groupID]
	c.active[l.groupID] = l
	c.leases[l] = true
	c.mu.Unlock()
	if before != nil && !before.lastDeletePending() {
		before.lose()
	}
	return before
}

// finish ends a group's goroutine. The group counts as active until a handler that
// ran before it has returned, too.
func (c *Consumer) finish(l, before *lease) {
	l.giveUp()
	l.release()
	l.cancel(context.Canceled)
	c.mu.Lock()
	delete(c.leases, l)
	c.mu.Unlock()
	c.leaveSlot(l)
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

func (c *Consumer) currentLeases() []*lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*lease, 0, len(c.leases))
	for l := range c.leases {
		list = append(list, l)
	}
	return list
}

func (c *Consumer) leaseLost(l *lease, head *Message) {
	c.config.Observe(Event{Kind: LeaseLost, Message: head})
	c.config.Logger.Warn("a lease is lost: the handler is cancelled, the messages will come again",
		"group", l.groupID)
}

func (c *Consumer) observeInFlight(groups int) {
	c.config.Observe(Event{Kind: InFlight, Count: groups})
}

// reportBlocked keeps the metric of blocked groups up to date.
func (c *Consumer) reportBlocked(ctx context.Context) {
	const every = 15 * time.Second
	for smithytime.SleepWithContext(ctx, every) == nil {
		groups, oldest := c.blocked.count(time.Now())
		c.config.Observe(Event{Kind: Blocked, Count: groups, Age: oldest})
	}
}
