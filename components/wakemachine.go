package components

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// wakeMachine describes the state machine that asks SQS itself whether messages wait, and
// starts the first tasks of a service that has none. All else is auto scaling's: the
// machine acts from a desired count of 0 only, and whatever fails in it is made up for by
// the scale-out alarm.
type wakeMachine struct {
	// partition is the part of AWS that the calls belong to.
	partition string
	// queueURL is the queue that is asked.
	queueURL string
	// cluster and service are the names of what is woken.
	cluster, service string
	// intervalSeconds is how often a scheduled execution asks; it asks for a minute.
	intervalSeconds int
	// steps are the task counts to set, by the depth of the queue. Without any, the
	// machine asks once and acts never: that keeps the queue's metrics coming.
	steps []wakeStep
}

// wakeStep is how many tasks a queue is worth, from a depth on.
type wakeStep struct {
	depth, tasks int
}

// scheduledInput is what the schedule starts the machine with. Any other input is a ring.
const scheduledInput = `{"scheduled":true}`

// ringWaits are the seconds between the asks of an execution that a producer has started:
// SQS may count a message a moment after it has taken it.
var ringWaits = []int{2, 3}

const (
	// wakeCallSeconds is how long a call of the machine may take. Even if all of them
	// take that long, an execution is over long before the five minutes that an express
	// one has.
	wakeCallSeconds = 5
	// wakeMinute is how long a scheduled execution goes on asking: until the next begins.
	wakeMinute = 60
)

// wakeSteps are the tasks that scaling steps start from none, at most the largest number
// that may run. Steps that start none are left out, and so is a deeper step that starts no
// more than the one before it.
func wakeSteps(out stepAlarm, adjustment AdjustmentType, minMagnitude, maxCapacity int) []wakeStep {
	var steps []wakeStep
	for _, a := range out.Adjustments {
		tasks := a.Change
		if adjustment == PercentChangeInCapacity && tasks > 0 {
			tasks = minMagnitude // a percentage of none is none
		}
		step := wakeStep{depth: out.Threshold, tasks: min(max(tasks, 0), maxCapacity)}
		if a.LowerBound != nil {
			step.depth += *a.LowerBound
		}
		before := 0
		if len(steps) > 0 {
			before = steps[len(steps)-1].tasks
		}
		if step.tasks != before {
			steps = append(steps, step)
		}
	}
	return steps
}

// definition renders the machine in the Amazon States Language, with JSONata. No state
// fails on an answer that lacks what it is asked for: a service that is gone does not
// sleep, and a count that is missing is 0.
func (m wakeMachine) definition() string {
	states := map[string]any{
		"Begin": m.begin(),
		"Ask":   m.ask(),
		"More": choice("Done",
			rule("$asked < $count($waits)", "Wait"),
			rule("$failed", "Failed")),
		"Wait": map[string]any{
			"Type": "Wait", "Seconds": jsonata("$waits[$asked]"),
			"Assign": map[string]any{"asked": jsonata("$asked + 1")}, "Next": "Ask",
		},
		"Done": map[string]any{"Type": "Succeed"},
		"Failed": map[string]any{
			"Type": "Fail", "Error": "CallFailed",
			"Cause": "The last call of SQS or ECS failed; the scale-out alarm starts the tasks meanwhile.",
		},
	}
	if len(m.steps) > 0 {
		states["AnyWaiting"] = choice("More", rule("$tasks > 0", "Look"))
		states["Look"] = m.look()
		states["Asleep"] = choice("More", rule("$asleep", "Wake"))
		states["Wake"] = m.wake()
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // for people who read it
	if err := encoder.Encode(map[string]any{
		"Comment":       "Asks the queue whether messages wait, and starts the first tasks.",
		"QueryLanguage": "JSONata", "StartAt": "Begin", "States": states,
	}); err != nil {
		panic(err) // maps of texts and numbers
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// begin chooses how often to ask.
func (m wakeMachine) begin() map[string]any {
	from := func(waits []int) map[string]any {
		return map[string]any{"waits": waits, "asked": 0, "tasks": 0, "failed": false}
	}
	state := choice("Ask", rule("$states.input.scheduled = true", "Ask"))
	state["Choices"].([]any)[0].(map[string]any)["Assign"] = from(m.scheduledWaits())
	state["Assign"] = from(m.rungWaits())
	return state
}

// scheduledWaits are the seconds between the asks of a scheduled execution.
func (m wakeMachine) scheduledWaits() []int {
	if len(m.steps) == 0 {
		return []int{}
	}
	return slices.Repeat([]int{m.intervalSeconds}, wakeMinute/m.intervalSeconds-1)
}

func (m wakeMachine) rungWaits() []int {
	if len(m.steps) == 0 {
		return []int{}
	}
	return ringWaits
}

func (m wakeMachine) ask() map[string]any {
	next := "AnyWaiting"
	if len(m.steps) == 0 {
		next = "More"
	}
	return m.call("sqs:getQueueAttributes", map[string]any{
		"QueueUrl": m.queueURL, "AttributeNames": []string{"ApproximateNumberOfMessages"},
	}, map[string]any{"tasks": jsonata(m.tasksByDepth()), "failed": false}, next)
}

// tasksByDepth is the number of tasks for the depth that SQS answers, as a text.
func (m wakeMachine) tasksByDepth() string {
	const depth = "$number($states.result.Attributes.ApproximateNumberOfMessages)"
	var cases strings.Builder
	for _, step := range slices.Backward(m.steps) {
		fmt.Fprintf(&cases, "$depth >= %d ? %d : ", step.depth, step.tasks)
	}
	return fmt.Sprintf("($depth := %s; %s0)", depth, cases.String())
}

func (m wakeMachine) look() map[string]any {
	return m.call("ecs:describeServices", map[string]any{
		"Cluster": m.cluster, "Services": []string{m.service},
	}, map[string]any{
		"asleep": jsonata("$exists($states.result.Services[Status = 'ACTIVE' and DesiredCount = 0])"),
	}, "Asleep")
}

func (m wakeMachine) wake() map[string]any {
	return m.call("ecs:updateService", map[string]any{
		"Cluster": m.cluster, "Service": m.service, "DesiredCount": jsonata("$tasks"),
	}, nil, "More")
}

// call is a state that calls an API of AWS. If that fails, the machine goes on to its next
// ask: that is the retry. Answers are not handed on, since an execution is charged for the
// memory that they take.
func (m wakeMachine) call(api string, arguments, assign map[string]any, next string) map[string]any {
	state := map[string]any{
		"Type": "Task", "Resource": fmt.Sprintf("arn:%s:states:::aws-sdk:%s", m.partition, api),
		"Arguments":      arguments,
		"TimeoutSeconds": wakeCallSeconds, "Output": map[string]any{}, "Next": next,
		"Catch": []any{map[string]any{
			"ErrorEquals": []string{"States.ALL"}, "Assign": map[string]any{"failed": true},
			"Output": map[string]any{}, "Next": "More",
		}},
	}
	if assign != nil {
		state["Assign"] = assign
	}
	return state
}

func choice(otherwise string, rules ...any) map[string]any {
	return map[string]any{"Type": "Choice", "Choices": rules, "Default": otherwise}
}

func rule(condition, next string) map[string]any {
	return map[string]any{"Condition": jsonata(condition), "Next": next}
}

// jsonata marks an expression.
func jsonata(expression string) string { return "{% " + expression + " %}" }
