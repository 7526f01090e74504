package simulate

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// result of a stack alone with a workload.
func result(t *testing.T, w *Workload, p Parameters, overrides ...string) *Result {
	t.Helper()
	c, err := Compare(t.Context(), Stack{Root: dev.Root, Name: "dev", Overrides: overrides}, w, p, false)
	require.NoError(t, err)
	return c.Results[0]
}

// trace of messages of a minute's work at times.
func trace(at ...time.Duration) *Workload {
	w := &Workload{Name: "trace", CPU: defaultCPU}
	for i, t := range at {
		w.Trace = append(w.Trace, Job{At: t, Group: i, Work: time.Minute})
	}
	return w
}

// TestTasksAreCharged by size, architecture, Spot and address, a minute at least.
func TestTasksAreCharged(t *testing.T) {
	t.Parallel()
	p, _ := pricesOf(defaultRegion, nil)
	size := taskSize{vcpu: 0.25, gib: 0.5, arm: true, publicIP: true}
	assert.InDelta(t, 0.25*0.03238+0.5*0.00356+0.005, p.tasks(size, 1).total(), 1e-9)
	size = taskSize{vcpu: 1, gib: 2, spot: 0.5}
	assert.InDelta(t, (0.04048+2*0.004445)*(0.5+0.5*0.32), p.tasks(size, 1).total(), 1e-9)
	r := &Result{Days: make([]float64, 2), prices: p, standing: standing{size: taskSize{vcpu: 1, arm: true}}}
	r.taskEnded(&cloud.Task{Created: begin.Add(23 * time.Hour),
		Started: begin.Add(23*time.Hour + time.Second)}, begin.Add(25*time.Hour))
	assert.InDeltaSlice(t, []float64{0.03238, 0.03238}, r.Days, 1e-9, "split at midnight")
	r.taskEnded(&cloud.Task{Created: begin, Started: begin.Add(time.Second)}, begin.Add(2*time.Second))
	assert.InDelta(t, 0.03238+0.03238/60, r.Days[0], 1e-9, "a minute at least")
	assert.InDelta(t, 730.0/48*(2*0.03238+0.03238/60), r.CostAMonth(), 1e-6)
}

// TestWorkAfterTheLastDayIsPaidFor, as its messages' waits count: an hour of work that
// begins five minutes before the end costs what it costs at noon.
func TestWorkAfterTheLastDayIsPaidFor(t *testing.T) {
	t.Parallel()
	w := trace(12 * time.Hour)
	w.Trace[0].Work = time.Hour
	noon := result(t, w, parameters(1))
	w.Trace[0].At = 23*time.Hour + 55*time.Minute
	late := result(t, w, parameters(1))
	assert.Equal(t, 1, late.Done)
	assert.InDelta(t, noon.TaskMinutes, late.TaskMinutes, 2)
	assert.InDelta(t, noon.CostAMonth(), late.CostAMonth(), 0.05*noon.CostAMonth())
	assert.InDelta(t, noon.BeyondNeed, late.BeyondNeed, 2)

	always := result(t, w, parameters(1), "minCapacity=1")
	assert.InDelta(t, 24*60, always.TaskMinutes, 2, "what runs anyway belongs to the days that follow")
}

// TestATraceOfDaysIsCostedByItsOwnLength, however many days are asked for, and there is
// no cliff at its first midnight.
func TestATraceOfDaysIsCostedByItsOwnLength(t *testing.T) {
	t.Parallel()
	threeDays := trace(time.Hour, 30*time.Hour, 50*time.Hour)
	asked := result(t, threeDays, parameters(3))
	byDefault := result(t, threeDays, parameters(30))
	assert.InDelta(t, asked.CostAMonth(), byDefault.CostAMonth(), 1e-9)
	assert.Equal(t, asked.Days, byDefault.Days)
	assert.Equal(t, 1, result(t, threeDays, parameters(1)).Done, "fewer days are as they are asked for")

	before := result(t, trace(time.Hour, day-time.Second), parameters(30))
	after := result(t, trace(time.Hour, day), parameters(30))
	assert.Equal(t, 60, before.Done, "it is repeated daily")
	assert.Equal(t, 2, after.Done, "it is not")
	tasks := func(r *Result) float64 { b := r.bill(); return b.VCPU + b.Memory }
	assert.Greater(t, tasks(after), 0.4*tasks(before), "two messages in two days, not in thirty")

	_, err := threeDays.Days(3)
	require.NoError(t, err)
	_, err = trace(40 * time.Hour).Days(1)
	require.ErrorContains(t, err, "workload trace: its first message comes on day 2, after all of --days 1")
	_, err = Compare(t.Context(), dev, trace(40*time.Hour), parameters(1), false)
	require.ErrorContains(t, err, "its first message comes on day 2")
}

// TestPricesAreThoseOfTheRegion of the stack, or the report says which ones they are.
func TestPricesAreThoseOfTheRegion(t *testing.T) {
	t.Parallel()
	singapore := result(t, workload(t, "trickle"), parameters(1), "aws:region=ap-southeast-1")
	assert.InDelta(t, 0.04045, singapore.prices.ARMVCPUHour, 0)
	assert.Contains(t, singapore.PricesNote, "Prices of ap-southeast-1")
	cases := map[string]struct {
		overrides PriceOverrides
		vcpu      float64
		note      string
	}{
		"us-east-1":    {nil, 0.03238, "Prices of us-east-1, " + pricesChecked + "."},
		"eu-central-1": {nil, 0.03725, "not in the list, and taken from us-east-1: million-requests"},
		"eu-north-1": {nil, 0.03238, "Prices of us-east-1, " + pricesChecked +
			"; eu-north-1 is not in the list (ap-southeast-1, "},
		"us-west-1": {PriceOverrides{"arm-vcpu": 1.5}, 1.5, "Overridden: arm-vcpu=1.5."},
	}
	for region, tc := range cases {
		p, note := pricesOf(region, tc.overrides)
		assert.InDelta(t, tc.vcpu, p.ARMVCPUHour, 0, region)
		assert.Contains(t, note, tc.note, region)
	}
	var set PriceOverrides
	require.NoError(t, set.Set("custom-metric=0"))
	p, _ := pricesOf(defaultRegion, set)
	assert.Zero(t, p.CustomMetric)
	require.ErrorContains(t, set.Set("gold=1"),
		"there is no price \"gold\"; there are x86-vcpu, x86-gb, arm-vcpu")
	require.ErrorContains(t, set.Set("ipv4=-1"), "ipv4=\"-1\": needs to be a number, 0 or more")
}

// TestThePriceListIsWhole: each price of the default region is there and has a name.
func TestThePriceListIsWhole(t *testing.T) {
	t.Parallel()
	p := priceList[defaultRegion]
	for _, price := range priceNames {
		if price.name != "free-gb-seconds" {
			assert.Positive(t, *price.of(&p), price.name)
		}
		*price.of(&p) = 0
	}
	assert.Equal(t, prices{}, p, "every price has a name")
}

// TestTheWorkersMetricsAreCharged for the hours in which they are written, and only to
// the project's worker.
func TestTheWorkersMetricsAreCharged(t *testing.T) {
	t.Parallel()
	count := 0
	page, err := os.ReadFile("../../docs/worker.md")
	require.NoError(t, err)
	for _, names := range metricNames() {
		for _, name := range names {
			assert.Contains(t, string(page), name, "docs/worker.md lists it")
			count++
		}
	}
	assert.Len(t, workerMetrics(), count, "each belongs to one event")

	w := trace(10*time.Hour + 10*time.Minute)
	c, err := Compare(t.Context(), dev, w, parameters(1), true)
	require.NoError(t, err)
	// Received, Done, HandlerTime, QueueAge and InFlightGroups, each for an hour a day.
	assert.InDelta(t, 5.0/24*0.30, c.Results[0].bill().Metrics, 1e-9)
	for i, r := range c.Results[1:] {
		metrics := 0.0
		if c.Systems[i+1].Name == backlogPerTask {
			metrics = 0.30
		}
		assert.InDelta(t, metrics, r.bill().Metrics, 1e-9, r.System)
	}
}

// TestPeersPayForWhatTheyNeed: a function that asks SQS, or one that counts.
func TestPeersPayForWhatTheyNeed(t *testing.T) {
	t.Parallel()
	c, err := Compare(t.Context(), dev, trace(10*time.Hour), parameters(1), true)
	require.NoError(t, err)
	bills := map[string]bill{}
	for _, r := range c.Results {
		bills[r.System] = r.bill()
	}
	const calls = 60 * 730
	assert.InDelta(t, calls*(0.20/1e6+31*0.125*0.0000133334), bills[kedaLike].Function, 1e-6)
	assert.InDelta(t, calls*(0.20/1e6+1*0.125*0.0000133334), bills[backlogPerTask].Function, 1e-6)
	for _, name := range []string{"dev", alwaysOn, tutorial, cdkDefault} {
		assert.Zero(t, bills[name].Function, name)
	}
	p := parameters(1)
	p.Prices = PriceOverrides{"free-gb-seconds": 400_000, "free-requests": 0, "free-schedule-calls": 0}
	c, err = Compare(t.Context(), dev, trace(10*time.Hour), p, true)
	require.NoError(t, err)
	i := slices.IndexFunc(c.Results, func(r *Result) bool { return r.System == kedaLike })
	b := c.Results[i].bill()
	assert.InDelta(t, calls*0.20/1e6, b.Function, 1e-6, "the account's free seconds")
	assert.Greater(t, b.Requests, 2*calls*0.50/1e6, "it asks twice a minute")
	assert.InDelta(t, calls/1e6, b.Schedules, 1e-9)
}

// TestRequestsAreCounted: what is sent, received, deleted and extended.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	r := result(t, trace(time.Hour, 2*time.Hour), parameters(1))
	assert.Equal(t, 2, r.Requests.Sends)
	assert.Equal(t, 2, r.Requests.Receives)
	assert.Equal(t, 2, r.Requests.Deletes)
	assert.Positive(t, r.Requests.VisibilityChanges)
	assert.Positive(t, r.Requests.EmptyReceives)
}

// TestTheDashboardIsCharged to the stack that has one.
func TestTheDashboardIsCharged(t *testing.T) {
	t.Parallel()
	c, err := Compare(t.Context(), Stack{Root: dev.Root, Name: "dev", Overrides: []string{"dashboard=true"}},
		trace(time.Hour), parameters(1), true)
	require.NoError(t, err)
	assert.InDelta(t, 3, c.Results[0].bill().Dashboards, 0)
	assert.Zero(t, c.Results[1].bill().Dashboards)
}

// TestAnInterruptedSimulationEnds at once, with the context's error.
func TestAnInterruptedSimulationEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := parameters(30)
	var shown []string
	p.Progress = func(workload, system string, day, days int) {
		shown = append(shown, fmt.Sprint(workload, system, day, days))
		if day == 3 {
			cancel()
		}
	}
	_, err := Compare(ctx, dev, workload(t, "trickle"), p, true)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "trickledev1 30 trickledev2 30 trickledev3 30",
		strings.ReplaceAll(strings.Join(shown, " "), "dev ", "dev"))
}
