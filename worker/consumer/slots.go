package consumer

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// slots are the groups that may be worked on at once. A poll takes as many as it asks
// for messages, and each group that it brings keeps one while it is worked on. A group
// whose head waits for its next attempt leaves its slot to others.
type slots struct {
	free *semaphore.Weighted // those waiting for it are served in turn
	most int                 // groups that may wait without a slot

	mu      sync.Mutex
	groups  int                  // that have a slot
	waiting map[*lease]time.Time // groups without one, and when they are due
}

func newSlots(c Config) *slots {
	return &slots{
		free: semaphore.NewWeighted(int64(c.Concurrency)), most: WaitingPerSlot * c.Concurrency,
		waiting: map[*lease]time.Time{},
	}
}

// take waits for a free slot, and takes up to most. It leaves room for groups that are
// due while a poll waits; where it cannot, it says when the first of them is due.
func (s *slots) take(
	ctx context.Context, most int, wait time.Duration,
) (taken int, until time.Time, err error) {
	if err := s.free.Acquire(ctx, 1); err != nil {
		return 0, time.Time{}, err
	}
	for taken = 1; taken < most && s.free.TryAcquire(1); {
		taken++
	}
	due, first := s.due(time.Now().Add(wait))
	leave := min(due, taken-1)
	s.giveBack(leave)
	if leave < due {
		until = first
	}
	return taken - leave, until, nil
}

// due says how many groups are due by a time, and when the first of them is.
func (s *slots) due(by time.Time) (groups int, first time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, due := range s.waiting {
		if due.After(by) {
			continue
		}
		if groups++; groups == 1 || due.Before(first) {
			first = due
		}
	}
	return groups, first
}

// takeIfFree takes some slots if all of them are free.
func (s *slots) takeIfFree(n int) bool { return s.free.TryAcquire(int64(n)) }

// giveBack returns slots that no group has used.
func (s *slots) giveBack(n int) { s.free.Release(int64(n)) }

// begin turns slots of a poll into groups, gives back the others, and returns how many
// groups are worked on.
func (s *slots) begin(taken, groups int) (working int) {
	s.giveBack(taken - groups)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups += groups
	return s.groups
}

// working is how many groups have a slot.
func (s *slots) working() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups
}

// wait lets a group wait without its slot, unless too many do, and says whether it does.
func (s *slots) wait(l *lease, due time.Time) (left bool, working int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) >= s.most {
		return false, s.groups
	}
	s.waiting[l] = due
	s.groups--
	s.free.Release(1)
	return true, s.groups
}

// enter waits for a slot for a group.
func (s *slots) enter(ctx context.Context, l *lease) (working int, err error) {
	if err := s.free.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, l)
	s.groups++
	return s.groups, nil
}

// leave ends a group, with or without a slot.
func (s *slots) leave(l *lease) (working int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, l)
	if l.slot {
		s.groups--
		s.free.Release(1)
	}
	return s.groups
}

// waitInLease waits for a group's next attempt, without a slot if it can, and returns
// true when it may be worked on again; false if the lease or the worker ends before.
func (c *Consumer) waitInLease(l *lease, wait time.Duration) bool {
	if !l.wait() {
		return false
	}
	if left, working := c.slots.wait(l, time.Now().Add(wait)); left {
		l.slot = false
		c.slotsChanged(working)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
		return false
	case <-c.stop.Done():
		return false
	}
	return c.enterSlot(l) && l.resume()
}

// enterSlot waits until a group may be worked on; false if the lease or the worker ends
// before.
func (c *Consumer) enterSlot(l *lease) bool {
	if l.slot {
		return true
	}
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	defer context.AfterFunc(c.stop, cancel)()
	working, err := c.slots.enter(ctx, l)
	if err != nil {
		return false
	}
	l.slot = true
	c.slotsChanged(working)
	return true
}

func (c *Consumer) leaveSlot(l *lease) { c.slotsChanged(c.slots.leave(l)) }

// slotsChanged reports how many groups are worked on.
func (c *Consumer) slotsChanged(working int) {
	c.observeInFlight(working)
	if working == 0 {
		c.pause.signalIdle()
	}
}
