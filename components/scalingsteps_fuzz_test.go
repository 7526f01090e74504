package components

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzTranslateSteps holds whatever list of steps is accepted against a naive reading of it:
// at every depth, at most one of the two alarms acts, and it does what the list says there.
// Each step is read from three bytes: its bounds, if it has them, and its change.
func FuzzTranslateSteps(f *testing.F) {
	f.Add(byte(0), []byte{0, 1, 0x80, 2, 0, 1})
	f.Add(byte(0), []byte{0, 11, 0x7f, 11, 0, 2})
	f.Add(byte(0), []byte{0, 6, 0xfe, 6, 11, 0xff, 21, 0, 2})
	f.Add(byte(1), []byte{0, 1, 0, 2, 51, 1, 51, 0, 5})
	f.Add(byte(2), []byte{0, 6, 0xce, 21, 41, 50, 41, 0, 100})
	adjustments := []AdjustmentType{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		steps := stepsOf(data)
		adjustment := adjustments[int(kind)%len(adjustments)]
		before := slices.Clone(steps)
		scaling, err := translateSteps(steps, adjustment)
		require.Equal(t, before, steps, "the list is only read")
		if err != nil {
			var field *FieldError
			require.ErrorAs(t, err, &field, "an error names the argument")
			return
		}
		for depth := range 300 {
			assertActsAsRead(t, steps, adjustment, scaling, depth)
		}
	})
}

// stepsOf reads steps from bytes: lower and upper are one more than the bound, 0 is none.
func stepsOf(data []byte) []ScalingStep {
	var steps []ScalingStep
	for triple := range slices.Chunk(data, 3) {
		if len(triple) < 3 || len(steps) > 45 {
			break
		}
		step := ScalingStep{Change: int(int8(triple[2]))}
		if triple[0] > 0 {
			step.Lower = at(int(triple[0]) - 1)
		}
		if triple[1] > 0 {
			step.Upper = at(int(triple[1]) - 1)
		}
		steps = append(steps, step)
	}
	return steps
}

func assertActsAsRead(
	t *testing.T, steps []ScalingStep, adjustment AdjustmentType, s stepScaling, depth int,
) {
	t.Helper()
	var out, in []int
	if depth >= s.ScaleOut.Threshold {
		out = matching(*s.ScaleOut, depth, scaleOutMatches)
		require.Len(t, out, 1, "depth %d matches one step of the scale-out, steps %v", depth, steps)
		require.Contains(t, changesAt(steps, depth), out[0], "scale-out at depth %d, steps %v", depth, steps)
	}
	if s.ScaleIn != nil && depth <= s.ScaleIn.Threshold {
		in = matching(*s.ScaleIn, depth, scaleInMatches)
		require.Len(t, in, 1, "depth %d matches one step of the scale-in, steps %v", depth, steps)
		require.Contains(t, changesUpTo(steps, depth), in[0], "scale-in at depth %d, steps %v", depth, steps)
	}
	if shared, both := s.sharedThreshold(); len(out) > 0 && len(in) > 0 {
		require.True(t, both, "steps %v", steps)
		require.Equal(t, shared, depth, "both alarms act at one depth only, steps %v", steps)
	}
	for _, change := range changesAt(steps, depth) {
		acts := change != 0 || adjustment == ExactCapacity
		require.False(t, acts && len(out)+len(in) == 0, "nothing acts at depth %d, steps %v", depth, steps)
	}
}

// changesAt are those of the steps that cover a depth: from their lower bound on, to below
// their upper one.
func changesAt(steps []ScalingStep, depth int) []int {
	var changes []int
	for i, s := range steps {
		lower, upper := naiveBounds(steps, i)
		if lower <= depth && depth < upper {
			changes = append(changes, s.Change)
		}
	}
	return changes
}

// changesUpTo is changesAt for a scale-in, where a step covers its upper bound instead of its
// lower one, and the lowest all below it.
func changesUpTo(steps []ScalingStep, depth int) []int {
	var changes []int
	lowest, least := 0, math.MaxInt
	for i, s := range steps {
		lower, upper := naiveBounds(steps, i)
		if lower < depth && depth <= upper {
			changes = append(changes, s.Change)
		}
		if upper < least {
			lowest, least = i, upper
		}
	}
	if depth <= least {
		changes = append(changes, steps[lowest].Change)
	}
	return changes
}

// naiveBounds are those of step i: its own, or that of the nearest neighbour.
func naiveBounds(steps []ScalingStep, i int) (lower, upper int) {
	own := steps[i]
	lower, upper = 0, math.MaxInt
	if own.Lower != nil {
		lower = *own.Lower
	}
	if own.Upper != nil {
		upper = *own.Upper
	}
	for j, other := range steps {
		if j == i {
			continue
		}
		for _, bound := range []*int{other.Lower, other.Upper} {
			if bound == nil {
				continue
			}
			if own.Lower == nil && *bound <= *own.Upper &&
				(*bound != *own.Upper || other.Upper == bound && *bound == 0) {
				lower = max(lower, *bound)
			}
			if own.Upper == nil && *bound > *own.Lower {
				upper = min(upper, *bound)
			}
		}
	}
	return lower, upper
}

// FuzzWakeSteps holds the machine's tasks against what auto scaling would start from none.
func FuzzWakeSteps(f *testing.F) {
	f.Add(byte(0), byte(0), byte(10), []byte{2, 0, 1, 51, 0, 5})
	f.Add(byte(2), byte(3), byte(2), []byte{2, 0, 100, 51, 0, 200})
	adjustments := []AdjustmentType{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity}
	f.Fuzz(func(t *testing.T, kind, magnitude, most byte, data []byte) {
		adjustment := adjustments[int(kind)%len(adjustments)]
		scaling, err := translateSteps(stepsOf(data), adjustment)
		if err != nil {
			return
		}
		steps := wakeSteps(*scaling.ScaleOut, adjustment, int(magnitude), int(most))
		for depth := range 300 {
			want := 0
			if depth >= scaling.ScaleOut.Threshold {
				want = matching(*scaling.ScaleOut, depth, scaleOutMatches)[0]
			}
			if adjustment == PercentChangeInCapacity && want > 0 {
				want = int(magnitude)
			}
			want = min(max(want, 0), int(most))
			got := 0
			for _, s := range steps {
				if depth >= s.depth {
					got = s.tasks
				}
			}
			require.Equal(t, want, got, "depth %d, steps %v", depth, steps)
		}
	})
}
