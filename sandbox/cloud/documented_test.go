package cloud

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// points reads datapoints as CloudWatch's documentation writes them: 0 does not
// breach, X does, - is missing; oldest first.
func points(text string) []Datapoint {
	fine, breaching := 0.0, 1.0
	var list []Datapoint
	for _, c := range strings.Fields(text) {
		switch c {
		case "0":
			list = append(list, &fine)
		case "X":
			list = append(list, &breaching)
		default:
			list = append(list, nil)
		}
	}
	return list
}

// TestAlarmsAsDocumented are the tables of the CloudWatch user guide, "Configuring how
// CloudWatch alarms treat missing data": five datapoints are looked at. "same" is the
// state the alarm had.
func TestAlarmsAsDocumented(t *testing.T) {
	t.Parallel()
	const same = AlarmState("same")
	cases := []struct {
		toAlarm, periods                         int
		points                                   string
		missing, ignore, breaching, notBreaching AlarmState
	}{
		// 3 out of 3
		{3, 3, "0 - X - X", OK, OK, OK, OK},
		{3, 3, "0 - - - -", OK, OK, OK, OK},
		{3, 3, "- - - - -", InsufficientData, same, InAlarm, OK},
		{3, 3, "0 X X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{3, 3, "- - - - X", InsufficientData, same, InAlarm, OK},
		{3, 3, "X - - - -", InAlarm, same, InAlarm, OK},
		{3, 3, "- - X - -", InAlarm, same, InAlarm, OK}, // the later edition of the table
		// 2 out of 3
		{2, 3, "0 - X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, 3, "0 0 X 0 X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, 3, "0 - X - -", OK, OK, InAlarm, OK},
		{2, 3, "- - - - 0", OK, OK, InAlarm, OK},
		{2, 3, "- - - - X", InsufficientData, same, InAlarm, OK},
		{2, 3, "- - - X -", InAlarm, same, InAlarm, OK}, // the later edition of the table
	}
	for _, tc := range cases {
		for treat, want := range map[string]AlarmState{
			"": tc.missing, "ignore": tc.ignore, "breaching": tc.breaching, "notBreaching": tc.notBreaching,
		} {
			alarm := Alarm{
				EvaluationPeriods: tc.periods, DatapointsToAlarm: tc.toAlarm, TreatMissingData: treat,
				ComparisonOperator: "GreaterThanOrEqualToThreshold", Threshold: 1,
			}
			assert.Len(t, points(tc.points), alarm.evaluationRange())
			for _, before := range []AlarmState{OK, InAlarm, InsufficientData} {
				expected := want
				if want == same {
					expected = before
				}
				assert.Equal(t, expected, alarm.nextState(before, points(tc.points)),
					"%d of %d on %s, missing data %q, from %s", tc.toAlarm, tc.periods, tc.points, treat,
					before)
			}
		}
	}
}

// TestOperators: a value equal to the threshold breaches where the operator says so.
func TestOperators(t *testing.T) {
	t.Parallel()
	cases := map[string][3]bool{ // below, equal, above
		"GreaterThanOrEqualToThreshold": {false, true, true},
		"GreaterThanThreshold":          {false, false, true},
		"LessThanThreshold":             {true, false, false},
		"LessThanOrEqualToThreshold":    {true, true, false},
	}
	for operator, want := range cases {
		alarm := Alarm{ComparisonOperator: operator, Threshold: 5}
		assert.Equal(t, want, [3]bool{alarm.breaches(4), alarm.breaches(5), alarm.breaches(6)}, operator)
	}
}

// TestStepScalingAsDocumented are the examples of the Application Auto Scaling user
// guide, "Step scaling policies", and of the API reference.
func TestStepScalingAsDocumented(t *testing.T) {
	t.Parallel()
	out := &StepScaling{AdjustmentType: "PercentChangeInCapacity", StepAdjustments: []StepAdjustment{
		{LowerBound: "0", UpperBound: "10"}, {LowerBound: "10", UpperBound: "20", ScalingAdjustment: 10},
		{LowerBound: "20", ScalingAdjustment: 30},
	}}
	in := &StepScaling{AdjustmentType: "PercentChangeInCapacity", StepAdjustments: []StepAdjustment{
		{LowerBound: "-10", UpperBound: "0"}, {LowerBound: "-20", UpperBound: "-10", ScalingAdjustment: -10},
		{UpperBound: "-20", ScalingAdjustment: -30},
	}}
	percent := func(change, least int) *StepScaling {
		return &StepScaling{AdjustmentType: "PercentChangeInCapacity", MinAdjustmentMagnitude: least,
			StepAdjustments: []StepAdjustment{{LowerBound: "0", ScalingAdjustment: change}}}
	}
	of := func(adjustment string, change int) *StepScaling {
		return &StepScaling{AdjustmentType: adjustment,
			StepAdjustments: []StepAdjustment{{LowerBound: "0", ScalingAdjustment: change}}}
	}
	cases := map[string]struct {
		policy   *StepScaling
		value    float64
		above    bool
		capacity int
		want     int
		matched  bool
	}{
		"at 60, 10 percent of 10":              {out, 60, true, 10, 11, true},
		"at 70, 30 percent of 11 is 3.3, so 3": {out, 70, true, 11, 14, true},
		"between 50 and 60 nothing changes":    {out, 59, true, 10, 10, true},
		"at 40, 10 percent of 14 is 1.4, so 1": {in, 40, false, 14, 13, true},
		"at 30, 30 percent of 13 is 3.9, so 3": {in, 30, false, 13, 10, true},
		"between 40 and 50 nothing changes":    {in, 41, false, 10, 10, true},
		"the threshold itself, from above":     {out, 50, true, 10, 10, true},
		"the threshold itself, from below":     {in, 50, false, 10, 10, true},
		"ChangeInCapacity: 3 and 5 is 8":       {of("ChangeInCapacity", 5), 50, true, 3, 8, true},
		"ExactCapacity: 5":                     {of("ExactCapacity", 5), 50, true, 3, 5, true},
		"PercentChangeInCapacity: 10 percent of 10": {of("PercentChangeInCapacity", 10), 50, true, 10,
			11, true},
		"12.7 is rounded to 12":                 {percent(127, 0), 50, true, 10, 22, true},
		".67 is rounded to 1":                   {percent(67, 0), 50, true, 1, 2, true},
		"-.58 is rounded to -1":                 {percent(-58, 0), 50, true, 1, 0, true},
		"-6.67 is rounded to -6":                {percent(-667, 0), 50, true, 1, -5, true},
		"25 percent of 4 is 1, but 2 at least":  {percent(25, 2), 50, true, 4, 6, true},
		"a percentage of nothing is nothing":    {percent(100, 0), 50, true, 0, 0, true},
		"but the least magnitude is something":  {percent(100, 1), 50, true, 0, 1, true},
		"a step on the wrong side does nothing": {of("ChangeInCapacity", 1), 49, false, 3, 3, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, matched, err := tc.policy.adjustment(tc.value, 50, tc.above, tc.capacity)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.matched, matched)
		})
	}
}

// TestOneMessageStartsATask: >= 1 with exactly one message matches the step that
// begins at the threshold; <= 0 with none matches the one that ends there.
func TestOneMessageStartsATask(t *testing.T) {
	t.Parallel()
	out := &StepScaling{AdjustmentType: "ChangeInCapacity",
		StepAdjustments: []StepAdjustment{{LowerBound: "0", ScalingAdjustment: 1}}}
	got, matched, err := out.adjustment(1, 1, true, 0)
	require.NoError(t, err)
	assert.True(t, matched)
	assert.Equal(t, 1, got)

	zero := &StepScaling{AdjustmentType: "ExactCapacity",
		StepAdjustments: []StepAdjustment{{UpperBound: "0"}}}
	got, matched, err = zero.adjustment(0.01, 0.01, false, 3)
	require.NoError(t, err)
	assert.True(t, matched)
	assert.Zero(t, got)
	_, matched, err = zero.adjustment(1, 1, true, 3)
	require.NoError(t, err)
	assert.False(t, matched, "no step adjustment found, says AWS's alarm history")
}
