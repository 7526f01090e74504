package advise

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/simulate"
	"fargate-queue-worker/sandbox/stackfile"
)

var dev = simulate.Stack{Root: "../..", Name: "dev"}

// TestSteps: a ladder to the maximum, as a stack's file and --config have it.
func TestSteps(t *testing.T) {
	t.Parallel()
	s := settings{maxCapacity: 5, perTask: 10}
	assert.Equal(t, []step{{1, 1}, {11, 2}, {21, 3}, {31, 5}}, s.steps())
	assert.Contains(t, s.lines("p"),
		"  p:scalingSteps:\n    - {lower: 1, change: 1}\n    - {lower: 11, change: 2}\n")
	s.maxCapacity = 2
	assert.Contains(t, s.overrides(), `scalingSteps=[{"lower":1,"change":1},{"lower":11,"change":2}]`)
	s.maxCapacity, s.perTask = 200, 1
	const quota = 20 // of step adjustments in a policy
	assert.LessOrEqual(t, len(s.steps()), quota)
	assert.Equal(t, 200, s.steps()[len(s.steps())-1].Change)
}

// TestFit: what follows from other settings.
func TestFit(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason   string
		cpu      float64 // percent of a vCPU
		memory   int
		in, want settings
	}{
		"memory": {
			"ten handlers of 100 MiB and the worker do not fit into 1 GiB", 5, 100,
			settings{concurrency: 10, cpu: 256, maxCapacity: 2},
			settings{concurrency: 10, cpu: 256, memory: 2048, maxCapacity: 2},
		},
		"a size that Fargate lacks": {
			"a quarter vCPU comes with 2 GiB at most", 5, 600,
			settings{concurrency: 4, cpu: 256, maxCapacity: 2},
			settings{concurrency: 4, cpu: 512, memory: 3072, maxCapacity: 2},
		},
		"more CPU than can be used": {
			"two handlers of 5 % leave a quarter vCPU idle", 5, 100,
			settings{concurrency: 2, cpu: 4096, maxCapacity: 2},
			settings{concurrency: 2, cpu: 256, memory: 512, maxCapacity: 2},
		},
		"more tasks than groups": {
			"twelve groups are three tasks of five", 5, 100,
			settings{concurrency: 5, cpu: 256, maxCapacity: 50},
			settings{concurrency: 5, cpu: 256, memory: 1024, maxCapacity: 3},
		},
	}
	for name, tc := range cases {
		w := &simulate.Workload{CPU: simulate.CPU{Working: tc.cpu}, Memory: tc.memory}
		got, ok := newSpace(w, 12).fit(tc.in)
		assert.True(t, ok, name)
		assert.Equal(t, tc.want, got, "%s: %s", name, tc.reason)
	}
}

// TestTarget: what is better.
func TestTarget(t *testing.T) {
	t.Parallel()
	fast := outcome{p95: time.Minute, dollars: 9, slowdown: 1}
	cheap := outcome{p95: 3 * time.Minute, dollars: 3, slowdown: 1}
	lossy := outcome{p95: time.Second, dollars: 1, lost: 1, slowdown: 1}
	slowed := outcome{p95: time.Second, dollars: 1, slowdown: 2}
	cases := map[string]struct {
		target        Target
		better, worse outcome
	}{
		"the cheaper of those that hold it":  {Target{P95: 5 * time.Minute}, cheap, fast},
		"one that holds it":                  {Target{P95: 2 * time.Minute}, fast, cheap},
		"one that misses it by less":         {Target{P95: time.Second}, fast, cheap},
		"one that is within the budget":      {Target{P95: 5 * time.Minute, Budget: 5}, cheap, fast},
		"the faster one without a limit":     {Target{Budget: 10}, fast, cheap},
		"never one that loses messages":      {Target{P95: time.Minute}, cheap, lossy},
		"never one that slows handlers down": {Target{P95: 5 * time.Minute}, cheap, slowed},
		"nor one that kills work":            {Target{Budget: 10}, cheap, outcome{killed: 1, slowdown: 1}},
		"nor one in which ever more messages": {Target{Budget: 10}, cheap,
			outcome{fellBehind: true, slowdown: 1}},
	}
	for name, tc := range cases {
		assert.Negative(t, tc.target.compare(tc.better, tc.worse), name)
	}
}

// hours is a trace with a message a minute for an hour of each of two days.
func hours(t *testing.T) *simulate.Workload {
	t.Helper()
	text := "at,group,seconds\n"
	for i := range 120 {
		at := time.Duration(i%60)*time.Minute + time.Duration(i/60)*24*time.Hour + 9*time.Hour
		text += fmt.Sprintf("%g,g%d,30\n", at.Seconds(), i%3)
	}
	file := filepath.Join(t.TempDir(), "hours.csv")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	w, err := simulate.LoadWorkload(file)
	require.NoError(t, err)
	return w
}

func advised(t *testing.T, w *simulate.Workload, target Target) (*Advice, string) {
	t.Helper()
	a, err := Search(t.Context(), dev, w, simulate.DefaultParameters(), target, func(int) {})
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, a.WriteText(&text))
	return a, text.String()
}

// TestAdviceHolds: what is advised holds the target in every reading when it is simulated by
// itself, and costs less than the stack as it is.
func TestAdviceHolds(t *testing.T) {
	t.Parallel()
	w, target := hours(t), Target{P95: 2 * time.Minute}
	a, text := advised(t, w, target)
	require.True(t, a.Found(), text)
	assert.Contains(t, text, "  fargate-queue-worker:maxCapacity: ")
	stack := dev
	stack.Overrides = a.best.settings.overrides()
	for _, v := range simulate.DefaultParameters().Variations() {
		r, err := simulate.Trial(t.Context(), stack, w, v.Parameters)
		require.NoError(t, err)
		assert.LessOrEqual(t, r.All.Quantile(95), target.P95, v.Name)
		assert.LessOrEqual(t, r.CostAMonth(), a.best.worst.dollars, v.Name)
		assert.Zero(t, r.Undone+r.DeadLettered+r.BusyKills, v.Name)
	}
	assert.Less(t, a.best.worst.dollars, a.own.dollars)
}

// TestNoAdvice: the alarms alone cost more.
func TestNoAdvice(t *testing.T) {
	t.Parallel()
	a, text := advised(t, hours(t), Target{P95: 2 * time.Minute, Budget: 0.5})
	assert.False(t, a.Found())
	assert.Contains(t, text, "None were found that hold it in every reading of AWS. The nearest:")
	assert.Contains(t, text, "It misses: ")
}

// TestNoSettingsCan: what no settings can shorten is said, and what can.
func TestNoSettingsCan(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	hour := outcome{p95: time.Hour}
	miss := checked{reading: "as usual", trial: trial{outcome: hour}, worst: hour}
	a := &Advice{
		file: stackOfDev(t), workload: hours(t), target: Target{P95: time.Minute},
		misses: []checked{miss}, own: miss, order: 5 * time.Minute,
	}
	require.NoError(t, a.WriteText(&text))
	assert.Contains(t, text.String(), "one of 20 waits\n5m")
	a.order = time.Second
	text.Reset()
	require.NoError(t, a.WriteText(&text))
	assert.NotContains(t, text.String(), "No settings can hold it")
}

func stackOfDev(t *testing.T) *stackfile.Stack {
	t.Helper()
	file, err := stackfile.Load(dev.Root, dev.Name)
	require.NoError(t, err)
	return file
}
