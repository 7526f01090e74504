package simulate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quarter is a stack whose single task has a quarter vCPU, and works on some groups at once.
func quarter(concurrency int) Stack {
	return Stack{Root: dev.Root, Name: "dev", Overrides: []string{
		"cpu=256", "memory=512", "maxCapacity=1", `scalingSteps=[{"lower":1,"change":1}]`,
		fmt.Sprintf("concurrency=%d", concurrency), "handlerTimeoutMinutes=718",
	}}
}

// TestCPUIsALimit: ten jobs that each could use all of a quarter vCPU for half an hour take five hours
// of it, at once or one after the other.
func TestCPUIsALimit(t *testing.T) {
	t.Parallel()
	var jobs []Job
	for group := range 10 {
		jobs = append(jobs, Job{At: time.Hour, Group: group, Work: 30 * time.Minute})
	}
	w := &Workload{Name: "ten", Memory: 32, CPU: CPU{Working: 25, Idle: 0.05}, Trace: jobs}
	for _, concurrency := range []int{1, 10} {
		c, err := Compare(t.Context(), quarter(concurrency), w, parameters(1), false)
		require.NoError(t, err)
		r := c.Results[0]
		assert.Equal(t, 10, r.Done, "concurrency %d", concurrency)
		assert.InEpsilon(t, 300, r.TaskMinutes, 0.05, "concurrency %d", concurrency)
		warned := strings.Contains(strings.Join(sizeWarnings(c.Systems[0], c.Workload, c.Results[0]), "\n"),
			"handlers take 10.0 times as long as their work does alone, for want of CPU")
		assert.Equal(t, concurrency == 10, warned, "%v", sizeWarnings(c.Systems[0], c.Workload, c.Results[0]))
	}
}

// TestHandlersShareTheirTask: the share of each depends on how many run.
func TestHandlersShareTheirTask(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason  string
		working float64 // percent of a vCPU
		jobs    []Job
		waits   []time.Duration // from the start of the first to the end of each, in their order
	}{
		"room for both": {
			reason: "together they want less than there is", working: 12,
			jobs:  []Job{{Group: 1, Work: 10 * time.Minute}, {Group: 2, Work: 10 * time.Minute}},
			waits: []time.Duration{10 * time.Minute, 10 * time.Minute},
		},
		"half each": {
			reason: "two of 24.95 % on 24.95 %", working: 24.95,
			jobs:  []Job{{Group: 1, Work: 10 * time.Minute}, {Group: 2, Work: 10 * time.Minute}},
			waits: []time.Duration{20 * time.Minute, 20 * time.Minute},
		},
		"the second is shorter": {
			reason: "alone again, the first is as fast as before", working: 24.95,
			jobs:  []Job{{Group: 1, Work: 10 * time.Minute}, {Group: 2, Work: 2 * time.Minute}},
			waits: []time.Duration{12 * time.Minute, 4 * time.Minute},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Workload{Name: name, Memory: 32, CPU: CPU{Working: tc.working, Idle: 0.2}, Trace: tc.jobs}
			system, err := quarter(10).itself()
			require.NoError(t, err)
			p := parameters(1)
			e, err := newEngine(system, w, p, p.Control)
			require.NoError(t, err)
			var begun time.Time
			ended := map[string]time.Duration{}
			e.observe = func(n note) {
				switch {
				case n.what == started && begun.IsZero():
					begun = n.at
				case n.what == done:
					ended[n.body] = n.at.Sub(begun)
				}
			}
			next := func() (Job, bool) { return Job{}, false }
			for _, j := range tc.jobs {
				e.send(j)
			}
			require.NoError(t,
				e.runUntil(t.Context(), begin.Add(2*time.Hour), next, func(time.Time, bool) bool {
					return false
				}))
			for i, want := range tc.waits {
				assert.InDelta(t, want.Seconds(), ended[fmt.Sprint(i+1)].Seconds(), 1, "job %d: %s", i+1,
					tc.reason)
			}
		})
	}
}

// TestMemoryThatDoesNotFitIsWarnedAbout with the numbers; of the shipped workloads none is, on the
// shipped stacks.
func TestMemoryThatDoesNotFitIsWarnedAbout(t *testing.T) {
	t.Parallel()
	w := &Workload{Name: "large", Memory: 200, CPU: defaultCPU, Trace: []Job{{Work: time.Minute}}}
	c, err := Compare(t.Context(), quarter(10), w, parameters(1), false)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(sizeWarnings(c.Systems[0], c.Workload, c.Results[0]), "\n"),
		"a task of 512 MiB cannot hold what it works on: 10 handlers of 200 MiB "+
			"and the worker's 32 MiB are 2032 MiB; 2 handlers fit, or 2032 MiB")
	shipped, err := Shipped()
	require.NoError(t, err)
	for _, stack := range []string{"dev", "prod"} {
		for _, w := range shipped {
			c, err := Compare(t.Context(), Stack{Root: dev.Root, Name: stack}, w, parameters(2), false)
			require.NoError(t, err)
			assert.Empty(t, sizeWarnings(c.Systems[0], c.Workload, c.Results[0]), "%s with %s", stack, w.Name)
		}
	}
}

// TestTasksOfAScaleOutStartApart, as they do on Fargate.
func TestTasksOfAScaleOutStartApart(t *testing.T) {
	t.Parallel()
	var jobs []Job
	for group := range 50 {
		jobs = append(jobs, Job{At: time.Hour, Group: group, Work: 10 * time.Minute})
	}
	w := &Workload{Name: "burst", Memory: 32, CPU: CPU{Working: 1}, Trace: jobs}
	c, err := Compare(t.Context(), dev, w, parameters(1), false)
	require.NoError(t, err)
	assert.Equal(t, 5, c.Results[0].Peak)
	first, last := c.Results[0].All.Quantile(1), c.Results[0].All.Quantile(49)
	assert.Greater(t, last-first, time.Second, "of the first 25, which find a task each")
}

// TestRefusedTasksLeaveNothingWaiting: two tasks, each held by a long job, of which only one is wanted.
func TestRefusedTasksLeaveNothingWaiting(t *testing.T) {
	t.Parallel()
	at := func(seconds, group int, work time.Duration) Job {
		return Job{At: time.Duration(seconds) * time.Second, Group: group, Work: work}
	}
	jobs := []Job{at(1000, 1, time.Hour)}
	for group := 2; group <= 9; group++ {
		jobs = append(jobs, at(1000, group, 30*time.Second))
	}
	jobs = append(jobs, at(1000, 10, time.Hour), at(1300, 1, 5*time.Second))
	for i := range 30 {
		jobs = append(jobs, at(1400+100*i, 100+i%15, 5*time.Second))
	}
	w := &Workload{Name: "stall", Memory: 32, CPU: CPU{Working: 1}, Trace: jobs}
	for _, timeout := range []string{"70", "718"} {
		stack := Stack{Root: dev.Root, Name: "dev", Overrides: []string{"handlerTimeoutMinutes=" + timeout}}
		for seed := range uint64(10) {
			p := parameters(1)
			p.Seed = seed
			c, err := Compare(t.Context(), stack, w, p, false)
			require.NoError(t, err)
			// One of 41 waits for the hour before it in its group.
			assert.Less(t, c.Results[0].All.Quantile(97), 5*time.Minute, "handlers of %s minutes, seed %d",
				timeout, seed)
			assert.Zero(t, c.Results[0].BusyKills)
		}
	}
}
