package simulate

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// wakeSeeds are pooled, since few messages of a month are first ones. Twenty seeds of thirty days take
// some minutes:
//
//	go test ./sandbox/simulate -run TestFirstMessages -wake-seeds 20 -wake-days 30 -v
var (
	wakeSeeds = flag.Uint64("wake-seeds", 2, "seeds that are pooled")
	wakeDays  = flag.Int("wake-days", 10, "days of each")
	// wakeReadings are draws of what AWS leaves open.
	wakeReadings = flag.Int("wake-schedulerReadings", 1,
		"schedulerReadings for each second of a test of the wake-up")
)

// waking is dev with an interval, and what else is given.
func waking(interval int, overrides ...string) Stack {
	return Stack{Root: dev.Root, Name: "dev",
		Overrides: append(overrides, fmt.Sprint("wakeIntervalSeconds=", interval))}
}

// pooled runs a stack on a workload with several seeds, and adds the first waits up.
func pooled(
	t *testing.T, construct func() (System, error), name string, change func(*Parameters),
) (first Waits, last *Result) {
	t.Helper()
	first = newWaits()
	for seed := range *wakeSeeds {
		p := parameters(*wakeDays)
		p.Seed = seed + 1
		if change != nil {
			change(&p)
		}
		system, err := construct()
		require.NoError(t, err)
		last, err = run(t.Context(), system, workload(t, name), p)
		require.NoError(t, err)
		require.Zero(t, last.Undone+last.Lost+last.BusyKills)
		first.histogram.Merge(last.First.histogram)
	}
	return first, last
}

// schedulerReadings of EventBridge Scheduler, whose precision is a minute.
var schedulerReadings = map[string]func(*Parameters){
	"keeps its second": func(*Parameters) {},
	"draws its second": func(p *Parameters) { p.Control.ScheduleDrawsItsSecond = true },
}

// TestFirstMessages start within the time that docs/scaling.md states.
func TestFirstMessages(t *testing.T) {
	t.Parallel()
	limits := map[int]map[string][2]time.Duration{ // p50 and p95
		10: {"keeps its second": {40 * time.Second, 50 * time.Second},
			"draws its second": {40 * time.Second, 65 * time.Second}},
		60: {"keeps its second": {65 * time.Second, 95 * time.Second},
			"draws its second": {65 * time.Second, 110 * time.Second}},
	}
	for interval, byReading := range limits {
		for reading, limit := range byReading {
			t.Run(fmt.Sprint(interval, " s, ", reading), func(t *testing.T) {
				t.Parallel()
				all := newWaits()
				for _, name := range []string{"long-io", "trickle", "nightly-batch", "one-group"} {
					first, _ := pooled(t, waking(interval).itself, name, schedulerReadings[reading])
					t.Logf("%s: %d first messages, p50 %s, p95 %s", name, first.Count(), first.Quantile(50),
						first.Quantile(95))
					all.histogram.Merge(first.histogram)
				}
				t.Logf("all: %d, p50 %s, p95 %s", all.Count(), all.Quantile(50), all.Quantile(95))
				assert.LessOrEqual(t, all.Quantile(50), limit[0])
				assert.LessOrEqual(t, all.Quantile(95), limit[1])
			})
		}
	}
}

// TestASleepingQueueIsAsked like any other: its metrics may come late, its counts do not.
func TestASleepingQueueIsAsked(t *testing.T) {
	t.Parallel()
	var waits [2]time.Duration
	for i, asleep := range []bool{false, true} {
		p := parameters(1)
		p.Control.QueuesAsleep = asleep
		hour := anHour(t, declaredOnce{}.system(t, waking(10)), p,
			Job{At: 30 * time.Second, Work: time.Second})
		waits[i] = hour.result.First.Quantile(100)
	}
	assert.Equal(t, waits[0], waits[1])
	assert.Less(t, waits[0], time.Minute)
}

// TestARingSparesTheWait for the next ask.
func TestARingSparesTheWait(t *testing.T) {
	t.Parallel()
	first, _ := pooled(t, waking(60).itself, "long-io", func(p *Parameters) { p.Rings = true })
	t.Logf("p50 %s, p95 %s", first.Quantile(50), first.Quantile(95))
	assert.LessOrEqual(t, first.Quantile(95), 45*time.Second)
}

// anyReading draws what AWS leaves open.
func anyReading(random *rand.Rand, o *cloud.ControlOptions) {
	flip := func() bool { return random.IntN(2) == 0 }
	o.MetricDelay = random.IntN(cloud.LongestMetricDelay + 1)
	o.MissingCountsAsZero, o.WakingReportsZeros, o.SleepWithMessages = flip(), flip(), flip()
	o.ScaleInEndsScaleOutCooldowns, o.CooldownFromDecision = flip(), flip()
	o.ScheduleDrawsItsSecond = flip()
	if random.IntN(4) == 0 {
		o.Express.CountLag = time.Minute
	}
	if random.IntN(4) == 0 {
		o.Express.Twice = 0.3
	}
}

// quietHour is what came of an hour with a few messages.
type quietHour struct {
	result *Result
	// worked are the tasks that received a message, doneAt when each message was done.
	worked map[string]bool
	doneAt []time.Duration
}

// anHour runs a stack on messages of a trace.
func anHour(t *testing.T, system System, p Parameters, jobs ...Job) quietHour {
	t.Helper()
	options := p.Control
	options.Phases = cloud.SeededPhases(p.Seed)
	options.StartDelay = func(serial int) time.Duration {
		return p.StartFrom +
			time.Duration(rand.New(rand.NewPCG(p.Seed,
				uint64(serial))).Float64()*float64(p.StartTo-p.StartFrom))
	}
	w := &Workload{Name: "trace", Work: Distribution{Median: time.Second}, CPU: defaultCPU, Trace: jobs}
	e, err := newEngine(system, w, p, options)
	require.NoError(t, err)
	hour := quietHour{result: e.result, worked: map[string]bool{}}
	e.observe = func(n note) {
		switch n.what {
		case received:
			hour.worked[n.task] = true
		case done:
			hour.doneAt = append(hour.doneAt, n.at.Sub(begin))
		}
	}
	next := func() (j Job, more bool) {
		if len(jobs) == 0 {
			return Job{}, false
		}
		j, jobs = jobs[0], jobs[1:]
		return j, true
	}
	never := func(time.Time, bool) bool { return false }
	require.NoError(t, e.runUntil(t.Context(), begin.Add(time.Hour), next, never))
	e.finish()
	return hour
}

// scaledToNone is when the desired count first fell to none.
func (h quietHour) scaledToNone() (time.Duration, bool) {
	i := slices.IndexFunc(h.result.Activities, func(a cloud.Activity) bool { return a.Scaled() && a.To == 0 })
	if i < 0 {
		return 0, false
	}
	return h.result.Activities[i].At.Sub(begin), true
}

// takenBack counts how often the desired count fell from the send of a message until it was
// done.
func (h quietHour) takenBack(sent, until time.Duration) (n int) {
	for _, a := range h.result.Activities {
		if at := a.At.Sub(begin); a.To < a.From && at > sent && at < until {
			n++
		}
	}
	return n
}

// TestAWakeUpIsNotTakenBack by an alarm that is in ALARM on what is no longer so: a message
// comes at any time within ten minutes of a scale-to-zero.
func TestAWakeUpIsNotTakenBack(t *testing.T) {
	t.Parallel()
	const down = `{"upper":0,"change":-1},`
	stacks := map[string]struct {
		overrides []string
		surplus   int // tasks that a wake-up may start for nothing
	}{
		"exact": {[]string{"adjustmentType=ExactCapacity",
			`scalingSteps=[{"lower":1,"change":1}]`}, 0},
		"change": {[]string{"adjustmentType=ChangeInCapacity",
			`scalingSteps=[{"lower":1,"change":1}]`}, 1},
		"change, one at most": {[]string{"adjustmentType=ChangeInCapacity",
			`scalingSteps=[{"lower":1,"change":1}]`, "maxCapacity=1"}, 0},
		"percent": {[]string{"adjustmentType=PercentChangeInCapacity",
			"minAdjustmentMagnitude=1", `scalingSteps=[{"lower":1,"change":50}]`}, 1},
		"with a scale-in step": {[]string{"adjustmentType=ChangeInCapacity", "scalingSteps=[" + down +
			`{"lower":1,"change":1}]`}, 1},
		"exact, with a step in": {[]string{"adjustmentType=ExactCapacity",
			`scalingSteps=[{"upper":0,"change":0},{"lower":1,"change":1}]`}, 0},
	}
	for name, tc := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accounts, wakeUps, surplus := declaredOnce{}, 0, 0
			for gap := time.Duration(0); gap <= 10*time.Minute; gap += 10 * time.Second {
				for reading := range uint64(*wakeReadings) {
					seed := reading*1000 + uint64(gap.Seconds())
					random := rand.New(rand.NewPCG(seed, 1))
					p := parameters(1)
					p.Seed = seed
					anyReading(random, &p.Control)
					interval := []int{10, 30, 60}[random.IntN(3)]
					protected := random.IntN(2) == 0
					system := func(interval int) System {
						s := accounts.system(t, waking(interval, tc.overrides...))
						s.Worker.Protection = protected
						return s
					}
					first := Job{At: time.Minute, Group: 1, Work: 20 * time.Second}
					none, there := anHour(t, system(interval), p, first).scaledToNone()
					require.True(t, there, "seed %d: %s", seed, name)
					second := Job{At: none + gap, Group: 2, Work: 90 * time.Second}
					hour := anHour(t, system(interval), p, first, second)
					require.Len(t, hour.doneAt, 2, "seed %d, gap %s", seed, gap)
					wakeUps += 2
					spare := hour.result.Started - len(hour.worked)
					surplus += spare
					assert.Zero(t, hour.takenBack(second.At, hour.doneAt[1]),
						"seed %d, gap %s, interval %d, %+v: %v", seed, gap, interval, p.Control,
						hour.result.Activities)
					assert.Zero(t, hour.result.BusyKills, "seed %d, gap %s, protected %t", seed, gap,
						protected)
					if spare > 2*tc.surplus { // two wake-ups
						alone := anHour(t, system(0), p, first, second)
						assert.LessOrEqual(t, spare, 2*tc.surplus+alone.result.Started-len(alone.worked),
							"seed %d, gap %s, %+v: more than the alarm alone", seed, gap, p.Control)
					}
					if t.Failed() {
						return
					}
				}
			}
			t.Logf("%d wake-ups, %d surplus tasks", wakeUps, surplus)
		})
	}
}

// declaredOnce keeps the accounts of stacks, which take longer to declare than an hour to run.
type declaredOnce map[string][]byte

func (d declaredOnce) system(t *testing.T, s Stack) System {
	t.Helper()
	key := fmt.Sprint(s.Overrides)
	if d[key] == nil {
		system, err := s.itself()
		require.NoError(t, err)
		d[key], err = json.Marshal(system.Account)
		require.NoError(t, err)
	}
	account := cloud.NewAccount("")
	require.NoError(t, json.Unmarshal(d[key], account))
	consumer, err := account.QueueConsumer()
	require.NoError(t, err)
	worker, err := workerOf(consumer.Container)
	require.NoError(t, err)
	return System{Name: s.Name, Account: account, ByCloudWatch: true, QueueConsumer: consumer, Worker: worker}
}

// TestRunningStacksAreLeftAlone by the machine: it starts no more tasks than the alarms do
// alone, stops none, and has none run longer.
func TestRunningStacksAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"business-day", "one-group"} {
		for _, interval := range []int{10, 60} {
			t.Run(fmt.Sprint(name, " ", interval), func(t *testing.T) {
				t.Parallel()
				var with, alone totals
				for seed := range *wakeSeeds {
					p := parameters(*wakeDays)
					p.Seed = seed + 1
					for of, stack := range map[*totals]Stack{&with: waking(interval), &alone: waking(0)} {
						system, err := stack.itself()
						require.NoError(t, err)
						r, err := run(t.Context(), system, workload(t, name), p)
						require.NoError(t, err)
						of.add(r)
					}
				}
				t.Logf("%+v, with the alarms alone %+v", with, alone)
				with.within(t, alone)
			})
		}
	}
}

// TestBurstsOntoARunningTask at every second of the minute.
func TestBurstsOntoARunningTask(t *testing.T) {
	t.Parallel()
	var with, alone totals
	accounts := declaredOnce{}
	for second := range 60 {
		jobs := []Job{{At: 0, Group: 0, Work: 20 * time.Minute}}
		for i := range 120 {
			at := 10*time.Minute + time.Duration(second)*time.Second
			jobs = append(jobs, Job{At: at, Group: 1 + i, Work: 10 * time.Second})
		}
		p := parameters(1)
		p.Seed = uint64(second)
		with.add(anHour(t, accounts.system(t, waking(10)), p, jobs...).result)
		alone.add(anHour(t, accounts.system(t, waking(0)), p, jobs...).result)
	}
	t.Logf("%+v, with the alarms alone %+v", with, alone)
	with.within(t, alone)
}

// totals of some runs.
type totals struct {
	started, killed, brief int
	taskMinutes            float64
}

func (s *totals) add(r *Result) {
	s.started += r.Started
	s.killed += r.BusyKills
	s.brief += r.Brief
	s.taskMinutes += r.TaskMinutes
}

// within five percent of what the alarms do alone.
func (s *totals) within(t *testing.T, alone totals) {
	t.Helper()
	const most = 1.05
	assert.LessOrEqual(t, float64(s.started), most*float64(alone.started), "tasks started")
	assert.LessOrEqual(t, s.killed, alone.killed, "tasks killed")
	assert.LessOrEqual(t, s.taskMinutes, most*alone.taskMinutes, "task-minutes")
	// Work that is done sooner makes for more spells of it, and each ends some tasks.
	assert.LessOrEqual(t, float64(s.brief), most*float64(alone.brief),
		"tasks stopped within five minutes of their start")
}

// TestWhenTheMachineFails the alarms do what they do without one, and nothing costs more.
func TestWhenTheMachineFails(t *testing.T) {
	t.Parallel()
	const onlySQS = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:` +
		`GetQueueAttributes","Resource":"*"}]}`
	const nothing = `{"Version":"2012-10-17","Statement":[]}`
	rights := func(policy string) func(*cloud.Account, *Parameters) {
		return func(a *cloud.Account, _ *Parameters) {
			for _, p := range a.RolePolicies {
				if p.Role == "worker-wake-role" {
					p.Policy = policy
				}
			}
		}
	}
	cases := map[string]struct {
		fail   func(*cloud.Account, *Parameters)
		asleep bool // nobody asks the queue
	}{
		"denied at ECS": {rights(onlySQS), false},
		"throttled at ECS": {func(_ *cloud.Account, p *Parameters) {
			p.Control.Express.Throttled = 1
		}, false},
		"denied at SQS": {rights(nothing), true},
		"machine gone":  {func(a *cloud.Account, _ *Parameters) { clear(a.StateMachines) }, true},
		"schedule gone": {func(a *cloud.Account, _ *Parameters) { clear(a.Schedules) }, true},
		"every execution is lost": {func(_ *cloud.Account, p *Parameters) {
			p.Control.Express.Lost = 1
		}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := func(interval int, fail func(*cloud.Account, *Parameters)) (Waits, *Result) {
				var last *Result
				all := newWaits()
				for seed := range *wakeSeeds {
					p := parameters(*wakeDays)
					p.Seed = seed + 1
					system, err := waking(interval).itself()
					require.NoError(t, err)
					if fail != nil {
						fail(system.Account, &p)
					}
					last, err = run(t.Context(), system, workload(t, "long-io"), p)
					require.NoError(t, err)
					require.Zero(t, last.Undone)
					all.histogram.Merge(last.First.histogram)
				}
				return all, last
			}
			alone := func(a *cloud.Account, _ *Parameters) {
				if tc.asleep {
					clear(a.Schedules)
				}
			}
			got, failing := with(10, tc.fail)
			want, _ := with(0, alone)
			_, healthy := with(10, nil)
			t.Logf("p50 %s, p95 %s, $%.2f; the alarms alone %s, %s; healthy $%.2f", got.Quantile(50),
				got.Quantile(95),
				failing.CostAMonth(), want.Quantile(50), want.Quantile(95), healthy.CostAMonth())
			for _, percent := range []float64{50, 95} {
				assert.InDelta(t, want.Quantile(percent).Seconds(), got.Quantile(percent).Seconds(), 1)
			}
			assert.LessOrEqual(t, failing.CostAMonth(), healthy.CostAMonth())
		})
	}
}
