package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
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
	{"p50 first", func(s summary) string { return InWords(duration(s.FirstP50)) }},
	{"p95 first", func(s summary) string { return InWords(duration(s.FirstP95)) }},
	{"p95 wait", func(s summary) string { return InWords(duration(s.P95)) }},
	{"killed", func(s summary) string { return fmt.Sprint(s.Killed) }},
	{"undone or dead-lettered", func(s summary) string { return fmt.Sprint(s.Undone + s.DeadLettered) }},
	{"task-minutes", func(s summary) string { return fmt.Sprintf("%.0f", s.TaskMinutes) }},
	{"$ a month", func(s summary) string { return fmt.Sprintf("%.2f", s.DollarsMonth) }},
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// WriteChanges writes what is different for the stack from an earlier run, read as
// WriteJSON wrote it, as a table in Markdown. It fails if before is not such a run, or one
// whose figures do not compare.
func (r *Report) WriteChanges(w io.Writer, before io.Reader) error {
	earlier, err := readOutput(before)
	if err != nil {
		return err
	}
	now := r.output()
	if err := now.checkAgainst(earlier, r.Stack.Name); err != nil {
		return err
	}
	fmt.Fprintf(w, "Stack `%s` in the simulator, %d days of each workload:\n\n",
		r.Stack.Name, r.Parameters.Days)
	fmt.Fprintf(w, "| workload |%s\n|---|%s\n", header(), strings.Repeat("---|", len(changes)))
	same := true
	for _, workload := range now.Workloads {
		cells, unchanged := cellsOf(workload, earlier)
		same = same && unchanged
		fmt.Fprintf(w, "| %s | %s |\n", workload.Name, strings.Join(cells, " | "))
	}
	verdict := "Figures that change are bold."
	switch {
	case len(earlier.Workloads) == 0:
		verdict = "There is no earlier run to compare with."
	case same:
		verdict = "No figure changes."
	}
	_, err = fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

// cellsOf the stack with a workload, and whether all are what they were.
func cellsOf(workload workloadOutput, earlier output) (cells []string, unchanged bool) {
	stack := workload.Systems[0]
	was := earlier.workload(workload.Name)
	unchanged = was != nil
	for _, figure := range changes {
		cell := figure.of(stack)
		switch {
		case was == nil:
			cell += " (new)"
		case figure.of(was.Systems[0]) != cell:
			cell = fmt.Sprintf("%s → **%s**", figure.of(was.Systems[0]), cell)
			unchanged = false
		}
		cells = append(cells, cell)
	}
	return cells, unchanged
}

// workload of a run by name; nil if it has none.
func (o output) workload(name string) *workloadOutput {
	for i := range o.Workloads {
		if o.Workloads[i].Name == name {
			return &o.Workloads[i]
		}
	}
	return nil
}

// checkAgainst says why figures of an earlier run would not compare.
func (o output) checkAgainst(earlier output, stack string) error {
	if len(earlier.Workloads) == 0 {
		return nil // all is new
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(union(o.Parameters, earlier.Parameters))) {
		if was, is := earlier.Parameters[name], o.Parameters[name]; was != is {
			const unknown = "not known"
			wrong = append(wrong,
				fmt.Errorf("%s was %s, and is %s", name, cmp.Or(was, unknown), cmp.Or(is, unknown)))
		}
	}
	for _, workload := range o.Workloads {
		if was := earlier.workload(workload.Name); was != nil && was.Digest != workload.Digest {
			wrong = append(wrong, fmt.Errorf(
				"workload %s was another one: its messages, their work or its CPU differ", workload.Name))
		}
	}
	for _, workload := range earlier.Workloads {
		if len(workload.Systems) == 0 || workload.Systems[0].System != stack {
			wrong = append(wrong, fmt.Errorf("it is a run of another stack than %s", stack))
			break
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("does not compare:\n%w", errors.Join(wrong...))
	}
	return nil
}

func union(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

func header() string {
	var text strings.Builder
	for _, c := range changes {
		text.WriteString(" " + c.name + " |")
	}
	return text.String()
}
