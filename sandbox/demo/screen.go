package demo

import (
	"fmt"
	"io"

	tea "github.com/charmbracelet/bubbletea"
)

// Screen is a view for a terminal, redrawn in place.
type Screen struct {
	program *tea.Program
	ended   chan struct{}
}

// NewScreen begins to draw. interrupt is called when a person presses Ctrl-C or q.
func NewScreen(output io.Writer, interrupt func()) *Screen {
	s := &Screen{ended: make(chan struct{})}
	model := &screenModel{interrupt: interrupt, width: usualWidth, height: usualHeight}
	s.program = tea.NewProgram(model, tea.WithOutput(output), tea.WithoutSignalHandler())
	go func() {
		defer close(s.ended)
		_, _ = s.program.Run() // a terminal that is gone shows nothing
	}()
	return s
}

// usualWidth and usualHeight are those of a terminal that does not say.
const usualWidth, usualHeight = 80, 24

// Show implements View.
func (s *Screen) Show(f Frame) { s.program.Send(f) }

// Close implements View. It leaves the last frame on the screen.
func (s *Screen) Close() {
	s.program.Quit()
	<-s.ended
}

type screenModel struct {
	frame         Frame
	width, height int
	interrupt     func()
}

// Init implements tea.Model.
func (*screenModel) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *screenModel) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case Frame:
		m.frame = message
	case tea.WindowSizeMsg:
		m.width, m.height = message.Width, message.Height
	case tea.KeyMsg:
		if key := message.String(); key == "ctrl+c" || key == "q" {
			m.interrupt()
		}
	}
	return m, nil
}

// View implements tea.Model.
func (m *screenModel) View() string {
	return fmt.Sprintln(layout{width: m.width, height: m.height}.draw(m.frame))
}
