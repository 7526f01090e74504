package fargate

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// clockTick is the unit of CPU time in /proc, the same on all of Linux.
const clockTick = time.Second / 100

// cpuTime is what the session that a process leads has used, ended children included.
func cpuTime(session int, _ []int) (time.Duration, error) {
	all, err := inSession(session)
	if err != nil {
		return 0, err
	}
	var ticks uint
	for _, stat := range all {
		ticks += stat.UTime + stat.STime + uint(stat.CUTime+stat.CSTime)
	}
	return time.Duration(ticks) * clockTick, nil
}

// killSession ends what is left of the session that a process has led.
func killSession(session int) {
	all, err := inSession(session)
	if err != nil {
		return // without /proc there is nobody to find
	}
	for _, stat := range all {
		_ = syscall.Kill(stat.PID, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// onlyZombies says that what is left of a process group has ended, and that its new parent, the
// first process of the machine or the container, has not asked how. Some never do.
func onlyZombies(group int) bool {
	const zombie = "Z"
	alive, err := processes(func(s procfs.ProcStat) bool { return s.PGRP == group && s.State != zombie })
	return err == nil && len(alive) == 0
}

func inSession(session int) ([]procfs.ProcStat, error) {
	return processes(func(s procfs.ProcStat) bool { return s.Session == session })
}

func processes(which func(procfs.ProcStat) bool) ([]procfs.ProcStat, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	var list []procfs.ProcStat
	for _, p := range all {
		// One that has ended meanwhile has no stat.
		if stat, err := p.Stat(); err == nil && which(stat) {
			list = append(list, stat)
		}
	}
	return list, nil
}

// starter starts processes that end when the sandbox does, however that ends: Linux
// tells the children of a thread, which therefore has to live as long.
type starter struct{ requests chan startRequest }

type startRequest struct {
	cmd   *exec.Cmd
	group *cgroup
	done  chan error
}

func newStarter() *starter {
	s := &starter{make(chan startRequest)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
			r.done <- r.group.start(r.cmd)
		}
	}()
	return s
}

// start starts a process in a cgroup, if that is not nil.
func (s *starter) start(cmd *exec.Cmd, group *cgroup) error {
	r := startRequest{cmd, group, make(chan error)}
	s.requests <- r
	return <-r.done
}

// stop ends what is left of the processes.
func (s *starter) stop() { close(s.requests) }
