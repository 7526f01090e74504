package simulate

import (
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// poll is a series of long polls that bring nothing, until one brings messages.
type poll struct {
	began time.Time // the first
	wait  time.Duration
	slots int // that it has taken
}

// endsAfter is when the poll that is under way at a time is over.
func (p *poll) endsAfter(t time.Time) time.Time {
	return p.began.Add(t.Sub(p.began).Truncate(p.wait) + p.wait)
}

// free is how many more groups the worker could work on.
func (w *worker) free() int {
	free := w.settings().Concurrency
	if w.poll != nil {
		free -= w.poll.slots
	}
	for _, l := range w.leases {
		if l.slot {
			free--
		}
	}
	return free
}

// beginPoll begins a long poll, when there is a slot for what it brings and nothing stands
// against it.
func (w *worker) beginPoll() {
	if w.poll != nil || w.stopping || w.ended || slices.Contains(w.entering, nil) || !w.guard.ready() {
		return
	}
	w.entering = append(w.entering, nil)
	w.enterSlots()
}

// startPoll takes slots for a poll. It leaves room for groups that are due while it waits.
func (w *worker) startPoll() {
	p := &poll{began: w.e.now, wait: w.settings().PollWait(), slots: 1}
	if len(w.entering) == 0 {
		p.slots = min(w.pollSize(), w.free())
	}
	due, first := w.due(w.e.now.Add(p.wait))
	leave := min(due, p.slots-1)
	p.slots -= leave
	w.poll = p
	w.e.woken = true
	switch {
	case leave < due: // it ends when the group that is due needs its slot
		p.wait = min(p.wait, max(consumer.ShortestWait, first.Sub(w.e.now).Truncate(time.Second)))
		w.e.at(w.e.now.Add(p.wait), func() { w.pollAgain(p) })
	case w.guard.uncertain():
		w.e.at(w.e.now.Add(p.wait), func() { w.pollAgain(p) })
	}
}

// pollSize is how many messages to ask for.
func (w *worker) pollSize() int {
	if w.e.now.Before(w.single) {
		return 1
	}
	return w.e.system.Worker.MessagesAPoll()
}

// due is how many groups are due by a time, and when the first of them is.
func (w *worker) due(by time.Time) (groups int, first time.Time) {
	for _, l := range w.leases {
		if l.slot || l.due.IsZero() || l.due.After(by) {
			continue
		}
		if groups++; groups == 1 || l.due.Before(first) {
			first = l.due
		}
	}
	return groups, first
}

// endPoll ends a poll, after as many that brought nothing as the time took.
func (w *worker) endPoll(p *poll) {
	if w.poll != p {
		return // it brought something before
	}
	w.e.result.Requests.receiveNothing(int(w.e.now.Sub(p.began) / p.wait))
	w.poll = nil
	waiting := w.afterPolls
	w.afterPolls = nil
	for _, do := range waiting {
		do()
	}
	w.enterSlots()
	w.endIfDone()
}

// afterPoll does something at once, or, while nothing may start, when the poll under way
// has ended.
func (w *worker) afterPoll(do func()) {
	if w.poll == nil || !w.stopping && !w.guard.paused() {
		do()
		return
	}
	w.afterPolls = append(w.afterPolls, do)
	p := w.poll
	w.e.at(p.endsAfter(w.e.now), func() { w.endPoll(p) })
}

func (w *worker) pollAgain(p *poll) {
	w.endPoll(p)
	w.beginPoll()
	w.e.woken = true
}

// receive answers the poll under way, and reports whether there is one and whether it brings
// something.
func (w *worker) receive() (polls, got bool) {
	p := w.poll
	if p == nil {
		return false, false
	}
	// Hidden for as long as it can be: the worker extends its lease while it works.
	messages := w.e.box.Receive(w.e.now, p.slots, cloud.MaxVisibility, "", w.e.dead)
	w.e.countDeadLetters()
	if len(messages) == 0 {
		return true, false
	}
	w.e.result.Requests.receive()
	w.e.result.note(consumer.Received, w.e.now)
	for _, m := range messages {
		w.e.note(w, received, m, 0)
		if m.ReceiveCount > 1 {
			w.e.result.Redeliveries++
		}
	}
	groups := byGroup(messages)
	leases := make([]*lease, len(groups))
	for i, messages := range groups {
		leases[i] = newLease(w, messages)
	}
	p.slots = 0 // the groups have them now
	w.leases = append(w.leases, leases...)
	w.endPoll(p)
	if !w.stopping && w.guard.hold() {
		for _, l := range leases {
			l.attempt()
		}
	} else {
		for _, l := range leases {
			l.handBack(0)
		}
	}
	w.beginPoll()
	return true, true
}

// byGroup splits received messages, which come group by group.
func byGroup(messages []*cloud.Message) [][]*cloud.Message {
	var groups [][]*cloud.Message
	for len(messages) > 0 {
		n := 1
		for n < len(messages) && messages[n].GroupID == messages[0].GroupID {
			n++
		}
		groups = append(groups, slices.Clone(messages[:n]))
		messages = messages[n:]
	}
	return groups
}

// leaveSlot gives up the slot of a lease.
func (w *worker) leaveSlot(l *lease) {
	w.entering = slices.DeleteFunc(w.entering, func(o *lease) bool { return o == l })
	if l.slot {
		l.slot = false
		w.enterSlots()
	}
	w.guard.idle()
}

// enterSlots gives slots to those that wait for one, in the order in which they came; nil
// is the next poll.
func (w *worker) enterSlots() {
	for len(w.entering) > 0 && w.free() > 0 {
		l := w.entering[0]
		w.entering = w.entering[1:]
		if l == nil {
			w.startPoll()
			continue
		}
		l.slot = true
		l.attempt()
	}
}
