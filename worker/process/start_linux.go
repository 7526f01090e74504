package process

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// start starts a program that gets SIGKILL when this process dies. Linux sends it when
// the thread dies that started the program, hence from a thread that never ends
// (PR_SET_PDEATHSIG in prctl(2)).
func start(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	r := request{cmd, make(chan error, 1)}
	starter() <- r
	return <-r.result
}

type request struct {
	cmd    *exec.Cmd
	result chan error
}

// starter is the thread that starts all programs.
var starter = sync.OnceValue(func() chan<- request {
	requests := make(chan request)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.result <- r.cmd.Start()
		}
	}()
	return requests
})
