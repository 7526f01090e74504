package cloud

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStepBoundsThatAWSTakes, by the rules of API_StepAdjustment.
func TestStepBoundsThatAWSTakes(t *testing.T) {
	t.Parallel()
	cases := map[string][]StepAdjustment{
		"out":           {{LowerBound: "0"}},
		"in":            {{UpperBound: "0"}},
		"out in steps":  {{LowerBound: "9"}, {LowerBound: "0", UpperBound: "9"}},
		"in in steps":   {{UpperBound: "-4"}, {LowerBound: "-4", UpperBound: "0"}},
		"both sides":    {{UpperBound: "0", ScalingAdjustment: -1}, {LowerBound: "0", ScalingAdjustment: 1}},
		"with fraction": {{LowerBound: "0", UpperBound: "0.5"}, {LowerBound: "0.5"}},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := furnished(t).PutScalingPolicy(policy(steps...))
			require.NoError(t, err)
		})
	}
}
