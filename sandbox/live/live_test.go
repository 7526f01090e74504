package live

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
)

// start runs the dev stack, which keeps a task, with a script as its worker.
func start(t *testing.T, script string) *Region {
	t.Helper()
	account, err := declared.Account("../..", "dev", "minCapacity=1")
	require.NoError(t, err)
	folder := t.TempDir()
	worker := filepath.Join(folder, "worker")
	// A child forked meanwhile would hold the file open for writing: "text file busy".
	syscall.ForkLock.RLock()
	err = os.WriteFile(worker, []byte("#!/bin/sh\n"+script), 0o700)
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
	control := cloud.DefaultControlOptions()
	control.Minute = 200 * time.Millisecond
	control.StartDelay = func(int) time.Duration { return 10 * time.Millisecond }
	r, err := Start(t.Context(), account, Options{Worker: worker, Folder: folder, Control: control})
	require.NoError(t, err)
	return r
}

// task waits for the one that runs.
func task(t *testing.T, r *Region) *cloud.Task {
	t.Helper()
	var found *cloud.Task
	require.Eventually(t, func() bool {
		r.Do(func(*cloud.Account, time.Time) {
			for _, task := range r.Control.Tasks() {
				if task.State == cloud.Running {
					found = task
				}
			}
		})
		return found != nil
	}, 10*time.Second, 10*time.Millisecond)
	return found
}

// TestTheAgentProtectsItsTask: what a task asks of its agent reaches the scheduler.
func TestTheAgentProtectsItsTask(t *testing.T) {
	t.Parallel()
	r := start(t, "exec sleep 60")
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	running := task(t, r)
	put := func(id, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
			r.URL+agentPath+id+"/task-protection/v1/state", strings.NewReader(body))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	assert.Equal(t, http.StatusOK, put(running.ID(), `{"ProtectionEnabled": true, "ExpiresInMinutes": 60}`))
	r.Do(func(_ *cloud.Account, now time.Time) {
		assert.True(t, running.ProtectedAt(now.Add(59*time.Minute)))
	})
	assert.Equal(t, http.StatusOK, put(running.ID(), `{"ProtectionEnabled": false}`))
	r.Do(func(_ *cloud.Account, now time.Time) { assert.False(t, running.ProtectedAt(now)) })
	assert.Equal(t, http.StatusNotFound, put("nobody", `{"ProtectionEnabled": true}`))
}

// TestDrainLetsTasksFinish, and Close leaves none.
func TestDrainLetsTasksFinish(t *testing.T) {
	t.Parallel()
	r := start(t, `trap 'sleep 0.5; echo finished; exit 0' TERM; echo begun; while :; do sleep 0.05; done`)
	running := task(t, r)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(r.logFile(running.ID()))
		return err == nil && len(text) > 0
	}, 5*time.Second, 10*time.Millisecond)
	r.Drain(nil)
	text, err := os.ReadFile(r.logFile(running.ID()))
	require.NoError(t, err)
	assert.Equal(t, "begun\nfinished\n", string(text))
	require.NoError(t, r.Close())
	_, err = http.Get(r.URL)
	assert.Error(t, err, "nobody listens any more")
}

// TestDrainIsAbandoned when a person will not wait.
func TestDrainIsAbandoned(t *testing.T) {
	t.Parallel()
	r := start(t, `trap '' TERM; while :; do sleep 0.05; done`)
	task(t, r)
	abandon := make(chan struct{})
	close(abandon)
	r.Drain(abandon)
	require.NoError(t, r.Close())
}

func TestAWorkerThatDoesNotBuild(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t,
		os.WriteFile(filepath.Join(root, "go.mod"), []byte("module broken\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(root, "worker"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "worker", "main.go"),
		[]byte("package main\n\nfunc main() { undefined() }\n"), 0o600))
	_, err := BuildWorker(t.Context(), root, t.TempDir())
	require.ErrorContains(t, err, "building the worker")
	assert.ErrorContains(t, err, "undefined: undefined")
}
