// Package lambda runs functions that were written for AWS Lambda: it speaks the Lambda
// Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) to
// processes that it keeps running, one event at a time each.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"fargate-queue-worker/worker/consumer"
)

const (
	// initTimeout is how long a process may take to ask for its first event. Processes
	// start side by side, on as little as a quarter of a vCPU.
	initTimeout = 5 * time.Minute
	// finishTimeout is how long a process may take to ask for the next event after it has
	// answered one.
	finishTimeout = time.Minute
	// firstPause and longestPause are between two starts of a process that keeps dying.
	firstPause, longestPause = 100 * time.Millisecond, 30 * time.Second
	// hopelessStarts is after how many failed starts in a row a process counts as one that
	// cannot start: the pauses between them add up to 51 s.
	hopelessStarts = 10
)

// Config of a Pool.
type Config struct {
	// Args are the runtime's program and its arguments, such as python -m awslambdaric
	// app.handler. Required.
	Args []string
	// Processes is how many to keep running, each for one message at a time: the
	// consumer's concurrency. Required.
	Processes int
	// Function is what the function learns about itself.
	Function Function
	// Queue is where the messages come from.
	Queue Queue
	// ReportBatchItemFailures makes the batchItemFailures of a response count, as Lambda's
	// setting of that name does. Default: responses are ignored.
	ReportBatchItemFailures bool
	// PermanentErrors are the error types of a function for which no repetition helps.
	PermanentErrors []string
	// StopGrace is what a process has between SIGTERM and SIGKILL when the worker stops.
	// Otherwise, and by default, that is process.KillDelay.
	StopGrace time.Duration
	// Logger gets the processes' output. Default: slog.Default().
	Logger *slog.Logger
}

// Pool is a consumer.Handler that hands messages to the processes of a function.
type Pool struct {
	config Config
	// idle are the processes that have asked for an event. Nothing is buffered: who
	// receives has a process that waits.
	idle    chan *instance
	started chan error // how each process' first start went
	stop    context.CancelFunc
	keepers sync.WaitGroup
	// initTimeout and finishTimeout are the constants, but for tests.
	initTimeout, finishTimeout time.Duration

	mu       sync.Mutex
	hopeless int // processes that cannot start
	failed   chan struct{}
	err      error // read it after failed
}

// New is a Pool whose processes start with Ready. It fails if the program cannot be found.
func New(config Config) (*Pool, error) {
	if _, err := exec.LookPath(config.Args[0]); err != nil {
		return nil, fmt.Errorf("the function's runtime: %w", err)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &Pool{
		config: config, idle: make(chan *instance), started: make(chan error, config.Processes),
		stop: func() {}, failed: make(chan struct{}), initTimeout: initTimeout, finishTimeout: finishTimeout,
	}, nil
}

// Ready starts the processes and returns when each has asked for its first event. It
// fails with the reason if one of them cannot initialise: it reports an error, exits, or
// does not ask within five minutes. Call it once, and Close after it.
func (p *Pool) Ready(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	for range p.config.Processes {
		p.keepers.Go(func() { p.keep(running) })
	}
	for range p.config.Processes {
		select {
		case err := <-p.started:
			if err != nil {
				return fmt.Errorf("the function does not start: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Failed is closed when no process can be started any more.
func (p *Pool) Failed() <-chan struct{} { return p.failed }

// Err is why no process can be started, nil while some can.
func (p *Pool) Err() error {
	select {
	case <-p.failed:
		return p.err
	default:
		return nil
	}
}

// Close stops the processes.
func (p *Pool) Close() {
	p.stop()
	p.keepers.Wait()
}

// errNoProcess is a message that no process could take.
var errNoProcess = errors.New("no process of the function was there to take the message")

// Handle implements consumer.Handler. An error of the function has details for the log. That
// no process is there is not a failure of the message, which is tried again.
func (p *Pool) Handle(ctx context.Context, m *consumer.Message) error {
	const soon = time.Second
	select {
	case i := <-p.idle:
		return i.handle(ctx, m)
	case <-p.failed:
		return consumer.RetryAfter(soon, errors.Join(errNoProcess, p.err))
	case <-ctx.Done():
		return consumer.RetryAfter(soon, errors.Join(errNoProcess, context.Cause(ctx)))
	}
}

// keep keeps one process running until ctx ends. A process that dies is started anew, at
// once if it has done something, with growing pauses otherwise.
func (p *Pool) keep(ctx context.Context) {
	i, err := p.start(ctx)
	p.started <- err
	if err != nil {
		return
	}
	for failures, refused := 0, 0; ; {
		if err == nil {
			refused = 0
			if i.serve(ctx) > 0 {
				failures = 0
			} else {
				failures++
			}
			err = i.end()
		} else {
			failures, refused = failures+1, refused+1
			p.judge(refused, err)
		}
		if ctx.Err() != nil {
			return
		}
		wait := pause(failures)
		p.config.Logger.Warn("a process of the function has ended; it is started anew",
			"pause", wait, "error", err)
		if smithytime.SleepWithContext(ctx, wait) != nil {
			return
		}
		i, err = p.start(ctx)
		if err == nil && refused >= hopelessStarts {
			p.hope()
		}
	}
}

// judge counts a process that cannot start. When none can, the pool has failed; while
// some can they go on with their work.
func (p *Pool) judge(refused int, err error) {
	if refused != hopelessStarts {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hopeless++
	if p.hopeless == p.config.Processes {
		p.err = fmt.Errorf("no process of the function starts any more: %w", err)
		close(p.failed)
	}
}

// hope takes back that a process cannot start.
func (p *Pool) hope() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hopeless--
}

// pause is none, then the first, which doubles with each failure after that.
func pause(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(longestPause, firstPause<<min(failures-1, hopelessStarts))
}
