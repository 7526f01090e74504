package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
)

// conformance is a row of TestTheSimulatedWorkerIsTheWorker: what is sent, and what
// happens to the workers.
type conformance struct {
	reason string
	jobs   []Job
	// worker changes the settings of the worker.
	worker func(c *consumer.Config)
	// desired changes the desired count, which is 1 at the start.
	desired []desiredAt
	// kills are when the oldest running task dies.
	kills []time.Duration
	// maxReceiveCount of the queue. Default 10.
	maxReceiveCount int
	hours           int // that pass; default 3
	// anyTask: which of several tasks does what is left to chance.
	anyTask bool
}

type desiredAt struct {
	at    time.Duration
	tasks int
}

var (
	errTest   = errors.New("as the test asks")
	forGood   = consumer.Permanent(errTest)
	inAMinute = consumer.RetryAfter(time.Minute, errTest)
	tomorrow  = consumer.RetryAfter(11*time.Hour+50*time.Minute, errTest)
)

// chain is some messages of a group, sent together.
func chain(at time.Duration, group, n int, work time.Duration) []Job {
	return slices.Repeat([]Job{{At: at, Group: group, Work: work}}, n)
}

// apart is a message in each of some groups, sent together.
func apart(at time.Duration, n int, work time.Duration) []Job {
	var jobs []Job
	for group := range n {
		jobs = append(jobs, Job{At: at, Group: group, Work: work})
	}
	return jobs
}

func failing(work time.Duration, failures ...error) Job {
	return Job{At: time.Minute, Work: work, Failures: failures}
}

var conformances = map[string]conformance{
	"nothing to do": {reason: "an idle worker polls, and is not protected", hours: 1},
	"one message": {reason: "protected, done, and unprotected after the hold-down",
		jobs: apart(time.Minute, 1, time.Minute)},
	"a message before the task": {reason: "its first poll finds it",
		jobs: apart(time.Second, 1, time.Minute)},
	"a chain": {reason: "one after the other, under one lease",
		jobs: chain(time.Minute, 0, 7, 30*time.Second)},
	"a chain of two batches": {reason: "ten at once, then the rest",
		jobs: chain(time.Minute, 0, 14, 20*time.Second)},
	"groups side by side": {reason: "each has a slot",
		jobs: apart(time.Minute, 8, 90*time.Second)},
	"more groups than slots": {reason: "a slot that is free takes the next",
		jobs: apart(time.Minute, 25, 40*time.Second)},
	"one slot": {reason: "all in turn", jobs: apart(time.Minute, 6, 40*time.Second),
		worker: concurrency(1)},
	"three slots, chains": {reason: "a chain keeps its slot",
		jobs: slices.Concat(chain(time.Minute, 0, 4, 50*time.Second), chain(time.Minute, 1, 3,
			35*time.Second), chain(2*time.Minute, 2, 5, 10*time.Second)), worker: concurrency(3)},
	"messages that trickle in": {reason: "protection is renewed when a handler starts minutes later",
		jobs: slices.Concat(apart(time.Minute, 2, 10*time.Minute), apart(7*time.Minute, 3, time.Minute),
			apart(12*time.Minute, 1, time.Minute))},
	"work between hold-downs": {reason: "protection that has ended is asked for again",
		jobs: slices.Concat(apart(time.Minute, 1, 10*time.Second), apart(3*time.Minute, 1, 10*time.Second))},
	"work within the hold-down": {reason: "protection that lasts is kept",
		jobs: slices.Concat(apart(time.Minute, 1, 10*time.Second), apart(90*time.Second, 1, 10*time.Second))},
	"a handler that fails once": {reason: "tried again in its lease",
		jobs: []Job{failing(20*time.Second, errTest)}},
	"a handler that fails thrice": {reason: "with waits that grow",
		jobs: []Job{failing(20*time.Second, errTest, errTest, errTest)}},
	"a handler that always fails": {reason: "dead-lettered after the last attempt",
		jobs: []Job{failing(20*time.Second, slices.Repeat([]error{errTest}, 9)...)}},
	"a failing head with a tail": {reason: "the tail waits, and spends no receive",
		jobs: append([]Job{failing(20*time.Second, errTest, errTest)},
			chain(time.Minute, 0, 4, 10*time.Second)...)},
	"a hopeless head with a tail": {reason: "dead-lettered, and the tail goes on",
		jobs: append([]Job{failing(5*time.Second, slices.Repeat([]error{errTest}, 9)...)},
			chain(time.Minute, 0, 3, 10*time.Second)...)},
	"a permanent failure": {reason: "dead-lettered at once",
		jobs: append([]Job{failing(5*time.Second, forGood)}, chain(time.Minute, 0, 2, 10*time.Second)...)},
	"later, in a minute": {reason: "in its lease; no attempt",
		jobs: []Job{failing(5*time.Second, slices.Repeat([]error{inAMinute}, 7)...)}},
	"later, then failures": {reason: "only failures are attempts",
		jobs: []Job{failing(5*time.Second, inAMinute, inAMinute, errTest, errTest, errTest, errTest)}},
	"later, beyond the lease": {reason: "handed back hidden",
		jobs: []Job{failing(5*time.Second, tomorrow)}, hours: 14},
	"a failing group leaves its slot": {reason: "to others, and takes it again",
		jobs: append([]Job{failing(30*time.Second, errTest, errTest)},
			Job{At: 2 * time.Minute, Group: 1, Work: 3 * time.Minute}), worker: concurrency(1)},
	"many failing groups": {reason: "up to ten times the slots wait without one",
		jobs: manyFailing(14), worker: concurrency(1)},
	"a handler whose time is up": {reason: "a failure like any other",
		jobs: apart(time.Minute, 2, 10*time.Minute), worker: timeout(4 * time.Minute)},
	"a chain longer than a lease": {reason: "handed back before a handler begins that could not " +
		"finish, then one by one", jobs: chain(time.Minute, 0, 5, 5*time.Hour),
		worker: timeout(6 * time.Hour), hours: 40},
	"two attempts": {reason: "MaxAttempts",
		jobs: []Job{failing(5*time.Second, errTest, errTest, errTest)}, worker: attempts(2)},
	"a killed task": {reason: "its messages come again when the lease runs out",
		jobs: chain(time.Minute, 0, 3, 2*time.Minute), kills: minutes(2.2)},
	"a task killed often": {reason: "SQS puts the head aside", jobs: chain(time.Minute, 0, 2,
		10*time.Minute), kills: minutes(2.2, 6.3, 10.2, 14.2), maxReceiveCount: 3},
	"a killed task with many groups": {reason: "each lease runs out",
		jobs: apart(time.Minute, 6, 3*time.Minute), kills: minutes(3.2)},
	"a task killed while a head waits": {reason: "counting begins anew",
		jobs: []Job{failing(10*time.Second, errTest, errTest, errTest)}, kills: minutes(3.2)},
	"scale-in of an idle task": {reason: "it ends with its poll", desired: to(0, 5), hours: 1},
	"scale-in of an idle task, no poll": {reason: "a message that comes meanwhile is handed back",
		jobs:    apart(5*time.Minute+5*time.Second, 1, time.Minute),
		desired: []desiredAt{{5 * time.Minute, 0}, {9 * time.Minute, 1}}},
	"scale-in of a busy task": {reason: "it is protected; refused, it takes no more and leaves",
		jobs: slices.Concat(apart(time.Minute, 2, 6*time.Minute),
			every(6*time.Minute+27*time.Second, 1, time.Minute), every(6*time.Minute+40*time.Second, 1,
				time.Minute)), desired: []desiredAt{{3 * time.Minute, 0}, {20 * time.Minute, 1}}},
	"refused, held by a long job": {reason: "it pauses, and takes turns",
		jobs: slices.Concat(apart(time.Minute, 1, 100*time.Minute), apart(8*time.Minute, 3, 20*time.Second),
			apart(30*time.Minute, 3, 20*time.Second)), worker: timeout(2 * time.Hour), desired: to(0, 3)},
	"refused with a chain in hand": {reason: "the tail is handed back",
		jobs: slices.Concat(chain(time.Minute, 0, 6, 187*time.Second),
			apart(time.Minute, 3, 40*time.Minute)),
		worker: timeout(time.Hour), desired: []desiredAt{{2 * time.Minute, 0}, {50 * time.Minute, 1}}},
	"refused, then wanted again": {reason: "it goes on as before",
		jobs: slices.Concat(apart(time.Minute, 1, 60*time.Minute), apart(8*time.Minute, 1, time.Minute),
			apart(20*time.Minute, 4, time.Minute)), worker: timeout(2 * time.Hour),
		desired: []desiredAt{{3 * time.Minute, 0}, {12 * time.Minute, 1}}},
	"refused for longer than a lease": {reason: "it drains for good",
		jobs: slices.Concat(apart(time.Minute, 1, 58*time.Minute),
			every(133*time.Second, 65, 30*time.Second)), worker: timeout(time.Hour),
		desired: []desiredAt{{3 * time.Minute, 0}}, hours: 4},
	"two tasks, one too many": {reason: "the one that is refused leaves", anyTask: true,
		jobs: slices.Concat(apart(3*time.Minute, 1, 4*time.Minute),
			chain(10*time.Minute, 0, 2, time.Minute)),
		desired: []desiredAt{{time.Second, 2}, {4 * time.Minute, 1}}},
	"SIGTERM while it works": {reason: "a protection that has expired: handlers have their " +
		"time, then are cancelled",
		jobs:   slices.Concat(apart(time.Minute, 1, 9*time.Minute), chain(time.Minute, 1, 3, time.Minute)),
		worker: timeout(10 * time.Minute), kills: nil,
		desired: []desiredAt{{2 * time.Minute, 0}, {25 * time.Minute, 1}}},
	"few receives, a killed task": {reason: "a chain comes one by one, and its tail spends no receive",
		jobs: chain(time.Minute, 0, 4, 2*time.Minute), kills: minutes(2.2, 5.1), maxReceiveCount: 3},
	"the last receive succeeds": {reason: "SQS counts receives, not failures",
		jobs: apart(time.Minute, 1, 5*time.Minute), kills: minutes(2.2, 5.1), maxReceiveCount: 3},
}

func concurrency(n int) func(c *consumer.Config) {
	return func(c *consumer.Config) { c.Concurrency = n }
}
func attempts(n int) func(c *consumer.Config) { return func(c *consumer.Config) { c.MaxAttempts = n } }
func timeout(d time.Duration) func(c *consumer.Config) {
	return func(c *consumer.Config) { c.HandlerTimeout = d }
}

func minutes(list ...float64) (all []time.Duration) {
	for _, m := range list {
		all = append(all, time.Duration(m*float64(time.Minute)))
	}
	return all
}

func to(tasks, minute int) []desiredAt {
	return []desiredAt{{time.Duration(minute) * time.Minute, tasks}}
}

func manyFailing(n int) (jobs []Job) {
	for group := range n {
		jobs = append(jobs, Job{At: time.Minute, Group: group, Work: 7*time.Second +
			time.Duration(group)*137*time.Millisecond, Failures: []error{errTest, errTest}})
	}
	return jobs
}

func every(d time.Duration, n int, work time.Duration) (jobs []Job) {
	for i := range n {
		jobs = append(jobs, Job{At: time.Duration(i+1) * d, Group: 100 + i, Work: work})
	}
	return jobs
}

// TestTheSimulatedWorkerIsTheWorker: the simulator's worker does what the real consumer
// does, at the same times: what it receives, does, hands back, puts aside, and asks of
// protection. The real one runs in virtual time, on the same model of SQS and of ECS.
func TestTheSimulatedWorkerIsTheWorker(t *testing.T) {
	t.Parallel()
	for name, row := range conformances {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slices.SortStableFunc(row.jobs, func(a, b Job) int { return cmp.Compare(a.At, b.At) })
			var real []note
			synctest.Test(t, func(t *testing.T) { real = row.runReal(t) })
			if d := differences(real, row.simulate(t), row.anyTask); len(d) > 0 {
				t.Errorf("%s:\n%s", row.reason, strings.Join(d, "\n"))
			}
		})
	}
}

// system is the dev stack, whose desired count only the row changes.
func (row conformance) system(t *testing.T) System {
	t.Helper()
	system, err := dev.itself()
	require.NoError(t, err)
	clear(system.Account.Alarms)
	clear(system.Account.Policies)
	clear(system.Account.Schedules)
	clear(system.Account.Targets)
	system.Service.DesiredCount = 1
	system.Queue.RedrivePolicy = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`,
		system.DeadLetters.ARN, cmp.Or(row.maxReceiveCount, 10))
	config := consumer.Config{QueueURL: system.Queue.URL, DeadLetterQueueURL: system.DeadLetters.URL,
		Jitter: noJitter}
	config.MaxReceiveCount = row.maxReceiveCount
	if row.worker != nil {
		row.worker(&config)
	}
	system.Worker.Config = config.WithDefaults()
	return system
}

func noJitter(time.Duration) time.Duration { return 0 }

func (row conformance) length() time.Duration { return time.Duration(cmp.Or(row.hours, 3)) * time.Hour }

func (row conformance) control() cloud.ControlOptions { return cloud.DefaultControlOptions() }

// simulate is what the simulator's worker does.
func (row conformance) simulate(t *testing.T) (notes []note) {
	t.Helper()
	w := &Workload{Name: "conformance", Memory: 1, Trace: row.jobs}
	e, err := newEngine(row.system(t), w, parameters(1), row.control())
	require.NoError(t, err)
	e.jitter = noJitter
	e.observe = func(n note) { notes = append(notes, n) }
	for _, d := range row.desired {
		e.at(begin.Add(d.at), func() {
			e.control.Advance(e.now)
			e.system.Service.DesiredCount = d.tasks
			e.control.Advance(e.now)
		})
	}
	for _, at := range row.kills {
		e.at(begin.Add(at), func() {
			if len(e.workers) > 0 {
				e.workers[0].kill()
				e.control.Advance(e.now)
			}
		})
	}
	next, stop := iter.Pull(slices.Values(row.jobs))
	defer stop()
	require.NoError(t, e.runUntil(t.Context(), begin.Add(row.length()), next, func(time.Time, bool) bool {
		return false
	}))
	return notes
}

// differences are the notes of one that the other has not at about the same time.
func differences(real, simulated []note, anyTask bool) (list []string) {
	const tolerance = time.Second
	left := slices.Clone(simulated)
	for _, r := range real {
		i := slices.IndexFunc(left, func(s note) bool {
			return (anyTask || s.task == r.task) && s.what == r.what && s.body == r.body &&
				(s.nth == r.nth || r.nth == 0) &&
				near(s.wait, r.wait, tolerance) && near(s.at.Sub(begin), r.at.Sub(begin), tolerance)
		})
		if i < 0 {
			list = append(list, "only the real one:      "+r.String())
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, s := range left {
		list = append(list, "only the simulated one: "+s.String())
	}
	return list
}

func near(a, b, tolerance time.Duration) bool { return (a - b).Abs() <= tolerance }

// String is the note in words.
func (n note) String() string {
	return fmt.Sprintf("%s …%s %s %s (receive %d) %s", n.at.Sub(begin).Round(time.Millisecond),
		n.task[len(n.task)-2:], n.what, n.body, n.nth, n.wait)
}
