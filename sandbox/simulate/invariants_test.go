package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// randomStack draws a configuration; many are refused, with a reason.
func randomStack(random *rand.Rand) Stack {
	most := 1 + random.IntN(20)
	kind := []string{"ChangeInCapacity", "ExactCapacity"}[random.IntN(2)]
	var steps []string
	lower, change := 1, 0
	for range 1 + random.IntN(4) {
		change += 1 + random.IntN(3)
		steps = append(steps, fmt.Sprintf(`{"lower":%d,"change":%d}`, lower, change))
		lower += 1 + random.IntN(60)
	}
	if random.IntN(3) == 0 && kind == "ChangeInCapacity" {
		steps = append(steps, `{"upper":0,"change":-1}`)
	}
	return Stack{Root: dev.Root, Name: "dev", Overrides: []string{
		fmt.Sprint("maxCapacity=", most),
		fmt.Sprint("minCapacity=", random.IntN(3)/2*random.IntN(most+1)),
		"adjustmentType=" + kind,
		"scalingSteps=[" + strings.Join(steps, ",") + "]",
		fmt.Sprint("idleMinutes=", 3+random.IntN(8)),
		fmt.Sprint("scaleOutCooldownSeconds=", 1+random.IntN(600)),
		fmt.Sprint("scaleInCooldownSeconds=", 1+random.IntN(600)),
		fmt.Sprintf("concurrency=%d", 1+random.IntN(12)),
		fmt.Sprintf("handlerTimeoutMinutes=%d", 600+random.IntN(118)), // above any draw of the work
		fmt.Sprint("wakeIntervalSeconds=", []int{0, 10, 15, 20, 30, 60}[random.IntN(6)]),
	}}
}

// randomWorkload draws one whose work fits into a day, even if one task does it all.
func randomWorkload(random *rand.Rand) *Workload {
	w := &Workload{
		Name: "random", Groups: random.IntN(30),
		Work: Distribution{Median: time.Duration(1+random.IntN(60)) * time.Second},
		CPU:  CPU{Working: 10 * random.Float64(), Idle: 0.2 * random.Float64()},
	}
	if random.IntN(4) == 0 { // a few long ones
		w.Work.Median = time.Duration(1+random.IntN(60)) * time.Minute
		w.Arrivals = []Arrival{{PerDay: 1 + float64(random.IntN(5))}}
		return w
	}
	if random.IntN(2) == 0 {
		w.Work.P95 = w.Work.Median * time.Duration(2+random.IntN(4))
	}
	w.Arrivals = append(w.Arrivals, Arrival{PerDay: 1 + float64(random.IntN(100))})
	if random.IntN(2) == 0 {
		w.Arrivals = append(w.Arrivals, Arrival{Messages: 1 + random.IntN(100), Bursts: 1 + random.IntN(3)})
	}
	return w
}

// TestInvariants: under random configurations and workloads, and in all readings of
// what AWS leaves open, nothing is lost or killed, the capacity stays in its range,
// and it comes back to the minimum when the work is done.
//
//	go test ./sandbox/simulate -run TestInvariants -scenarios 10000 -timeout 60m
func TestInvariants(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64N(1e9)
	}
	t.Logf("seeds from %d", first)
	messages, refused, wakes, lowered := 0, 0, 0, 0
	for s := first; s < first+uint64(*scenarios); s++ {
		random := rand.New(rand.NewPCG(s, 0))
		stack, w := randomStack(random), randomWorkload(random)
		p := parameters(1)
		p.Seed = s
		p.Control.MetricDelay, p.Control.WakeDelay = random.IntN(cloud.LongestMetricDelay+1), random.IntN(16)
		p.Control.WakingReportsZeros, p.Control.MissingCountsAsZero = random.IntN(2) == 0, random.IntN(2) == 0
		p.Control.ScheduleDrawsItsSecond = random.IntN(2) == 0
		anyFault(random, &p.Control.Express)
		system, err := stack.itself()
		if err != nil {
			refused++
			continue
		}
		r, err := run(t.Context(), system, w, p)
		require.NoError(t, err)
		messages += r.Done
		checkInvariants(t, s, system, r)
		wakes, lowered = wakes+r.Machine.Wakes, lowered+checkMachine(t, s, system, r)
		if t.Failed() {
			t.Fatalf("seed %d: %v, %+v, %+v", s, stack.Overrides, w, p.Control)
		}
	}
	t.Logf("%d messages; %d configurations were refused; %d wake-ups, %d of which lowered what auto "+
		"scaling had just set",
		messages, refused, wakes, lowered)
	assert.Less(t, refused, *scenarios/2+1)
}

func checkInvariants(t *testing.T, seed uint64, system System, r *Result) {
	t.Helper()
	var target *cloud.ScalableTarget
	for _, target = range system.Account.Targets {
	}
	idle, idleCPU := 0, 0.0
	for _, a := range system.Account.Alarms {
		if strings.Contains(a.Name, "idle") {
			idle, idleCPU = a.EvaluationPeriods, a.Threshold
		}
	}
	assert.Zero(t, r.Undone+r.DeadLettered+r.Lost, "seed %d: every message is done", seed)
	assert.Zero(t, r.BusyKills, "seed %d: no task is stopped while it works", seed)
	busyUntil := 0.0
	for _, point := range r.Points {
		assert.GreaterOrEqual(t, point.DesiredTasks, target.MinCapacity, "seed %d", seed)
		assert.LessOrEqual(t, point.DesiredTasks, target.MaxCapacity, "seed %d", seed)
		// A message that came and was done within a minute shows in the CPU alone.
		if point.Waiting+point.InFlight+point.Delayed > 0 || point.CPU > idleCPU {
			busyUntil = point.At
		}
	}
	name := machineName(system)
	for _, a := range r.Activities {
		// Among many tasks not even there: but what it started says that there was work.
		if a.Scaled() && (a.Alarm == name || a.To > a.From) {
			const start = 60 * time.Second
			busyUntil = max(busyUntil, (a.At.Sub(begin) + start).Hours())
		}
	}
	// The idle window, the metrics' delay, the cooldown, and the hold-down of the
	// protection. Steps that stop tasks wait for the cooldown after each.
	cooldown := 10
	for _, p := range system.Account.Policies {
		if strings.Contains(p.Name, "scale-in") {
			cooldown = (*p.StepScaling.Cooldown + 60) / 60 * r.Peak
		}
	}
	window := float64(idle+r.p.Control.MetricDelay+max(10, cooldown)+5) / 60
	for _, point := range r.Points {
		if point.At > busyUntil+window {
			assert.LessOrEqual(t, point.RunningTasks, target.MinCapacity, "seed %d: %f h after the last work",
				seed, point.At-busyUntil)
		}
	}
}

// anyFault draws what may go wrong in the machine.
func anyFault(random *rand.Rand, o *cloud.ExpressOptions) {
	share := func() float64 {
		if random.IntN(3) > 0 {
			return 0
		}
		return random.Float64()
	}
	o.Twice, o.Lost, o.Throttled = share(), share(), share()
	o.CountLag = time.Duration(random.IntN(61)) * time.Second
	if random.IntN(4) == 0 {
		o.WriteTo = 2 * time.Minute // so that what else scales comes in between
	}
}

// machineName is that of the machine; "" without one.
func machineName(s System) string {
	for _, m := range s.Account.StateMachines {
		return m.Name
	}
	return ""
}

// longestCooldown of the policies that scale out.
func longestCooldown(system System) (longest time.Duration) {
	for _, p := range system.Account.Policies {
		steps := p.StepScaling
		if steps != nil && steps.Cooldown != nil && slices.ContainsFunc(steps.StepAdjustments, adds) {
			longest = max(longest, time.Duration(*steps.Cooldown)*time.Second)
		}
	}
	return longest
}

func adds(s cloud.StepAdjustment) bool { return s.ScalingAdjustment > 0 }

// checkMachine: it sets no more than may run, and from none only. A scale-out between its
// look and its write is lowered, which the alarm mends when it repeats its action: each
// minute, and not while the cooldown of the scale-out runs that was lowered.
func checkMachine(t *testing.T, seed uint64, system System, r *Result) (lowered int) {
	t.Helper()
	name, most := machineName(system), 0
	for _, target := range system.Account.Targets {
		most = target.MaxCapacity
	}
	cooldown := longestCooldown(system)
	for i, a := range r.Activities {
		if a.Alarm != name || !a.Scaled() {
			continue
		}
		assert.LessOrEqual(t, a.To, most, "seed %d: %s", seed, a)
		assert.Positive(t, a.To, "seed %d: %s", seed, a)
		if a.To > a.From {
			continue
		}
		lowered++
		deadline := a.At.Add(time.Minute + cooldown)
		mended := slices.ContainsFunc(r.Activities[i+1:], func(b cloud.Activity) bool {
			return b.Scaled() && !b.At.After(deadline)
		}) || !waitsAllAlong(r, a.At, deadline)
		assert.True(t, mended, "seed %d: %s is not mended in time", seed, a)
	}
	return lowered
}

// waitsAllAlong says whether messages waited at every sample between two times: while none
// waits, the alarm that scales out is not in alarm and there is nothing to mend.
func waitsAllAlong(r *Result, from, to time.Time) bool {
	for _, point := range r.Points {
		at := begin.Add(time.Duration(point.At * float64(time.Hour)))
		if !at.Before(from) && !at.After(to) && point.Waiting == 0 {
			return false
		}
	}
	return true
}
