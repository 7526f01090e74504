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
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/provider"
)

var (
	interruptions = flag.Int("interruptions", 0, "times that a run is interrupted; needs a Pulumi CLI on the PATH")
	momentsSeed   = flag.Uint64("moments", 1, "seed of the moments")
)

// TestInterruptedRuns interrupts the command, as a real process with a real Pulumi CLI, by Ctrl-C
// and by kill -9, of itself alone and of all that it has started, and wants --clean to leave nothing.
//
//	PATH=$PWD/.sandbox/pulumi-<version>/bin:$PATH go test ./acceptance -run TestInterruptedRuns -interruptions 20
func TestInterruptedRuns(t *testing.T) {
	t.Parallel()
	if *interruptions == 0 {
		t.Skip("needs a Pulumi CLI; -interruptions says how often")
	}
	r := newRegion(t)
	began := time.Now()
	r.run(t, "--yes", "--again", "--case", "second-preview")
	span := time.Since(began)
	require.Empty(t, r.left(), "a whole run leaves nothing")
	random := rand.New(rand.NewPCG(*momentsSeed, 0))
	for i := range *interruptions {
		way := ways[i%len(ways)]
		after := time.Duration(random.Int64N(int64(span)))
		r.interrupt(t, way, after)
		before := r.left()
		said := r.run(t, "--clean")
		t.Logf("%s after %s of %s: %d kinds of resources were there", way.name, after, span, len(before))
		if !assert.Empty(t, r.left(), "%s after %s", way.name, after) {
			t.Log(said)
			return
		}
	}
}

// way to interrupt a run.
type way struct {
	name   string
	signal syscall.Signal
	alone  bool // or all that it has started, as Ctrl-C does, or a machine that stops
}

var ways = []way{
	{"Ctrl-C", syscall.SIGINT, false},
	{"kill -9 of the command", syscall.SIGKILL, true},
	{"kill -9 of all", syscall.SIGKILL, false},
}

// region is the model of AWS with its endpoints and Pulumi's provider, for other processes.
type region struct {
	account     *cloud.Account
	server      *awsapi.Server
	binary      string
	project     string
	environment []string
}

func newRegion(t *testing.T) *region {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	r := &region{account: cloud.NewAccount("us-west-2"), project: projectOf(t, root)}
	r.server = awsapi.NewServer(r.account)
	r.server.Run(cloud.NewControl(r.account, time.Now(), nil, cloud.DefaultControlOptions()), nil)
	endpoint := httptest.NewServer(r.server)
	t.Cleanup(endpoint.Close)
	ports, err := provider.Serve(t.Context(), r.account, &accountLock{server: r.server}, r.project, slowly)
	require.NoError(t, err)
	bin := t.TempDir()
	r.binary = filepath.Join(bin, "acceptance")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", r.binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", built)
	// A stand-in for Docker: the provider builds no image.
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\n"), 0o755))
	r.environment = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"),
		"PULUMI_HOME="+t.TempDir(), fmt.Sprintf("PULUMI_DEBUG_PROVIDERS=aws:%d,awsx:%d", ports.AWS, ports.AWSX),
		"AWS_ENDPOINT_URL="+endpoint.URL, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
	return r
}

// slowly has each change take a while after its effect, as on AWS: a kill then hits what the engine
// has not yet written down.
func slowly() error {
	time.Sleep(150 * time.Millisecond)
	return nil
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

// interrupt begins a run, and interrupts it after a time; then it waits for all that it has started.
func (r *region) interrupt(t *testing.T, w way, after time.Duration) {
	t.Helper()
	c, _ := r.command(t.Context(), "--yes", "--again", "--case", "second-preview")
	c.Stdout, c.Stderr = nil, nil // what it has started must not keep Wait from its end
	require.NoError(t, c.Start())
	time.Sleep(after) // the moment is real
	target := -c.Process.Pid
	if w.alone {
		target = c.Process.Pid
	}
	require.NoError(t, syscall.Kill(target, w.signal))
	_ = c.Wait() // it was interrupted
	const most = time.Minute
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(-c.Process.Pid, 0), syscall.ESRCH) },
		most, 10*time.Millisecond, "what it has started ends")
}

// kept is what is no resource: revisions of task definitions stay, and cost nothing.
var kept = []string{"components", "revisions", "taskDefinitions"}

// left are the kinds of resources that there are, with how many.
func (r *region) left() (kinds []string) {
	r.server.Do(func(a *cloud.Account, _ time.Time) {
		text, err := json.Marshal(a)
		if err != nil {
			panic(err) // it is saved this way
		}
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(text, &fields) // it was just written
		for name, field := range fields {
			var resources map[string]json.RawMessage
			if json.Unmarshal(field, &resources) == nil && len(resources) > 0 && !slices.Contains(kept, name) {
				kinds = append(kinds, fmt.Sprintf("%s: %d", name, len(resources)))
			}
		}
	})
	slices.Sort(kinds)
	return kinds
}
