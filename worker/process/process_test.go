package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parentVariable makes the test binary a process that starts a program and waits.
const parentVariable = "TEST_PARENT_OF"

func TestMain(m *testing.M) {
	if script := os.Getenv(parentVariable); script != "" {
		p, err := Start(exec.Command("sh", "-c", script))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		<-p.Exited()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAProgramDiesWithItsParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a signal for it")
	}
	pidFile := filepath.Join(t.TempDir(), "pid")
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"=echo $$ > "+pidFile+"; exec sleep 600")
	require.NoError(t, parent.Start())
	pid := readPID(t, pidFile)
	require.NoError(t, syscall.Kill(pid, 0), "it runs")
	group := pid // it leads one
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait() // it was killed
	waitFor(t, func() bool { return len(running(t, group)) == 0 })
}

func TestStop(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script string
		want   syscall.Signal
	}{
		"a program that goes when asked": {"echo $$ > %s; exec sleep 600", syscall.SIGTERM},
		"a program that ignores SIGTERM": {
			"trap '' TERM; echo $$ > %s; while :; do sleep 0.05; done",
			syscall.SIGKILL,
		},
		"a child of it that keeps its out": {
			"(trap '' TERM; sleep 600) & echo $$ > %s; wait",
			syscall.SIGTERM,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pidFile := filepath.Join(t.TempDir(), "pid")
			cmd := exec.Command("sh", "-c", fmt.Sprintf(tc.script, pidFile))
			cmd.Stdout = NewOutput(func(string) {})
			p, err := Start(cmd)
			require.NoError(t, err)
			readPID(t, pidFile)
			p.Stop(200 * time.Millisecond)
			var exit *exec.ExitError
			require.ErrorAs(t, p.Err(), &exit)
			assert.Equal(t, tc.want, exit.Sys().(syscall.WaitStatus).Signal())
			waitFor(t, func() bool { return len(running(t, p.pid())) == 0 })
		})
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", longestLine)
	cases := map[string]struct {
		writes []string
		lines  []string
		tail   string
	}{
		"lines":               {[]string{"a\nb\n"}, []string{"a", "b"}, "a\nb"},
		"a line in parts":     {[]string{"a", "b", "c\n"}, []string{"abc"}, "abc"},
		"no end":              {[]string{"a\nb"}, []string{"a", "b"}, "a\nb"},
		"an empty line":       {[]string{"\n"}, []string{""}, ""},
		"the end of Windows":  {[]string{"a\r\n"}, []string{"a"}, "a"},
		"exactly the longest": {[]string{long + "\n"}, []string{long}, long[:tailBytes]},
		"longer, cut":         {[]string{long + "y\n"}, []string{long, "y"}, "y"},
		"the tail's lines": {
			[]string{strings.Repeat("l\n", 30)},
			strings.Split(strings.Repeat("l ", 29)+"l", " "),
			strings.Repeat("l\n", 19) + "l",
		},
		"not UTF-8": {[]string{"\xff\n"}, []string{"\xff"}, "\uFFFD"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			o := NewOutput(func(line string) { lines = append(lines, line) })
			for _, text := range tc.writes {
				_, err := o.Write([]byte(text))
				require.NoError(t, err)
			}
			o.Flush()
			assert.Equal(t, tc.lines, lines)
			assert.Equal(t, tc.tail, o.Tail())
			o.Reset()
			assert.Empty(t, o.Tail())
		})
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script string
		want   map[string]any
	}{
		"an exit code": {"echo oh >&2; exit 3", map[string]any{"exitCode": 3, "stderr": "oh"}},
		"a signal":     {"kill -9 $$", map[string]any{"signal": "killed"}},
		"exit code 0":  {"exit 0", map[string]any{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stderr := NewOutput(func(string) {})
			cmd := exec.Command("sh", "-c", tc.script)
			cmd.Stderr = stderr
			p, err := Start(cmd)
			require.NoError(t, err)
			<-p.Exited()
			failure := &Failure{Err: errors.New("why"), Exit: p.Err(), Stderr: stderr.Tail()}
			assert.Equal(t, tc.want, failure.Details())
		})
	}
}

func readPID(t *testing.T, file string) (pid int) {
	t.Helper()
	waitFor(t, func() bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	return pid
}

// running are the processes of a group that have not ended; whether one that has ended
// is reaped is up to init.
func running(t *testing.T, group int) (pids []int) {
	t.Helper()
	table, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=,pgid=,state=").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(table)) {
		var pid, of int
		var state string
		if n, _ := fmt.Sscan(
			line,
			&pid,
			&of,
			&state,
		); n == 3 && of == group &&
			!strings.HasPrefix(state, "Z") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// waitFor polls a condition outside this process.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 10*time.Second, 10*time.Millisecond)
}
