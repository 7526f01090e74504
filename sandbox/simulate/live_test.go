package simulate

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/sandbox/demo"
	"fargate-queue-worker/sandbox/live"
)

// TestAgreesWithTheLiveSandbox: the same small workload, once with real workers and
// processes in short minutes, and once in virtual time, scales the same service in
// the same steps.
func TestAgreesWithTheLiveSandbox(t *testing.T) { // not parallel: it needs the machine
	const minute = 800 * time.Millisecond
	cases := map[string]struct {
		messages, groups int
		minutesOfWork    float64
		overrides        []string
	}{
		"one message":      {1, 1, 5, nil},
		"two tasks' worth": {25, 25, 8, nil},
		"in order":         {4, 1, 3, nil},
	}
	worker, err := live.BuildWorker(t.Context(), dev.Root, t.TempDir())
	require.NoError(t, err)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			account, err := declared.Account(dev.Root, "dev", tc.overrides...)
			require.NoError(t, err)
			control := cloud.DefaultControlOptions()
			control.Minute = minute
			control.StartDelay = func(int) time.Duration { return minute / 2 }
			p := parameters(1)
			p.StartFrom, p.StartTo = 30*time.Second, 30*time.Second
			lived, err := demo.Run(context.WithoutCancel(t.Context()), account, demo.Options{
				Live: live.Options{Worker: worker, Folder: t.TempDir(), Control: control},
				Workload: demo.Workload{
					Messages: tc.messages, Groups: tc.groups, Seconds: tc.minutesOfWork * minute.Seconds(),
					Seed: p.Seed, // and with it the phases
				},
			})
			require.NoError(t, err)

			var jobs []Job
			for i := range tc.messages {
				work := time.Duration(tc.minutesOfWork * float64(time.Minute))
				jobs = append(jobs, Job{At: time.Second, Group: i % tc.groups, Work: work})
			}
			stack := Stack{Root: dev.Root, Name: "dev", Overrides: tc.overrides}
			same := &Workload{Name: "live", Trace: jobs, CPU: CPU{Working: 2, Idle: 0.05}}
			c, err := Compare(t.Context(), stack, same, p, false)
			require.NoError(t, err)
			assert.Equal(t, scalings(lived.Activities), scalings(c.Results[0].Activities))
		})
	}
}

// scalings are the changes of the desired count, in order, by alarms.
func scalings(activities []cloud.Activity) []string {
	var list []string
	for _, a := range activities {
		if a.Scaled() {
			list = append(list, fmt.Sprintf("%s %d>%d", a.Alarm[:len("worker-idle")], a.From, a.To))
		}
	}
	return list
}
