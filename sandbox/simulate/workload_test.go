package simulate

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShippedWorkloads(t *testing.T) {
	t.Parallel()
	all, err := Shipped()
	require.NoError(t, err)
	perDay := map[string]float64{"trickle": 20, "nightly-batch": 2000, "business-day": 6*60*30 + 2500,
		"long-io": 12, "one-group": 500}
	require.Len(t, all, len(perDay))
	for _, w := range all {
		const days = 20
		jobs := slices.Collect(w.jobs(1, days))
		assert.InEpsilon(t, perDay[w.Name], float64(len(jobs))/days, 0.15, w.Name)
		assert.True(t, slices.IsSortedFunc(jobs, func(a, b Job) int { return int(a.At - b.At) }), w.Name)
		assert.Equal(t, jobs, slices.Collect(w.jobs(1, days)), "the same seed, the same jobs")
		assert.NotEqual(t, jobs[0], slices.Collect(w.jobs(2, days))[0].Group, w.Name)
	}
}

func TestRateByTimeOfDay(t *testing.T) {
	t.Parallel()
	w := &Workload{Work: Distribution{Median: time.Second},
		Arrivals: []Arrival{{Rate: map[string]float64{"06:00": 0, "12:00": 30, "18:00": 0}}}}
	require.NoError(t, w.check())
	byHour := [24]float64{}
	const days = 50
	for job := range w.jobs(7, days) {
		byHour[int((job.At % day).Hours())] += 1.0 / days
	}
	assert.Zero(t, byHour[3])
	assert.Zero(t, byHour[20])
	assert.InEpsilon(t, 27.5*60, byHour[11], 0.05)
	assert.InEpsilon(t, 27.5*60, byHour[12], 0.05)
	assert.InEpsilon(t, 2.5*60, byHour[6], 0.1)
}

func TestDistribution(t *testing.T) {
	t.Parallel()
	d := Distribution{Median: 20 * time.Second, P95: 120 * time.Second}
	random := rand.New(rand.NewPCG(1, 1))
	draws := make([]time.Duration, 20000)
	sum := time.Duration(0)
	for i := range draws {
		draws[i] = d.draw(random)
		sum += draws[i]
	}
	slices.Sort(draws)
	assert.InEpsilon(t, 20, draws[len(draws)/2].Seconds(), 0.05)
	assert.InEpsilon(t, 120, draws[len(draws)*95/100].Seconds(), 0.05)
	assert.InEpsilon(t, d.mean().Seconds(), (sum / time.Duration(len(draws))).Seconds(), 0.05)
	assert.Equal(t, time.Minute, Distribution{Median: time.Minute}.draw(random))
}

func TestTrace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trace.csv")
	require.NoError(t, os.WriteFile(file, []byte("at,group,seconds\n90,b,2\n0.5,a,10\n60,a,1.5\n"), 0o600))
	w, err := LoadWorkload(file)
	require.NoError(t, err)
	jobs := slices.Collect(w.jobs(1, 2))
	require.Len(t, jobs, 6, "a trace shorter than a day is repeated")
	assert.Equal(t, Job{At: 500 * time.Millisecond, Group: 1, Work: 10 * time.Second}, jobs[0])
	assert.Equal(t, Job{At: day + 90*time.Second, Group: 0, Work: 2 * time.Second}, jobs[5])
}

// TestOrderWaits: what is left to wait if there are tasks for every group at once.
func TestOrderWaits(t *testing.T) {
	t.Parallel()
	const second = time.Second
	work := func(at time.Duration, group int, span time.Duration) Job {
		return Job{At: at * second, Group: group, Work: span * second}
	}
	cases := map[string]struct {
		reason string
		jobs   []Job
		want   time.Duration
	}{
		"one group": {
			"the third waits for two", []Job{work(0, 1, 60), work(0, 1, 60), work(0, 1, 5)}, 2 * time.Minute,
		},
		"groups apart": {
			"none waits for another", []Job{work(0, 1, 60), work(0, 2, 60), work(0, 3, 60)}, 0,
		},
		"after the others": {"the group is free again", []Job{work(0, 1, 60), work(60, 1, 60)}, 0},
	}
	for name, tc := range cases {
		w := &Workload{Trace: tc.jobs}
		got := w.OrderWaits(1, 1).Quantile(100)
		assert.InDelta(t, tc.want.Seconds(), got.Seconds(), 0.5, "%s: %s", name, tc.reason)
	}
}

func TestWorkloadsThatCannotBe(t *testing.T) {
	t.Parallel()
	const good = "work: {median: 1s}\n"
	cases := map[string]struct{ file, text, want string }{
		"no such key":     {"w.yaml", "works: 1", "field works not found"},
		"nothing arrives": {"w.yaml", good, "arrivals: none: needs to be a list"},
		"no work": {"w.yaml", "arrivals: [{perDay: 1}]",
			"work.median: 0s: needs to be a duration above 0"},
		"p95 below median": {"w.yaml", "work: {median: 10s, p95: 1s}\narrivals: [{perDay: 1}]",
			"work.p95: 1s"},
		"CPU over all": {"w.yaml", good +
			"cpu: {working: 1700}\nmemory: 130000\narrivals: [{perDay: 1}]",
			"cpu.working: 1700: needs to be 0 to 1600, percent of one vCPU"},
		"groups below none": {"w.yaml", good + "groups: -1\narrivals: [{perDay: 1}]", "groups: -1"},
		"two ways at once": {"w.yaml", good + "arrivals: [{perDay: 1, messages: 2, at: \"02:00\"}]",
			"number 1: needs one of perDay, rate and messages"},
		"no time": {"w.yaml", good + "arrivals: [{messages: 2}]",
			"messages need a time (at) or a number of bursts"},
		"no such time": {"w.yaml", good + "arrivals: [{messages: 2, at: \"25:00\"}]",
			`"25:00": needs to be a time of day`},
		"bursts backwards": {"w.yaml", good +
			"arrivals: [{messages: 2, bursts: 1, from: \"12:00\", to: \"11:00\"}]",
			`from "12:00": needs to be before to "11:00"`},
		"a rate below none": {"w.yaml", good + "arrivals: [{rate: {\"06:00\": -1}}]", "rate at 06:00: -1"},
		"not a number":      {"w.yaml", good + "arrivals: [{perDay: .nan}]", "perDay NaN"},
		"without end":       {"w.yaml", good + "arrivals: [{perDay: .inf}]", "up to 10000000 a day"},
		"bursts below none": {"w.yaml", good + "arrivals: [{messages: 10, bursts: -1}]", "bursts -1"},
		"a time of nothing": {"w.yaml", good + "arrivals: [{perDay: 1, at: \"02:00\"}]",
			"go with messages"},
		"a rate of nothing": {"w.yaml", good + "arrivals: [{rate: {\"06:00\": .nan}}]",
			"rate at 06:00: NaN"},
		"a trace for ever": {"w.csv", "at,group,seconds\nInf,a,1\n", "line 2"},
		"a trace of nothing": {"w.csv", "at,group,seconds\n",
			"needs a first line at,group,seconds and a line for each message"},
		"a trace of words": {"w.csv", "at,group,seconds\nsoon,a,1\n", "line 2"},
		"an empty group": {"w.csv", "at,group,seconds\n\n1,a,1\n2,,1\n",
			"line 4: \"2,,1\": the group is empty: a FIFO queue refuses a message without one " +
				"(MissingParameter)"},
		"other columns":       {"w.csv", "at,group\n1,a\n", "needs a first line at,group,seconds"},
		"a trace in the past": {"w.csv", "at,group,seconds\n-1,a,1\n", "line 2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), tc.file)
			require.NoError(t, os.WriteFile(file, []byte(tc.text), 0o600))
			_, err := LoadWorkload(file)
			assert.ErrorContains(t, err, tc.want)
		})
	}
	_, err := LoadWorkload("nowhere")
	require.ErrorContains(t, err, "one of "+strings.Join([]string{"business-day", "long-io", "nightly-batch",
		"one-group", "trickle"}, ", "))
}

// TestAByteOrderMarkIsRead: Excel writes one before UTF-8.
func TestAByteOrderMarkIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{"w.csv": "at,group,seconds\r\n1,a,1\r\n",
		"w.yaml": "work: {median: 1s}\narrivals: [{perDay: 1}]\n"} {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte("\ufeff"+text), 0o600))
		_, err := LoadWorkload(file)
		assert.NoError(t, err, name)
	}
}

// TestMessagesAreCountedBeforehand, about as many as come.
func TestMessagesAreCountedBeforehand(t *testing.T) {
	t.Parallel()
	all, err := Shipped()
	require.NoError(t, err)
	for _, w := range append(all, trace(time.Hour), trace(time.Hour, 2*day)) {
		days, err := w.Days(20)
		require.NoError(t, err)
		assert.InEpsilon(t, len(slices.Collect(w.jobs(1, days))), w.Messages(days), 0.15, w.Name)
	}
}
