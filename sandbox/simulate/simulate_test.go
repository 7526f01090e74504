package simulate

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

var (
	scenarios = flag.Int("scenarios", 150, "random configurations and workloads")
	seed      = flag.Uint64("seed", 1, "of the first of them; 0 draws one")
)

var dev = Stack{Root: "../..", Name: "dev"}

func parameters(days int) Parameters {
	p := DefaultParameters()
	p.Days = days
	return p
}

func workload(t testing.TB, name string) *Workload {
	t.Helper()
	w, err := LoadWorkload(name)
	require.NoError(t, err)
	return w
}

// TestTheDeclaredStackBesideItsPeers: what the project promises of its default stack.
func TestTheDeclaredStackBesideItsPeers(t *testing.T) {
	t.Parallel()
	all, err := Shipped()
	require.NoError(t, err)
	for _, w := range all {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			c, err := Compare(t.Context(), dev, w, parameters(10), true)
			require.NoError(t, err)
			require.Len(t, c.Results, 6)
			stack := c.Results[0]
			assert.Zero(t, stack.BusyKills)
			assert.Zero(t, stack.Undone)
			assert.Zero(t, stack.Lost, "no message is neither done nor in a queue")
			assert.Zero(t, stack.DeadLettered)
			assert.Zero(t, stack.LeftRunning)
			by := map[string]*Result{}
			for i, r := range c.Results {
				by[r.System] = r
				assert.Equal(t, stack.Done, r.Done+r.Undone+r.DeadLettered, r.System)
				if i > 0 && c.Systems[i].ByCloudWatch && r.Undone+r.DeadLettered == 0 && r.BusyKills == 0 {
					const noise = 2 * time.Second // of the start of tasks
					assert.LessOrEqual(t, stack.First.Quantile(50), r.First.Quantile(50)+noise, r.System)
					assert.LessOrEqual(t, stack.First.Quantile(95), r.First.Quantile(95)+noise, r.System)
				}
			}
			switch w.Name {
			case "business-day":
				assert.Less(t, stack.BeyondNeed, by[cdkDefault].BeyondNeed)
			case "trickle":
				assert.LessOrEqual(t, stack.CostAMonth(), 0.25*by[alwaysOn].CostAMonth())
			case "long-io":
				assert.Positive(t, by[tutorial].BusyKills, "the plain CPU alarm stops what waits")
			}
		})
	}
}

// TestTheSameSeedGivesTheSameReport, byte for byte.
func TestTheSameSeedGivesTheSameReport(t *testing.T) {
	t.Parallel()
	report := func(seed uint64) string {
		p := parameters(2)
		p.Seed = seed
		r := &Report{Stack: dev, Parameters: p}
		both := Stack{Root: dev.Root, Name: dev.Name, Overrides: []string{"adjustmentType=ChangeInCapacity",
			`scalingSteps=[{"upper":0,"change":-1},{"lower":1,"change":1}]`}}
		for name, stack := range map[string]Stack{"trickle": dev, "one-group": both} {
			c, err := Compare(t.Context(), stack, workload(t, name), p, true)
			require.NoError(t, err)
			r.Comparisons = append(r.Comparisons, c)
		}
		slices.SortFunc(r.Comparisons, func(a, b *Comparison) int {
			return strings.Compare(a.Workload.Name, b.Workload.Name)
		})
		var text bytes.Buffer
		require.NoError(t, r.WriteTable(&text))
		require.NoError(t, r.WriteJSON(&text))
		r.WriteActivities(&text)
		require.NoError(t, r.WriteHTML(&text))
		return text.String()
	}
	first := report(1)
	assert.Equal(t, first, report(1))
	assert.NotEqual(t, first, report(2))
}

func TestReport(t *testing.T) {
	t.Parallel()
	p := parameters(2)
	c, err := Compare(t.Context(), dev, workload(t, "trickle"), p, true)
	require.NoError(t, err)
	r := &Report{Stack: dev, Parameters: p, Comparisons: []*Comparison{c}}
	var table, page, results bytes.Buffer
	require.NoError(t, r.WriteTable(&table))
	for _, want := range []string{"p50 first", "always on", "tutorial", "CDK default", "backlog per task",
		"KEDA-like", "it keeps 1 running, and pays for that", "= 1m20s to 3m40s, 2m30s in the middle"} {
		assert.Contains(t, table.String(), want)
	}
	require.NoError(t, r.WriteHTML(&page))
	for _, not := range []string{"<script", "http://fonts", "https://", "@import"} {
		assert.NotContains(t, page.String(), not, "it needs nothing but itself")
	}
	assert.Equal(t, 3, strings.Count(page.String(), "<svg"))
	require.NoError(t, r.WriteJSON(&results))
	read, err := readOutput(&results)
	require.NoError(t, err)
	require.Len(t, read.Workloads, 1)
	require.Len(t, read.Workloads[0].Systems, 6)
	stack := read.Workloads[0].Systems[0]
	assert.Equal(t, "dev", stack.System)
	assert.Equal(t, c.Results[0].Done, stack.Done)
	assert.InDelta(t, stack.DollarsMonth, stack.Bill.total(), 1e-9, "the parts add up")
}

func TestFailOn(t *testing.T) {
	t.Parallel()
	c, err := Compare(t.Context(), dev, workload(t, "trickle"), parameters(2), false)
	require.NoError(t, err)
	r := &Report{Comparisons: []*Comparison{c}}
	cases := map[string]string{ // list: part of the error, "" for none
		"":                       "",
		"p95_wait>5m,killed>0":   "",
		"p95_wait>1m":            "trickle: p95_wait>1m (it is 1m",
		"p50_first < 1h":         "trickle: p50_first < 1h",
		"dollars>0.1, undone<1":  "dollars>0.1",
		"task_minutes>1000000":   "",
		"killed<1":               "killed<1 (it is 0)",
		"left_running>0":         "",
		"beyond_need>1000000000": "",
	}
	for list, want := range cases {
		conditions, err := ParseConditions(list)
		require.NoError(t, err, list)
		err = r.Check(conditions)
		if want == "" {
			require.NoError(t, err, list)
		} else {
			require.ErrorContains(t, err, want, list)
		}
	}
	for list, want := range map[string]string{"p95>1m": "is not a measure; there are",
		"killed": "needs to be a measure, < or >", "p95_wait>5": "needs to be a duration",
		"killed>few": "needs to be a number", "killed>=1": "needs to use < or >"} {
		_, err := ParseConditions(list)
		assert.ErrorContains(t, err, want, list)
	}
}

func TestParametersThatCannotBe(t *testing.T) {
	t.Parallel()
	p := DefaultParameters()
	require.NoError(t, p.Check())
	p.Days, p.Control.MetricDelay, p.Control.WakeDelay, p.StartFrom = 400, -1, 90, time.Hour
	err := p.Check()
	for _, want := range []string{"--days: 400", "--metric-delay: -1", "--wake-delay: 90",
		"--start-from: 1h0m0s"} {
		assert.ErrorContains(t, err, want)
	}
}

// TestHandlersWhoseTimeIsUp: work beyond handlerTimeoutMinutes never gets done, and ends in
// the dead-letter queue after as many attempts as the worker makes.
func TestHandlersWhoseTimeIsUp(t *testing.T) {
	t.Parallel()
	stack := Stack{Root: dev.Root, Name: "dev", Overrides: []string{"handlerTimeoutMinutes=10"}}
	c, err := Compare(t.Context(), stack, workload(t, "long-io"), parameters(2), false)
	require.NoError(t, err)
	r := c.Results[0]
	assert.Zero(t, r.Done)
	assert.Positive(t, r.DeadLettered)
	assert.Zero(t, r.Undone)
	assert.Zero(t, r.Lost)
	assert.Zero(t, r.Redeliveries, "all attempts are made within a lease")
}

// TestLongWaitsCount: a stack that never starts a task leaves all messages waiting, for
// as long as there are days.
func TestLongWaitsCount(t *testing.T) {
	t.Parallel()
	stack := Stack{Root: dev.Root, Name: "dev", Overrides: []string{"suspendScaleOut=true"}}
	c, err := Compare(t.Context(), stack, workload(t, "long-io"), parameters(100), false)
	require.NoError(t, err)
	r := c.Results[0]
	assert.Equal(t, r.Undone, r.Unstarted)
	assert.EqualValues(t, r.Undone, r.All.Count())
	assert.Greater(t, r.All.Quantile(99), 90*day)
	assert.Empty(t, c.waits(), "none began")
}

// TestIdleCPUIsTheWorkersOwn: it does not grow with what a task reserves.
func TestIdleCPUIsTheWorkersOwn(t *testing.T) {
	t.Parallel()
	idle := Stack{Root: dev.Root, Name: "dev",
		Overrides: []string{"minCapacity=1", "cpu=4096", "memory=8192"}}
	c, err := Compare(t.Context(), idle,
		&Workload{Name: "idle", Groups: 1, Work: Distribution{Median: time.Second}, CPU: CPU{Idle: 0.16},
			Trace: []Job{{Work: time.Second}}}, parameters(1), false)
	require.NoError(t, err)
	points := c.Results[0].Points
	assert.InDelta(t, 0.01, points[len(points)/2].CPU, 1e-9)
}

// TestPoller: the KEDA-like scaler's rules.
func TestPoller(t *testing.T) {
	t.Parallel()
	p := &Poller{Interval: 30 * time.Second, PerTask: 5, CoolDown: 5 * time.Minute,
		Stabilization: 5 * time.Minute, Most: 4}
	now := begin
	step := func(visible, inFlight, current int) int {
		now = now.Add(30 * time.Second)
		return p.desired(now, cloud.Counts{Visible: visible, InFlight: inFlight}, current)
	}
	assert.Equal(t, 0, step(0, 0, 0))
	assert.Equal(t, 1, step(1, 0, 0))
	assert.Equal(t, 3, step(6, 5, 1), "eleven messages, in flight too")
	assert.Equal(t, 4, step(100, 0, 3), "the most")
	for range 9 {
		assert.Equal(t, 4, step(1, 0, 4), "fewer have to be enough for five minutes")
	}
	now = now.Add(2 * time.Minute)
	assert.Equal(t, 1, step(1, 0, 4))
	for range 9 {
		assert.Equal(t, 1, step(0, 0, 1), "the last one stays for five minutes")
	}
	assert.Equal(t, 0, step(0, 0, 1))
}

// BenchmarkMessages: thirty days with ten thousand, a hundred thousand and a million
// messages; the time for each message has to stay the same.
//
//	go test ./sandbox/simulate -run - -bench Messages -benchtime 1x -cpu 1
func BenchmarkMessages(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := &Workload{Name: "steady", Groups: 50, Work: Distribution{Median: 20 * time.Second,
				P95: 60 * time.Second}, CPU: defaultCPU, Arrivals: []Arrival{{PerDay: float64(n) / 30}}}
			for b.Loop() {
				c, err := Compare(b.Context(), Stack{Root: dev.Root, Name: "dev",
					Overrides: []string{"maxCapacity=50"}}, w, DefaultParameters(), false)
				require.NoError(b, err)
				require.InEpsilon(b, n, c.Results[0].Done, 0.05)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n)*1e6, "µs/message")
		})
	}
}
