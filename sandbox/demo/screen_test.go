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

// TestScreen: everything there is to see is on it, and q stops the demo.
func TestScreen(t *testing.T) {
	t.Parallel()
	cpu, waiting := 12.34, 7.0
	stopped := 0
	m := &screenModel{interrupt: func() { stopped++ }}
	m.Update(Frame{
		At: 4200 * time.Millisecond, Counts: cloud.Counts{Visible: 7, InFlight: 3}, Dead: 1, Handled: 5, Failed: 2, Desired: 2, CPU: &cpu,
		Tasks:  []TaskView{{State: cloud.Running, Protected: true}, {State: cloud.Pending}, {State: cloud.Stopping}},
		Alarms: []AlarmView{{Name: "out", State: cloud.InAlarm, Value: &waiting}, {Name: "idle", State: cloud.InsufficientData}},
		Activity: []cloud.Activity{
			{Alarm: "out", From: 0, To: 2, Reason: "messages: 7, at least 1"}, {Alarm: "out", From: 2, To: 2, Reason: "scale-out is suspended"},
		},
	})
	for _, want := range []string{
		"4.2s", "7 waiting, 3 in flight, 5 done, 2 failures, 1 dead letters", "1 of 2, 1 starting, 1 stopping", "◉", "○", "◌", "12.3 %",
		"out (7)", "idle (no data)", "out: 0 -> 2 tasks (messages: 7, at least 1)", "out leaves 2 tasks: scale-out is suspended",
	} {
		assert.Contains(t, m.View(), want)
	}
	assert.Contains(t, m.View(), "ALARM out (7)", "as in the lines of a log")
	m.Update(tea.WindowSizeMsg{Width: 40})
	for line := range strings.Lines(m.View()) {
		assert.LessOrEqual(t, lipgloss.Width(strings.TrimRight(line, "\n")), 40)
	}
	assert.NotContains(t, m.View(), "dead letters", "cut to the terminal's width")
	assert.Contains(t, strings.Join(strings.Fields(m.View()), " "), "out leaves 2 tasks: scale-out is suspended", "but why scaling did what it did is there to its end")
	m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("x")})
	assert.Zero(t, stopped)
	m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")})
	m.Update(tea.KeyMsg{Type: tea.KeyCtrlC})
	assert.Equal(t, 2, stopped)
}
