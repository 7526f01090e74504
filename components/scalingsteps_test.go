package components

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func at(depth int) *int { return &depth }

// cdkCase is what aws-cdk-lib's QueueProcessingFargateService makes of a list of
// steps: the alarms and policies of its synthesized template, or its error.
type cdkCase struct {
	Steps      []ScalingStep
	Adjustment AdjustmentType
	Error      string
	Alarms     []struct {
		Comparison        string
		Threshold         int
		Statistic         string
		EvaluationPeriods int
		Aggregation       string
		Steps             []struct {
			MetricIntervalLowerBound, MetricIntervalUpperBound *int
			ScalingAdjustment                                  int
		}
	}
}

func TestTranslateStepsAgreesWithCDK(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/cdk-scaling-steps.json")
	require.NoError(t, err)
	var cases []cdkCase
	require.NoError(t, json.Unmarshal(text, &cases))
	require.Len(t, cases, 8)
	for _, tc := range cases {
		t.Run(fmt.Sprint(tc.Steps), func(t *testing.T) {
			t.Parallel()
			got, err := translateSteps(tc.Steps, tc.Adjustment)
			if tc.Error != "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			want := stepScaling{}
			for _, a := range tc.Alarms {
				alarm := &stepAlarm{ComparisonOperator: a.Comparison, Threshold: a.Threshold}
				for _, s := range a.Steps {
					alarm.Adjustments = append(alarm.Adjustments, stepAdjustment{s.MetricIntervalLowerBound,
						s.MetricIntervalUpperBound, s.ScalingAdjustment})
				}
				if a.Comparison == atLeast {
					want.ScaleOut = alarm
				} else {
					want.ScaleIn = alarm
				}
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestTranslateSteps(t *testing.T) {
	t.Parallel()
	out := func(threshold int, steps ...stepAdjustment) *stepAlarm {
		return &stepAlarm{ComparisonOperator: atLeast, Threshold: threshold, Adjustments: steps}
	}
	in := func(threshold int, steps ...stepAdjustment) *stepAlarm {
		return &stepAlarm{ComparisonOperator: atMost, Threshold: threshold, Adjustments: steps}
	}
	cases := map[string]struct {
		reason     string
		steps      []ScalingStep
		adjustment AdjustmentType
		want       stepScaling
	}{
		"single step": {
			reason: "CDK wants two; one is enough to start tasks",
			steps:  []ScalingStep{{Lower: at(1), Change: 1}},
			want:   stepScaling{ScaleOut: out(1, stepAdjustment{at(0), nil, 1})},
		},
		"any order": {
			reason: "steps are sorted by their bounds",
			steps:  []ScalingStep{{Lower: at(100), Change: 4}, {Lower: at(1), Change: 1}},
			want: stepScaling{ScaleOut: out(1, stepAdjustment{at(0), at(99), 1},
				stepAdjustment{at(99), nil, 4})},
		},
		"upper bounds only": {
			reason: "a lower bound follows from the step before",
			steps: []ScalingStep{{Upper: at(10), Change: -1}, {Upper: at(20), Change: 0},
				{Lower: at(20), Change: 2}},
			want: stepScaling{
				ScaleIn:  in(10, stepAdjustment{nil, at(0), -1}),
				ScaleOut: out(20, stepAdjustment{at(0), nil, 2}),
			},
		},
		"no gap": {
			reason: "without a gap the middle parts scale-in from scale-out, as in CDK",
			steps:  []ScalingStep{{Upper: at(10), Change: -1}, {Lower: at(10), Change: 1}},
			want: stepScaling{
				ScaleIn:  in(10, stepAdjustment{nil, at(0), -1}),
				ScaleOut: out(10, stepAdjustment{at(0), nil, 1}),
			},
		},
		"exact without gap": {
			reason: "with an odd number of steps the larger half scales out",
			steps: []ScalingStep{{Upper: at(1), Change: 0}, {Lower: at(1), Upper: at(50), Change: 1},
				{Lower: at(50), Change: 5}},
			adjustment: ExactCapacity,
			want: stepScaling{
				ScaleIn:  in(1, stepAdjustment{nil, at(0), 0}),
				ScaleOut: out(1, stepAdjustment{at(0), at(49), 1}, stepAdjustment{at(49), nil, 5}),
			},
		},
		"scale-in steps above the middle": {
			reason: "without a gap the middle step goes with the scale-out alarm, even if it removes tasks",
			steps: []ScalingStep{{Upper: at(1), Change: -5}, {Lower: at(1), Upper: at(5), Change: -1},
				{Lower: at(5), Change: 1}},
			want: stepScaling{
				ScaleIn:  in(1, stepAdjustment{nil, at(0), -5}),
				ScaleOut: out(1, stepAdjustment{at(0), at(4), -1}, stepAdjustment{at(4), nil, 1}),
			},
		},
		"percent": {
			reason: "percentages are bounded like changes",
			steps: []ScalingStep{{Upper: at(5), Change: -50}, {Lower: at(20), Upper: at(40), Change: 50},
				{Lower: at(40), Change: 100}},
			adjustment: PercentChangeInCapacity,
			want: stepScaling{
				ScaleIn:  in(5, stepAdjustment{nil, at(0), -50}),
				ScaleOut: out(20, stepAdjustment{at(0), at(20), 50}, stepAdjustment{at(20), nil, 100}),
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adjustment := tc.adjustment
			if adjustment == "" {
				adjustment = ChangeInCapacity
			}
			got, err := translateSteps(tc.steps, adjustment)
			require.NoError(t, err, tc.reason)
			assert.Equal(t, tc.want, got, tc.reason)
		})
	}
}

func TestTranslateStepsRefuses(t *testing.T) {
	t.Parallel()
	many := []ScalingStep{}
	for i := range 21 {
		many = append(many, ScalingStep{Lower: at(i + 1), Change: i + 1})
	}
	cases := map[string]struct {
		steps      []ScalingStep
		adjustment AdjustmentType
		want       string
	}{
		"nothing": {steps: []ScalingStep{}, want: "at least one step"},
		"no bound": {steps: []ScalingStep{{Change: 1}},
			want: "Scaling.Steps[0]: {change: +1}: needs a lower or an upper bound"},
		"negative bound": {steps: []ScalingStep{{Lower: at(-1), Change: 1}},
			want: "negative bound"},
		"bounds swapped": {steps: []ScalingStep{{Lower: at(5), Upper: at(2), Change: 1}},
			want: "swap them"},
		"doubled lower bound": {steps: []ScalingStep{{Lower: at(1), Change: 1},
			{Lower: at(1), Change: 2}}, want: "covers no queue depth"},
		"doubled step": {steps: []ScalingStep{{Lower: at(1), Upper: at(5), Change: 1},
			{Lower: at(1), Upper: at(5), Change: 2}}, want: "same bounds"},
		"doubled empty queue": {steps: []ScalingStep{{Upper: at(0)}, {Upper: at(0)},
			{Lower: at(1), Change: 1}}, want: "same bounds"},
		"overlap": {steps: []ScalingStep{{Lower: at(1), Upper: at(20), Change: 1},
			{Lower: at(10), Change: 3}},
			want: "overlaps {lower: 1, upper: 20, change: +1}; end that one at upper: 10"},
		"bound unknown": {steps: []ScalingStep{{Lower: at(5), Change: 1},
			{Upper: at(20), Change: 2}}, want: "state both"},
		"two gaps": {steps: []ScalingStep{{Upper: at(0)}, {Lower: at(3), Upper: at(30),
			Change: 2}, {Lower: at(60), Change: 6}}, want: "[0 up to 3 30 up to 60]: more than one range"},
		"open end": {steps: []ScalingStep{{Lower: at(1), Upper: at(30), Change: 2}},
			want: "30 and up"},
		"all zero": {steps: []ScalingStep{{Upper: at(0)}, {Lower: at(1)}},
			want: "never starts a task"},
		"only scale-in": {steps: []ScalingStep{{Upper: at(0), Change: -1}, {Lower: at(1)}},
			want: "never starts a task"},
		"exact zero only": {steps: []ScalingStep{{Upper: at(0)}, {Lower: at(1)}},
			adjustment: ExactCapacity, want: "never starts a task"},
		"scale-out on empty queue": {steps: []ScalingStep{{Lower: at(0), Change: 1}},
			want: "begin the scale-out at lower: 1"},
		"scale-out from the empty on": {steps: []ScalingStep{{Upper: at(0)}, {Lower: at(0), Change: 1}},
			want: "begin the scale-out at lower: 1"},
		"scale-out below": {steps: []ScalingStep{{Upper: at(10), Change: 1},
			{Lower: at(10), Change: 2}}, want: "adds tasks in the lower half"},
		"scale-out below the gap": {steps: []ScalingStep{{Upper: at(5), Change: 2},
			{Lower: at(20), Change: 1}}, want: "adds tasks in the lower half"},
		"scale-in above": {steps: []ScalingStep{{Lower: at(1), Upper: at(9), Change: 1},
			{Lower: at(9), Change: -1}}, want: "never starts a task"},
		"scale-in between": {steps: []ScalingStep{{Lower: at(1), Upper: at(9), Change: 1},
			{Lower: at(9), Upper: at(20), Change: -1}, {Lower: at(20), Change: 2}},
			want: "which adds some; scale-in steps go below"},
		"step inside another": {steps: []ScalingStep{{Lower: at(0), Upper: at(10), Change: -2},
			{Upper: at(7), Change: -1}, {Lower: at(20), Change: 1}},
			want: "lies inside {lower: 0, upper: 10, change: -2}"},
		"step inside a scale-out": {steps: []ScalingStep{{Lower: at(1), Upper: at(10), Change: 1},
			{Upper: at(7), Change: 2}, {Lower: at(7), Change: 3}}, want: "lies inside"},
		"exact falls": {steps: []ScalingStep{{Lower: at(1), Upper: at(9), Change: 5},
			{Lower: at(9), Change: 2}}, adjustment: ExactCapacity, want: "fewer tasks for a longer queue"},
		"exact below zero": {steps: []ScalingStep{{Upper: at(0), Change: -1},
			{Lower: at(1), Change: 2}}, adjustment: ExactCapacity, want: "below 0"},
		"more than all": {steps: []ScalingStep{{Upper: at(1), Change: -150},
			{Lower: at(2), Change: 2}}, adjustment: PercentChangeInCapacity, want: "more than 100 percent"},
		"over the quota": {steps: many, want: "more than 20 steps"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.adjustment == "" {
				tc.adjustment = ChangeInCapacity
			}
			_, err := translateSteps(tc.steps, tc.adjustment)
			require.ErrorContains(t, err, tc.want)
			var field *FieldError
			require.ErrorAs(t, err, &field)
			assert.Contains(t, field.Field, "Scaling.Steps")
		})
	}
}

func TestSharedThreshold(t *testing.T) {
	t.Parallel()
	apart, err := translateSteps([]ScalingStep{{Upper: at(0), Change: -1}, {Lower: at(1), Change: 1}},
		ChangeInCapacity)
	require.NoError(t, err)
	_, shared := apart.sharedThreshold()
	assert.False(t, shared)

	touching, err := translateSteps([]ScalingStep{{Upper: at(7), Change: -1}, {Lower: at(7), Change: 1}},
		ChangeInCapacity)
	require.NoError(t, err)
	depth, shared := touching.sharedThreshold()
	assert.True(t, shared)
	assert.Equal(t, 7, depth)
}

// TestEveryBreachMatchesAStep checks on random lists that a depth which breaches an
// alarm, the threshold itself included, matches exactly one adjustment, and the one
// the list means. A bound on the wrong side would do nothing at all, silently.
func TestEveryBreachMatchesAStep(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	translated := 0
	for range 2000 {
		steps := randomSteps(random)
		scaling, err := translateSteps(steps, ChangeInCapacity)
		if err != nil {
			continue
		}
		translated++
		for depth := range 60 {
			if depth >= scaling.ScaleOut.Threshold {
				assertMeans(t, steps, depth, matching(*scaling.ScaleOut, depth, scaleOutMatches), depth)
			}
			if in := scaling.ScaleIn; in != nil && depth <= in.Threshold {
				// Scale-in is inclusive above: the depth belongs to the step below it.
				assertMeans(t, steps, max(depth-1, 0), matching(*in, depth, scaleInMatches), depth)
			}
		}
	}
	assert.Greater(t, translated, 200, "the generator has to produce lists that work")
}

func randomSteps(random *rand.Rand) []ScalingStep {
	var steps []ScalingStep
	bound := 0
	if random.IntN(2) == 0 {
		bound = 1 + random.IntN(5)
		steps = append(steps, ScalingStep{Upper: at(bound), Change: -1 - random.IntN(3)})
	}
	bound += 1 + random.IntN(5)
	for range 1 + random.IntN(4) {
		steps = append(steps, ScalingStep{Lower: at(bound), Change: 1 + random.IntN(5)})
		bound += 1 + random.IntN(10)
	}
	random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return steps
}

// matching collects the changes of the adjustments that a depth matches.
func matching(alarm stepAlarm, depth int, matches func(stepAdjustment, int) bool) []int {
	var changes []int
	for _, a := range alarm.Adjustments {
		if matches(a, depth-alarm.Threshold) {
			changes = append(changes, a.Change)
		}
	}
	return changes
}

func scaleOutMatches(a stepAdjustment, offset int) bool {
	return (a.LowerBound == nil || offset >= *a.LowerBound) && (a.UpperBound == nil || offset < *a.UpperBound)
}

func scaleInMatches(a stepAdjustment, offset int) bool {
	return (a.LowerBound == nil || offset > *a.LowerBound) && (a.UpperBound == nil || offset <= *a.UpperBound)
}

func assertMeans(t *testing.T, steps []ScalingStep, meantAt int, changes []int, depth int) {
	t.Helper()
	require.Len(t, changes, 1, "depth %d, steps %v", depth, steps)
	var meant *ScalingStep
	for i, s := range steps {
		below := s.Lower == nil || meantAt >= *s.Lower
		if below && (s.Upper == nil || meantAt < *s.Upper) &&
			(meant == nil || s.Lower != nil && (meant.Lower == nil || *s.Lower > *meant.Lower)) {
			meant = &steps[i]
		}
	}
	require.NotNil(t, meant, "depth %d, steps %v", depth, steps)
	require.Equal(t, meant.Change, changes[0], "depth %d, steps %v", depth, steps)
}
