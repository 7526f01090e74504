package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/google/uuid"

	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/process"
)

// instance is one process of the function and the API that it is served on.
type instance struct {
	pool    *Pool
	logger  *slog.Logger
	process *process.Process
	server  *http.Server
	stderr  *process.Output

	asked       chan struct{}    // the process asks for an event and had none; buffered
	released    chan bool        // handle has ended, and whether it delivered an event; buffered
	initFailed  chan error       // buffered
	invocations chan *invocation // to the request that waits for an event

	mu      sync.Mutex
	waiting bool        // for an event
	current *invocation // delivered, not answered
	latest  *invocation // delivered last, for the log
}

// invocation is an event on its way through a process.
type invocation struct {
	id       string
	message  *consumer.Message
	event    []byte
	deadline time.Time
	result   chan error // buffered
}

// start starts a process and returns when it has asked for its first event.
func (p *Pool) start(ctx context.Context) (*instance, error) {
	i := &instance{
		pool: p, logger: p.config.Logger,
		asked: make(chan struct{}, 1), released: make(chan bool, 1), initFailed: make(chan error, 1),
		invocations: make(chan *invocation),
	}
	if err := i.run(); err != nil {
		return nil, err
	}
	timer := time.NewTimer(p.initTimeout)
	defer timer.Stop()
	select {
	case <-i.asked:
		return i, nil
	case err := <-i.initFailed:
		i.process.Stop(process.KillDelay)
		_ = i.end() // the reason is known
		return nil, err
	case <-i.process.Exited():
		return nil, i.initError()
	case <-timer.C:
		i.process.Stop(process.KillDelay)
		return nil, errors.Join(fmt.Errorf("it has not asked for an event within %s", p.initTimeout), i.end())
	case <-ctx.Done():
		i.process.Stop(process.KillDelay)
		_ = i.end() // it was asked to go
		return nil, ctx.Err()
	}
}

// run starts the API and the process.
func (i *instance) run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the function's runtime: %w", err)
	}
	i.server = &http.Server{
		Handler: i.api(), ErrorLog: slog.NewLogLogger(i.logger.Handler(), slog.LevelDebug),
	}
	go func() { _ = i.server.Serve(listener) }() // until it is closed

	args := i.pool.config.Args
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = i.pool.config.environment(os.Environ(), listener.Addr().String())
	stdout := process.NewOutput(func(line string) { i.log(line, "stdout") })
	i.stderr = process.NewOutput(func(line string) { i.log(line, "stderr") })
	cmd.Stdout, cmd.Stderr = stdout, i.stderr
	if i.process, err = process.Start(cmd); err != nil {
		return errors.Join(fmt.Errorf("starting the function's runtime: %w", err), i.server.Close())
	}
	go func() {
		<-i.process.Exited()
		stdout.Flush()
		i.stderr.Flush()
	}()
	return nil
}

// log writes a line of output, with the message that was handed out last: a line may
// arrive after the answer.
func (i *instance) log(line, stream string) {
	i.mu.Lock()
	latest := i.latest
	i.mu.Unlock()
	if latest == nil {
		i.logger.Info(line, "stream", stream)
		return
	}
	m := latest.message
	i.logger.Info(line, "message", m.ID, "group", m.GroupID, "receiveCount", m.ReceiveCount,
		"requestId", latest.id, "stream", stream)
}

// initError is why a process has exited without having asked for an event.
func (i *instance) initError() error {
	exit := i.end()
	select {
	case err := <-i.initFailed:
		return err
	default:
		return exit
	}
}

// serve offers the process whenever it waits for an event, until it has exited or ctx
// has ended. It returns how many events the process has asked for after the first.
func (i *instance) serve(ctx context.Context) (answered int) {
	for {
		select {
		case i.pool.idle <- i:
		case <-i.process.Exited():
			return answered
		case <-ctx.Done():
			i.process.Stop(process.KillDelay)
			return answered
		}
		if delivered := <-i.released; !delivered {
			continue
		}
		if !i.awaitNext() {
			return answered
		}
		answered++
	}
}

// awaitNext waits until a process that has answered asks for its next event.
func (i *instance) awaitNext() bool {
	timer := time.NewTimer(i.pool.finishTimeout)
	defer timer.Stop()
	select {
	case <-i.asked:
		return true
	case <-i.process.Exited():
	case <-timer.C:
		i.logger.Warn("a process of the function has answered and asks for no other event; it is stopped",
			"waited", i.pool.finishTimeout)
		i.process.Stop(process.KillDelay)
	}
	return false
}

// end closes the API of a process that has exited and says how it ended.
func (i *instance) end() error {
	_ = i.server.Close() // its client is gone
	exit := i.process.Err()
	if exit == nil {
		exit = errors.New("exit status 0")
	}
	if tail := i.stderr.Tail(); tail != "" {
		return fmt.Errorf("%w; its last lines: %s", exit, tail)
	}
	return exit
}

// handle has the process handle a message. When ctx ends, the process is stopped: it may
// not go on with a message that is no longer held.
func (i *instance) handle(ctx context.Context, m *consumer.Message) error {
	delivered := false
	defer func() { i.released <- delivered }()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(24 * time.Hour) // nobody waits for it
	}
	v := &invocation{
		id: uuid.NewString(), message: m, event: i.pool.config.Queue.event(m), deadline: deadline,
		result: make(chan error, 1),
	}
	select {
	case i.invocations <- v:
		delivered = true
	case <-i.process.Exited(): // while it was idle
		return consumer.RetryAfter(time.Second, errNoProcess)
	case <-ctx.Done():
		return consumer.RetryAfter(time.Second, errors.Join(errNoProcess, context.Cause(ctx)))
	}
	select {
	case err := <-v.result:
		return i.pool.config.verdict(err)
	case <-i.process.Exited():
	case <-ctx.Done():
	}
	select {
	case err := <-v.result: // it answered just before
		return i.pool.config.verdict(err)
	default:
	}
	if ctx.Err() != nil {
		i.process.Stop(process.Grace(ctx, consumer.ErrStopping, i.pool.config.StopGrace))
		return i.stopped(context.Cause(ctx))
	}
	return i.pool.config.verdict(i.died())
}

// stopped is the error of a message whose process we have stopped.
func (i *instance) stopped(cause error) error {
	e := &functionError{Message: cause.Error(), cause: cause, exit: &process.Failure{Stderr: i.stderr.Tail()}}
	if errors.Is(cause, consumer.ErrHandlerTimeout) {
		e.Type = typeTimeout
	}
	return e
}

// died is the error of a message whose process has ended by itself.
func (i *instance) died() error {
	exit := i.process.Err()
	e := &functionError{
		Type: typeExit, Message: "the process has exited with code 0 and without an answer", cause: exit,
		exit: &process.Failure{Exit: exit, Stderr: i.stderr.Tail()},
	}
	if exit != nil {
		e.Message = "the process has ended: " + exit.Error()
	}
	return e
}
