package demo

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/fargate"
)

func begin(task, message string, receive int) entry {
	return entry{Event: fargate.Event{Start: true, Task: task, Message: message, ReceiveCount: receive}}
}

func end(task, message string, code int) entry {
	return entry{Event: fargate.Event{Task: task, Message: message, ExitCode: code}}
}

func stopping(task, by string) entry {
	return entry{Event: fargate.Event{Task: task}, stopping: by}
}

func gone(task string) entry { return entry{Event: fargate.Event{Task: task}, ended: true} }

// TestVerdicts: two messages, a1 and a2, of a group. Each broken promise is seen.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	done := func(message string) []entry { return []entry{begin("t1", message, 1), end("t1", message, 0)} }
	both := append(done("a1"), done("a2")...)
	cases := map[string]struct {
		log                     []entry
		remaining, deadLettered []string
		want                    string // part of the error
		counts                  verdict
	}{
		"all is done": {log: both, counts: verdict{sent: 2, done: 2}},
		"a failure is tried again": {log: append([]entry{begin("t1", "a1", 1),
			end("t1", "a1", 1)}, both...), counts: verdict{sent: 2, done: 2}},
		"a message is lost": {log: done("a1"), want: "lost: 1, the first: message 2 of a"},
		"a message is still there": {log: done("a1"), remaining: []string{"a2"},
			counts: verdict{sent: 2, done: 1}},
		"a message is dead-lettered": {log: done("a2"), deadLettered: []string{"a1"},
			counts: verdict{sent: 2, done: 1, deadLettered: 1}},
		"the second begins first": {log: append(done("a2"), done("a1")...),
			want: "message 2 of a begins before number 1 is done"},
		"the first begins again after it": {log: append(both, begin("t1", "a1", 2)),
			want: "message 1 of a begins after number 2"},
		"one message in two tasks": {log: append([]entry{begin("t2", "a1", 1)}, both...),
			want: "message 1 of a begins in task t1 while task t2 works on number 1"},
		"two of a group at once": {log: []entry{begin("t1", "a1", 1), begin("t2", "a2", 1),
			end("t2", "a2", 0), end("t1", "a1", 65)}, deadLettered: []string{"a1"},
			want: "begins before number 1 is done"},
		"after its task was killed it is fine": {log: append([]entry{begin("t2", "a1", 1), gone("t2"),
			begin("t1", "a1", 2)}, both[1:]...),
			counts: verdict{sent: 2, done: 2, interrupted: 1, redelivered: 1}},
		"a cancelled handler may begin elsewhere": {
			log: append([]entry{begin("t2", "a1", 1), end("t2", "a1", 143), begin("t1", "a1", 2)},
				both[1:]...),
			counts: verdict{sent: 2, done: 2, redelivered: 1, interrupted: 1},
		},
		"scale-in of a busy task": {
			log:  append([]entry{begin("t2", "a1", 1), stopping("t2", "scale-in"), gone("t2")}, both...),
			want: "killed while busy: 1, the first: message 1 of a in task t2, by scale-in",
		},
		"its handler was told to stop before": {
			log: append([]entry{begin("t2", "a1", 1), stopping("t2", "deployment"), end("t2", "a1", 143),
				gone("t2")}, both...),
			want: "message 1 of a in task t2, by deployment",
		},
		"and ended with a code of its own": {
			log: append([]entry{begin("t2", "a1", 1), stopping("t2", "scale-in"), end("t2", "a1", 9)},
				both...),
			want: "killed while busy: 1",
		},
		"and was done elsewhere before its task was gone": {
			log: append(append([]entry{begin("t2", "a1", 1), stopping("t2", "scale-in"),
				end("t2", "a1", 143)}, both...), gone("t2")),
			want: "killed while busy: 1",
		},
		"a handler whose time was up, in a task that is stopped later": {
			log: append(append([]entry{begin("t1", "a1", 1), end("t1", "a1", 143)}, both...),
				stopping("t1", "scale-in"), gone("t1")),
			counts: verdict{sent: 2, done: 2, interrupted: 1},
		},
		"scale-in of a task that drained is fine": {
			log: []entry{begin("t1", "a1", 1), stopping("t1", "scale-in"), end("t1", "a1", 0), gone("t1"),
				begin("t2", "a2", 1), end("t2", "a2", 0)},
			counts: verdict{sent: 2, done: 2},
		},
		"what somebody else sent does not matter": {log: append(both, begin("t1", "b1", 1)),
			counts: verdict{sent: 2, done: 2}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := func(ids []string) map[string]bool {
				m := map[string]bool{}
				for _, id := range ids {
					m[id] = true
				}
				return m
			}
			r := &referee{sent: []sent{{"a1", "a", 1}, {"a2", "a", 2}}, log: tc.log}
			v := r.judge(set(tc.remaining), set(tc.deadLettered))
			if tc.want != "" {
				assert.ErrorContains(t, v.err(), tc.want)
				return
			}
			assert.NoError(t, v.err())
			assert.Equal(t, tc.counts, v)
		})
	}
}
