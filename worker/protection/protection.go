// Package protection keeps an ECS task from being stopped by scale-in or a
// deployment while it works, through the ECS agent's task-protection endpoint.
package protection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

const (
	statePath = "/task-protection/v1/state"

	// callTimeout is a little above the agent's own limit of 4 s.
	callTimeout = 6 * time.Second
	// attempts of a call, for faults that pass: the agent throttles, or times out.
	attempts     = 3
	attemptPause = 500 * time.Millisecond

	// askAgainAfter is the pause between requests to an agent that fails, for a task
	// whose protection reaches far enough without it.
	askAgainAfter = time.Minute

	// DefaultHoldDown is shorter than any idle window of a guarded alarm (3 minutes).
	DefaultHoldDown = 30 * time.Second
)

// refusedError is the agent's no to a request for protection. It comes with status
// 200; only the body tells.
type refusedError struct {
	Reason string // such as TASK_DEFINITION_INACTIVE
}

// Error implements error.
func (e *refusedError) Error() string { return "protection refused: " + e.Reason }

// scaleInPendingError says that the service has more protected tasks than it wants
// tasks. It implements consumer.ScaleInPending.
type scaleInPendingError struct {
	// Pause is for how long the task receives nothing before it asks again; 0 is for
	// good.
	Pause time.Duration
}

// deploymentBlocked is the reason of the agent that scaleInPendingError stands for.
const deploymentBlocked = "DEPLOYMENT_BLOCKED"

// Error implements error.
func (e *scaleInPendingError) Error() string { return "protection refused: " + deploymentBlocked }

// ScaleInPending implements consumer.ScaleInPending.
func (e *scaleInPendingError) ScaleInPending() (pause time.Duration) { return e.Pause }

// Options of New.
type Options struct {
	// AgentURI is the value of ECS_AGENT_URI. Required.
	AgentURI string
	// HandlerTimeout is the longest a handler may take; protection reaches that far
	// whenever one starts. See Lease.
	HandlerTimeout time.Duration
	// HoldDown is how long protection lasts after the last handler has ended, so that
	// calls are made only between busy and idle. Default DefaultHoldDown.
	HoldDown time.Duration
	// Client for the calls. Default: http.DefaultClient.
	Client *http.Client
	// Logger for what a person should know. Default: slog.Default().
	Logger *slog.Logger
	// Jitter returns a random part of a duration. Default: math/rand.
	Jitter func(time.Duration) time.Duration
}

// Task is the protection of the task that the process runs in.
type Task struct {
	options Options

	// lock is held during calls and guards what follows; a channel, since waiting for
	// it has to end with a context.
	lock chan struct{}
	// scaleIn knows how far the protection reaches for certain, and what a refusal means.
	scaleIn ScaleIn
	// askAgain is when to ask an agent again that failed; zero if it did not.
	askAgain time.Time
	// maybe says that the agent may have granted protection, even if its answer was
	// lost, so that it has to be ended.
	maybe bool
	// holds counts the handlers that run.
	holds int
	// holdDown ends the protection of an idle task; idleSpell tells one idle spell
	// from the next, for a timer that fires while it is stopped.
	holdDown  *time.Timer
	idleSpell int
	// pointless: the task belongs to no service, so nothing scales it in.
	pointless bool
}

// FromEnvironment is the protection of this task, nil outside ECS, which is logged.
func FromEnvironment(o Options) *Task {
	o.AgentURI = os.Getenv("ECS_AGENT_URI")
	if o.AgentURI == "" {
		logger(o).Info("task protection is off: there is no ECS_AGENT_URI")
		return nil
	}
	return New(o)
}

// New is the protection of the task that the agent answers for.
func New(o Options) *Task {
	o.Logger = logger(o)
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.HoldDown == 0 {
		o.HoldDown = DefaultHoldDown
	}
	return &Task{
		options: o, lock: make(chan struct{}, 1),
		scaleIn: ScaleIn{HandlerTimeout: o.HandlerTimeout, Jitter: o.Jitter},
	}
}

func logger(o Options) *slog.Logger {
	if o.Logger == nil {
		return slog.Default()
	}
	return o.Logger
}

// Ready says whether messages may be received: not while the service wants fewer tasks,
// nor, since they could only be handed back, while the agent fails. It calls the agent
// only after trouble, so an idle task is not protected for polling.
func (t *Task) Ready(ctx context.Context) error {
	if err := t.acquire(ctx); err != nil {
		return err
	}
	defer t.release()
	now := time.Now()
	step := t.scaleIn.BeforeReceive(now, t.holds > 0)
	if step == Go && !t.askAgain.IsZero() && !t.scaleIn.covers(now) {
		step = Ask
	}
	if step == Ask {
		t.stopHoldDown()
		defer t.startHoldDown()
	}
	return t.take(ctx, step)
}

// Hold makes sure that the task is protected for as long as a handler may take, or
// says why it is not. It calls the agent only to renew a protection that is some minutes
// old. The handler's end has to be reported by calling release, once.
func (t *Task) Hold(ctx context.Context) (release func(), err error) {
	if err := t.acquire(ctx); err != nil {
		return nil, err
	}
	defer t.release()
	t.stopHoldDown()
	if err := t.take(ctx, t.scaleIn.BeforeStart(time.Now())); err != nil {
		t.startHoldDown() // what protection there is has to end some time
		return nil, err
	}
	t.holds++
	return t.handlerEnded, nil
}

// take carries out a step.
func (t *Task) take(ctx context.Context, step Step) error {
	if t.pointless {
		return nil
	}
	if step == Ask {
		var err error
		if step, err = t.request(ctx); err != nil {
			return err
		}
	}
	switch step {
	case Wait:
		return &scaleInPendingError{Pause: max(time.Nanosecond, t.scaleIn.Pause(time.Now()))}
	case Leave:
		return &scaleInPendingError{}
	}
	return nil
}

// request asks for protection and says what follows from the answer. A task that is
// protected for long enough goes on without an answer.
func (t *Task) request(ctx context.Context) (Step, error) {
	now := time.Now()
	covered := t.scaleIn.covers(now)
	if covered && now.Before(t.askAgain) {
		return Go, nil
	}
	t.maybe = true
	err := t.put(ctx, true)
	var refused *refusedError
	switch {
	case err == nil:
		t.askAgain = time.Time{}
		t.scaleIn.Granted(now)
		return Go, nil
	case errors.As(err, &refused) && refused.Reason == "TASK_NOT_VALID":
		t.pointless = true
		t.options.Logger.Info("task protection is off: the task belongs to no service")
		return Go, nil
	case refused != nil && refused.Reason == deploymentBlocked:
		t.askAgain = time.Time{}
		return t.scaleIn.Refused(time.Now(), t.holds > 0), nil
	}
	t.askAgain = time.Now().Add(askAgainAfter)
	if covered && t.scaleIn.covers(time.Now()) {
		t.options.Logger.Warn("renewing task protection failed; what there is reaches far enough for now",
			"error", err)
		return Go, nil
	}
	if refused != nil {
		return Go, err
	}
	// The answer may have got lost after the effect; the agent knows.
	if until, asking := t.ask(ctx); asking == nil && time.Until(until) >= t.options.HandlerTimeout+settling {
		t.askAgain = time.Time{}
		t.scaleIn.Granted(until.Add(-Lease(t.options.HandlerTimeout)))
		return Go, nil
	}
	return Go, err
}

func (t *Task) handlerEnded() {
	if t.acquire(context.Background()) == nil { // which does not end
		defer t.release()
		t.holds--
		t.startHoldDown()
	}
}

// Close ends the protection now.
func (t *Task) Close(ctx context.Context) error {
	if err := t.acquire(ctx); err != nil {
		return err
	}
	defer t.release()
	t.stopHoldDown()
	return t.unprotect(ctx)
}

func (t *Task) acquire(ctx context.Context) error {
	select {
	case t.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *Task) release() { <-t.lock }

func (t *Task) stopHoldDown() {
	if t.holdDown != nil {
		t.holdDown.Stop()
		t.holdDown = nil
		t.idleSpell++
	}
}

// startHoldDown ends the protection after a while without handlers.
func (t *Task) startHoldDown() {
	if t.holds > 0 || !t.maybe {
		return
	}
	t.stopHoldDown()
	spell := t.idleSpell
	t.holdDown = time.AfterFunc(t.options.HoldDown, func() { t.endIdleSpell(spell) })
}

func (t *Task) endIdleSpell(spell int) {
	ctx, cancel := context.WithTimeout(context.Background(), attempts*(callTimeout+attemptPause))
	defer cancel()
	if t.acquire(ctx) != nil {
		return
	}
	defer t.release()
	if t.idleSpell != spell {
		return // work came before
	}
	t.stopHoldDown()
	if err := t.unprotect(ctx); err != nil {
		t.options.Logger.Warn("ending task protection failed; it is tried again", "error", err)
		t.startHoldDown()
	}
}

// unprotect ends the protection. It counts as ended from the asking on: the answer
// may get lost after the effect.
func (t *Task) unprotect(ctx context.Context) error {
	if !t.maybe {
		return nil
	}
	t.scaleIn.Unprotected()
	if err := t.put(ctx, false); err != nil {
		return err
	}
	t.maybe = false
	return nil
}

// put asks the agent, again after faults that may pass.
func (t *Task) put(ctx context.Context, enabled bool) error {
	for attempt := 1; ; attempt++ {
		err := t.putOnce(ctx, enabled)
		var refused *refusedError
		if err == nil || errors.As(err, &refused) || attempt == attempts {
			return err
		}
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// request and answer are the agent's, which refuses fields it does not know.
type request struct {
	ProtectionEnabled bool
	ExpiresInMinutes  int `json:",omitempty"`
}

type answer struct {
	Protection *struct {
		ProtectionEnabled bool
		ExpirationDate    *time.Time // null if there is no protection
	} `json:"protection"`
	Failure *struct{ Reason string }        `json:"failure"`
	Error   *struct{ Code, Message string } `json:"error"`
}

func (t *Task) putOnce(ctx context.Context, enabled bool) error {
	ask := request{ProtectionEnabled: enabled}
	if enabled {
		ask.ExpiresInMinutes = int((Lease(t.options.HandlerTimeout) + time.Minute - 1) / time.Minute)
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	got, status, err := t.call(ctx, http.MethodPut, body)
	if err != nil {
		return err
	}
	if got.Protection == nil || got.Protection.ProtectionEnabled != enabled || status != http.StatusOK {
		return fmt.Errorf("the agent answered %d, which does not say that protection is %t", status, enabled)
	}
	return nil
}

// ask says how far the protection reaches, as the agent has it; zero is not at all.
func (t *Task) ask(ctx context.Context) (until time.Time, err error) {
	got, status, err := t.call(ctx, http.MethodGet, nil)
	if err != nil {
		return time.Time{}, err
	}
	p := got.Protection
	if status != http.StatusOK || p == nil || !p.ProtectionEnabled || p.ExpirationDate == nil {
		return time.Time{}, nil
	}
	return *p.ExpirationDate, nil
}

// call makes one request and reads its answer. A failure or an error in the body is
// an error, whatever the status.
func (t *Task) call(ctx context.Context, method string, body []byte) (got answer, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, t.options.AgentURI+statePath, bytes.NewReader(body))
	if err != nil {
		return got, 0, fmt.Errorf("asking for task protection: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	response, err := t.options.Client.Do(req)
	if err != nil {
		return got, 0, fmt.Errorf("asking for task protection: %w", err)
	}
	defer response.Body.Close()
	const largest = 64 << 10
	text, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return got, 0, fmt.Errorf("reading the agent's answer: %w", err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return got, 0, fmt.Errorf("the agent answered %d with no JSON: %.100q", response.StatusCode, text)
	}
	switch {
	case got.Failure != nil:
		return got, 0, &refusedError{Reason: got.Failure.Reason}
	case got.Error != nil:
		return got, 0, fmt.Errorf("the agent answered %d: %s: %s",
			response.StatusCode, got.Error.Code, got.Error.Message)
	}
	return got, response.StatusCode, nil
}
