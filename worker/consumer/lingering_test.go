package consumer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// line is a worker's connection to SQS in which everything happens in an order that is
// the same each time: a request takes a moment that depends on what it asks, and long
// polls are woken one after the other. It also decides what becomes of a long poll whose
// client hangs up: SQS goes on with it (lingers), or not.
type line struct {
	w      *world
	name   string // of the worker
	linger bool
	// broken, if not nil, says that no request gets through any more.
	broken func() bool
	// buried, if not nil, is called with each message that a poll brings to a dead worker.
	buried func(message string)
	// faulty, if not nil, has things go wrong with the requests of an actor.
	faulty func(next http.RoundTripper, actor string) roundTripper

	// observe, if not nil, is called with each request's name.
	observe func(actor string)

	mu    sync.Mutex
	asked map[string]int // requests by what they ask
}

// actor names a request by its worker, its action and its first message or attempt.
func (l *line) actor(action string, body []byte) string {
	var request struct {
		QueueUrl, ReceiveRequestAttemptId, MessageDeduplicationId string
		Entries                                                   []struct{ ReceiptHandle string }
	}
	_ = json.Unmarshal(body, &request) // the SDK's own
	key := request.ReceiveRequestAttemptId + request.MessageDeduplicationId
	if len(request.Entries) > 0 {
		key = request.Entries[0].ReceiptHandle
		for _, e := range request.Entries {
			key = min(key, e.ReceiptHandle)
		}
	}
	key = fmt.Sprintf("%s/%s/%s", l.name, action, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = map[string]int{}
	}
	l.asked[key]++
	return fmt.Sprintf("%s#%d", key, l.asked[key])
}

// moment is a time below a millisecond that depends on a name only.
func moment(name string) time.Duration {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, name) // a hash does not fail
	return time.Duration(rand.New(rand.NewPCG(hash.Sum64(), 0)).Int64N(int64(time.Millisecond)))
}

// RoundTrip implements http.RoundTripper.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	action := strings.TrimPrefix(req.Header.Get("X-Amz-Target"), "AmazonSQS.")
	name := l.actor(action, body)
	if l.isBroken() {
		return nil, errKilled
	}
	if l.observe != nil {
		l.observe(name)
	}
	time.Sleep(moment(name))
	ctx := req.Context()
	server := ctx
	if l.linger {
		server = context.WithoutCancel(ctx)
	}
	type answer struct {
		response *http.Response
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		var next http.RoundTripper = l.w.server
		if l.faulty != nil {
			next = l.faulty(next, name)
		}
		ask := func(body []byte) (*http.Response, error) {
			again := req.Clone(server)
			again.Body = io.NopCloser(bytes.NewReader(body))
			return next.RoundTrip(again)
		}
		var a answer
		if action == "ReceiveMessage" {
			a.response, a.err = l.receive(server, name, body, ask)
		} else {
			a.response, a.err = ask(body)
			l.w.wake()
		}
		answered <- a
	}()
	select {
	case a := <-answered:
		if l.isBroken() {
			if a.err == nil && l.buried != nil {
				bodiesIn(a.response, l.buried)
			}
			return nil, errKilled
		}
		return a.response, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bodiesIn calls with the bodies of the messages in an answer.
func bodiesIn(response *http.Response, call func(body string)) {
	var answer struct{ Messages []struct{ Body string } }
	_ = json.NewDecoder(response.Body).Decode(&answer) // the sandbox's own
	for _, m := range answer.Messages {
		call(m.Body)
	}
}

func (l *line) isBroken() bool { return l.broken != nil && l.broken() }

// receive is a long poll made of short ones: whenever something has changed, waiting
// polls look again one after the other.
func (l *line) receive(
	ctx context.Context, name string, body []byte, ask func([]byte) (*http.Response, error),
) (*http.Response, error) {
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	seconds, _ := request["WaitTimeSeconds"].(float64)
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	request["WaitTimeSeconds"] = 0
	short, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	for {
		changed, next := l.w.watch(deadline)
		response, err := ask(short)
		if err != nil || response.StatusCode != http.StatusOK || !time.Now().Before(deadline) {
			return response, err
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(text))
		if bytes.Contains(text, []byte(`"ReceiptHandle"`)) {
			return response, nil
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
		time.Sleep(moment(name))
	}
}

// watch is closed at the next change; next is when to look again without one.
func (w *world) watch(deadline time.Time) (changed <-chan struct{}, next time.Time) {
	w.mu.Lock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	changed = w.changed
	w.mu.Unlock()
	next = deadline
	w.server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(w.queueURL)
		if err != nil {
			return // the receive says so
		}
		if change, ok := box.NextChange(now); ok {
			if in := time.Now().Add(change.Sub(now)); in.Before(next) {
				next = in
			}
		}
	})
	return changed, next
}

// wake has waiting polls look again.
func (w *world) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		close(w.changed)
	}
	w.changed = make(chan struct{})
}

// errKilled is the error of a dead process's calls.
var errKilled = errors.New("killed")
