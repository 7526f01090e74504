// Package fargate runs the tasks of the sandbox as processes of this machine: the
// worker with the environment, secrets and command that the task definition declares,
// and a program under it for each message.
package fargate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Options of a Host.
type Options struct {
	// Worker is the path of the worker's binary.
	Worker string
	// Handler is the program to run for each message. Default: the command that the
	// task definition declares.
	Handler []string
	// Endpoint is the URL of the sandbox's AWS.
	Endpoint string
	// AgentURI is that of the ECS agent for a task; "" leaves tasks without one, which
	// switches protection off.
	AgentURI func(t *cloud.Task) string
	// Minute is the length of a minute of CloudWatch; what the worker measures
	// against it shrinks likewise.
	Minute time.Duration
	// Folder gets the journal of the handlers.
	Folder string
	// Log is where what a task prints goes.
	Log func(t *cloud.Task) (io.WriteCloser, error)
	// Stopping, if not nil, is called before a task gets SIGTERM.
	Stopping func(t *cloud.Task)
	// Ended is called, on any goroutine, when the process of a task has exited.
	Ended func(t *cloud.Task, err error)
}

// Host runs tasks as processes. Its methods may be called from many goroutines.
type Host struct {
	o       Options
	account *cloud.Account
	journal *Journal
	starter *starter
	limit   *cpuLimit

	mu        sync.Mutex
	processes map[string]*process // by task ARN
	started   int
	running   sync.WaitGroup
}

// process is a task at work.
type process struct {
	cmd   *exec.Cmd
	group *cgroup // nil without a limit of its CPU
	log   io.Closer
	vcpu  float64
	cpu   time.Duration // used when it was last asked
	asked time.Time
}

// NewHost prepares to run tasks of an account.
func NewHost(account *cloud.Account, o Options) (*Host, error) {
	journal, err := newJournal(filepath.Join(o.Folder, "journal"))
	if err != nil {
		return nil, err
	}
	starter := newStarter()
	return &Host{
		o: o, account: account, journal: journal, starter: starter, limit: newCPULimit(starter),
		processes: map[string]*process{},
	}, nil
}

// Journal is what the handlers did.
func (h *Host) Journal() *Journal { return h.journal }

// StartTask implements cloud.TaskHost.
func (h *Host) StartTask(now time.Time, t *cloud.Task) {
	p, err := h.start(now, t)
	if err != nil {
		h.running.Go(func() { h.o.Ended(t, err) })
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.processes[t.ARN] = p
	h.started++
	h.running.Go(func() { h.wait(t, p) })
}

// wait waits for the worker of a task, and ends what it leaves behind.
func (h *Host) wait(t *cloud.Task, p *process) {
	err := p.cmd.Wait()
	h.killHandlers(t)
	killSession(p.cmd.Process.Pid)
	p.group.remove()
	h.mu.Lock()
	delete(h.processes, t.ARN)
	h.mu.Unlock()
	h.o.Ended(t, errors.Join(err, p.log.Close()))
}

func (h *Host) start(now time.Time, t *cloud.Task) (*process, error) {
	definition, ok := h.account.TaskDefinitions[t.TaskDefinition]
	if !ok {
		return nil, fmt.Errorf("the task definition %s is gone", t.TaskDefinition)
	}
	container, err := mainContainer(definition)
	if err != nil {
		return nil, err
	}
	log, err := h.o.Log(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(h.o.Worker, h.arguments(container)...)
	cmd.Env = h.environment(t, container)
	cmd.Stdout, cmd.Stderr = log, log
	// Its own session, so that what is typed at the terminal does not reach it, and
	// that all it starts can be found.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	vcpu := vcpus(definition)
	group := h.limit.group(vcpu)
	if err := h.starter.start(cmd, group); err != nil {
		group.remove()
		return nil, errors.Join(fmt.Errorf("starting the worker: %w", err), log.Close())
	}
	return &process{cmd: cmd, group: group, log: log, vcpu: vcpu, asked: now}, nil
}

// arguments of the worker: the program to run for each message, observed.
func (h *Host) arguments(container cloud.Container) []string {
	program := Program(h.o.Handler, container)
	if len(program) == 0 {
		return nil
	}
	return append([]string{"--"}, observed(program)...)
}

// Program is what runs for each message: the handler given, or the command that the
// container declares.
func Program(handler []string, container cloud.Container) []string {
	if len(handler) > 0 {
		return handler
	}
	if len(container.Command) > 0 && container.Command[0] == "--" {
		return container.Command[1:]
	}
	return container.Command
}

// StopTask implements cloud.TaskHost.
func (h *Host) StopTask(_ time.Time, t *cloud.Task) {
	if h.o.Stopping != nil {
		h.o.Stopping(t)
	}
	if p := h.process(t); p != nil {
		h.signal(p, syscall.SIGTERM)
	}
}

// KillTask implements cloud.TaskHost.
func (h *Host) KillTask(_ time.Time, t *cloud.Task) { h.Kill(t) }

// Kill ends a task and all that it runs, as a failing host would.
func (h *Host) Kill(t *cloud.Task) {
	if p := h.process(t); p != nil {
		h.kill(p)
		h.killHandlers(t)
	}
}

// signal reaches the worker, not its handlers. A process that is gone needs none.
func (h *Host) signal(p *process, signal syscall.Signal) { _ = p.cmd.Process.Signal(signal) }

// kill ends the worker and what is in its process group. Waited for and gone, its id
// may be another's.
func (h *Host) kill(p *process) {
	if p.cmd.Process.Signal(syscall.Signal(0)) == nil {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// killHandlers ends what runs under a worker that is gone, as the end of a container
// does.
func (h *Host) killHandlers(t *cloud.Task) {
	for _, group := range h.journal.openGroups(t.ID()) {
		_ = syscall.Kill(-group, syscall.SIGKILL) // gone already, often
	}
}

func (h *Host) process(t *cloud.Task) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.processes[t.ARN]
}

// CPU implements cloud.TaskHost.
func (h *Host) CPU(now time.Time, t *cloud.Task) float64 {
	p := h.process(t)
	if p == nil {
		return 0
	}
	used, err := cpuTime(p.cmd.Process.Pid, h.journal.openGroups(t.ID()))
	if err != nil {
		return 0 // it has just ended
	}
	before, since := p.cpu, now.Sub(p.asked)
	p.cpu, p.asked = used, now
	if since <= 0 || used < before {
		return 0
	}
	return 100 * (used - before).Seconds() / (since.Seconds() * p.vcpu)
}

// Started is how many tasks have run.
func (h *Host) Started() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.started
}

// Wait waits until no process runs.
func (h *Host) Wait() { h.running.Wait() }

// KillAll ends every process.
func (h *Host) KillAll() {
	h.mu.Lock()
	var all []*process
	for _, p := range h.processes {
		all = append(all, p)
	}
	h.mu.Unlock()
	for _, p := range all {
		h.kill(p)
	}
	h.running.Wait() // whoever waits for a worker ends its handlers
}

// Close removes what is left when all tasks have ended.
func (h *Host) Close() error {
	h.starter.stop()
	return os.Remove(h.journal.file)
}
