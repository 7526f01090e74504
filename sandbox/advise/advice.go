package advise

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"

	"fargate-queue-worker/components"
	"fargate-queue-worker/sandbox/simulate"
	"fargate-queue-worker/sandbox/stackfile"
)

// Advice is what a search has found.
type Advice struct {
	file     *stackfile.Stack
	workload *simulate.Workload
	days     int
	target   Target
	own      checked
	best     *checked // nil if nothing holds the target
	misses   []checked
	tried    int
	// order is what 95 % of the messages wait for earlier ones of their groups at least.
	order time.Duration
}

func (d *decision) advice() *Advice {
	misses := d.misses()
	return &Advice{
		file: d.file, workload: d.workload, days: d.parameters.Days, target: d.target,
		order: d.workload.OrderWaits(d.parameters.Seed, d.parameters.Days).Quantile(95),
		own:   d.own, best: d.best, misses: misses[:min(shownMisses, len(misses))], tried: len(d.settings),
	}
}

// Found says whether there are settings that hold the target.
func (a *Advice) Found() bool { return a.best != nil }

// WriteText writes the advice for a person.
func (a *Advice) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "\nStack %s, workload %s: %s.\nWanted: %s. Tried: %d settings, on up to %d days.\n\n",
		a.file.Name, a.workload.Name, a.workload.Description, a.target, a.tried, a.days)
	switch {
	case a.best == nil:
		fmt.Fprintf(w, "None were found that hold it in every reading of AWS. The nearest:\n\n")
		fmt.Fprint(w, a.shown().lines(a.project()))
	case a.best.settings.asIs:
		fmt.Fprintf(w, "The stack holds it as it is, in every reading of AWS, and nothing %s was found.\n",
			a.target.better())
	default:
		fmt.Fprintf(w, "The %s found that hold it in every reading of AWS, for Pulumi.%s.yaml:\n\n",
			a.target.best(), a.file.Name)
		fmt.Fprint(w, a.shown().lines(a.project()))
	}
	if err := a.writeTable(w); err != nil {
		return err
	}
	a.writeMisses(w)
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(a.notes(), "\n"))
	return err
}

func (a *Advice) project() string { return a.file.Project.Name.String() }

// shown are the settings that are printed: those that hold the target, or the nearest.
func (a *Advice) shown() settings {
	if a.best == nil {
		return a.misses[0].settings
	}
	return a.best.settings
}

// notes are what the settings rest on.
func (a *Advice) notes() []string {
	notes := []string{
		fmt.Sprintf("A handler is taken to use %g %% of a vCPU and %d MiB, as a workload in YAML can say.",
			a.workload.CPU.Working, a.workload.Memory),
	}
	if a.shown().adjustment == string(components.ExactCapacity) {
		notes = append(notes, "ExactCapacity needs a worker that protects its task, as the project's does.")
	}
	if _, has := a.file.Settings.Config[config.MustMakeKey(a.project(), onlyWithPercent)]; has {
		notes = append(notes, onlyWithPercent+" goes with neither adjustmentType: take it out.")
	}
	return notes
}

func (a *Advice) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "\n\tp95 wait\tat worst\t$ a month\tat worst\n")
	row := func(name string, c checked) {
		if c.fellBehind {
			fmt.Fprintf(table, "  %s\tever more messages wait\n", name)
			return
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%.2f\t%.2f\n", name,
			simulate.InWords(c.p95), simulate.InWords(c.worst.p95), c.dollars, c.worst.dollars)
	}
	switch {
	case a.best == nil:
		row("the nearest", a.misses[0])
	case !a.best.settings.asIs:
		row("these", *a.best)
	}
	row("the stack as it is", a.own)
	return table.Flush()
}

func (a *Advice) writeMisses(w io.Writer) {
	if a.best == nil {
		fmt.Fprintf(w, "\nIt misses: %s (%s).\n", a.target.why(a.misses[0].worst), a.misses[0].reading)
		if a.target.P95 > 0 && a.order >= a.target.P95 {
			fmt.Fprintf(w,
				"\nNo settings can hold it: for earlier messages of its group alone one of 20 waits\n"+
					"%s or longer, however many tasks there are. More groups help, or shorter handlers.\n",
				simulate.InWords(a.order))
		}
		return
	}
	if len(a.misses) == 0 {
		return
	}
	fmt.Fprintf(w, "\nWhat the next %s ones lose:\n\n", a.target.better())
	for _, c := range a.misses {
		fmt.Fprintf(w, "  $%.2f a month with %s: %s (%s)\n",
			c.dollars, c.settings.differences(a.best.settings), a.target.why(c.worst), c.reading)
	}
}
