package fargate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

// groupingVariable makes the test binary a worker that runs its program once, in a
// process group of its own, as the project's worker does.
const groupingVariable = "TEST_GROUPING_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(groupingVariable) == "" {
		os.Exit(m.Run())
	}
	handler := exec.Command(os.Args[2], os.Args[3:]...) // after --
	handler.Env = append(os.Environ(), "MESSAGE_ID=m1", "MESSAGE_RECEIVE_COUNT=1")
	handler.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if handler.Run() != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// stand is a host whose worker is a script, with a task to run.
type stand struct {
	host  *Host
	task  *cloud.Task
	log   string
	mu    sync.Mutex
	ended []error
}

func newStand(t *testing.T, container, script string, set ...func(*Options)) *stand {
	t.Helper()
	folder := t.TempDir()
	worker := filepath.Join(folder, "worker")
	// A child forked meanwhile would hold the file open for writing: "text file busy".
	syscall.ForkLock.RLock()
	err := os.WriteFile(worker, []byte("#!/bin/sh\n"+script), 0o700)
	syscall.ForkLock.RUnlock()
	require.NoError(t, err)
	account := cloud.NewAccount("us-west-1")
	account.TaskDefinitions["definition"] = &cloud.TaskDefinition{CPU: "512", ContainerDefinitions: container}
	task := &cloud.Task{ARN: "arn:task/apps/0001", TaskDefinition: "definition"}
	s := &stand{task: task, log: filepath.Join(folder, "log")}
	o := Options{
		Worker: worker, Endpoint: "http://endpoint", Minute: time.Second, Folder: folder,
		AgentURI: func(*cloud.Task) string { return "http://agent" },
		Log:      func(*cloud.Task) (io.WriteCloser, error) { return os.Create(s.log) },
		Ended: func(_ *cloud.Task, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = append(s.ended, err)
		},
	}
	for _, f := range set {
		f(&o)
	}
	s.host, err = NewHost(account, o)
	require.NoError(t, err)
	return s
}

func (s *stand) run(t *testing.T) (output string, ended []error) {
	t.Helper()
	s.host.StartTask(time.Now(), s.task)
	s.host.Wait()
	text, err := os.ReadFile(s.log)
	require.NoError(t, err)
	return string(text), s.ended
}

func TestTheTaskGetsWhatItsDefinitionDeclares(t *testing.T) {
	t.Setenv("AWS_PROFILE", "my-own") // not parallel: the environment is the process's
	s := newStand(t, `[{
		"name": "worker", "environment": [{"name": "QUEUE_URL", "value": "https://queue"}],
		"secrets": [{"name": "PASSWORD", "valueFrom": "/prod/password"}], "command": ["--", "job", "a b"]
	}]`, `env; echo "args: $*"; for a in "$@"; do last="$a"; done; echo "last: $last"`)
	output, ended := s.run(t)
	assert.Equal(t, []error{nil}, ended)
	for _, line := range []string{
		"QUEUE_URL=https://queue", "PASSWORD=the sandbox's value of /prod/password",
		"AWS_ENDPOINT_URL=http://endpoint", "AWS_ACCESS_KEY_ID=0001",
		"ECS_AGENT_URI=http://agent", "AWS_REGION=us-west-1", "PROTECTION_HOLD_DOWN=500ms", "last: a b",
	} {
		assert.Contains(t, output, line+"\n")
	}
	assert.Contains(t, output, "args: -- /bin/sh -c ")
	assert.NotContains(t, output, "my-own", "nobody's credentials")
}

func TestProgram(t *testing.T) {
	t.Parallel()
	declared := cloud.Container{Command: []string{"--", "job"}}
	assert.Equal(t, []string{"job"}, Program(nil, declared))
	assert.Equal(t, []string{"mine"}, Program([]string{"mine"}, declared))
	assert.Equal(t, []string{"job"}, Program(nil, cloud.Container{Command: []string{"job"}}))
	assert.Empty(t, Program(nil, cloud.Container{}))
}

// handlerScript runs what the worker is given once, as for a message.
const handlerScript = `shift; MESSAGE_ID=m1 MESSAGE_RECEIVE_COUNT=2 "$@"`

func TestJournal(t *testing.T) {
	t.Parallel()
	s := newStand(t, `[{"name": "worker"}]`, handlerScript,
		func(o *Options) { o.Handler = []string{"sh", "-c", "exit 3"} })
	_, ended := s.run(t)
	require.Len(t, ended, 1)
	require.ErrorContains(t, ended[0], "exit status 3", "the program's exit code reaches the worker")
	events, err := s.host.Journal().Take()
	require.NoError(t, err)
	require.Len(t, events, 2)
	want := Event{Start: true, Task: "0001", Message: "m1", ReceiveCount: 2, group: events[0].group}
	assert.Equal(t, want, events[0])
	assert.Equal(t, Event{Task: "0001", Message: "m1", ExitCode: 3}, events[1])
	again, err := s.host.Journal().Take()
	require.NoError(t, err)
	assert.Empty(t, again)
}

// TestProgramToldToStop: the journal has how it ended, and what it printed on the way.
func TestProgramToldToStop(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	s := newStand(t, `[{"name": "worker"}]`, `shift; MESSAGE_ID=m1 MESSAGE_RECEIVE_COUNT=1 "$@" &
until [ -e `+ready+` ]; do sleep 0.02; done; trap : TERM; kill -TERM 0; wait; exit 0`,
		func(o *Options) {
			// A shell may miss a signal that comes just before it waits; between short sleeps it sees it.
			o.Handler = []string{"sh", "-c", `trap 'echo bye; exit 9' TERM; : >` + ready +
				`; while :; do sleep 0.05; done`}
		})
	s.host.StartTask(time.Now(), s.task)
	require.Eventually(t, func() bool {
		events, err := s.host.Journal().Take()
		return err == nil && len(events) > 0 && !events[len(events)-1].Start &&
			events[len(events)-1].ExitCode == 9
	}, 20*time.Second, 20*time.Millisecond)
	s.host.KillAll()
	text, err := os.ReadFile(s.log)
	require.NoError(t, err)
	assert.Contains(t, string(text), "bye")
}

// TestKillLeavesNothing: with the worker dies what it runs, also in process groups of
// its own.
func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	grouping := `[{"name": "worker", "environment": [{"name": "` + groupingVariable + `", "value": "1"}]}]`
	s := newStand(t, grouping, "", func(o *Options) {
		o.Worker = os.Args[0]
		o.Handler = []string{"sh", "-c", "echo begun >" + mark + "; sleep 1; echo survived >" + mark}
	})
	s.host.StartTask(time.Now(), s.task)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(mark)
		return err == nil && len(text) > 0
	}, 5*time.Second, 10*time.Millisecond)
	s.host.Kill(s.task)
	s.host.Wait()
	time.Sleep(1500 * time.Millisecond) // a real process would need a second
	text, err := os.ReadFile(mark)
	require.NoError(t, err)
	assert.Equal(t, "begun", strings.TrimSpace(string(text)))
}

// TestCPU: a handler that spins uses what the task reserves, or more.
func TestCPU(t *testing.T) {
	t.Parallel()
	s := newStand(t, `[{"name": "worker"}]`, `shift; MESSAGE_ID=m1 MESSAGE_RECEIVE_COUNT=1 "$@" & wait`,
		func(o *Options) { o.Handler = []string{"sh", "-c", "while :; do :; done"} })
	start := time.Now()
	s.host.StartTask(start, s.task)
	require.Eventually(t, func() bool { return s.host.CPU(time.Now(), s.task) > 20 },
		20*time.Second, 200*time.Millisecond, "percent of half a vCPU")
	s.host.KillAll()
	assert.Len(t, s.ended, 1)
	assert.Zero(t, s.host.CPU(time.Now(), &cloud.Task{ARN: "another"}))
}

// TestBusyHandlersShareWhatTheTaskReserves, or the host says why they do not.
func TestBusyHandlersShareWhatTheTaskReserves(t *testing.T) {
	t.Parallel()
	const vcpu = 0.25
	busy := `shift; MESSAGE_RECEIVE_COUNT=1; export MESSAGE_RECEIVE_COUNT
MESSAGE_ID=m1 "$@" & MESSAGE_ID=m2 "$@" & wait`
	s := newStand(t, `[{"name": "worker"}]`, busy,
		func(o *Options) { o.Handler = []string{"sh", "-c", "while :; do :; done"} })
	definition := s.host.account.TaskDefinitions[s.task.TaskDefinition]
	definition.CPU = "256"
	s.host.StartTask(time.Now(), s.task)
	t.Cleanup(s.host.KillAll)
	begun := map[string]bool{}
	require.Eventually(t, func() bool {
		events, err := s.host.Journal().Take()
		for _, e := range events {
			begun[e.Message] = true
		}
		return err == nil && len(begun) == 2
	}, 20*time.Second, 20*time.Millisecond)
	if reason := s.host.limit.reason; reason != nil {
		require.NotEmpty(t, reason.Error())
		assert.Equal(t, "none: "+reason.Error()+"; handlers may use more than Fargate would give",
			s.host.CPULimit(definition))
		return
	}
	assert.Equal(t, "0.25 vCPU a task, by cgroup", s.host.CPULimit(definition))
	s.host.CPU(time.Now(), s.task)
	time.Sleep(3 * time.Second) // the kernel's clock, not ours, grants the CPU
	used := s.host.CPU(time.Now(), s.task) / 100 * vcpu
	t.Logf("%.3f vCPU used of %g", used, vcpu)
	assert.Less(t, used, 1.2*vcpu)
	assert.Greater(t, used, 0.2*vcpu, "they are busy")
}

// TestMoreThanTheMachineHas: a limit above it gives no more.
func TestMoreThanTheMachineHas(t *testing.T) {
	t.Parallel()
	h := &Host{limit: &cpuLimit{}}
	there := runtime.NumCPU()
	assert.Equal(t, fmt.Sprintf("%d vCPU a task, by cgroup; this machine has %d", there+1, there),
		h.CPULimit(&cloud.TaskDefinition{CPU: strconv.Itoa((there + 1) * 1024)}))
	assert.Equal(t, fmt.Sprintf("%d vCPU a task, by cgroup", there),
		h.CPULimit(&cloud.TaskDefinition{CPU: strconv.Itoa(there * 1024)}))
}

// TestWithoutCgroups: tasks run all the same, and the host says what is different.
func TestWithoutCgroups(t *testing.T) {
	t.Parallel()
	s := newStand(t, `[{"name": "worker"}]`, "exit 0")
	s.host.limit = &cpuLimit{reason: errors.New("permission denied")}
	_, ended := s.run(t)
	assert.Equal(t, []error{nil}, ended)
	assert.Equal(t, "none: permission denied; handlers may use more than Fargate would give",
		s.host.CPULimit(&cloud.TaskDefinition{CPU: "256"}))
}

func TestStartsThatFail(t *testing.T) {
	t.Parallel()
	for want, container := range map[string]string{
		"starting the worker": `[{"name": "worker"}]`, "has 2 containers": `[{}, {}]`,
	} {
		s := newStand(t, container, "exit 0", func(o *Options) { o.Worker = "/nowhere" })
		s.host.StartTask(time.Now(), s.task)
		s.host.Wait()
		require.Len(t, s.ended, 1)
		assert.ErrorContains(t, s.ended[0], want)
	}
}
