package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIFAsDocumented are the tables of the CloudWatch user guide, "Using IF
// expressions" and "Comparison and logical operators"; NaN is not a datapoint.
func TestIFAsDocumented(t *testing.T) {
	t.Parallel()
	no := missing
	metrics := map[string][]float64{
		"metric1": {1, 1, 0, 0, no}, "metric2": {30, no, 0, 0, 30}, "metric3": {0, 0, 20, no, 20},
		"a": {30, 20, 0, 0}, "b": {20, no, 20, no},
	}
	cases := map[string][]float64{
		"IF(metric1, metric2, metric3)": {30, 0, 20, no, no},
		"IF(metric1, 5, metric3)":       {5, 5, 20, no, no},
		"IF(metric1, metric2, 5)":       {30, 0, 5, 5, no},
		"IF(metric1, metric2)":          {30, 0, no, no, no},
		"a < b":                         {0, 0, 1, 0},
		"a >= 30":                       {1, 0, 0, 0},
		"(a > 15) && (b > 15)":          {1, 0, 0, 0},
		"a / b":                         {1.5, no, 0, no},
		"FILL(b, 7)":                    {20, 7, 20, 7},
		"b + 1":                         {21, no, 21, no},
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := parseExpression(text, func(id string) bool { return metrics[id] != nil })
			require.NoError(t, err)
			for i, expected := range want {
				v := evaluation{value: func(id string) float64 { return metrics[id][i] }, missingIsZero: true}
				got := v.of(e.root)
				if isMissing(expected) {
					assert.True(t, isMissing(got), "datapoint %d is %v", i, got)
				} else {
					assert.InDelta(t, expected, got, 0, "datapoint %d", i)
				}
			}
		})
	}
	strict := evaluation{value: func(id string) float64 { return metrics[id][1] }}
	e, err := parseExpression("a + b", func(string) bool { return true })
	require.NoError(t, err)
	assert.True(t, isMissing(strict.of(e.root)), "the other reading")
}

func TestExpressionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1 +": "cannot be read", "x + 1": "no query is called", "a % 2": "operator", "SUM(a)": "FILL",
		"FILL(a)": "FILL", `"a"`: "not a number", "a[1]": "unknown kind",
	} {
		_, err := parseExpression(text, func(id string) bool { return id == "a" })
		assert.ErrorContains(t, err, want, text)
	}
}
