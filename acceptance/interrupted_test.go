//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/deploy"
	"fargate-queue-worker/sandbox/provider"
)

var (
	interruptions = flag.Int("interruptions", 2, "times that a run is interrupted")
	momentsSeed   = flag.Uint64("moments", 1, "seed of the moments")
)

// asCommand in the environment has the binary of the tests be the command.
const asCommand = "ACCEPTANCE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestInterruptedRuns interrupts the command, as a real process with a real Pulumi CLI, by Ctrl-C
// and by kill -9, of itself alone and of all that it has started, and wants --clean, or the next run,
// to leave nothing.
//
//	PATH=$PWD/.sandbox/pulumi-<version>/bin:$PATH go test ./acceptance -v -timeout 30m \
//		-run TestInterruptedRuns -interruptions 20
func TestInterruptedRuns(t *testing.T) {
	t.Parallel()
	if !deploy.CLIOnPath() {
		t.Skip("needs a Pulumi CLI on the PATH; the sandbox builds one into .sandbox")
	}
	r := newRegion(t)
	began := time.Now()
	r.run(t, wholeRun...)
	span, changes := time.Since(began), r.changes.Load()
	require.Empty(t, r.left(), "a whole run leaves nothing")
	t.Logf("-moments %d, within %s and %d changes", *momentsSeed, span, changes)
	random := rand.New(rand.NewPCG(*momentsSeed, 0))
	seen := map[string]int{}
	for i := range *interruptions {
		way := ways[i%len(ways)]
		m := moment{after: time.Duration(random.Int64N(int64(span)))}
		if way.inChange {
			m.change = 1 + random.Int64N(changes/2) // the second half removes what is known
		}
		phase := r.interrupt(t, way, m)
		seen[way.name+" "+phase]++
		there, pending := r.left(), r.pending(t)
		remedy := []string{"--clean"}
		if random.IntN(4) == 0 {
			remedy = wholeRun
		}
		said := r.run(t, remedy...)
		t.Logf("%s %s, %s: %d resources were there, %d of unknown fate; then %v",
			way.name, m, phase, len(there), pending, remedy)
		require.Empty(t, r.left(), said)
		require.Zero(t, r.pending(t), said)
	}
	t.Log(seen)
}

// wholeRun is a run of the shortest case.
var wholeRun = []string{"--yes", "--again", "--case", "second-preview"}

// way to interrupt a run.
type way struct {
	name     string
	signal   syscall.Signal
	alone    bool // or all that it has started, as Ctrl-C does, or a machine that stops
	inChange bool // when AWS has made a change, and the engine has not written it down
}

var ways = []way{
	{"Ctrl-C", syscall.SIGINT, false, false},
	{"kill -9 of the command", syscall.SIGKILL, true, false},
	{"kill -9 of all", syscall.SIGKILL, false, false},
	{"kill -9 of all in a change", syscall.SIGKILL, false, true},
}

// moment of an interruption: in a change, by its number, or if that is 0, after a time.
type moment struct {
	change int64
	after  time.Duration
}

// String implements fmt.Stringer.
func (m moment) String() string {
	if m.change > 0 {
		return fmt.Sprintf("number %d", m.change)
	}
	return fmt.Sprintf("after %s", m.after.Round(time.Millisecond))
}

// phases of a run, the last first, by what it says when they begin.
var phases = []struct{ name, said string }{
	{"while the stack is removed", "removing the stack"},
	{"during the case", "second-preview: "},
	{"during up", "Updating (acceptance-dev)"},
	{"before up", ""},
}

// region is the model of AWS with its endpoints and Pulumi's provider, for other processes.
type region struct {
	account     *cloud.Account
	server      *awsapi.Server
	tools       string // the folder of the stand-ins
	binary      string
	project     string
	environment []string

	changes  atomic.Int64 // that were made by Pulumi
	awaited  atomic.Int64 // the number of the change to wait for
	happened chan struct{}
}

func newRegion(t *testing.T) *region {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	r := &region{
		account: cloud.NewAccount("us-west-2"), project: projectOf(t, root), happened: make(chan struct{}, 1),
	}
	r.server = awsapi.NewServer(r.account)
	r.server.Run(cloud.NewControl(r.account, time.Now(), nil, cloud.DefaultControlOptions()), nil)
	endpoint := httptest.NewServer(r.server)
	t.Cleanup(endpoint.Close)
	ports, err := provider.Serve(t.Context(), r.account, &accountLock{server: r.server}, r.project, r.changed)
	require.NoError(t, err)
	r.tools = t.TempDir()
	// A stand-in for Docker: the provider builds no image.
	require.NoError(t, os.WriteFile(filepath.Join(r.tools, "docker"), []byte("#!/bin/sh\n"), 0o755))
	r.binary, err = os.Executable()
	require.NoError(t, err)
	r.environment = append(os.Environ(), asCommand+"=1",
		"PATH="+r.tools+string(os.PathListSeparator)+os.Getenv("PATH"), "PULUMI_HOME="+t.TempDir(),
		fmt.Sprintf("PULUMI_DEBUG_PROVIDERS=aws:%d,awsx:%d", ports.AWS, ports.AWSX),
		"AWS_ENDPOINT_URL="+endpoint.URL, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
	return r
}

// changed has each change take a while after its effect, as on AWS: a kill then hits what the engine
// has not yet written down.
func (r *region) changed() error {
	if r.changes.Add(1) == r.awaited.Load() {
		r.happened <- struct{}{}
	}
	time.Sleep(150 * time.Millisecond)
	return nil
}

// await a moment of a run that begins.
func (r *region) await(t *testing.T, m moment) {
	t.Helper()
	if m.change == 0 {
		time.Sleep(m.after) // the moment is real
		return
	}
	const most = 2 * time.Minute
	select {
	case <-r.happened:
	case <-time.After(most):
		require.Fail(t, "no such change", "%d", m.change)
	}
}

// projectOf is a folder with what the command reads of the project, so that its state is not put
// into the real one.
func projectOf(t *testing.T, root string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"Pulumi.yaml", "Pulumi.dev.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	job := filepath.Join("acceptance", "job")
	require.NoError(t, os.CopyFS(filepath.Join(folder, job), os.DirFS(filepath.Join(root, job))))
	return folder
}

// accountLock lets the provider change the account that the endpoints answer from.
type accountLock struct {
	server  *awsapi.Server
	release chan struct{}
}

var _ sync.Locker = (*accountLock)(nil)

// Lock implements sync.Locker.
func (l *accountLock) Lock() {
	held, release := make(chan struct{}), make(chan struct{})
	go l.server.Do(func(*cloud.Account, time.Time) {
		close(held)
		<-release
	})
	<-held
	l.release = release
}

// Unlock implements sync.Locker.
func (l *accountLock) Unlock() { close(l.release) }

func (r *region) command(ctx context.Context, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	c := exec.CommandContext(ctx, r.binary, arguments...)
	c.Dir, c.Env = r.project, r.environment
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	return c, &output
}

// run runs the command to its end.
func (r *region) run(t *testing.T, arguments ...string) (said string) {
	t.Helper()
	c, output := r.command(t.Context(), arguments...)
	require.NoError(t, c.Run(), "%s", output)
	return output.String()
}

// interrupt begins a run, and interrupts it at a moment; then it waits for all that it has started.
func (r *region) interrupt(t *testing.T, w way, m moment) (phase string) {
	t.Helper()
	c, _ := r.command(t.Context(), wholeRun...)
	output, err := os.Create(filepath.Join(t.TempDir(), "output")) // a pipe would have Wait wait for all
	require.NoError(t, err)
	defer output.Close()
	c.Stdout, c.Stderr = output, output
	r.awaited.Store(r.changes.Load() + m.change)
	require.NoError(t, c.Start())
	r.await(t, m)
	said, err := os.ReadFile(output.Name())
	require.NoError(t, err)
	target := -c.Process.Pid
	if w.alone {
		target = c.Process.Pid
	}
	require.NoError(t, syscall.Kill(target, w.signal)) // it is not waited for, and so is there
	_ = c.Wait()                                       // it was interrupted
	if w.alone {
		return phaseOf(said) // the next run waits for what still runs
	}
	const most = time.Minute
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(-c.Process.Pid, 0), syscall.ESRCH) },
		most, 10*time.Millisecond, "what it has started ends")
	return phaseOf(said)
}

// phaseOf a run that has said something.
func phaseOf(said []byte) string {
	for _, p := range phases {
		if bytes.Contains(said, []byte(p.said)) {
			return p.name
		}
	}
	return ""
}

// pending is how many resources the state does not know the fate of.
func (r *region) pending(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(
		r.project, ".acceptance", "dev", "state", ".pulumi", "stacks", "*", "*.json"))
	require.NoError(t, err)
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var stack struct {
			Checkpoint struct {
				Latest deployment `json:"latest"`
			} `json:"checkpoint"`
		}
		require.NoError(t, json.Unmarshal(text, &stack))
		creates, err := stack.Checkpoint.Latest.pendingCreates()
		require.NoError(t, err)
		n += len(creates)
	}
	return n
}

// kept is what does not count as a resource: revisions of task definitions stay, and cost nothing.
var kept = []string{"components", "revisions", "taskDefinitions"}

// left are the kinds of the resources that there are.
func (r *region) left() (kinds []string) {
	r.server.Do(func(a *cloud.Account, _ time.Time) {
		text, err := json.Marshal(a)
		if err != nil {
			panic(err) // it is saved this way
		}
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(text, &fields) // it was just written
		for name, field := range fields {
			var resources map[string]struct {
				Name string `json:"name"`
			}
			if slices.Contains(kept, name) || json.Unmarshal(field, &resources) != nil {
				continue // it does not hold resources
			}
			for _, r := range resources {
				if r.Name != "default" { // the group that goes with a VPC; the model does not have that
					kinds = append(kinds, name)
				}
			}
		}
	})
	slices.Sort(kinds)
	return kinds
}
