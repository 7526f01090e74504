package demo

import (
	"fmt"
	"io"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"fargate-queue-worker/sandbox/cloud"
)

// Screen is a view for a terminal, redrawn in place.
type Screen struct {
	program *tea.Program
	ended   chan struct{}
}

// NewScreen begins to draw. interrupt is called when a person presses Ctrl-C or q.
func NewScreen(output io.Writer, interrupt func()) *Screen {
	s := &Screen{ended: make(chan struct{})}
	s.program = tea.NewProgram(&screenModel{interrupt: interrupt}, tea.WithOutput(output), tea.WithoutSignalHandler())
	go func() {
		defer close(s.ended)
		_, _ = s.program.Run() // a terminal that is gone shows nothing
	}()
	return s
}

// Show implements View.
func (s *Screen) Show(f Frame) { s.program.Send(f) }

// Close implements View. It leaves the last frame on the screen.
func (s *Screen) Close() {
	s.program.Quit()
	<-s.ended
}

type screenModel struct {
	frame     Frame
	width     int
	interrupt func()
}

// Init implements tea.Model.
func (*screenModel) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *screenModel) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case Frame:
		m.frame = message
	case tea.WindowSizeMsg:
		m.width = message.Width
	case tea.KeyMsg:
		if key := message.String(); key == "ctrl+c" || key == "q" {
			m.interrupt()
		}
	}
	return m, nil
}

var (
	label = lipgloss.NewStyle().Faint(true).Width(11)
	good  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	alert = lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Bold(true)
	busy  = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
)

// View implements tea.Model.
func (m *screenModel) View() string {
	f := m.frame
	rows := []string{
		row("time", round(f.At).String()),
		row("queue", bar(f.Counts.Visible, f.Counts.InFlight)+"  "+f.messages()),
		row("tasks", taskMarks(f.Tasks)+"  "+f.tasks()),
		row("", legend),
		row("CPU", percent(f.CPU)),
	}
	for i, a := range f.Alarms {
		rows = append(rows, row(header(i, "alarms"), alarmLine(a)))
	}
	if f.Machine.Started > 0 {
		rows = append(rows, row("wake-up", f.asks()))
	}
	const latest = 6
	for i, a := range f.Activity[max(0, len(f.Activity)-latest):] {
		rows = append(rows, lipgloss.JoinHorizontal(lipgloss.Top, label.Render(header(i, "scaling")), m.wrap(a.String())))
	}
	text := strings.Join(rows, "\n") + "\n"
	if m.width > 0 {
		text = lipgloss.NewStyle().MaxWidth(m.width).Render(text)
	}
	return text
}

// wrap breaks a text that is longer than the terminal is wide: its end says why.
func (m *screenModel) wrap(text string) string {
	if m.width <= label.GetWidth() {
		return text
	}
	return lipgloss.NewStyle().Width(m.width - label.GetWidth()).Render(text)
}

func row(name, text string) string { return label.Render(name) + text }

func header(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}

// bar shows up to forty messages, one mark each, in flight first.
func bar(waiting, inFlight int) string {
	const most = 40
	inFlight = min(inFlight, most)
	waiting = min(waiting, most-inFlight)
	return busy.Render(strings.Repeat("■", inFlight)) + strings.Repeat("□", waiting)
}

// legend explains the marks.
const legend = "○ starts  ● runs  ◉ works, protected  ◌ stops   ■ in flight  □ waiting"

// taskMarks shows each task.
func taskMarks(tasks []TaskView) string {
	marks := ""
	for _, t := range tasks {
		switch {
		case t.State == cloud.Pending:
			marks += "○"
		case t.State == cloud.Stopping:
			marks += alert.Render("◌")
		case t.Protected:
			marks += good.Render("◉")
		default:
			marks += "●"
		}
	}
	return marks
}

func percent(cpu cloud.Datapoint) string {
	if cpu == nil {
		return "no tasks"
	}
	return fmt.Sprintf("%.1f %% of what the tasks reserve", *cpu)
}

func alarmLine(a AlarmView) string {
	state := string(a.State)
	switch a.State {
	case cloud.InAlarm:
		state = alert.Render(state)
	case cloud.OK:
		state = good.Render(state)
	}
	value := "no data"
	if a.Value != nil {
		value = fmt.Sprintf("%.4g", *a.Value)
	}
	return state + " " + a.Name + " (" + value + ")"
}
