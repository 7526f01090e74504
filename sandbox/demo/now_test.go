package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/cloud"
)

// TestNow: a sentence for each thing that a person waits for.
func TestNow(t *testing.T) {
	t.Parallel()
	running := func(n int, protected bool) (list []TaskView) {
		for range n {
			list = append(list, TaskView{cloud.Running, protected})
		}
		return list
	}
	pending, stopping := TaskView{State: cloud.Pending}, TaskView{State: cloud.Stopping}
	messages := cloud.Counts{Visible: 40, InFlight: 10, GroupsInFlight: 10}
	ten := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	retry := []Retry{{"message 3 of group-2", 2, 14200 * time.Millisecond}}
	cases := map[string]struct {
		frame Frame
		want  string
	}{
		"nothing is there yet": {Frame{Total: 5}, "Messages are being sent."},
		"the machine has not asked": {Frame{Counts: messages, Wakes: true},
			"No task yet: the wake-up machine asks SQS each minute, 2.0 s here."},
		"the alarm has not risen": {Frame{Counts: messages},
			"No task yet: the scale-out alarm sees the messages a minute or two after they come."},
		"about to start": {Frame{Counts: messages, Desired: 1}, "Tasks are about to start."},
		"starting": {Frame{Counts: messages, Desired: 1, Tasks: []TaskView{pending}},
			"Starting: 1 task. Fargate takes 20 to 40 s; here it takes 1.0 s."},
		"working": {Frame{Counts: cloud.Counts{InFlight: 2}, Desired: 1,
			Tasks: running(1, true), Working: ten[:2]}, "Working: 2 messages in 1 task."},
		"behind others": {
			Frame{Counts: messages, Groups: 10, Desired: 2, Concurrency: 10, Tasks: running(2, true),
				Working: ten},
			"Working: 10 messages in 2 tasks. 40 messages behind others of their groups.",
		},
		"no place is free": {
			Frame{Counts: messages, Groups: 50, Desired: 2, Most: 5, Concurrency: 5, Tasks: running(2, true),
				Working: ten},
			"Working: 10 messages in 2 tasks. All 10 places are taken; more tasks may come.",
		},
		"nor will be": {
			Frame{Counts: messages, Groups: 50, Desired: 2, Most: 2, Concurrency: 5, Tasks: running(2, true),
				Working: ten},
			"Working: 10 messages in 2 tasks. All 10 places are taken; maxCapacity is 2.",
		},
		"protected": {
			Frame{Counts: messages, Groups: 50, Desired: 1, Tasks: running(5, true), Working: ten},
			"Protected: 4 of 5 tasks no longer wanted, but not stopped before their messages are done.",
		},
		"draining": {Frame{Counts: messages, Desired: 1,
			Tasks: append(running(1, true), stopping), Working: ten[:3]},
			"Draining: 1 task told to stop; messages under way are finished: 3."},
		"draining without work": {Frame{Sent: 5, Total: 5, Tasks: []TaskView{stopping, stopping}},
			"Draining: 2 tasks told to stop, with nothing left to finish."},
		"backing off": {Frame{Counts: messages, Desired: 1, Tasks: running(1, false),
			Retries: retry}, "Backing off until 14.2 s: message 3 of group-2 failed (attempt 2)."},
		"backing off with no task": {Frame{Counts: messages, Retries: append(retry, retry...)},
			"Backing off until 14.2 s: message 3 of group-2 failed (attempt 2); 1 more failed and wait."},
		"working beside a failure": {Frame{Counts: cloud.Counts{InFlight: 2}, Desired: 1,
			Tasks: running(1, true), Working: ten[:1], Retries: retry},
			"Working: 1 message in 1 task. " +
				"Backing off until 14.2 s: message 3 of group-2 failed (attempt 2)."},
		"all is done": {Frame{Sent: 5, Total: 5, Desired: 1, IdleMinutes: 3, Tasks: running(1,
			false)}, "All is done: tasks stop after 3 minutes in a row without work, 6.0 s here."},
		"back to none": {Frame{Sent: 5, Total: 5},
			"No message, and no more tasks than minCapacity."},
		"a person stops it": {Frame{Stopping: true, Tasks: []TaskView{stopping}, Working: ten},
			"Stopping: 10 messages still to finish in 1 task: a, b, c and 7 more. Ctrl-C again kills them."},
		"with nothing to finish": {Frame{Stopping: true, Tasks: []TaskView{stopping}},
			"Stopping: 1 task without work still to exit. Ctrl-C again kills them."},
		"and all is finished": {Frame{Stopping: true}, "Stopped: no task runs any more."},
	}
	for name, tc := range cases {
		tc.frame.Minute = 2 * time.Second
		assert.Equal(t, tc.want, tc.frame.now(), name)
	}
}

// TestAlarmNames: what distinguishes them, whoever named them.
func TestAlarmNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"worker-scale-out-alarm-1a2b3c4": "scale-out", "worker-idle-alarm": "idle",
		"jobs too old":                      "jobs too old",
		"worker-dead-letters-alarm-0000000": "dead-letters",
	} {
		assert.Equal(t, want, alarmName(name))
	}
}
