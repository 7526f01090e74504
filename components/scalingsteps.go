package components

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// ScalingStep says how the task count changes while the queue depth (messages
// waiting) is in a range. The vocabulary and the meaning are those of CDK's
// QueueProcessingFargateService.
type ScalingStep struct {
	// Lower is the first depth the step covers (inclusive, 0 or more). Default:
	// the Upper of the step before it, or 0 for the first step.
	Lower *int `json:"lower,omitempty" pulumi:"lower,optional"`
	// Upper is the first depth the step no longer covers. Default: the Lower of the step
	// after it, or no limit for the last step. {Upper: 0} stands for the empty queue. In a
	// scale-in the bounds are the other way round, as in CDK: a step covers its Upper, and
	// not its Lower.
	Upper *int `json:"upper,omitempty" pulumi:"upper,optional"`
	// Change is read according to the AdjustmentType: tasks to add or remove,
	// tasks to have, or percent to add or remove. 0 changes nothing, except with
	// ExactCapacity.
	Change int `json:"change" pulumi:"change"`
}

// String writes a step the way a stack's configuration does.
func (s ScalingStep) String() string {
	text := "{"
	if s.Lower != nil {
		text += fmt.Sprintf("lower: %d, ", *s.Lower)
	}
	if s.Upper != nil {
		text += fmt.Sprintf("upper: %d, ", *s.Upper)
	}
	return text + fmt.Sprintf("change: %+d}", s.Change)
}

// AdjustmentType says how a step's Change is read.
type AdjustmentType string

const (
	// ChangeInCapacity adds Change tasks (removes them if negative). The default.
	ChangeInCapacity AdjustmentType = "ChangeInCapacity"
	// ExactCapacity sets the task count to Change. Repeating it does no harm; but a
	// smaller step sets a smaller count as soon as fewer messages are visible, whatever
	// is in flight.
	ExactCapacity AdjustmentType = "ExactCapacity"
	// PercentChangeInCapacity adds Change percent of the running tasks.
	PercentChangeInCapacity AdjustmentType = "PercentChangeInCapacity"
)

// stepAdjustment is one step of an Application Auto Scaling policy. Its bounds
// are relative to the threshold of the alarm that invokes the policy; nil is
// unbounded.
type stepAdjustment struct {
	LowerBound *int
	UpperBound *int
	Change     int
}

// stepAlarm is an alarm on the queue depth and the step adjustments of the
// policy it invokes. A depth equal to Threshold breaches it, on either side, and
// matches the adjustment next to the threshold.
type stepAlarm struct {
	ComparisonOperator string
	Threshold          int
	Adjustments        []stepAdjustment
}

// stepScaling is a list of scaling steps as two alarms.
type stepScaling struct {
	// ScaleOut starts tasks; translateSteps never returns it nil.
	ScaleOut *stepAlarm
	// ScaleIn stops tasks, or is nil if no step does.
	ScaleIn *stepAlarm
}

const (
	atLeast = "GreaterThanOrEqualToThreshold"
	atMost  = "LessThanOrEqualToThreshold"
	below   = "LessThanThreshold"

	// maxStepAdjustments is the quota "step adjustments per scaling policy" of
	// Application Auto Scaling.
	maxStepAdjustments = 20
)

// stepInterval is a step with both bounds known: [lower, upper).
type stepInterval struct {
	lower, upper int
	change       int
	noChange     bool
	step         int // index in the caller's list; -1 for a gap between steps
}

// unbounded stands for "no upper limit" in a stepInterval.
const unbounded = math.MaxInt

// translateSteps turns scaling steps in absolute queue depth into alarms and step
// adjustments relative to their thresholds. The result is CDK's;
// lists that CDK accepts although they cannot work (a list that never starts a
// task, a scale-out on the empty queue, fewer tasks for more messages, doubled
// bounds) are refused. Errors are *FieldError for Scaling.Steps.
func translateSteps(steps []ScalingStep, adjustment AdjustmentType) (stepScaling, error) {
	intervals, err := completeIntervals(steps)
	if err != nil {
		return stepScaling{}, err
	}
	if err := checkChanges(steps, intervals, adjustment); err != nil {
		return stepScaling{}, err
	}
	intervals = fillGaps(intervals)
	if adjustment != ExactCapacity {
		for i := range intervals {
			intervals[i].noChange = intervals[i].noChange || intervals[i].change == 0
		}
	}
	intervals = mergeNoChange(intervals)
	if err := checkSingleGap(intervals); err != nil {
		return stepScaling{}, err
	}
	in, out := splitSides(intervals)
	if err := checkSides(steps, in, out, adjustment); err != nil {
		return stepScaling{}, err
	}
	return stepScaling{ScaleOut: scaleOutAlarm(out), ScaleIn: scaleInAlarm(in)}, nil
}

// sharedThreshold reports the depth at which both alarms are in ALARM at once, so
// that tasks are started and stopped in turn. Steps with a gap, or a step without
// change, between scale-in and scale-out have none.
func (s stepScaling) sharedThreshold() (depth int, shared bool) {
	if s.ScaleIn == nil || s.ScaleIn.Threshold < s.ScaleOut.Threshold {
		return 0, false
	}
	return s.ScaleOut.Threshold, true
}

// completeIntervals sorts the steps and fills in the bounds that neighbours imply.
func completeIntervals(steps []ScalingStep) ([]stepInterval, error) {
	if len(steps) == 0 {
		return nil, stepsError(steps, "needs at least one step, such as {lower: 1, change: 1}")
	}
	type indexed struct {
		ScalingStep
		index int
	}
	sorted := make([]indexed, len(steps))
	for i, s := range steps {
		if err := checkBounds(i, s); err != nil {
			return nil, err
		}
		sorted[i] = indexed{s, i}
	}
	slices.SortStableFunc(sorted, func(a, b indexed) int {
		return cmp.Compare(anchor(a.ScalingStep), anchor(b.ScalingStep))
	})
	for i := 1; i < len(sorted); i++ {
		if sorted[i].Lower == nil {
			sorted[i].Lower = sorted[i-1].Upper
		}
	}
	for i := len(sorted) - 1; i > 0; i-- {
		if sorted[i-1].Upper == nil {
			sorted[i-1].Upper = sorted[i].Lower
		}
	}
	first, last := 0, unbounded
	if sorted[0].Lower == nil {
		sorted[0].Lower = &first
	}
	if sorted[len(sorted)-1].Upper == nil {
		sorted[len(sorted)-1].Upper = &last
	}
	intervals := make([]stepInterval, len(sorted))
	for i, s := range sorted {
		if s.Lower == nil || s.Upper == nil {
			return nil, stepError(s.index, steps[s.index],
				"has a bound that no neighbour gives; state both lower and upper")
		}
		intervals[i] = stepInterval{lower: *s.Lower, upper: *s.Upper, change: s.Change, step: s.index}
	}
	return intervals, checkDisjoint(steps, intervals)
}

// anchor is the bound a step is sorted by.
func anchor(s ScalingStep) int {
	if s.Lower != nil {
		return *s.Lower
	}
	return *s.Upper
}

func checkBounds(i int, s ScalingStep) error {
	switch {
	case s.Lower == nil && s.Upper == nil:
		return stepError(i, s, "needs a lower or an upper bound (messages waiting)")
	case s.Lower != nil && *s.Lower < 0, s.Upper != nil && *s.Upper < 0:
		return stepError(i, s, "has a negative bound; a queue depth is 0 or more")
	case s.Lower != nil && s.Upper != nil && *s.Upper < *s.Lower:
		return stepError(i, s, "has its upper bound below its lower bound; swap them")
	}
	return nil
}

// checkDisjoint refuses steps that overlap or share a bound. Only the empty queue
// may be a step of no width.
func checkDisjoint(steps []ScalingStep, intervals []stepInterval) error {
	for i, cur := range intervals {
		if cur.upper < cur.lower {
			return stepError(cur.step, steps[cur.step], "lies inside %s; give every step a range of its own",
				steps[intervals[i-1].step])
		}
		if cur.lower == cur.upper && cur.upper != 0 {
			return stepError(cur.step, steps[cur.step],
				"covers no queue depth, since another step has the same bound; give every step a range of "+
					"its own")
		}
		if i == 0 {
			continue
		}
		before := intervals[i-1]
		switch {
		case before.lower == cur.lower && before.upper == cur.upper:
			return stepError(cur.step, steps[cur.step], "has the same bounds as %s; keep one of them",
				steps[before.step])
		case cur.lower < before.upper:
			return stepError(cur.step, steps[cur.step], "overlaps %s; end that one at upper: %d",
				steps[before.step], cur.lower)
		}
	}
	return nil
}

func checkChanges(steps []ScalingStep, intervals []stepInterval, adjustment AdjustmentType) error {
	for _, iv := range intervals {
		switch {
		case adjustment == ExactCapacity && iv.change < 0:
			return stepError(iv.step, steps[iv.step],
				"sets the capacity below 0; ExactCapacity needs 0 or more")
		case adjustment == PercentChangeInCapacity && iv.change < -100:
			return stepError(iv.step, steps[iv.step],
				"removes more than 100 percent of the tasks; use -100 or more")
		}
	}
	return nil
}

// fillGaps adds an interval without change wherever no step applies, so that the
// whole line from 0 up is covered.
func fillGaps(intervals []stepInterval) []stepInterval {
	gap := func(lower, upper int) stepInterval {
		return stepInterval{lower: lower, upper: upper, noChange: true, step: -1}
	}
	var full []stepInterval
	end := 0
	for _, iv := range intervals {
		if iv.lower > end {
			full = append(full, gap(end, iv.lower))
		}
		full = append(full, iv)
		end = iv.upper
	}
	if end != unbounded {
		full = append(full, gap(end, unbounded))
	}
	return full
}

// mergeNoChange joins neighbouring intervals without change.
func mergeNoChange(intervals []stepInterval) []stepInterval {
	merged := intervals[:1]
	for _, iv := range intervals[1:] {
		last := &merged[len(merged)-1]
		if last.noChange && iv.noChange {
			last.upper = iv.upper
			continue
		}
		merged = append(merged, iv)
	}
	return merged
}

// checkSingleGap: an alarm has one threshold, so the steps below the gap and those
// above it each need to be in one piece.
func checkSingleGap(intervals []stepInterval) error {
	var gaps []string
	for _, iv := range intervals {
		if iv.noChange {
			gaps = append(gaps, depthRange(iv))
		}
	}
	if len(gaps) > 1 {
		return &FieldError{Field: "Scaling.Steps", Value: gaps,
			Want: "more than one range of depths changes nothing; close all but the one between scale-in " +
				"and scale-out (leave the last step's upper open)"}
	}
	return nil
}

// splitSides finds the intervals of the scale-in alarm and of the scale-out alarm:
// those on either side of the interval without change, or the two halves of a list
// that has none.
func splitSides(intervals []stepInterval) (in, out []stepInterval) {
	if gap := slices.IndexFunc(intervals, func(iv stepInterval) bool { return iv.noChange }); gap >= 0 {
		return intervals[:gap], intervals[gap+1:]
	}
	middle := len(intervals) / 2
	return intervals[:middle], intervals[middle:]
}

// checkSides refuses what the two alarms could carry out but nobody can want.
func checkSides(steps []ScalingStep, in, out []stepInterval, adjustment AdjustmentType) error {
	if len(out) == 0 || adjustment == ExactCapacity && out[len(out)-1].change == 0 {
		return stepsError(steps, "never starts a task; add a scale-out step such as {lower: 1, change: 1}")
	}
	if out[0].lower == 0 {
		return stepError(out[0].step, steps[out[0].step],
			"starts tasks on an empty queue; begin the scale-out at lower: 1")
	}
	if max(len(in), len(out)) > maxStepAdjustments {
		return stepsError(steps,
			fmt.Sprintf("has more than %d steps on one side, the quota of a scaling policy",
				maxStepAdjustments))
	}
	if adjustment == ExactCapacity {
		return checkRising(steps, slices.Concat(in, out))
	}
	for _, iv := range in {
		if iv.change > 0 {
			return stepError(iv.step, steps[iv.step],
				"adds tasks in the lower half of the steps, which becomes the scale-in alarm; put a step "+
					"without change below it, or {upper: 0, change: 0}")
		}
	}
	return checkNoFall(steps, out)
}

// checkNoFall: steps that remove tasks may stand above others that do, but not above
// one that adds some.
func checkNoFall(steps []ScalingStep, out []stepInterval) error {
	if last := out[len(out)-1]; last.change < 0 {
		return stepsError(steps, "never starts a task; add a scale-out step such as {lower: 1, change: 1}")
	}
	for i := 1; i < len(out); i++ {
		if before, cur := out[i-1], out[i]; before.change > 0 && cur.change < 0 {
			return stepError(cur.step, steps[cur.step],
				"removes tasks from a longer queue than %s, which adds some; scale-in steps go "+
					"below", steps[before.step])
		}
	}
	return nil
}

// checkRising: with ExactCapacity a longer queue must never mean fewer tasks.
func checkRising(steps []ScalingStep, intervals []stepInterval) error {
	for i := 1; i < len(intervals); i++ {
		if before, cur := intervals[i-1], intervals[i]; cur.change < before.change {
			return stepError(cur.step, steps[cur.step],
				"sets fewer tasks for a longer queue than %s; capacities must rise with the "+
					"depth", steps[before.step])
		}
	}
	return nil
}

func scaleOutAlarm(out []stepInterval) *stepAlarm {
	alarm := &stepAlarm{ComparisonOperator: atLeast, Threshold: out[0].lower}
	for _, iv := range out {
		alarm.Adjustments = append(alarm.Adjustments, stepAdjustment{
			LowerBound: relative(iv.lower, alarm.Threshold),
			UpperBound: relative(iv.upper, alarm.Threshold),
			Change:     iv.change,
		})
	}
	alarm.Adjustments[len(out)-1].UpperBound = nil
	return alarm
}

func scaleInAlarm(in []stepInterval) *stepAlarm {
	if len(in) == 0 {
		return nil
	}
	alarm := &stepAlarm{ComparisonOperator: atMost, Threshold: in[len(in)-1].upper}
	for _, iv := range slices.Backward(in) {
		alarm.Adjustments = append(alarm.Adjustments, stepAdjustment{
			LowerBound: relative(iv.lower, alarm.Threshold),
			UpperBound: relative(iv.upper, alarm.Threshold),
			Change:     iv.change,
		})
	}
	alarm.Adjustments[len(in)-1].LowerBound = nil
	return alarm
}

func relative(bound, threshold int) *int {
	offset := bound - threshold
	return &offset
}

func depthRange(iv stepInterval) string {
	if iv.upper == unbounded {
		return fmt.Sprintf("%d and up", iv.lower)
	}
	return fmt.Sprintf("%d up to %d", iv.lower, iv.upper)
}

func stepError(index int, step ScalingStep, want string, args ...any) error {
	return &FieldError{Field: fmt.Sprintf("Scaling.Steps[%d]", index), Value: step,
		Want: fmt.Sprintf(want, args...)}
}

func stepsError(steps []ScalingStep, want string) error {
	return &FieldError{Field: "Scaling.Steps", Value: steps, Want: want}
}
