package deploy

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const urns = "urn:pulumi:prod::fargate-queue-worker::fargate-queue-worker:index:QueueWorker$"

// told is what a report prints of events, and its error.
func told(r *report, failed error, all ...apitype.EngineEvent) (string, error) {
	var output bytes.Buffer
	r.output = &output
	stream := r.follow()
	for _, event := range all {
		stream <- events.EngineEvent{EngineEvent: event}
	}
	close(stream)
	err := r.finish("up", failed)
	return output.String(), err
}

func step(
	op apitype.OpType, token, name string, old, new map[string]any, changed ...string,
) apitype.EngineEvent {
	diff := map[string]apitype.PropertyDiff{}
	for _, key := range changed {
		diff[key] = apitype.PropertyDiff{}
	}
	step := apitype.StepEventMetadata{
		Op: op, URN: urns + token + "::" + name, Type: token, DetailedDiff: diff,
		Old: &apitype.StepEventStateMetadata{Inputs: old}, New: &apitype.StepEventStateMetadata{Inputs: new},
	}
	return apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: step}}
}

func diagnostic(severity, message string) apitype.EngineEvent {
	return apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: severity,
		Message: message}}
}

func summary(preview bool, changes map[apitype.OpType]int) apitype.EngineEvent {
	return apitype.EngineEvent{SummaryEvent: &apitype.SummaryEvent{IsPreview: preview,
		ResourceChanges: changes}}
}

// TestReport: old and new values, a queue that is replaced, warnings once, and how many.
func TestReport(t *testing.T) {
	t.Parallel()
	const target, queue = "aws:appautoscaling/target:Target", "aws:sqs/queue:Queue"
	all := []apitype.EngineEvent{
		step(apitype.OpUpdate, target, "worker-target", map[string]any{"maxCapacity": 5.0,
			"minCapacity": 0.0}, map[string]any{"maxCapacity": 8.0, "minCapacity": 0.0}, "maxCapacity"),
		step(apitype.OpCreateReplacement, queue, "worker-queue", nil, nil),
		step(apitype.OpReplace, queue, "worker-queue", map[string]any{"name": "a.fifo"},
			map[string]any{"name": "b.fifo"}, "name"),
		step(apitype.OpSame, queue, "worker-dlq", nil, nil),
		diagnostic("warning", "<{%fg 1%}>mind<{%reset%}> this\n"), diagnostic("warning", "mind this\n"),
		summary(true, map[apitype.OpType]int{apitype.OpUpdate: 1, apitype.OpReplace: 1, apitype.OpSame: 37}),
	}
	text, err := told(&report{}, nil, all...)
	require.NoError(t, err)
	const counts = "   1 to update\n   1 to replace\n  37 unchanged\n"
	const warnings = "warning: worker-queue is replaced: the queue goes, and the messages in it with it; " +
		"let the tasks empty it before, or leave its name as it is\nwarning: mind this\n"
	assert.Equal(t, "  ~  aws:appautoscaling:Target              worker-target\n       maxCapacity 5 -> 8\n"+
		"  +- aws:sqs:Queue                          worker-queue\n       name \"a.fifo\" -> "+
		"\"b.fifo\"\n"+warnings+counts, text)
	text, err = told(&report{brief: true}, nil, all...)
	require.NoError(t, err)
	assert.Equal(t, warnings+counts, text)
	text, err = told(&report{destroys: true}, nil, step(apitype.OpDelete, queue, "worker-queue", nil, nil))
	require.NoError(t, err)
	assert.Equal(t, "  -  aws:sqs:Queue                          worker-queue\n", text, "as asked for")
}

// TestErrorsComeLast: without what Pulumi and Go put around them, nor commands that would
// address a stack outside of the sandbox.
func TestErrorsComeLast(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed to run update: exit status 1\ncode: 1")
	cases := map[string]struct {
		messages []string
		want     string
	}{
		"of the program": {
			[]string{"an unhandled error occurred: 1 error occurred:\n\t* the configuration is not " +
				"right:\ncpu: 1: no\n\n\n", "update failed"},
			"the configuration is not right:\ncpu: 1: no",
		},
		"protected, at a destroy": {
			[]string{"<{%reset%}>Preview failed: resource \"" + urns +
				"aws:sqs/queue:Queue::worker-queue\" cannot be deleted\nbecause it is protected. To " +
				"unprotect the resource, use `pulumi state unprotect 'urn'`"},
			"protected, so nothing was changed: worker-queue. This lifts it, and the same --config has to " +
				"stand in what follows:\n  go run ./sandbox up --stack prod --config protectQueue=false",
		},
		"protected, at a replacement": {
			[]string{"unable to replace resource \"" + urns +
				"aws:sqs/queue:Queue::worker-queue\"\nas it is currently marked for protection. Run " +
				"`pulumi up`", "unable to replace resource \"" + urns +
				"aws:sqs/queue:Queue::worker-dlq\"\nas it is currently marked for protection."},
			"protected, so nothing was changed: worker-queue and 1 more. This lifts it, and the same " +
				"--config has to stand in what follows:\n  go run ./sandbox up --stack prod --config " +
				"protectQueue=false",
		},
		"nothing but the CLI's": {nil, "pulumi up: failed to run update: exit status 1"},
	}
	for name, tc := range cases {
		var all []apitype.EngineEvent
		for _, message := range tc.messages {
			all = append(all, diagnostic("error", message))
		}
		text, err := told(&report{}, failed,
			append(all, summary(false, map[apitype.OpType]int{apitype.OpSame: 1}))...)
		require.EqualError(t, err, tc.want, name)
		if len(tc.messages) > 0 {
			assert.Empty(t, text, "what was counted is not what there is")
		}
	}
}

// TestDifferences looks into lists by name and into JSON, and shows no more than differs.
func TestDifferences(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		old, new any
		want     []string
	}{
		"equal":    {map[string]any{"a": 1.0}, map[string]any{"a": 1.0}, nil},
		"a number": {5.0, 8.0, []string{"key 5 -> 8"}},
		"none":     {nil, "x", []string{`key (none) -> "x"`}},
		"unknown":  {"x", unknown, []string{`key "x" -> (known later)`}},
		"a policy": {`{"A":{"B":["x"]}}`, `{"A":{"B":["x","y"]}}`, []string{`key.A.B.1 (none) -> "y"`}},
		"variables": {`[{"name":"worker","environment":[{"name":"A","value":"1"}]}]`,
			`[{"name":"worker","environment":[{"name":"B","value":"2"},{"name":"A","value":"1"}]}]`,
			[]string{`key.worker.environment.B (none) -> "2"`}},
		"by id": {[]any{map[string]any{"id": "result", "expression": "a >= 1"}},
			[]any{map[string]any{"id": "result", "expression": "a >= 8"}},
			[]string{`key.result.expression "a >= 1" -> "a >= 8"`}},
		"no JSON": {"{a", "{b", []string{`key "{a" -> "{b"`}},
	}
	for name, tc := range cases {
		assert.Equal(t, tc.want, differences("key", tc.old, tc.new), name)
	}
}

// TestOutputsAreShown: whole, so that they can be copied, but for secrets.
func TestOutputsAreShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	var text strings.Builder
	showOutputs(&text, auto.OutputMap{
		"queueUrl":  {Value: long},
		"subnetIds": {Value: []any{"a", "b"}},
		"key":       {Value: "hidden", Secret: true},
	})
	assert.Equal(t, "\noutputs:\n  key        [secret]\n  queueUrl   "+long+"\n  subnetIds  [\"a\",\"b\"]\n",
		text.String())
	text.Reset()
	showOutputs(&text, nil)
	assert.Empty(t, text.String())
}
