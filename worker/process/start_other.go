//go:build !linux

package process

import "os/exec"

// start starts a program, which outlives this process if that is killed: only Linux has
// a signal for it.
func start(cmd *exec.Cmd) error { return cmd.Start() }
