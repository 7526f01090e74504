// Package demo shows a stack at work: it sends messages to the stack's queue and
// watches tasks appear, do the work, and go.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
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
	// Stopping, if not nil, is called when ctx has ended and tasks finish their work.
	Stopping func()
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

	mu       sync.Mutex
	problems []error
	broken   int // tasks in a row that ended by themselves with an error
}

func (d *demo) run(ctx context.Context, account *cloud.Account) (Summary, error) {
	d.o.Live.TaskStopping = func(t *cloud.Task) { d.referee.taskStopping(t.ID(), t.StopReason) }
	d.o.Live.TaskEnded = d.taskEnded
	region, err := live.Start(ctx, account, d.o.Live)
	if err != nil {
		return Summary{}, err
	}
	d.region = region
	d.referee = &referee{journal: region.Host.Journal()}
	d.recorder = &recorder{region: region, stack: d.stack, started: time.Now()}
	working, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	sending := make(chan error, 1)
	beside.Go(func() {
		sending <- d.o.Workload.send(working, region.URL, account.Region, d.stack.Queue.URL, d.referee.send)
	})
	if d.o.Disturb != nil {
		beside.Go(func() { d.o.Disturb(working, region) })
	}
	if d.o.View != nil {
		d.view = d.o.View()
	}
	err = d.watch(ctx, sending)
	stop()
	beside.Wait()
	if d.view != nil {
		d.view.Close()
	}
	if err != nil {
		if ctx.Err() != nil && d.o.Stopping != nil {
			d.o.Stopping()
		}
		region.Drain(d.o.Abandon)
		_, _ = d.step() // what came of the drain; it has failed for another reason
	}
	summary := d.summary()
	summary.Stopped = err != nil
	return summary, errors.Join(err, summary.verdict.err(), d.deadLetters(summary), d.draw(), region.Close())
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
	return fmt.Errorf("dead-lettered: %d of %d messages; the handler's last failure had exit code %d\n%s",
		s.deadLettered, s.sent, d.referee.lastFailure(), d.lastWords())
}

// step takes a frame. It is done if no message is left, and no task beyond the
// minimum.
func (d *demo) step() (done bool, err error) {
	tally, err := d.referee.look()
	if err != nil {
		return false, err
	}
	f := d.recorder.frame(tally)
	if d.view != nil {
		d.view.Show(f)
	}
	if tally.handled == 0 && tally.failed >= failuresAllowed {
		return false, fmt.Errorf("the handler fails: %d times with exit code %d, never with 0\n%s",
			tally.failed, tally.exit, d.lastWords())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.problems) > 0 {
		return false, errors.Join(d.problems...)
	}
	return f.Counts == cloud.Counts{} && len(f.Tasks) == d.stack.least && f.Desired == d.stack.least, nil
}

// taskEnded is called when the process of a task has exited.
func (d *demo) taskEnded(t *cloud.Task, exit error) {
	d.referee.taskEnded(t.ID())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.referee.busyKill() {
		d.problems = append(d.problems, errors.New("a task was stopped while it worked")) // the verdict says which
	}
	var killed *exec.ExitError
	if exit == nil || errors.As(exit, &killed) && killed.ExitCode() < 0 {
		d.broken = 0
		return
	}
	if d.broken++; d.broken >= failuresAllowed {
		said := tail(d.region.LogFile(t.ID()))
		d.problems = append(d.problems, fmt.Errorf("tasks end by themselves: %w\n%s", exit, said))
	}
}

// lastWords are the last lines of the newest task's log.
func (d *demo) lastWords() string {
	newest := ""
	d.referee.mu.Lock()
	for _, e := range d.referee.log {
		newest = e.Task
	}
	d.referee.mu.Unlock()
	if newest == "" {
		return ""
	}
	return tail(d.region.LogFile(newest))
}

// tail is the end of a text file.
func tail(file string) string {
	const lines = 5
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
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

// stack is what the demo knows of the resources that were deployed.
type stack struct {
	cloud.QueueConsumer
	alarms []string
	least  int // tasks without work
}

func stackOf(a *cloud.Account) (stack, error) {
	consumer, err := a.QueueConsumer()
	if err != nil {
		return stack{}, err
	}
	s := stack{QueueConsumer: consumer, alarms: slices.Sorted(maps.Keys(a.Alarms))}
	if target, ok := a.Targets[s.Service.ResourceID()]; ok {
		s.least = target.MinCapacity
	}
	return s, nil
}

// Summary is what came of a run.
type Summary struct {
	verdict
	// Stopped says that it ended before all was done.
	Stopped    bool
	Took       time.Duration
	FirstTask  time.Duration // from the start to the first task that ran
	Started    int           // tasks
	Most       int           // tasks at once
	TaskTime   time.Duration
	CPULimit   string // how much CPU a task gets, or why that is not limited
	Activities []cloud.Activity
}

func (d *demo) summary() Summary {
	remaining, dead := map[string]bool{}, map[string]bool{}
	var s Summary
	d.region.Do(func(a *cloud.Account, _ time.Time) {
		for _, m := range messagesIn(a, d.stack.Queue) {
			remaining[m.ID] = true
		}
		for _, m := range messagesIn(a, d.stack.DeadLetters) {
			dead[m.DeduplicationID] = true // the id that it had
		}
		s.Activities = d.region.Control.Activities()
	})
	s.verdict = d.referee.judge(remaining, dead)
	s.Took, s.FirstTask, s.Most, s.TaskTime = d.recorder.last, d.recorder.first, d.recorder.most, d.recorder.used
	s.Started, s.CPULimit = d.region.Host.Started(), d.region.Host.CPULimit(d.stack.Definition)
	return s
}

func messagesIn(a *cloud.Account, q *cloud.Queue) []*cloud.Message {
	if q == nil {
		return nil
	}
	box, err := a.Mailbox(q.URL)
	if err != nil {
		return nil // none without a queue
	}
	return box.Messages()
}

// Print writes the summary for a person.
func (s Summary) Print(w io.Writer) {
	always := time.Duration(s.Most) * s.Took
	saved := 0.0
	if always > 0 {
		saved = 100 * (1 - float64(s.TaskTime)/float64(always))
	}
	first := "none ran"
	if s.FirstTask > 0 {
		first = round(s.FirstTask).String()
	}
	took := "all done and back to none    "
	if s.Stopped {
		took = "stopped after                "
	}
	fmt.Fprintf(w, `
  first message to first task   %s
  %s %s
  tasks                         %d started, %d at once at most
  messages                      %d sent, %d done, %d dead-lettered, %d delivered again
  lost, out of order            %d, %d
  busy tasks killed             %d
  CPU limit                     %s
  task-seconds                  %.0f; %d always on: %.0f (%.0f %% saved)
`, first, took, round(s.Took), s.Started, s.Most, s.sent, s.done, s.deadLettered, s.redelivered,
		len(s.lost), len(s.outOfOrder), len(s.busyKills), s.CPULimit,
		s.TaskTime.Seconds(), s.Most, always.Seconds(), math.Max(saved, 0))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
