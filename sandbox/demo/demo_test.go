package demo

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/sandbox/live"
)

const root = "../.."

var (
	runs = flag.Int("runs", 4, "random workloads with tasks killed at random")
	seed = flag.Uint64("seed", 1, "of the first of them; 0 draws one")
)

// worker builds the worker once for all tests.
var worker = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "worker")
	if err != nil {
		return "", err
	}
	return live.BuildWorker(context.Background(), root, folder)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := worker(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary folder
	}
	os.Exit(code)
}

// options of a demo whose minutes are short.
func options(t *testing.T, minute time.Duration, w Workload) Options {
	t.Helper()
	binary, err := worker()
	require.NoError(t, err)
	control := cloud.DefaultControlOptions()
	control.Minute = minute
	control.StartDelay = func(int) time.Duration { return minute / 2 }
	return Options{
		Live:     live.Options{Worker: binary, Folder: t.TempDir(), Control: control},
		Workload: w, Timeout: 2 * time.Minute,
	}
}

func account(t *testing.T, stack string, overrides ...string) *cloud.Account {
	t.Helper()
	a, err := declared.Account(root, stack, overrides...)
	require.NoError(t, err)
	return a
}

// impatient gives handlers a second, where a stack has minutes: they run in real time.
func impatient(a *cloud.Account) *cloud.Account {
	for _, definition := range a.TaskDefinitions {
		definition.ContainerDefinitions = strings.Replace(definition.ContainerDefinitions,
			`"HANDLER_TIMEOUT","value":"60m"`, `"HANDLER_TIMEOUT","value":"1s"`, 1)
	}
	return a
}

// TestFromNoneToSomeAndBack is the demo of both stacks, with its picture and lines.
func TestFromNoneToSomeAndBack(t *testing.T) {
	t.Parallel()
	for _, stack := range []string{"dev", "prod"} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			o := options(t, 300*time.Millisecond, Workload{Messages: 24, Groups: 12, Seconds: 0.2, Rate: 20})
			var lines bytes.Buffer
			o.View = func() View { return &Lines{Output: &lines} }
			o.Timeline = filepath.Join(t.TempDir(), "timeline.svg")
			summary, err := Run(t.Context(), account(t, stack), o)
			require.NoError(t, err)
			assert.Equal(t, 24, summary.sent)
			assert.Equal(t, 24, summary.done)
			assert.GreaterOrEqual(t, summary.Started, 1)
			assert.Positive(t, summary.FirstTask)
			assert.Greater(t, summary.Took, summary.FirstTask)
			last := summary.Activities[len(summary.Activities)-1]
			assert.Zero(t, last.To)
			assert.Regexp(t, `\n +[\d.]+ s +\d+ min \d+ s  idle: \d -> 0 tasks`, lines.String())
			assert.Contains(t, lines.String(), "CPU while there is no work")
			var text bytes.Buffer
			summary.Print(&text)
			assert.Contains(t, text.String(), "24 sent, 24 done, 0 dead letters")
			assert.Contains(t, text.String(), "  CPU limit                     "+summary.CPULimit+"\n")
			assert.Regexp(t, `^([\d.]+ vCPU a task, by cgroup|none: .+; handlers may use more .+)`,
				summary.CPULimit)
			picture, err := os.ReadFile(o.Timeline)
			require.NoError(t, err)
			assert.Contains(t, string(picture), "in flight")
			assert.Contains(t, string(picture), ">scale-out<")
		})
	}
}

// TestAllReadings: a queue that has slept, and wakes with nothing or with zeros, and
// missing values that count as 0 or not: the work is done, none is stopped.
func TestAllReadings(t *testing.T) {
	t.Parallel()
	for _, zeros := range []bool{false, true} {
		for _, missingIsZero := range []bool{false, true} {
			t.Run(fmt.Sprintf("zeros %t, missing is zero %t", zeros, missingIsZero), func(t *testing.T) {
				t.Parallel()
				o := options(t, 200*time.Millisecond, Workload{Messages: 6, Groups: 6, Seconds: 2})
				o.Live.Control.QueuesAsleep = true
				o.Live.Control.WakingReportsZeros, o.Live.Control.MissingCountsAsZero = zeros, missingIsZero
				// Asked each minute, the queue would start them before its metrics come.
				summary, err := Run(t.Context(), account(t, "dev", "wakeIntervalSeconds=0"), o)
				require.NoError(t, err)
				assert.Equal(t, 6, summary.done)
				assert.Zero(t, summary.interrupted)
				assert.Greater(t, summary.FirstTask, 15*200*time.Millisecond,
					"its metrics come fifteen minutes late")
			})
		}
	}
}

// TestWorkThatWaits: handlers that wait, at no CPU, for many minutes of CloudWatch.
func TestWorkThatWaits(t *testing.T) {
	t.Parallel()
	waiting := Workload{Messages: 2, Groups: 2, Seconds: 4}
	const minute = 200 * time.Millisecond // so they wait for 20 of them
	t.Run("the guarded alarm leaves it alone", func(t *testing.T) {
		t.Parallel()
		summary, err := Run(t.Context(), account(t, "prod"), options(t, minute, waiting))
		require.NoError(t, err)
		assert.Equal(t, 2, summary.done)
		assert.Zero(t, summary.interrupted)
	})
	t.Run("so it does without protection", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, waiting)
		o.Live.WithoutProtection = true
		summary, err := Run(t.Context(), account(t, "prod"), o)
		require.NoError(t, err)
		assert.Zero(t, summary.interrupted)
	})
	t.Run("protection holds against the plain alarm", func(t *testing.T) {
		t.Parallel()
		summary, err := Run(t.Context(), account(t, "prod", "idleUnguarded=true"),
			options(t, minute, waiting))
		require.NoError(t, err)
		assert.Equal(t, 2, summary.done)
		assert.Zero(t, summary.interrupted)
	})
	t.Run("the tutorial's plain alarm without protection kills it", func(t *testing.T) {
		t.Parallel()
		a := account(t, "prod", "idleUnguarded=true")
		shortenStopTimeout(a)
		o := options(t, minute, waiting)
		o.Live.WithoutProtection = true
		summary, err := Run(t.Context(), a, o)
		require.ErrorContains(t, err, "killed while busy: 2, the first: message 1 of group-")
		assert.ErrorContains(t, err, ", by scale-in")
		assert.Equal(t, 2, summary.interrupted)
		assert.Empty(t, summary.lost, "they are in the queue still")
	})
}

// shortenStopTimeout leaves handlers a second to finish when their task is stopped.
func shortenStopTimeout(a *cloud.Account) {
	for _, definition := range a.TaskDefinitions {
		shorter := strings.NewReplacer(`"stopTimeout":120`, `"stopTimeout":16`, `"value":"120"`,
			`"value":"16"`)
		definition.ContainerDefinitions = shorter.Replace(definition.ContainerDefinitions)
	}
}

// TestKilledTasks runs random workloads while tasks are killed at random, as failing
// hosts would: nothing is lost, the order is kept, and it comes back to none.
//
//	go test ./sandbox/demo -run TestKilledTasks -runs 50 -timeout 60m
func TestKilledTasks(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64N(1e9)
	}
	for i := range uint64(*runs) {
		t.Run(fmt.Sprint("seed ", first+i), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(first+i, 0))
			w := Workload{
				Messages: 10 + random.IntN(60), Groups: 1 + random.IntN(20), Seconds: 0.3 * random.Float64(),
				Spread: true, Rate: 10 + 40*random.Float64(), Seed: first + i,
			}
			o := options(t, time.Duration(150+random.IntN(300))*time.Millisecond, w)
			kills := 1 + random.IntN(4)
			killed := 0
			o.Disturb = func(ctx context.Context, region *live.Region) {
				for killed < kills &&
					sleepUntil(ctx, time.Now().Add(time.Duration(random.IntN(900))*time.Millisecond)) {
					if killOne(region, random) {
						killed++
					}
				}
			}
			a := account(t, []string{"dev", "prod"}[random.IntN(2)],
				"visibilityTimeoutSeconds=30", `environment={"VISIBILITY_TIMEOUT":"10s"}`)
			summary, err := Run(t.Context(), a, o)
			require.NoError(t, err, "%d messages in %d groups", w.Messages, w.Groups)
			assert.Equal(t, w.Messages, summary.done)
			t.Logf("%d messages in %d groups, %d tasks killed, %d handlers interrupted, %d redelivered",
				w.Messages, w.Groups, killed, summary.interrupted, summary.redelivered)
		})
	}
}

// killOne kills a running task, if there is one.
func killOne(region *live.Region, random *rand.Rand) bool {
	var running []*cloud.Task
	region.Do(func(*cloud.Account, time.Time) {
		for _, task := range region.Control.Tasks() {
			if task.State == cloud.Running {
				running = append(running, task)
			}
		}
	})
	if len(running) == 0 {
		return false
	}
	region.Host.Kill(running[random.IntN(len(running))])
	return true
}

// TestWhatGoesWrongIsSaid: each ends with the reason, and with no process left.
func TestWhatGoesWrongIsSaid(t *testing.T) {
	t.Parallel()
	work := Workload{Messages: 4, Groups: 4, Seconds: 0.1}
	const minute = 200 * time.Millisecond
	t.Run("a handler that fails", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, work)
		o.Live.Handler = []string{"/bin/sh", "-c", "echo no such table >&2; exit 3"}
		_, err := Run(t.Context(), account(t, "dev"), o)
		require.ErrorContains(t, err, "the handler fails: ")
		require.ErrorContains(t, err, "and never ended with 0\nthe last to fail was message 1 of group-")
		assert.ErrorContains(t, err, "(exit status 3):\n  no such table")
	})
	t.Run("a handler that does not exist", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, work)
		o.Live.Handler = []string{"pyhton", "job.py"}
		_, err := Run(t.Context(), account(t, "dev"), o)
		assert.ErrorContains(t, err, `--handler: "pyhton job.py" cannot be run`)
	})
	t.Run("the stack's command does not exist here", func(t *testing.T) {
		t.Parallel()
		_, err := Run(t.Context(), account(t, "dev", `command=["--","/app/job"]`), options(t, minute, work))
		assert.ErrorContains(t, err, `"/app/job" cannot be run`)
	})
	t.Run("a worker that cannot start", func(t *testing.T) {
		t.Parallel()
		a := account(t, "dev", `environment={"BACKOFF":"16s"}`)
		for _, definition := range a.TaskDefinitions { // the program would refuse it before
			definition.ContainerDefinitions = strings.Replace(definition.ContainerDefinitions, `"16s"`,
				`"soon"`, 1)
		}
		_, err := Run(t.Context(), a, options(t, minute, work))
		require.ErrorContains(t, err, "tasks end by themselves")
		assert.ErrorContains(t, err, `BACKOFF: "soon": needs to be a duration`)
		assert.Equal(t, 1, strings.Count(err.Error(), "the worker failed"), "each says the same")
	})
	t.Run("a port that is taken", func(t *testing.T) {
		t.Parallel()
		other, err := live.Start(t.Context(), account(t, "dev"), options(t, minute, work).Live)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, other.Close()) })
		o := options(t, minute, work)
		_, err = fmt.Sscanf(other.URL, "http://127.0.0.1:%d", &o.Live.Port)
		require.NoError(t, err)
		_, err = Run(t.Context(), account(t, "dev"), o)
		assert.ErrorContains(t, err, fmt.Sprintf("port %d cannot be listened on", o.Live.Port))
	})
	t.Run("a disk that is full", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "timeline.svg")
		if _, err := os.Stat("/dev/full"); err == nil {
			require.NoError(t, os.Symlink("/dev/full", file+".new"))
		} else { // only Linux has it; a folder in the file's place cannot be written either
			require.NoError(t, os.MkdirAll(filepath.Join(file+".new", "folder"), 0o700))
		}
		o := options(t, minute, work)
		o.Timeline = file
		_, err := Run(t.Context(), account(t, "dev"), o)
		require.ErrorContains(t, err, "writing the timeline (--timeline): ")
		assert.NoFileExists(t, file)
	})
	t.Run("a person stops it", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		o := options(t, minute, Workload{Messages: 2, Groups: 2, Seconds: 1})
		var summary Summary
		o.Disturb = func(ctx context.Context, region *live.Region) {
			for region.Host.Started() == 0 && sleepUntil(ctx, time.Now().Add(50*time.Millisecond)) {
			}
			sleepUntil(ctx, time.Now().Add(500*time.Millisecond))
			stop()
		}
		summary, err := Run(ctx, account(t, "dev"), o)
		require.ErrorContains(t, err, "stopped before the work was done")
		assert.Equal(t, 2, summary.done, "tasks finish what they do")
		assert.Zero(t, summary.interrupted)
	})
	t.Run("a handler that traps SIGTERM, and fails otherwise", func(t *testing.T) {
		t.Parallel()
		a := account(t, "prod", "idleUnguarded=true")
		shortenStopTimeout(a)
		o := options(t, minute, Workload{Messages: 1, Groups: 1})
		o.Live.WithoutProtection = true
		o.Live.Handler = []string{"/bin/sh", "-c",
			`[ "$MESSAGE_RECEIVE_COUNT" -gt 1 ] && exit 0; trap 'exit 9' TERM; sleep 4 & wait`}
		_, err := Run(t.Context(), a, o)
		assert.ErrorContains(t, err, "killed while busy: 1")
	})
	t.Run("messages that can never succeed", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, work)
		o.Live.Handler = []string{"/bin/sh", "-c", `[ "$MESSAGE_GROUP_ID" = group-0 ] || exit 65`}
		summary, err := Run(t.Context(), account(t, "dev"), o)
		require.ErrorContains(t, err,
			"dead-lettered: 3 of 4 messages\nthe last to fail was message 1 of group-")
		require.ErrorContains(t, err, ", on attempt 1 (exit status 65):\n  (nothing on standard error)")
		assert.Equal(t, 1, summary.done)
	})
	t.Run("handlers whose time is up, in an idle task later", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, Workload{Messages: 2, Groups: 2, Seconds: 3})
		o.DeadLettersAllowed = true
		summary, err := Run(t.Context(),
			impatient(account(t, "dev", "maxAttempts=1", "maxReceiveCount=1")), o)
		require.NoError(t, err, "no busy kills")
		assert.Equal(t, 2, summary.deadLettered)
	})
	t.Run("a handler that has to be killed when its time is up", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, Workload{Messages: 1, Groups: 1})
		once := `trap "" TERM; if mkdir "$0/once"; then sleep 20; fi`
		o.Live.Handler = []string{"/bin/sh", "-c", once, t.TempDir()}
		summary, err := Run(t.Context(), impatient(account(t, "dev", `environment={"BACKOFF":"1s"}`)), o)
		require.NoError(t, err)
		assert.Equal(t, 1, summary.done)
	})
	t.Run("a stack that keeps a task", func(t *testing.T) {
		t.Parallel()
		summary, err := Run(t.Context(), account(t, "dev", "minCapacity=1"), options(t, minute, work))
		require.NoError(t, err)
		assert.Equal(t, 4, summary.done)
	})
	t.Run("it takes too long", func(t *testing.T) {
		t.Parallel()
		o := options(t, time.Minute, work)
		o.Timeout = 300 * time.Millisecond
		_, err := Run(t.Context(), account(t, "dev"), o)
		assert.ErrorContains(t, err, "not done and back to no tasks after 300ms")
	})
	t.Run("a workload that cannot be", func(t *testing.T) {
		t.Parallel()
		o := options(t, minute, Workload{Groups: -1, Seconds: -2, Rate: -3})
		_, err := Run(t.Context(), account(t, "dev"), o)
		for _, want := range []string{"--messages: 0", "--groups: -1", "--seconds: -2", "--rate: -3"} {
			assert.ErrorContains(t, err, want)
		}
	})
}

func TestSummaryWithoutATask(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	Summary{Stopped: true, Took: time.Minute, Minute: 2 * time.Second}.Print(&text)
	assert.Contains(t, text.String(), "first message to first task   none ran\n")
	assert.Contains(t, text.String(), "stopped after                 60.0 s\n")
}

// TestSummarySaysHowMuchCPUATaskGets, or why it may get more than on Fargate.
func TestSummarySaysHowMuchCPUATaskGets(t *testing.T) {
	t.Parallel()
	for _, limit := range []string{
		"0.5 vCPU a task, by cgroup",
		"none: no cgroups on darwin; handlers may use more than Fargate would give",
	} {
		var text bytes.Buffer
		Summary{CPULimit: limit}.Print(&text)
		assert.Contains(t, text.String(), "\n  CPU limit                     "+limit+"\n")
	}
}
