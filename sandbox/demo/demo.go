// Package demo shows a stack at work: it sends messages to the stack's queue and
// watches tasks appear, do the work, and go.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/fargate"
	"fargate-queue-worker/sandbox/live"
)

// Options of Run.
type Options struct {
	// Live says how the stack is run; its seed is the workload's.
	Live     live.Options
	Workload Workload
	// Title of the timeline.
	Title string
	// Timeline is the file that gets the picture; "" draws none.
	Timeline string
	// View, if not nil, begins to show what happens.
	View func() View
	// Timeout after which the demo gives up. Default: ten minutes more than sending
	// and doing the work take, one message of a group after the other, and than
	// thirty minutes of CloudWatch.
	Timeout time.Duration
	// DeadLettersAllowed says that messages may end in the dead-letter queue.
	DeadLettersAllowed bool
	// Abandon, if not nil, is closed when tasks are no longer to finish their work
	// after ctx has ended.
	Abandon <-chan struct{}
	// Disturb, if not nil, runs beside the demo until its context ends.
	Disturb func(ctx context.Context, region *live.Region)
}

// View shows frames.
type View interface {
	// Show is called about ten times a second.
	Show(f Frame)
	// Close is called after the last frame.
	Close()
}

const (
	frameInterval = 100 * time.Millisecond
	// failuresAllowed before a handler that never succeeded counts as broken, and a
	// task that ends by itself as unable to run.
	failuresAllowed = 3
)

// Run runs a workload on the account of a stack, until all messages are done and all
// tasks are gone. The error says which promise was not kept, or what is broken.
func Run(ctx context.Context, account *cloud.Account, o Options) (Summary, error) {
	if err := o.Workload.Check(); err != nil {
		return Summary{}, err
	}
	stack, err := stackOf(account)
	if err != nil {
		return Summary{}, err
	}
	if o.Live.Handler, err = handlerOf(o.Live.Handler, stack.Container); err != nil {
		return Summary{}, err
	}
	o.Live.Seed = o.Workload.Seed
	d := &demo{o: o, stack: stack}
	return d.run(ctx, account)
}

// handlerOf is the program for the messages: the one given, the one that the stack
// declares, or else one that waits as long as a message asks.
func handlerOf(given []string, container cloud.Container) ([]string, error) {
	program := fargate.Program(given, container)
	if len(program) == 0 {
		return sleeping, nil
	}
	if _, err := exec.LookPath(program[0]); err != nil {
		const want = `give the program with its arguments, as in --handler "python job.py"`
		return nil, fmt.Errorf("--handler: %q cannot be run: %w; %s", strings.Join(program, " "), err, want)
	}
	return program, nil
}

// demo is a run.
type demo struct {
	o        Options
	stack    stack
	region   *live.Region
	referee  *referee
	recorder *recorder
	view     View
	stopping bool // tasks finish their work, and no more begins

	mu       sync.Mutex
	problems []error
	crash    error // of tasks that cannot run
	broken   int   // tasks in a row that ended by themselves with an error
}

func (d *demo) run(ctx context.Context, account *cloud.Account) (Summary, error) {
	d.o.Live.TaskStopping = func(t *cloud.Task) { d.referee.taskStopping(t.ID(), t.StopReason) }
	d.o.Live.TaskEnded = d.taskEnded
	region, err := live.Start(ctx, account, d.o.Live)
	if err != nil {
		return Summary{}, err
	}
	d.observe(region)
	working, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	sending := make(chan error, 1)
	beside.Go(func() {
		sending <- d.o.Workload.send(working, region.URL, account.Region, d.stack.Queue.URL, d.referee.send)
	})
	if d.o.Disturb != nil {
		beside.Go(func() { d.o.Disturb(working, region) })
	}
	err = d.watch(ctx, sending)
	stop()
	beside.Wait()
	if err != nil {
		d.drain()
	}
	if d.view != nil {
		d.view.Close()
	}
	summary := d.summary()
	summary.Stopped = err != nil
	return summary, errors.Join(err, summary.verdict.err(), d.deadLetters(summary), d.draw(), region.Close())
}

// observe begins to look at a region.
func (d *demo) observe(region *live.Region) {
	d.region = region
	d.referee = &referee{journal: region.Host.Journal()}
	d.recorder = &recorder{
		region: region, stack: d.stack, referee: d.referee, logs: &taskLogs{folder: region.LogFolder()},
		minute: d.o.Live.Control.Minute, total: d.o.Workload.Messages, started: time.Now(),
	}
	if d.o.View != nil {
		d.view = d.o.View()
	}
}

// drain lets the tasks finish what they do, and shows it.
func (d *demo) drain() {
	d.stopping = true
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		d.region.Drain(d.o.Abandon)
	}()
	ticker := time.NewTicker(frameInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_, _ = d.show() // it has failed for another reason
		case <-drained:
			_, _ = d.show()
			return
		}
	}
}

// watch shows what happens until the work is done.
func (d *demo) watch(ctx context.Context, sending chan error) error {
	timeout := d.timeout()
	limit, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(frameInterval)
	defer ticker.Stop()
	sent := false
	for {
		select {
		case err := <-sending:
			if err != nil {
				return err
			}
			sent = true
		case <-limit.Done():
			if ctx.Err() != nil {
				return errors.New("stopped before the work was done")
			}
			return fmt.Errorf("not done and back to no tasks after %s\n%s", timeout, d.lastWords())
		case <-ticker.C:
			done, err := d.step()
			if err != nil || done && sent {
				return err
			}
		}
	}
}

// timeout after which something must be wrong.
func (d *demo) timeout() time.Duration {
	if d.o.Timeout > 0 {
		return d.o.Timeout
	}
	w := d.o.Workload
	sending := 0.0
	if w.Rate > 0 {
		sending = float64(w.Messages) / w.Rate
	}
	working := float64(w.Messages) * 2 * w.Seconds
	const spare = 10 * time.Minute
	return spare + 30*d.o.Live.Control.Minute + time.Duration((sending+working)*float64(time.Second))
}

// deadLetters is an error if messages ended in the dead-letter queue.
func (d *demo) deadLetters(s Summary) error {
	if s.deadLettered == 0 || d.o.DeadLettersAllowed {
		return nil
	}
	return fmt.Errorf("dead-lettered: %d of %d messages\n%s", s.deadLettered, s.sent, d.lastWords())
}

// show takes a frame and shows it.
func (d *demo) show() (f Frame, err error) {
	tally, err := d.referee.look()
	if err != nil {
		return f, err
	}
	if f, err = d.recorder.frame(tally); err != nil {
		return f, err
	}
	f.Stopping = d.stopping
	if d.view != nil {
		d.view.Show(f)
	}
	return f, nil
}

// step takes a frame. It is done if no message is left, and no task beyond the
// minimum.
func (d *demo) step() (done bool, err error) {
	f, err := d.show()
	if err != nil {
		return false, err
	}
	if f.Handled == 0 && f.Failed >= failuresAllowed {
		return false, fmt.Errorf("the handler fails: %d times, and never ended with 0\n%s",
			f.Failed, d.lastWords())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.problems) > 0 {
		return false, errors.Join(d.problems...)
	}
	if d.crash != nil {
		_ = d.recorder.logs.look() // what cannot be read is left out
		return false, fmt.Errorf("tasks end by themselves: %w\n%s",
			d.crash, indented(d.recorder.logs.workers))
	}
	return f.Counts == cloud.Counts{} && len(f.Tasks) == d.stack.least && f.Desired == d.stack.least, nil
}

// taskEnded is called when the process of a task has exited.
func (d *demo) taskEnded(t *cloud.Task, exit error) {
	d.referee.taskEnded(t.ID())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.referee.busyKill() {
		// The verdict says which.
		d.problems = append(d.problems, errors.New("a task was stopped while it worked"))
	}
	var killed *exec.ExitError
	if exit == nil || errors.As(exit, &killed) && killed.ExitCode() < 0 {
		d.broken = 0
		return
	}
	if d.broken++; d.broken >= failuresAllowed {
		d.crash = exit
	}
}

// draw writes the timeline, whole or not at all.
func (d *demo) draw() error {
	if d.o.Timeline == "" {
		return nil
	}
	var picture bytes.Buffer
	err := d.recorder.timeline(d.o.Title).WriteSVG(&picture)
	if err == nil {
		err = os.WriteFile(d.o.Timeline+".new", picture.Bytes(), 0o644)
	}
	if err == nil {
		err = os.Rename(d.o.Timeline+".new", d.o.Timeline)
	}
	if err != nil {
		_ = os.Remove(d.o.Timeline + ".new") // what there is of it
		return fmt.Errorf("writing the timeline (--timeline): %w", err)
	}
	return nil
}
