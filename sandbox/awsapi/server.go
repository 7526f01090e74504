// Package awsapi is the HTTP front of the sandbox's account: SQS, those of the other services'
// actions that people use who watch a queue worker, each in the protocol of its clients, and the
// task-protection endpoint of the ECS agent. A Server is an http.Handler for real clients, and an
// http.RoundTripper for tests in virtual time.
package awsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"fargate-queue-worker/sandbox/cloud"
)

// Server answers requests on an account. Its methods may be called from many
// goroutines.
type Server struct {
	// Fault, if not nil, is asked before each request what is to go wrong with it.
	Fault func(action string) Fault
	// PollsEndWithConnection is the reading that a long poll ends when its client hangs
	// up. Otherwise it is served until its wait is over, and what it takes in that time
	// is in flight though nobody has got it. AWS documents neither; the emulators go on
	// serving, and users report the same of AWS. Set it before the first request.
	PollsEndWithConnection bool
	// Minute is the length of a minute to long polls, so that a stopping worker, which lets
	// its poll end, is gone as soon as elsewhere in a sandbox whose minutes are short.
	// Default: a minute. Visibility timeouts, which clients measure too, stay as they are.
	Minute time.Duration

	mu      sync.Mutex
	account *cloud.Account
	control *cloud.Control // nil for SQS alone
	logs    func(group string) []LogEvent
	skew    time.Duration
	polls   []*longPoll // that wait, the oldest first
	look    *time.Timer // when they are looked at next by themselves
}

// Fault is what goes wrong with a request. The zero value is nothing.
type Fault struct {
	// Delay before the request takes effect.
	Delay time.Duration
	// DelayAnswer after the request took effect.
	DelayAnswer time.Duration
	// Throttle refuses the request without effect.
	Throttle bool
	// LoseResponse carries out the request and then breaks the connection.
	LoseResponse bool
	// FailEntries refuses every second entry of a batch, by no fault of the sender.
	FailEntries bool
}

// NewServer is a server for the SQS of an account.
func NewServer(account *cloud.Account) *Server {
	return &Server{account: account}
}

// Run has the server answer for the other services, too: for those that run by themselves by what the
// control plane of the account says, and for what tasks have logged to a group by what logs returns. Call
// it before the first request.
func (s *Server) Run(control *cloud.Control, logs func(group string) []LogEvent) {
	s.control, s.logs = control, logs
}

// Close ends the polls that wait, those whose client has hung up included.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look != nil {
		s.look.Stop()
	}
	for _, poll := range s.polls {
		poll.answer <- nil
	}
	s.polls = nil
}

// Do runs a function on the account while no request does, and wakes waiting
// receives.
func (s *Server) Do(change func(a *cloud.Account, now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account.MoveMessages(s.now())
	change(s.account, s.now())
	s.servePolls()
}

// Skew moves the server's clock against the clients', as a jump.
func (s *Server) Skew(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += by
	s.servePolls()
}

func (s *Server) now() time.Time { return time.Now().Add(s.skew) }

// errLostResponse is what a client sees whose connection broke.
var errLostResponse = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper without a network.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close() // an in-memory body
	reply, err := s.serve(req, body)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		StatusCode: reply.status, Status: http.StatusText(reply.status), Header: reply.header,
		ContentLength: int64(len(reply.body)), Body: io.NopCloser(bytes.NewReader(reply.body)),
	}, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	const largestRequest = 4 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, largestRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	reply, err := s.serve(req, body)
	if err != nil {
		panic(http.ErrAbortHandler) // breaks the connection
	}
	for key, values := range reply.header {
		w.Header()[key] = values
	}
	w.WriteHeader(reply.status)
	_, _ = w.Write(reply.body) // a client that is gone needs no answer
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

const (
	// sqsPrefix begins the names of SQS's actions.
	sqsPrefix      = "AmazonSQS."
	sqsContentType = "application/x-amz-json-1.0"
)

// serve carries out a request; an error breaks the connection.
func (s *Server) serve(req *http.Request, body []byte) (reply, error) {
	if action, ok := strings.CutPrefix(req.Header.Get("X-Amz-Target"), sqsPrefix); ok {
		return s.serveSQS(req.Context(), action, body)
	}
	c, err := callOf(req, body)
	if err != nil {
		return c.protocol.refuse(c, refusalOf(err)), nil
	}
	return s.perform(req.Context(), c)
}

// serveSQS carries out a request of SQS, and what is to go wrong with it.
func (s *Server) serveSQS(ctx context.Context, action string, body []byte) (reply, error) {
	var fault Fault
	if s.Fault != nil {
		fault = s.Fault(action)
	}
	if fault.Delay > 0 {
		if err := smithytime.SleepWithContext(ctx, fault.Delay); err != nil {
			return reply{}, err
		}
	}
	if fault.Throttle {
		return failure(&cloud.Error{Code: "RequestThrottled", Message: "Rate exceeded"}), nil
	}
	result, err := s.do(ctx, action, body, fault)
	if fault.DelayAnswer > 0 {
		_ = smithytime.SleepWithContext(ctx, fault.DelayAnswer) // its end is looked at next
	}
	if ctx.Err() != nil {
		return reply{}, ctx.Err()
	}
	if fault.LoseResponse {
		return reply{}, errLostResponse
	}
	if err != nil {
		return failure(err), nil
	}
	text, err := json.Marshal(result)
	return newReply(http.StatusOK, sqsContentType, text), err
}

// shapes are the names that the JSON protocol has for errors which the older query
// protocol called otherwise.
var shapes = map[string]string{
	"NonExistentQueue":   "QueueDoesNotExist",
	"QueueAlreadyExists": "QueueNameExists",
}

// failure is the answer to a refused request.
func failure(err error) reply {
	var refusal *cloud.Error
	if !errors.As(err, &refusal) {
		refusal = &cloud.Error{Code: "InvalidParameterValue", Message: err.Error()}
	}
	code := strings.TrimPrefix(refusal.Code, "AWS.SimpleQueueService.")
	if shape, ok := shapes[code]; ok {
		code = shape
	}
	fields := map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": refusal.Message}
	text, _ := json.Marshal(fields) // texts alone
	r := newReply(http.StatusBadRequest, sqsContentType, text)
	r.header.Set("X-Amzn-Query-Error", refusal.Code+";Sender") // as the older query protocol calls it
	return r
}
