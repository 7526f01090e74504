package demo

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"fargate-queue-worker/sandbox/cloud"
)

// layout draws a frame within a terminal. Nothing in it is cut: texts are wrapped, and what
// has no room is left out whole.
type layout struct{ width, height int }

var (
	label = lipgloss.NewStyle().Faint(true).Width(9)
	good  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	alert = lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Bold(true)
	busy  = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
)

// block are the lines under a heading.
type block []string

// draw is the frame: what is always there, and as much of what happened as has room.
func (l layout) draw(f Frame) string {
	always := []block{
		l.row("time", fmt.Sprintf("%s here, %s on AWS; the work itself is in real time",
			seconds(f.At), f.aws(f.At))),
		l.row("now", bold.Render(f.now())),
		l.queue(f),
		l.tasks(f),
		l.row("CPU", percent(f.CPU)),
		l.alarms(f),
	}
	if f.Trouble != "" {
		always = append(always, l.row("trouble", alert.Render(printable(f.Trouble))))
	}
	if f.Wakes {
		always = append(always, l.row("wake-up", f.asks()))
	}
	var lines []string
	for _, b := range always {
		lines = append(lines, b...)
	}
	const cursor = 1 // the line below
	room := l.height - cursor - len(lines)
	changes := l.changes(f)
	said := l.said(f.Said, max(room/2, room-height(changes)))
	lines = append(lines, heading("scaling", latest(changes, room-len(said)))...)
	return strings.Join(append(lines, heading("output", said)...), "\n")
}

// row is a text under a heading, wrapped.
func (l layout) row(name, text string) block { return heading(name, l.wrap(text)) }

// wrap breaks a text into lines that fit beside the heading.
func (l layout) wrap(text string) block {
	return strings.Split(lipgloss.NewStyle().Width(max(l.width-label.GetWidth(), 1)).Render(text), "\n")
}

// heading stands before the first line of a block.
func heading(name string, lines block) block {
	all := make(block, len(lines))
	for i, line := range lines {
		all[i] = strings.TrimRight(label.Render(name)+line, " ")
		name = ""
	}
	return all
}

// height of blocks in lines.
func height(blocks []block) (lines int) {
	for _, b := range blocks {
		lines += len(b)
	}
	return lines
}

// latest are the last blocks that have room, newest last, as lines.
func latest(blocks []block, room int) (lines block) {
	first := len(blocks)
	for first > 0 && len(blocks[first-1]) <= room {
		first--
		room -= len(blocks[first])
	}
	for _, b := range blocks[first:] {
		lines = append(lines, b...)
	}
	return lines
}

func (l layout) queue(f Frame) block {
	text := f.messages()
	if f.Total > 0 {
		text += fmt.Sprintf("; %d of %d sent", f.Sent, f.Total)
	}
	return append(l.row("queue", text), heading("", l.bar(f.Counts))...)
}

// bar shows the messages in the queue, those in flight first. If there are more than fit,
// a mark stands for several, as it says.
func (l layout) bar(c cloud.Counts) block {
	const most = 32
	each := max(1, (c.Visible+c.InFlight+most-1)/most)
	marks := func(n int) int { return (n + each - 1) / each }
	text := ""
	if c.InFlight > 0 {
		text = busy.Render(strings.Repeat("■", marks(c.InFlight)))
	}
	text += strings.Repeat("□", marks(c.Visible))
	legend := "■ in flight  □ waiting"
	if each > 1 {
		legend += fmt.Sprintf("  %d each", each)
	}
	if c.Visible+c.InFlight > 0 {
		text += "  "
	}
	return l.wrap(text + faint.Render(legend))
}

func (l layout) tasks(f Frame) block {
	marks := taskMarks(f.Tasks)
	if marks != "" {
		marks += "  "
	}
	const legend = "○ starts  ● runs  ◉ is protected  ◌ stops"
	return append(l.row("tasks", f.tasks()), heading("", l.wrap(marks+faint.Render(legend)))...)
}

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

// alarms are those that scale, and all others that are in ALARM.
func (l layout) alarms(f Frame) block {
	var rows block
	for _, a := range f.Alarms {
		if a.Scales || a.State == cloud.InAlarm {
			rows = append(rows, l.wrap(alarmLine(a))...)
		}
	}
	return heading("alarms", rows)
}

func alarmLine(a AlarmView) string {
	state := fmt.Sprintf("%-*s", len(cloud.InAlarm), a.State)
	switch a.State {
	case cloud.InAlarm:
		state = alert.Render(state)
	case cloud.OK:
		state = good.Render(state)
	case cloud.InsufficientData:
		state = "no data yet"
		return fmt.Sprintf("%-9s %s; ALARM %s", a.Name, state, a.Condition)
	}
	return fmt.Sprintf("%-9s %s  %s; ALARM %s", a.Name, state, a.reading(), a.Condition)
}

// changes of the desired count, each with its time and its step.
func (l layout) changes(f Frame) (all []block) {
	for _, c := range f.Changes {
		all = append(all, l.wrap(fmt.Sprintf("%s (%s)  %s", seconds(c.At), f.aws(c.At), c)))
	}
	return all
}

// said are as many of the handlers' latest lines as have room, with the name of the message
// where it changes.
func (l layout) said(lines []Line, room int) (text block) {
	before := ""
	for _, line := range lines {
		name := line.Message + ": "
		if line.Message == before {
			name = "  "
		}
		before = line.Message
		text = append(text, l.wrap(faint.Render(name)+printable(line.Text))...)
	}
	if len(lines) > 0 && len(text) > room {
		return l.said(lines[1:], room)
	}
	return text
}

// printable is a line without what would move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
