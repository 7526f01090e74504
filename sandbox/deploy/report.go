package deploy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// report tells a person what the engine does, from its events: each resource that changes,
// with the old values and the new ones, then warnings, then how many there are. Errors are
// kept for the end.
type report struct {
	output io.Writer
	brief  bool // no line for each resource
	// destroys says that everything goes, as asked for.
	destroys bool

	warnings []string
	errors   []string
	// protected are the resources that were to be removed or replaced, and may not be.
	protected []resource.URN
	counts    map[apitype.OpType]int
	preview   bool
	done      chan struct{}
}

// follow begins to read events: the report shows what the channel gets. wait returns
// when it is closed.
func (r *report) follow() chan<- events.EngineEvent {
	stream := make(chan events.EngineEvent)
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		for event := range stream {
			r.note(event)
		}
	}()
	return stream
}

// wait for the last event, and say what came of it all.
func (r *report) wait() {
	<-r.done
	for _, warning := range r.warnings {
		fmt.Fprintln(r.output, "warning:", warning)
	}
	if len(r.errors)+len(r.protected) > 0 {
		return // what was counted is not what there is
	}
	for _, verb := range verbs {
		if n := r.counts[verb.op]; n > 0 {
			said := verb.done
			if r.preview {
				said = verb.planned
			}
			fmt.Fprintf(r.output, "%4d %s\n", n, said)
		}
	}
}

// finish waits for the last event, and gives what was wrong as the error, without what
// Pulumi and Go put around it.
func (r *report) finish(command string, err error) error {
	r.wait()
	if len(r.protected) > 0 {
		r.errors = append(r.errors, explainProtection(r.protected))
	}
	switch {
	case err == nil:
		return nil
	case len(r.errors) > 0:
		return errors.New(strings.Join(r.errors, "\n"))
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("pulumi %s: %s", command, first)
}

// showOutputs writes what the stack exports, as the CLI does; what is secret stays so.
func showOutputs(w io.Writer, outputs auto.OutputMap) {
	if len(outputs) == 0 {
		return
	}
	fmt.Fprintln(w, "\noutputs:")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		value, text := outputs[name].Value.(string) // whole, to be copied
		switch {
		case outputs[name].Secret:
			value = "[secret]"
		case !text:
			value = show(outputs[name].Value)
		}
		fmt.Fprintf(table, "  %s\t%s\n", name, value)
	}
	_ = table.Flush() // to the screen
}

// verb is what was done, or is to be done, to resources.
type verb struct {
	op                  apitype.OpType
	mark, done, planned string
}

var verbs = []verb{
	{apitype.OpCreate, "+ ", "created", "to create"},
	{apitype.OpUpdate, "~ ", "updated", "to update"},
	{apitype.OpReplace, "+-", "replaced", "to replace"},
	{apitype.OpDelete, "- ", "deleted", "to delete"},
	{apitype.OpSame, "  ", "unchanged", "unchanged"},
}

func (r *report) note(event events.EngineEvent) {
	switch {
	case event.ResourcePreEvent != nil:
		r.step(event.ResourcePreEvent.Metadata)
	case event.DiagnosticEvent != nil:
		r.diagnose(*event.DiagnosticEvent)
	case event.SummaryEvent != nil:
		r.counts, r.preview = event.SummaryEvent.ResourceChanges, event.SummaryEvent.IsPreview
	}
}

// step tells of a resource that changes.
func (r *report) step(m apitype.StepEventMetadata) {
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.op == m.Op && v.op != apitype.OpSame })
	if i < 0 || !strings.HasPrefix(m.Type, "aws") {
		return
	}
	name := resource.URN(m.URN).Name()
	if m.Type == queueType && (m.Op == apitype.OpReplace || m.Op == apitype.OpDelete && !r.destroys) {
		r.warnings = append(r.warnings,
			fmt.Sprintf("%s is %s: the queue goes, and the messages in it with it; "+
				"let the tasks empty it before, or leave its name as it is", name, map[bool]string{
				true: "replaced", false: "deleted",
			}[m.Op == apitype.OpReplace]))
	}
	if r.brief {
		return
	}
	fmt.Fprintf(r.output, "  %s %-38s %s\n", verbs[i].mark, shortType(m.Type), name)
	for _, change := range changesOf(m) {
		fmt.Fprintf(r.output, "       %s\n", change)
	}
}

const queueType = "aws:sqs/queue:Queue"

// shortType is a type as Pulumi shows it: aws:sqs:Queue.
func shortType(token string) string {
	parts := strings.Split(token, ":")
	module, _, _ := strings.Cut(parts[1], "/")
	return parts[0] + ":" + module + ":" + parts[len(parts)-1]
}

// changesOf are the values that an update or a replacement changes.
func changesOf(m apitype.StepEventMetadata) []string {
	if m.Old == nil || m.New == nil || m.Op != apitype.OpUpdate && m.Op != apitype.OpReplace {
		return nil
	}
	keys := map[string]bool{}
	for path := range m.DetailedDiff {
		key, _, _ := strings.Cut(path, ".")
		key, _, _ = strings.Cut(key, "[")
		keys[key] = true
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		changes := differences(key, m.Old.Inputs[key], m.New.Inputs[key])
		if len(changes) == 0 {
			changes = []string{key + " (a secret, or known only later)"}
		}
		all = append(all, changes...)
	}
	return all
}

// diagnose keeps what is wrong, and what is warned of, once.
func (r *report) diagnose(d apitype.DiagnosticEvent) {
	if d.Ephemeral {
		return
	}
	if found := protected.FindStringSubmatch(d.Message); found != nil && d.Severity == "error" {
		r.protected = append(r.protected, resource.URN(found[1]))
		return
	}
	text := plainMessage(d)
	switch {
	case text == "":
	case d.Severity == "warning" && !slices.Contains(r.warnings, text):
		r.warnings = append(r.warnings, text)
	case d.Severity == "error" && !slices.Contains(r.errors, text):
		r.errors = append(r.errors, text)
	}
}
