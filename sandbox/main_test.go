package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func invoke(args ...string) (output string, err error) {
	var text bytes.Buffer
	err = run(interrupts{Context: context.Background(), abandon: make(chan struct{}), signals: make(chan os.Signal, 2)}, args, &text)
	return text.String(), err
}

// TestWrongCommandLines: each says which flag has which wrong value and what would be
// right, before anything is built or deployed.
func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		line string
		want []string
	}{
		"no such command":    {"deploy", []string{`there is no command "deploy"`, "usage:"}},
		"no such flag":       {"demo --fast", []string{"flag provided but not defined: -fast", "usage:"}},
		"no flag":            {"up now", []string{`"now" is no flag`}},
		"all at once":        {"--messages 0 --minute 5h --port 99999 --handler pyhton --timeline /nowhere/x.svg", []string{"--messages: 0", "--minute: 5h0m0s: needs to be 100ms to 1m0s", "--port: 99999: needs to be 0 to 65535", `--handler: "pyhton": there is no program pyhton`, `--timeline: "/nowhere/x.svg": its folder needs to exist`}},
		"a rate of nearly 0": {"--rate 1e-10", []string{"--rate: 1e-10: needs to be 0.001 to 1000000"}},
		"up does not run":    {"up --port 8080 --handler true", []string{"--port: 8080: goes with --keep", "--handler: true: goes with --keep"}},
		"up runs wrongly":    {"up --keep --minute 1ms", []string{"--minute: 1ms"}},
		"simulated days":     {"simulate --days 0 --metric-delay 9", []string{"--days: 0: needs to be 1 to 366", "--metric-delay: 9: needs to be 0 to 2 minutes"}},
		"a condition":        {"simulate --fail-on p95>1m", []string{`--fail-on: "p95>1m": p95 is no measure`}},
		"no such workload":   {"simulate --workload nope", []string{`--workload: "nope": needs to be a file`, "trickle"}},
		"no such price":      {"simulate --price gold=1", []string{`there is no price "gold"`}},
		"no such key":        {"simulate --set nonsense=1", []string{"nonsense is no key that Pulumi.yaml describes"}},
		"nothing to compare": {"simulate --against /nowhere/before.json", []string{"--against: open /nowhere/before.json"}},
		"no run to compare":  {"simulate --workload trickle --days 1 --no-peers --against main.go", []string{`--against: "main.go" is no output of simulate --json`}},
		"a folder as output": {"simulate --out simulate", []string{`--out: "simulate": is a folder`}},
		"two outputs":        {"simulate --against main.go --json", []string{`--against: "main.go": goes without --json`}},
		"no such stack":      {"simulate --stack test", []string{`there is no stack "test"`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := invoke(strings.Fields(tc.line)...)
			for _, want := range tc.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	output, err := invoke("demo", "--help")
	require.NoError(t, err)
	for name := range commands {
		assert.Contains(t, output, "\n  "+name+" ")
	}
}

func TestSimulateFailsOnACondition(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.html")
	output, err := invoke("simulate", "--days", "1", "--workload", "trickle", "--no-peers", "--activities", "--out", report, "--set", "maxCapacity=2", "--fail-on", "killed>0,p50_first<1s,left_running<1")
	require.ErrorContains(t, err, "trickle: left_running<1 (it is 0)")
	assert.NotContains(t, err.Error(), "killed")
	assert.Contains(t, output, "trickle, dev:\n  day 1 ", "a line for each scaling activity")
	assert.FileExists(t, report)
}

// TestSimulateAgainst: what a pull request does, told from the run before it.
func TestSimulateAgainst(t *testing.T) {
	t.Parallel()
	run := func(more ...string) string {
		output, err := invoke(append([]string{"simulate", "--days", "2", "--workload", "nightly-batch", "--no-peers"}, more...)...)
		require.NoError(t, err)
		return output
	}
	before := filepath.Join(t.TempDir(), "before.json")
	require.NoError(t, os.WriteFile(before, []byte(run("--json")), 0o600))
	assert.Contains(t, run("--against", before), "No figure changes.")
	slower := run("--against", before, "--set", "maxCapacity=1")
	assert.Regexp(t, `\| nightly-batch \| .* \| \d+m\d*s? → \*\*\d+h\d+m\*\* \| 0 \|`, slower, "all messages wait longer for one task")
	assert.Contains(t, slower, "Figures that change are bold.")
	assert.Contains(t, run("--against", before, "--workload", "trickle"), "| trickle | ")
	_, err := invoke("simulate", "--days", "3", "--workload", "trickle", "--no-peers", "--against", before)
	require.ErrorContains(t, err, "is a run of 2 days with seed 1, this is one of 3 days with seed 1")
	_, err = invoke("simulate", "--days", "2", "--workload", "trickle", "--no-peers", "--stack", "prod", "--against", before)
	require.ErrorContains(t, err, "is a run of another stack than prod")
	require.NoError(t, os.WriteFile(before, []byte("[]"), 0o600))
	assert.Contains(t, run("--against", before), "(new)")
}

// TestOneCommandAStack: a second one is told to wait.
func TestOneCommandAStack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, lock(folder, "dev"))
	require.ErrorContains(t, lock(folder, "dev"), "another sandbox command works on stack dev: wait for it, or stop it")
	require.NoError(t, lock(folder, "prod"))
}

func TestShellLines(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "true", "cd /tmp && true", "exit 0", "A=1 true", `trap "" TERM; true`, "/bin/sh -c true"} {
		assert.NoError(t, checkShellCommand(line), line)
	}
	require.ErrorContains(t, checkShellCommand("pyhton job.py"), `"pyhton job.py": there is no program pyhton`)
}
