package components

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// definitionOf parses a machine's definition.
func definitionOf(t *testing.T, m wakeMachine) (states map[string]map[string]any) {
	t.Helper()
	var definition struct {
		QueryLanguage, StartAt string
		States                 map[string]map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(m.definition()), &definition))
	assert.Equal(t, "JSONata", definition.QueryLanguage)
	assert.Contains(t, definition.States, definition.StartAt)
	return definition.States
}

func testMachine(interval int, steps ...wakeStep) wakeMachine {
	return wakeMachine{
		partition: "aws", queueURL: "https://queue", cluster: "apps", service: "worker",
		intervalSeconds: interval, steps: steps,
	}
}

// TestWakeSteps: what the policy of the scale-out alarm would make of no tasks.
func TestWakeSteps(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason     string
		steps      []ScalingStep
		adjustment AdjustmentType
		magnitude  int
		most       int
		want       []wakeStep
	}{
		"default": {"one task for any message", []ScalingStep{{Upper: at(0)},
			{Lower: at(1), Change: 1}}, ChangeInCapacity, 0, 5, []wakeStep{{1, 1}}},
		"exact": {"the count of each step",
			[]ScalingStep{{Lower: at(1), Change: 1}, {Lower: at(10), Change: 2}, {Lower: at(50), Change: 5}},
			ExactCapacity, 0, 5, []wakeStep{{1, 1}, {10, 2}, {50, 5}}},
		"capped": {"never above the maximum, and no two steps alike",
			[]ScalingStep{{Lower: at(1), Change: 1}, {Lower: at(10), Change: 4}, {Lower: at(50), Change: 9}},
			ExactCapacity, 0, 3, []wakeStep{{1, 1}, {10, 3}}},
		"change": {"what is added to none", []ScalingStep{{Lower: at(5), Change: 2},
			{Lower: at(20), Change: 6}}, ChangeInCapacity, 0, 10, []wakeStep{{5, 2}, {20, 6}}},
		"with a scale-in": {"the scale-in alarm's steps start nothing", []ScalingStep{{Upper: at(5),
			Change: -1}, {Lower: at(10), Change: 1}}, ChangeInCapacity, 0, 10, []wakeStep{{10, 1}}},
		"percent": {"a percentage of none is the least magnitude, whatever the percentage",
			[]ScalingStep{{Lower: at(1), Change: 50}, {Lower: at(100), Change: 200}}, PercentChangeInCapacity,
			2, 10, []wakeStep{{1, 2}}},
		"exactly none": {"a step that sets none starts none",
			[]ScalingStep{{Lower: at(1), Upper: at(5)}, {Lower: at(5), Change: 1}, {Lower: at(9), Change: 2}},
			ExactCapacity, 0, 10, []wakeStep{{5, 1}, {9, 2}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			translated, err := translateSteps(tc.steps, tc.adjustment)
			require.NoError(t, err)
			assert.Equal(t, tc.want, wakeSteps(*translated.ScaleOut, tc.adjustment, tc.magnitude, tc.most),
				tc.reason)
		})
	}
}

// TestWakeMachineAsks: once per interval for a minute; rung, at 0, 2 and 5 seconds.
func TestWakeMachineAsks(t *testing.T) {
	t.Parallel()
	for interval, want := range map[int][]any{
		60: {}, 30: {30.0}, 20: {20.0, 20.0}, 15: {15.0, 15.0, 15.0}, 10: {10.0, 10.0, 10.0, 10.0, 10.0},
	} {
		begin := definitionOf(t, testMachine(interval, wakeStep{1, 1}))["Begin"]
		scheduled := begin["Choices"].([]any)[0].(map[string]any)
		assert.Equal(t, "{% $states.input.scheduled = true %}", scheduled["Condition"])
		assert.Equal(t, want, scheduled["Assign"].(map[string]any)["waits"], "interval %d", interval)
		assert.Equal(t, []any{2.0, 3.0}, begin["Assign"].(map[string]any)["waits"], "a ring")
	}
	assert.JSONEq(t, `{"scheduled": true}`, scheduledInput)
}

func TestWakeMachineCalls(t *testing.T) {
	t.Parallel()
	states := definitionOf(t, testMachine(10, wakeStep{1, 1}, wakeStep{10, 3}))
	assert.Equal(t, map[string]any{"QueueUrl": "https://queue",
		"AttributeNames": []any{"ApproximateNumberOfMessages"}}, states["Ask"]["Arguments"])
	assert.Equal(t, "{% ($depth := $number($states.result.Attributes.ApproximateNumberOfMessages); $depth "+
		">= 10 ? 3 : $depth >= 1 ? 1 : 0) %}", states["Ask"]["Assign"].(map[string]any)["tasks"])
	assert.Equal(t, map[string]any{"Cluster": "apps", "Services": []any{"worker"}},
		states["Look"]["Arguments"])
	assert.Equal(t, map[string]any{"Cluster": "apps", "Service": "worker", "DesiredCount": "{% $tasks %}"},
		states["Wake"]["Arguments"], "nothing that takes a PassRole")
	calls := 0
	for name, state := range states {
		if state["Type"] != "Task" {
			continue
		}
		calls++
		caught := state["Catch"].([]any)[0].(map[string]any)
		assert.Equal(t, []any{"States.ALL"}, caught["ErrorEquals"], name)
		assert.Equal(t, "More", caught["Next"], "%s: the next ask is the retry", name)
	}
	assert.Equal(t, 3, calls)
}

// TestWakeMachineOnlyAsks where it is to start nothing.
func TestWakeMachineOnlyAsks(t *testing.T) {
	t.Parallel()
	for _, interval := range []int{0, 10, 60} {
		states := definitionOf(t, testMachine(interval))
		for name, state := range states {
			if state["Type"] == "Task" {
				assert.Equal(t, "Ask", name)
			}
		}
		begin := states["Begin"]
		assert.Empty(t, begin["Assign"].(map[string]any)["waits"])
		assert.Empty(t, begin["Choices"].([]any)[0].(map[string]any)["Assign"].(map[string]any)["waits"])
	}
}

// TestWakeMachineIsWithinTheLimits of the language: with as many steps as a policy has and
// the longest names, and even if each call takes as long as it may.
func TestWakeMachineIsWithinTheLimits(t *testing.T) {
	t.Parallel()
	var steps []wakeStep
	for i := range maxStepAdjustments {
		steps = append(steps, wakeStep{depth: 100_000 * (i + 1), tasks: 200 * (i + 1)})
	}
	for _, interval := range wakeIntervals {
		m := testMachine(interval, steps...)
		if interval == 0 {
			m.steps = nil
		}
		const largestDefinition, longestExpression = 1 << 20, 10_000
		assert.Less(t, len(m.definition()), largestDefinition)
		assert.Less(t, len(m.tasksByDepth()), longestExpression)
		for _, waits := range [][]int{m.scheduledWaits(), m.rungWaits()} {
			seconds := 3 * wakeCallSeconds
			for _, wait := range waits {
				seconds += wait + 3*wakeCallSeconds
			}
			const expressSeconds = 300
			assert.Less(t, seconds, expressSeconds, "interval %d", interval)
		}
	}
}

// TestEveryStateIsReached, and leads to one that is there.
func TestEveryStateIsReached(t *testing.T) {
	t.Parallel()
	for _, m := range []wakeMachine{testMachine(10, wakeStep{1, 1}), testMachine(0)} {
		states := definitionOf(t, m)
		reached := []string{"Begin"}
		for i := 0; i < len(reached); i++ {
			require.Contains(t, states, reached[i])
			text, err := json.Marshal(states[reached[i]])
			require.NoError(t, err)
			for name := range states {
				for _, key := range []string{"Next", "Default"} {
					if !slices.Contains(reached, name) &&
						strings.Contains(string(text), fmt.Sprintf("%q:%q", key, name)) {
						reached = append(reached, name)
					}
				}
			}
		}
		assert.Len(t, reached, len(states))
	}
}
