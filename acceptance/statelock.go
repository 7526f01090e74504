package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stateLock is what the Pulumi CLI writes down while it works on a state in a folder.
type stateLock struct {
	PID      int    `json:"pid"`
	Hostname string `json:"hostname"`

	file string
}

// locksOf a state.
func locksOf(state string) (locks []stateLock, err error) {
	folder := filepath.Join(state, ".pulumi", "locks")
	files := os.DirFS(folder)
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return ignoreMissing(err)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return ignoreMissing(err)
		}
		l := stateLock{file: filepath.Join(folder, path)}
		if json.Unmarshal(text, &l) == nil { // else it was cut off while it was written
			locks = append(locks, l)
		}
		return nil
	})
	return locks, err
}

// ignoreMissing: a lock that is gone was given back.
func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// held says whether the process that took a lock still runs. That of another machine may.
func (l stateLock) held() bool {
	if host, err := os.Hostname(); err != nil || host != l.Hostname {
		return true
	}
	process, err := os.FindProcess(l.PID)
	return err == nil && process.Signal(syscall.Signal(0)) == nil
}

// unlock the state. A run that was killed leaves its lock; but if its CLI was not killed with it, that
// goes on for a while and writes down what it has begun: that is waited for, since two at once would
// lose what the other makes.
func (s *pulumiStack) unlock(ctx context.Context) error {
	const patience, pause = 10 * time.Minute, time.Second
	told := false
	for began := time.Now(); ; {
		locks, err := locksOf(s.state)
		if err != nil {
			return fmt.Errorf("looking whether another run works on the stack: %w", err)
		}
		if len(locks) == 0 {
			return nil
		}
		if !locks[0].held() {
			return s.stack.Cancel(ctx)
		}
		if time.Since(began) > patience {
			return fmt.Errorf("process %d on %s works on the stack; if it is not pulumi, delete %s",
				locks[0].PID, locks[0].Hostname, locks[0].file)
		}
		if !told {
			fmt.Fprintf(s.output, "process %d on %s works on the stack; waiting for its end\n",
				locks[0].PID, locks[0].Hostname)
			told = true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
