// Package advise searches the settings of a stack that hold a target for a workload at the
// least cost, in the simulator.
package advise

import (
	"encoding/json"
	"fmt"
	"strings"
)

// settings are what is searched, in the words of the stack's configuration.
type settings struct {
	// asIs leaves the stack as its file has it; all else is empty.
	asIs bool

	concurrency int
	cpu, memory int
	maxCapacity int
	adjustment  string
	// perTask is how many messages wait for each task that the steps start.
	perTask     int
	idleMinutes int
	wakeSeconds int
}

// step of scalingSteps.
type step struct {
	Lower  int `json:"lower"`
	Change int `json:"change"`
}

// steps are a ladder up to maxCapacity: a task for each perTask messages that wait.
func (s settings) steps() []step {
	ladder := []step{{Lower: 1, Change: 1}}
	for tasks := 1; tasks < s.maxCapacity; {
		lower := tasks*s.perTask + 1
		tasks = min(s.maxCapacity, tasks+(tasks+1)/2) // 1, 2, 3, 5, 8, 12, ...
		ladder = append(ladder, step{lower, tasks})
	}
	return ladder
}

// setting is a key of the stack's configuration and its value.
type setting struct {
	key   string
	value any // an int, a string, or []step
}

// list of what is set, in the order of a stack's file.
func (s settings) list() []setting {
	if s.asIs {
		return nil
	}
	return []setting{
		{"cpu", s.cpu},
		{"memory", s.memory},
		{"concurrency", s.concurrency},
		{"maxCapacity", s.maxCapacity},
		{"adjustmentType", s.adjustment},
		{"scalingSteps", s.steps()},
		{"idleMinutes", s.idleMinutes},
		{"wakeIntervalSeconds", s.wakeSeconds},
	}
}

// onlyWithPercent is a key that goes with none of the adjustments that are searched.
const onlyWithPercent = "minAdjustmentMagnitude"

// overrides of the stack's configuration, as --config has them.
func (s settings) overrides() []string {
	if s.asIs {
		return nil
	}
	all := []string{onlyWithPercent + "=0"}
	for _, set := range s.list() {
		value := fmt.Sprint(set.value)
		if steps, ok := set.value.([]step); ok {
			text, _ := json.Marshal(steps) // made of numbers
			value = string(text)
		}
		all = append(all, set.key+"="+value)
	}
	return all
}

// lines for the stack's file.
func (s settings) lines(project string) string {
	var text strings.Builder
	for _, set := range s.list() {
		fmt.Fprintf(&text, "  %s:%s:", project, set.key)
		steps, ok := set.value.([]step)
		if !ok {
			fmt.Fprintf(&text, " %v\n", set.value)
			continue
		}
		text.WriteByte('\n')
		for _, step := range steps {
			fmt.Fprintf(&text, "    - {lower: %d, change: %d}\n", step.Lower, step.Change)
		}
	}
	return text.String()
}

// differences from other settings of the same keys, such as "idleMinutes 5 instead of 3".
func (s settings) differences(from settings) string {
	if from.asIs {
		return strings.Join(s.overrides()[1:], ", ")
	}
	var all []string
	others := from.list()
	for i, set := range s.list() {
		if _, isList := set.value.([]step); isList {
			continue // they follow from perTask and maxCapacity
		}
		if set.value != others[i].value {
			all = append(all, fmt.Sprintf("%s %v instead of %v", set.key, set.value, others[i].value))
		}
	}
	if s.perTask != from.perTask {
		all = append(all, fmt.Sprintf("a step for every %d messages instead of %d", s.perTask, from.perTask))
	}
	return strings.Join(all, ", ")
}
