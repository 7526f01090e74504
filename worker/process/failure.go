package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// Failure is a failed run of a program, with what helps to find out why.
type Failure struct {
	// Err is the program's exit, or why it was stopped.
	Err error
	// Exit is how the program ended, nil for exit code 0.
	Exit error
	// Stderr is the end of its standard error.
	Stderr string
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap is the reason.
func (f *Failure) Unwrap() error { return f.Err }

// Details are the exit code or the signal that ended the program, and the last lines of
// its standard error, for the log and the dead-letter queue.
func (f *Failure) Details() map[string]any {
	details := map[string]any{}
	var exit *exec.ExitError
	if errors.As(f.Exit, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			details["signal"] = status.Signal().String()
		} else {
			details["exitCode"] = exit.ExitCode()
		}
	}
	if f.Stderr != "" {
		details["stderr"] = f.Stderr
	}
	return details
}
