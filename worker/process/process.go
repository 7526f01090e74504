// Package process runs the programs that handle messages: each in a process group of
// its own that ends as a whole, and ends when the worker does.
package process

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// KillDelay is what a program has between SIGTERM and SIGKILL, and what its output has
// to end after it has: less than the consumer waits for a cancelled handler.
const KillDelay = 3 * time.Second

// Process is a running program.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // read it after exited
}

// Start starts a program as the leader of a new process group. On Linux it gets SIGKILL
// when the worker dies in whatever way, so that it does not run on beside its successor.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = KillDelay
	if err := start(cmd); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	if errors.Is(p.err, exec.ErrWaitDelay) {
		p.err = nil // it exited with 0, and a child of it kept its output open
	}
	p.signal(syscall.SIGKILL) // what the program left behind; often nothing
	close(p.exited)
}

// Exited is closed when the program has exited, all of its output has been read, and
// nothing of its process group is left.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err is how the program ended, nil for exit code 0. Call it after Exited.
func (p *Process) Err() error { return p.err }

// pid of the program, which is its process group's id too.
func (p *Process) pid() int { return p.cmd.Process.Pid }

// Stop ends the program and all it started: SIGTERM, then SIGKILL after a grace period.
// It returns when the program has exited.
func (p *Process) Stop(grace time.Duration) {
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
		return
	case <-timer.C:
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// Grace is the time to Stop a program whose context has ended: stopGrace if it ended for
// the stopping of the worker, KillDelay otherwise, and if stopGrace is 0.
func Grace(ctx context.Context, stopping error, stopGrace time.Duration) time.Duration {
	if stopGrace > 0 && errors.Is(context.Cause(ctx), stopping) {
		return stopGrace
	}
	return KillDelay
}

// signal reaches the whole process group. One that is gone needs no signal.
func (p *Process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid(), s) }
