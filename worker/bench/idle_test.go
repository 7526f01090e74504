package bench

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

var idle = flag.Duration("idle", 3*time.Minute,
	"how long BenchmarkIdle watches a worker that has nothing to do")

// BenchmarkIdle measures what a worker costs that long-polls an empty queue, as
// percent of the quarter vCPU of the smallest task, and its resident memory.
func BenchmarkIdle(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "worker")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o",
		binary, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(b, err, "%s", output)
	info, err := os.Stat(binary)
	require.NoError(b, err)

	account := cloud.NewAccount("us-west-1")
	queue, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true})
	require.NoError(b, err)
	listener := httptest.NewServer(awsapi.NewServer(account))
	b.Cleanup(listener.Close)
	worker := exec.CommandContext(b.Context(), binary)
	worker.Env = append(os.Environ(), "QUEUE_URL="+queue.URL, "AWS_ENDPOINT_URL="+listener.URL,
		"AWS_REGION=us-west-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "ECS_AGENT_URI=")
	require.NoError(b, worker.Start())
	b.Cleanup(func() {
		_ = worker.Process.Kill()
		_ = worker.Wait() // it was killed
	})
	for b.Loop() {
		time.Sleep(5 * time.Second) // its start is not idleness
		before := usage(b, worker.Process.Pid)
		time.Sleep(*idle)
		after := usage(b, worker.Process.Pid)
		const quarter = 0.25
		b.ReportMetric((after.cpu-before.cpu).Seconds()/idle.Seconds()/quarter*100, "%-of-0.25-vCPU")
		b.ReportMetric(after.residentMiB, "MiB-resident")
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB-binary")
	b.ReportMetric(0, "ns/op")
}

// processUsage is what a process has used.
type processUsage struct {
	cpu         time.Duration
	residentMiB float64
}

// usage reads /proc: nanoseconds on the CPU from schedstat, of all threads, since the
// ticks in stat are too coarse for an idle process.
func usage(b *testing.B, pid int) processUsage {
	b.Helper()
	var used processUsage
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(b, err)
	for _, file := range threads {
		text, err := os.ReadFile(file)
		require.NoError(b, err)
		var nanoseconds int64
		_, err = fmt.Sscan(string(text), &nanoseconds)
		require.NoError(b, err)
		used.cpu += time.Duration(nanoseconds)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			used.residentMiB = kib / 1024
		}
	}
	return used
}
