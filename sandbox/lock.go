package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps other sandbox commands from a stack as long as this process lives: the
// descriptor is never closed, not even by the garbage collector, as an os.File is.
func lock(folder, stack string) error {
	if err := os.MkdirAll(filepath.Join(folder, stack), 0o755); err != nil {
		return fmt.Errorf("making the sandbox's folder: %w", err)
	}
	file, err := syscall.Open(filepath.Join(folder, stack, "lock"),
		syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("locking stack %s: %w", stack, err)
	}
	err = syscall.Flock(file, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("another sandbox command works on stack %s: wait for it, or stop it", stack)
	}
	return err
}
