package awsapi

import (
	"context"
	"slices"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// longPoll is a ReceiveMessage that waits for messages.
type longPoll struct {
	request  receiveRequest
	deadline time.Time
	answer   chan []*cloud.Message // gets the messages, once
}

// receive takes messages. Without any it waits for a send, a delete, a change or an
// expiry, as a long poll does.
func (s *Server) receive(ctx context.Context, request receiveRequest) ([]*cloud.Message, error) {
	poll, taken, err := s.poll(request)
	if err != nil || poll == nil {
		return taken, err
	}
	select {
	case taken := <-poll.answer:
		return taken, nil
	case <-ctx.Done():
		if s.PollsEndWithConnection {
			s.forget(poll)
		}
		return nil, ctx.Err() // a poll that goes on is answered all the same, to nobody
	}
}

// poll receives once. If there is nothing to receive and the request waits, it returns
// a poll to wait for.
func (s *Server) poll(request receiveRequest) (*longPoll, []*cloud.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account.MoveMessages(s.now())
	box, err := findMailbox(s.account, request.QueueUrl)
	if err != nil {
		return nil, nil, err
	}
	most, visibility, wait := request.limits(box.Queue())
	if err := cloud.CheckReceive(most, visibility, wait, request.ReceiveRequestAttemptId); err != nil {
		return nil, nil, err
	}
	if err := request.checkNames(); err != nil {
		return nil, nil, err
	}
	taken := s.take(box, request, box.Receive)
	if len(taken) > 0 || wait == 0 {
		return nil, taken, nil
	}
	poll := &longPoll{request: request, deadline: s.now().Add(s.shortened(wait)),
		answer: make(chan []*cloud.Message, 1)}
	s.polls = append(s.polls, poll)
	s.scheduleLook()
	return poll, nil, nil
}

// shortestPoll keeps idle workers from asking all the time, however short a minute is.
const shortestPoll = 200 * time.Millisecond

// shortened is how long a poll waits that asks for a time.
func (s *Server) shortened(wait time.Duration) time.Duration {
	if s.Minute == 0 {
		return wait
	}
	return min(wait, max(shortestPoll, time.Duration(wait.Minutes()*float64(s.Minute))))
}

// servePolls lets the waiting polls receive, the oldest first, and ends those whose
// wait is over; the caller holds the lock.
//
// A waiting poll takes what is free; it does not repeat what another with its attempt
// id has taken. AWS documents the repetition for calls that come after the receive.
func (s *Server) servePolls() {
	now := s.now()
	s.account.MoveMessages(now)
	s.polls = slices.DeleteFunc(s.polls, func(poll *longPoll) bool {
		var taken []*cloud.Message
		box, err := findMailbox(s.account, poll.request.QueueUrl)
		if err == nil {
			taken = s.take(box, poll.request, box.ReceiveAnew)
		}
		if len(taken) == 0 && err == nil && poll.deadline.After(now) {
			return false
		}
		poll.answer <- taken
		return true
	})
	s.scheduleLook()
}

// scheduleLook sets the timer to when a waiting poll is over or may have messages
// without a request that changes anything; the caller holds the lock.
func (s *Server) scheduleLook() {
	if s.look != nil {
		s.look.Stop()
	}
	if len(s.polls) == 0 {
		return
	}
	now, next := s.now(), s.polls[0].deadline
	for _, poll := range s.polls {
		if poll.deadline.Before(next) {
			next = poll.deadline
		}
		box, err := findMailbox(s.account, poll.request.QueueUrl)
		if err != nil {
			continue // it is gone; the poll waits for its deadline
		}
		if visible, ok := box.NextChange(now); ok && visible.Before(next) {
			next = visible
		}
	}
	if move, ok := s.account.NextMove(); ok && move.Before(next) {
		next = move
	}
	s.look = time.AfterFunc(next.Sub(now), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.servePolls()
	})
}

// forget ends a poll whose connection is gone.
func (s *Server) forget(poll *longPoll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls = slices.DeleteFunc(s.polls, func(p *longPoll) bool { return p == poll })
}

// take receives snapshots, since the messages themselves change; the caller holds the
// lock.
func (s *Server) take(box *cloud.Mailbox, r receiveRequest, receive receiveFunc) (taken []*cloud.Message) {
	most, visibility, _ := r.limits(box.Queue())
	deadLetter := s.deadLetterOf(box.Queue())
	for _, m := range receive(s.now(), most, visibility, r.ReceiveRequestAttemptId, deadLetter) {
		snapshot := *m
		taken = append(taken, &snapshot)
	}
	return taken
}

// receiveFunc is one of the ways in which a mailbox receives.
type receiveFunc func(
	now time.Time, most int, visibility time.Duration, attemptID string, deadLetter *cloud.Mailbox,
) []*cloud.Message
