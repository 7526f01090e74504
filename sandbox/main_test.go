package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/simulate"
)

func invoke(args ...string) (output string, err error) {
	var text bytes.Buffer
	err = run(interrupts{Context: context.Background(), abandon: make(chan struct{}),
		signals: make(chan os.Signal, 2)}, args, &text)
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
		"no such command": {"deploy",
			[]string{`there is no command "deploy"`, "\ngo run ./sandbox --help tells more"}},
		"misspelt command": {"simulat", []string{`there is no command "simulat"; did you mean simulate?`}},
		"misspelt flag": {"demo --mesages 3",
			[]string{"unknown flag: --mesages; did you mean --messages?"}},
		"no value": {"--messages many", []string{`invalid argument "many" for "--messages" flag`}},
		"no such flag": {"demo --fast",
			[]string{"unknown flag: --fast", "\ngo run ./sandbox demo --help tells more"}},
		"no flag": {"up now", []string{`"now": up takes flags alone`}},
		"all at once": {"--messages 0 --minute 5h --port 99999 --handler pyhton --timeline " +
			"/nowhere/x.svg", []string{"--messages: 0", "--minute: 5h0m0s: needs to be 100ms to 1m0s",
			"--port: 99999: needs to be 0 to 65535", `--handler: "pyhton": there is no program pyhton`,
			`--timeline: "/nowhere/x.svg": its folder needs to exist`}},
		"a rate of nearly 0": {"--rate 1e-10", []string{"--rate: 1e-10: needs to be 0.001 to 1000000"}},
		"up does not run": {"up --port 8080 --handler true",
			[]string{"--port: 8080: goes with --keep", "--handler: true: goes with --keep"}},
		"up runs wrongly": {"up --keep --minute 1ms", []string{"--minute: 1ms"}},
		"simulated days": {"simulate --days 0 --metric-delay 9",
			[]string{"--days: 0: needs to be 1 to 366", "--metric-delay: 9: needs to be 0 to 2 minutes"}},
		"a condition": {"simulate --fail-on p95>1m",
			[]string{`--fail-on: "p95>1m": p95 is not a measure`}},
		"no such workload": {"simulate --workload nope",
			[]string{`--workload: "nope": needs to be a file`, "trickle"}},
		"no such price": {"simulate --price gold=1", []string{`there is no price "gold"`}},
		"no such key": {"simulate --set nonsense=1",
			[]string{"nonsense is not a key that Pulumi.yaml describes"}},
		"nothing to compare": {"simulate --against /nowhere/before.json",
			[]string{"--against: open /nowhere/before.json"}},
		"no run to compare": {"simulate --workload trickle --days 1 --no-peers --against main.go",
			[]string{`--against: "main.go" is not output of simulate --json`}},
		"an older run": {"simulate --workload trickle --days 1 --no-peers --against " +
			"testdata/older.json", []string{`--against: "testdata/older.json" is of an older format`,
			"write it anew with simulate --json"}},
		"a folder as output": {"simulate --out simulate", []string{`--out: "simulate": is a folder`}},
		"two outputs": {"simulate --against main.go --json",
			[]string{`--against: "main.go": goes without --json`}},
		"nothing to advise": {"simulate advise", []string{"--workload: needs to be one"}},
		"a wait of none": {"simulate advise --workload trickle --p95 -1s",
			[]string{"--p95: -1s: needs to be a duration above 0"}},
		"no target": {"simulate advise --workload trickle --p95 0s",
			[]string{"--p95: 0s: needs to be above 0 without --budget"}},
		"no such stack": {"simulate --stack test", []string{`there is no stack "test"`}},
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

// TestHelpHasAllCommandsAndFlags, each with a text that fits a terminal.
func TestHelpHasAllCommandsAndFlags(t *testing.T) {
	t.Parallel()
	tree := newCommandLine(&common{})
	for _, cmd := range append(tree.Commands(), tree) {
		help, err := invoke(append(strings.Fields(cmd.CommandPath())[3:], "--help")...)
		require.NoError(t, err)
		for line := range strings.Lines(help) {
			assert.LessOrEqual(t, len(strings.TrimSpace(line)), 90, line)
		}
		for _, sub := range cmd.Commands() {
			assert.Contains(t, help, "\n  "+sub.Name()+" ")
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			assert.NotEmpty(t, f.Usage, f.Name)
			assert.Contains(t, help, " --"+f.Name+" ", cmd.Name())
		})
	}
}

// TestCompletions: a shell suggests commands, flags and their values.
func TestCompletions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		typed []string
		want  []string
	}{
		"commands":          {[]string{"si"}, []string{"simulate\t"}},
		"flags of the demo": {[]string{"--mess"}, []string{"--messages\t"}},
		"stacks":            {[]string{"up", "--stack", ""}, []string{"dev\n", "prod\n"}},
		"keys":              {[]string{"--config", "idleM"}, []string{"idleMinutes=\t"}},
		"readings":          {[]string{"simulate", "--reading", "wake"}, []string{"wake-zeros\n"}},
		"prices":            {[]string{"simulate", "--price", "arm"}, []string{"arm-vcpu=\n", "arm-gb=\n"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, err := invoke(append([]string{"__complete"}, tc.typed...)...)
			require.NoError(t, err)
			for _, want := range tc.want {
				assert.Contains(t, output, want)
			}
		})
	}
}

func TestSimulateFailsOnACondition(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.html")
	output, err := invoke("simulate", "--days", "1", "--workload", "trickle", "--no-peers", "--activities",
		"--out", report, "--set", "maxCapacity=2", "--fail-on", "killed>0,p50_first<1s,left_running<1")
	require.ErrorContains(t, err, "trickle: left_running<1 (it is 0)")
	assert.NotContains(t, err.Error(), "killed")
	assert.Contains(t, output, "trickle, dev:\n  day 1 ", "a line for each scaling activity")
	assert.FileExists(t, report)
}

// TestSimulateAgainst: what a pull request changes, compared with the run before it.
func TestSimulateAgainst(t *testing.T) {
	t.Parallel()
	run := func(more ...string) string {
		output, err := invoke(append([]string{"simulate", "--days", "2", "--workload", "nightly-batch",
			"--no-peers"}, more...)...)
		require.NoError(t, err)
		return output
	}
	before := filepath.Join(t.TempDir(), "before.json")
	require.NoError(t, os.WriteFile(before, []byte(run("--json")), 0o600))
	assert.Contains(t, run("--against", before), "No figure changes.")
	slower := run("--against", before, "--set", "maxCapacity=1")
	assert.Regexp(t, `\| nightly-batch \| .* \| \d+m\d*s? → \*\*\d+h\d+m\*\* \| 0 \|`, slower,
		"all messages wait longer for one task")
	assert.Contains(t, slower, "Figures that change are bold.")
	assert.Contains(t, run("--against", before, "--workload", "trickle"), "| trickle | ")
	_, err := invoke("simulate", "--days", "2", "--workload", "trickle", "--no-peers", "--stack", "prod",
		"--against", before)
	require.ErrorContains(t, err, "it is a run of another stack than prod")
	require.NoError(t, os.WriteFile(before, []byte("{}"), 0o600))
	output := run("--against", before)
	assert.Contains(t, output, "(new)")
	assert.Contains(t, output, "There is no earlier run to compare with.")
}

// TestSimulateAgainstAnotherRun: figures that other parameters or another workload
// made do not compare, and each difference is named.
func TestSimulateAgainstAnotherRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	const lines = "at,group,seconds\n60,a,30\n"
	jobs := write("jobs.csv", lines)
	run := func(more ...string) (string, error) {
		return invoke(append([]string{"simulate", "--days", "1", "--no-peers"}, more...)...)
	}
	output, err := run("--workload", jobs, "--json")
	require.NoError(t, err)
	before := write("before.json", output)
	output, err = run("--workload", write("elsewhere/jobs.csv", lines), "--against", before)
	require.NoError(t, err, "the same messages in another file")
	assert.Contains(t, output, "No figure changes.")
	cases := map[string]struct {
		flags []string
		want  string
	}{
		"days":         {[]string{"--days", "2"}, "days was 1, and is 2"},
		"seed":         {[]string{"--seed", "2"}, "seed was 1, and is 2"},
		"metric delay": {[]string{"--metric-delay", "2"}, "metric-delay was 1, and is 2"},
		"wake delay":   {[]string{"--wake-delay", "5"}, "wake-delay was 15, and is 5"},
		"a reading":    {[]string{"--reading", "wake-zeros"}, "waking-reports-zeros was false, and is true"},
		"start":        {[]string{"--start-to", "1m"}, "start-to was 40s, and is 1m0s"},
		"price":        {[]string{"--price", "arm-vcpu=1"}, "price arm-vcpu was 0.03238, and is 1"},
		"region": {[]string{"--config", "aws:region=us-west-1"},
			"price arm-vcpu was 0.03238, and is 0.03725"},
	}
	for name, tc := range cases {
		_, err := run(append(tc.flags, "--workload", jobs, "--against", before)...)
		require.ErrorContains(t, err, tc.want, name)
		require.ErrorContains(t, err, "does not compare", name)
	}
	_, err = run("--workload", write("other/jobs.csv", "at,group,seconds\n60,a,31\n"), "--against", before)
	require.ErrorContains(t, err, "workload jobs.csv was another one")
}

// TestTwoFilesOfOneName are two workloads.
func TestTwoFilesOfOneName(t *testing.T) {
	t.Parallel()
	var files []string
	for _, seconds := range []string{"10", "600"} {
		file := filepath.Join(t.TempDir(), "same.csv")
		require.NoError(t, os.WriteFile(file, []byte("at,group,seconds\n60,a,"+seconds+"\n"), 0o600))
		files = append(files, "--workload", file)
	}
	args := append([]string{"simulate", "--days", "1", "--no-peers"}, files...)
	before := filepath.Join(t.TempDir(), "before.json")
	output, err := invoke(append(args, "--json")...)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(before, []byte(output), 0o600))
	output, err = invoke(append(args, "--against", before)...)
	require.NoError(t, err)
	assert.Contains(t, output, "| same.csv | ")
	assert.Contains(t, output, "| same.csv (2) | ")
	assert.Contains(t, output, "No figure changes.")
}

// TestATraceBeyondTheDays is an error, not a report of nothing.
func TestATraceBeyondTheDays(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "late.csv")
	require.NoError(t, os.WriteFile(file, []byte("at,group,seconds\n200000,a,1\n"), 0o600))
	_, err := invoke("simulate", "--days", "2", "--workload", file)
	require.ErrorContains(t, err, "late.csv: its first message comes on day 3, after all of --days 2")
}

// TestManyMessagesAreAnnounced before they are simulated.
func TestManyMessagesAreAnnounced(t *testing.T) {
	t.Parallel()
	var notes bytes.Buffer
	s := &simulateCommand{notes: &notes, parameters: simulate.DefaultParameters()}
	big := &simulate.Workload{Name: "big.csv", Trace: make([]simulate.Job, 1_000_000)}
	s.announce([]*simulate.Workload{big, {Name: "small.csv", Trace: make([]simulate.Job, 10)}})
	assert.Equal(t, "sandbox: big.csv: about 30000000 messages in 30 days, on 6 systems: this takes a "+
		"while\n", notes.String())
}

// TestCtrlCEndsASimulation at once, with a clear message.
func TestCtrlCEndsASimulation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(interrupts{Context: ctx, abandon: make(chan struct{}), signals: make(chan os.Signal, 2)},
		[]string{"simulate", "--workload", "trickle"}, io.Discard)
	require.EqualError(t, err, "the simulation was interrupted; there is no report")
}

// TestProgressIsOneLine that is written over, and taken away at the end.
func TestProgressIsOneLine(t *testing.T) {
	t.Parallel()
	var terminal bytes.Buffer
	p := &progress{terminal: &terminal}
	p.show("%s: day %d of %d", "w, CDK default", 12, 30)
	p.show("%s: day %d of %d", "w, dev", 1, 30)
	p.clear()
	p.clear()
	assert.Equal(t, "\rw, CDK default: day 12 of 30\rw, dev: day 1 of 30         \r                   \r",
		terminal.String())
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	none := newProgress(file)
	none.show("w, dev")
	info, err := file.Stat()
	require.NoError(t, err)
	assert.Zero(t, info.Size(), "a file gets none")
	require.NoError(t, file.Close())
}

// TestOneCommandAStack: a second one is told to wait.
func TestOneCommandAStack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, lock(folder, "dev"))
	require.ErrorContains(t, lock(folder, "dev"),
		"another sandbox command works on stack dev: wait for it, or stop it")
	require.NoError(t, lock(folder, "prod"))
}

func TestShellLines(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "true", "cd /tmp && true", "exit 0", "A=1 true", `trap "" TERM; true`,
		"/bin/sh -c true"} {
		assert.NoError(t, checkShellCommand(line), line)
	}
	require.ErrorContains(t, checkShellCommand("pyhton job.py"),
		`"pyhton job.py": there is no program pyhton`)
}
