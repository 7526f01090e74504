package demo

import (
	"fmt"
	"strings"
)

// lastWords are the handler's own last error: of the last call that failed, or the last
// lines that handlers and workers wrote.
func (d *demo) lastWords() string {
	_ = d.recorder.logs.look() // what cannot be read is left out
	if failures := d.recorder.logs.failures; len(failures) > 0 {
		last := d.recorder.failure(failures[len(failures)-1])
		said := "  (nothing on standard error)"
		if last.Stderr != "" {
			said = indented(strings.Split(strings.TrimSpace(last.Stderr), "\n"))
		}
		return fmt.Sprintf("the last to fail was %s, on attempt %d (%s):\n%s",
			last.Message, last.Attempt, last.How, said)
	}
	lines := d.recorder.logs.workers
	for _, line := range d.recorder.logs.said {
		lines = append(lines, line.Text)
	}
	return indented(lines)
}

// indented are the last of some lines.
func indented(lines []string) string {
	const most = 8
	if len(lines) == 0 {
		return ""
	}
	return "  " + strings.Join(lines[max(0, len(lines)-most):], "\n  ")
}

// lastLine of a text that is not blank.
func lastLine(text string) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(all[len(all)-1])
}
