package demo

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/cloud"
)

// busyFrame has all there may be to see.
func busyFrame() Frame {
	cpu, waiting, idle := 224.04, 81.0, 100.0
	f := Frame{
		At: 12400 * time.Millisecond, Minute: 2 * time.Second, Sent: 120, Total: 120,
		Counts: cloud.Counts{Visible: 233, InFlight: 187, Delayed: 3, GroupsInFlight: 90}, Groups: 100,
		Dead: 1, Handled: 1130, Failed: 12,
		Desired: 2, Most: 5, Concurrency: 5, IdleMinutes: 3, CPU: &cpu, Wakes: true,
		Tasks: []TaskView{{cloud.Running, true}, {cloud.Running, true}, {cloud.Pending, false},
			{cloud.Stopping, false}},
		Alarms: []AlarmView{
			{"idle", cloud.OK, &idle, idleWatches, "at most 1", true},
			{"scale-in", cloud.InsufficientData, nil, "Messages waiting or in flight", "at most 4", true},
			{"scale-out", cloud.InAlarm, &waiting, "messages waiting", "at least 1", true},
			{"stuck", cloud.InAlarm, &waiting, "seconds the oldest message waits", "at least 300", false},
			{"at-maximum", cloud.OK, &waiting, "tasks", "at least 5", false},
		},
		Working: []string{"message 1 of group-3"}, Trouble: "the worker failed: no QUEUE_URL",
		Machine: cloud.ExpressUse{Asks: 6, Answered: 81, Failed: 1},
	}
	for range 12 {
		f.Changes = append(f.Changes,
			Change{7031 * time.Millisecond, "scale-out", 3, 5, "messages waiting: 96, step from 50 sets 5"})
		f.Said = append(f.Said, Line{"message 1 of group-12", "ValueError: no such customer: 13\x1b[2J"})
	}
	return f
}

// TestScreenFitsTheTerminal: nothing is wider or higher, and no number is cut.
func TestScreenFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 120, Height: 40},
		{Width: 60, Height: 30}} {
		m := &screenModel{}
		m.Update(size)
		m.Update(busyFrame())
		lines := strings.Split(m.View(), "\n")
		assert.LessOrEqual(t, len(lines), size.Height)
		for _, line := range lines {
			assert.LessOrEqual(t, lipgloss.Width(line), size.Width)
		}
		text := strings.Join(strings.Fields(m.View()), " ")
		for _, want := range []string{
			"12.4 s here, 6 min 12 s on AWS",
			"233 waiting, 187 in flight, 1130 done, 3 delayed, 12 failures, 1 dead letter; 120 of 120 sent",
			"14 each", "2 running, 2 desired, 1 starting, 1 stopping", "○ starts",
			"224.0 % of what the tasks reserve",
			"idle OK there is work; ALARM at most 1",
			"scale-out ALARM messages waiting: 81; ALARM at least 1",
			"scale-in no data yet; ALARM at most 4",
			"stuck ALARM seconds the oldest message waits: 81; ALARM at least 300",
			"trouble the worker failed: no QUEUE_URL",
			"asked SQS 6 times, last answer: 81 waiting; 1 execution failed",
			"7.0 s (3 min 30 s) scale-out: 3 -> 5 tasks (messages waiting: 96, step from 50 sets 5)",
			"output message 1 of group-12: ValueError: no such customer: 13 [2J",
		} {
			assert.Contains(t, text, want, size)
		}
		assert.NotContains(t, text, "at-maximum", "an alarm for people that is not raised")
	}
}

// TestBar: every message has its mark, or its share of one.
func TestBar(t *testing.T) {
	t.Parallel()
	l := layout{width: 80, height: 24}
	cases := map[string]struct {
		waiting, inFlight int
		want              string
	}{
		"none": {0, 0, "■ in flight  □ waiting"},
		"few":  {2, 3, "■■■□□  ■ in flight  □ waiting"},
		"many": {190, 10, "■■" + strings.Repeat("□", 28) +
			"  ■ in flight  □ waiting  7 each"},
		"some of which are few": {199, 1, "■" + strings.Repeat("□", 29) +
			"  ■ in flight  □ waiting  7 each"},
		"all in flight hides none:": {1, 54, strings.Repeat("■", 27) + "□  ■ in flight  □ waiting  2 each"},
	}
	for name, tc := range cases {
		got := strings.Join(l.bar(cloud.Counts{Visible: tc.waiting, InFlight: tc.inFlight}), "\n")
		assert.Equal(t, tc.want, strings.TrimSpace(got), name)
	}
}

// TestKeysStopTheDemo: q and Ctrl-C, and no others.
func TestKeysStopTheDemo(t *testing.T) {
	t.Parallel()
	stopped := 0
	m := &screenModel{interrupt: func() { stopped++ }}
	m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("x")})
	assert.Zero(t, stopped)
	m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")})
	m.Update(tea.KeyMsg{Type: tea.KeyCtrlC})
	assert.Equal(t, 2, stopped)
}
