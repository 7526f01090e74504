package lambda

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/worker/command"
)

var python = flag.String(
	"python",
	"",
	"a Python with what worker/examples/lambda-python/requirements.txt names",
)

// needsPython skips what only the Python of the flag can do; .ci/run gives it.
func needsPython(t testing.TB) {
	t.Helper()
	if *python == "" {
		t.Skip("needs -python")
	}
}

// pythonPool is a pool of a Python function in a directory.
func pythonPool(t testing.TB, directory string, change func(*Config)) (*Pool, *buffer) {
	t.Helper()
	needsPython(t)
	p, log := newPool(t, "", func(c *Config) {
		c.Args = []string{"env", "-C", directory, *python, "-m", "awslambdaric", "app.handler"}
		if change != nil {
			change(c)
		}
	})
	return p, log
}

// TestPythonExample runs the example with AWS's runtime client and Powertools.
func TestPythonExample(t *testing.T) {
	t.Parallel()
	p, log := pythonPool(t, "../examples/lambda-python", func(c *Config) { c.ReportBatchItemFailures = true })
	require.NoError(t, p.Ready(t.Context()))
	require.NoError(t, p.Handle(t.Context(), message(`{"number": 1}`)))
	eventually(t, func() bool { return strings.Contains(log.String(), `\"job\":{\"number\":1}`) })
	err := p.Handle(t.Context(), message("not JSON"))
	got := details(t, err)
	assert.Equal(t, "BatchProcessingError", got["errorType"])
	assert.Contains(t, got["errorMessage"], "JSONDecodeError")
	require.NoError(t, p.Handle(t.Context(), message(`{"number": 2}`)), "the process stays")
}

func TestPythonThatCannotBeImported(t *testing.T) {
	t.Parallel()
	needsPython(t)
	directory := t.TempDir()
	require.NoError(
		t,
		os.WriteFile(filepath.Join(directory, "app.py"), []byte("import no_such_module\n"), 0o600),
	)
	p, _ := pythonPool(t, directory, nil)
	require.EqualError(
		t,
		p.Ready(t.Context()),
		"the function does not start: Runtime.ImportModuleError: "+
			"Unable to import module 'app': No module named 'no_such_module'",
	)
}

// BenchmarkPython compares the CPU time of a Python function that stays, on our side and
// on its own, with that of a process per message: both do what worker/examples/python
// does, and start no more than that takes.
//
//	go test ./worker/lambda -run - -bench Python -python $PWD/.sandbox/python/bin/python
func BenchmarkPython(b *testing.B) {
	needsPython(b)
	const messages, processes = 5000, 200
	const code = `import json
def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])
        print(f"message {record['messageId']} of group {record['attributes']['MessageGroupId']}: {job}")
`
	directory := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(directory, "app.py"), []byte(code), 0o600))
	program, err := command.New([]string{*python, "../examples/python/job.py"}, newLogger())
	require.NoError(b, err)
	// warm is what some messages cost, start and end of the process included, as its CPU
	// time is known once it has ended.
	warm := func(messages int) time.Duration {
		p, _ := pythonPool(b, directory, func(c *Config) { c.Logger = newLogger() })
		before := cpuTime(b)
		require.NoError(b, p.Ready(b.Context()))
		for range messages {
			require.NoError(b, p.Handle(b.Context(), message("{}")))
		}
		p.Close()
		return cpuTime(b) - before
	}
	for b.Loop() {
		start := warm(1)
		kept := (warm(1+messages) - start) / messages
		before := cpuTime(b)
		for range processes {
			require.NoError(b, program.Handle(b.Context(), message("{}")))
		}
		each := (cpuTime(b) - before) / processes
		b.ReportMetric(float64(kept.Microseconds()), "kept-us/msg")
		b.ReportMetric(float64(each.Microseconds()), "process-us/msg")
		b.ReportMetric(float64(each)/float64(kept), "ratio")
		b.ReportMetric(float64(start.Milliseconds()), "start-ms")
	}
	b.ReportMetric(0, "ns/op")
}
