package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProtection: a protected task is not scaled in, nor can more be protected than
// are desired.
func TestProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 2
	w.minutes(1)
	tasks := w.control.Tasks()
	require.Len(t, tasks, 2)
	assert.Empty(t, w.control.Protect(w.now, tasks[0], true, time.Hour))
	w.service.DesiredCount = 0
	w.pass(time.Second)
	require.Equal(t, []*Task{tasks[0]}, w.control.Tasks(), "the other one is stopped")
	assert.Equal(t, Running, tasks[0].State)
	assert.Equal(t, "DEPLOYMENT_BLOCKED", w.control.Protect(w.now, tasks[0], true, 2*time.Hour),
		"nor is it protected for longer")
	assert.True(t, tasks[0].ProtectedAt(w.now.Add(59*time.Minute)), "what it had, it keeps")
	assert.Empty(t, w.control.Protect(w.now, tasks[0], false, 0))
	w.pass(time.Second)
	assert.Empty(t, w.control.Tasks())
	assert.Equal(t, "scale-in", tasks[0].StopReason)
	assert.Equal(t, "TASK_NOT_VALID", w.control.Protect(w.now, tasks[0], true, time.Hour))
}

func TestProtectionExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	require.Empty(t, w.control.Protect(w.now, w.control.Tasks()[0], true, 10*time.Minute))
	w.service.DesiredCount = 0
	w.minutes(9)
	assert.Equal(t, 1, w.running())
	w.minutes(2)
	assert.Zero(t, w.running())
}

// TestRollingDeployment: new tasks run before old ones are stopped, and a protected
// one stays until it is done.
func TestRollingDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.cpu = 50
	w.service.DesiredCount = 2
	w.minutes(1)
	old := w.control.Tasks()
	require.Len(t, old, 2)
	require.Empty(t, w.control.Protect(w.now, old[0], true, time.Hour))
	changed := *w.service
	changed.TaskDefinition = newTaskDefinition(t, w.account, 0)
	_, err := w.account.UpdateService(w.service.ARN, changed, false)
	require.NoError(t, err)
	w.pass(time.Second)
	assert.Len(t, w.control.Tasks(), 4, "two more, up to 200 %")
	assert.Empty(t, w.host.stopped, "none stops before they run")
	w.pass(time.Minute)
	assert.Equal(t, []string{old[1].ID()}, w.host.stopped)
	assert.Equal(t, "deployment", old[1].StopReason)
	w.control.scaleIn(decision{policy: w.account.Policies[w.account.Alarms["idle"].AlarmActions[0]],
		alarm: w.account.Alarms["idle"], target: w.target, service: w.service,
		fleet: w.control.fleet(w.service)}, 0)
	assert.Equal(t, 2, w.service.DesiredCount, "no scale-in during a deployment")
	require.Empty(t, w.control.Protect(w.now, old[0], false, 0))
	w.pass(time.Second)
	assert.Len(t, w.control.Tasks(), 2)
	assert.False(t, w.control.fleet(w.service).deploying)
}

func TestTaskThatExitsIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	first := w.control.Tasks()[0]
	w.control.TaskEnded(w.now, first)
	assert.Zero(t, w.running())
	w.minutes(1)
	assert.Equal(t, 1, w.running())
	assert.Equal(t, "essential container exited", first.StopReason)
}

func TestDeletedServiceStopsItsTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.DesiredCount = 1
	w.minutes(1)
	require.NoError(t, w.account.DeleteService(w.service.ARN))
	w.pass(time.Second)
	assert.Len(t, w.host.stopped, 1)
	assert.Empty(t, w.control.Tasks())
}

// TestDeploymentPercentages: how many tasks run beside each other, and how many have
// to.
func TestDeploymentPercentages(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		desired, least, most int
		total, stopped       int // as soon as the deployment begins
	}{
		"twice as many":                             {2, 100, 200, 4, 0},
		"half as many more, rounded down":           {3, 100, 150, 4, 0},
		"no more, but one less than three, half up": {3, 50, 100, 3, 1},
		"none has to run":                           {2, 0, 100, 2, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s *worldSettings) { s.idle = nil })
			w.service.DesiredCount = tc.desired
			w.minutes(1)
			require.Equal(t, tc.desired, w.running())
			changed := *w.service
			changed.TaskDefinition = newTaskDefinition(t, w.account, 0)
			changed.DeploymentMinimumHealthyPercent, changed.DeploymentMaximumPercent = tc.least, tc.most
			_, err := w.account.UpdateService(w.service.ARN, changed, false)
			require.NoError(t, err)
			w.pass(time.Second)
			w.pass(time.Second)
			assert.Len(t, w.control.Tasks(), tc.total)
			assert.Len(t, w.host.stopped, tc.stopped)
			w.minutes(10)
			tasks := w.control.Tasks()
			assert.Len(t, tasks, tc.desired)
			for _, task := range tasks {
				assert.Equal(t, w.service.TaskDefinition, task.TaskDefinition)
			}
		})
	}
}

// TestScaleInTakesPendingTasksFirst: they have begun nothing.
func TestScaleInTakesPendingTasksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	w.service.DesiredCount = 2
	w.pass(time.Second)
	w.service.DesiredCount = 1
	w.minutes(1)
	assert.Equal(t, 1, w.running())
	assert.Empty(t, w.host.stopped)
}

// TestAStoppingTaskIsNotProtected, and its CPU still counts.
func TestAStoppingTaskIsNotProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle, s.stopping = nil, 120 })
	w.host.drain, w.host.cpu = time.Hour, 7
	w.service.DesiredCount = 1
	w.minutes(1)
	task := w.control.Tasks()[0]
	w.service.DesiredCount = 0
	w.pass(time.Second)
	require.Equal(t, Stopping, task.State)
	w.service.DesiredCount = 5
	assert.Equal(t, "DEPLOYMENT_BLOCKED", w.control.Protect(w.now, task, true, time.Hour))
	w.service.DesiredCount = 0
	w.minutes(1)
	require.NotNil(t, w.control.Utilization(w.service.ARN))
	assert.InDelta(t, 7, *w.control.Utilization(w.service.ARN), 0)
	w.minutes(2)
	assert.Len(t, w.host.killed, 1, "after its 120 s")
	assert.Nil(t, w.control.Utilization(w.service.ARN))
	w.control.TaskEnded(w.now, task)
	assert.Equal(t, "scale-in", task.StopReason, "its end is reported once more, in vain")
}
