package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// change is a figure of a stack, before and after.
type change struct {
	name string
	of   func(s summary) string
}

// changes are the figures that a reviewer weighs.
var changes = []change{
	{"first message p50", func(s summary) string { return wait(duration(s.FirstP50)) }},
	{"first message p95", func(s summary) string { return wait(duration(s.FirstP95)) }},
	{"all messages p95", func(s summary) string { return wait(duration(s.P95)) }},
	{"busy tasks killed", func(s summary) string { return fmt.Sprint(s.Killed) }},
	{"not done", func(s summary) string { return fmt.Sprint(s.Undone + s.DeadLettered) }},
	{"task-minutes", func(s summary) string { return fmt.Sprintf("%.0f", s.TaskMinutes) }},
	{"$ a month", func(s summary) string { return fmt.Sprintf("%.2f", s.DollarsMonth) }},
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// WriteChanges writes what is different for the stack from an earlier run, read as
// WriteJSON wrote it, as a table in Markdown. It fails if before is no such run.
func (r *Report) WriteChanges(w io.Writer, before io.Reader) error {
	var earlier []summary
	if err := json.NewDecoder(before).Decode(&earlier); err != nil {
		return fmt.Errorf("is no output of simulate --json: %w", err)
	}
	if err := r.checkBefore(earlier); err != nil {
		return err
	}
	fmt.Fprintf(w, "Stack `%s` in the simulator, %d days of each workload:\n\n", r.Stack.Name, r.Parameters.Days)
	fmt.Fprintf(w, "| workload |%s\n|---|%s\n", header(), strings.Repeat("---|", len(changes)))
	same := true
	for _, c := range r.Comparisons {
		now := c.Results[0].summary()
		i := slices.IndexFunc(earlier, func(s summary) bool { return s.Workload == now.Workload && s.System == now.System })
		var cells []string
		for _, figure := range changes {
			cell := figure.of(now)
			switch {
			case i < 0:
				cell += " (new)"
			case figure.of(earlier[i]) != cell:
				cell = fmt.Sprintf("%s → **%s**", figure.of(earlier[i]), cell)
			}
			same = same && i >= 0 && cell == figure.of(now)
			cells = append(cells, cell)
		}
		fmt.Fprintf(w, "| %s | %s |\n", now.Workload, strings.Join(cells, " | "))
	}
	verdict := "Figures that change are bold."
	if same {
		verdict = "No figure changes."
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

// checkBefore says why figures would not compare.
func (r *Report) checkBefore(earlier []summary) error {
	for _, s := range earlier {
		if s.Days != r.Parameters.Days || s.Seed != r.Parameters.Seed {
			return fmt.Errorf("is a run of %d days with seed %d, this is one of %d days with seed %d", s.Days, s.Seed, r.Parameters.Days, r.Parameters.Seed)
		}
	}
	if len(earlier) > 0 && !slices.ContainsFunc(earlier, func(s summary) bool { return s.System == r.Stack.Name }) {
		return fmt.Errorf("is a run of another stack than %s", r.Stack.Name)
	}
	return nil
}

func header() string {
	var text strings.Builder
	for _, c := range changes {
		text.WriteString(" " + c.name + " |")
	}
	return text.String()
}
