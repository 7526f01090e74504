package cloud

import (
	"fmt"
	"math"
)

// adjustment finds the step that a metric value matches, for an alarm with a
// threshold that watches for values above it or below it, and returns the capacity
// it asks for, before the limits of the target. A value that matches no step changes
// nothing, as in AWS. Source: Application Auto Scaling user guide, "Step scaling
// policies".
func (s *StepScaling) adjustment(
	value, threshold float64, above bool, capacity int,
) (wanted int, matched bool, err error) {
	steps, err := intervals(s.StepAdjustments)
	if err != nil {
		return capacity, false, err
	}
	for _, step := range steps {
		if step.matches(value-threshold, above) {
			return s.adjust(capacity, step.change), true, nil
		}
	}
	return capacity, false, nil
}

// stepInWords is the step that a metric value matches, "" for none: the values that it is for
// and what it does.
func (s *StepScaling) stepInWords(value, threshold float64, above bool) string {
	steps, err := intervals(s.StepAdjustments)
	if err != nil {
		return ""
	}
	for _, step := range steps {
		if step.matches(value-threshold, above) {
			return step.bounds(threshold, above) + " " + s.changeInWords(step.change)
		}
	}
	return ""
}

// bounds in words, as values of the metric: above the threshold a step includes its lower
// one, below it its upper one.
func (i interval) bounds(threshold float64, above bool) string {
	from, to, below := "from", "to below", "below"
	if !above {
		from, to, below = "above", "up to", "up to"
	}
	switch {
	case i.lower == nil:
		return below + " " + decimal(threshold+*i.upper)
	case i.upper == nil:
		return from + " " + decimal(threshold+*i.lower)
	}
	return fmt.Sprintf("%s %s %s %s", from, decimal(threshold+*i.lower), to, decimal(threshold+*i.upper))
}

func (s *StepScaling) changeInWords(change int) string {
	unit := ""
	if s.AdjustmentType == "PercentChangeInCapacity" {
		unit = " %"
	}
	switch {
	case s.AdjustmentType == "ExactCapacity":
		return fmt.Sprintf("sets %d", change)
	case change < 0:
		return fmt.Sprintf("takes %d%s", -change, unit)
	}
	return fmt.Sprintf("adds %d%s", change, unit)
}

// matches: above the threshold a step includes its lower bound and excludes its
// upper; below it is the other way round. A value equal to the threshold is on the
// side that the alarm watches.
func (i interval) matches(offset float64, above bool) bool {
	lower, upper := math.Inf(-1), math.Inf(1)
	if i.lower != nil {
		lower = *i.lower
	}
	if i.upper != nil {
		upper = *i.upper
	}
	if offset > 0 || offset == 0 && above {
		return offset >= lower && offset < upper
	}
	return offset > lower && offset <= upper
}

func (s *StepScaling) adjust(capacity, change int) int {
	switch s.AdjustmentType {
	case "ExactCapacity":
		return change
	case "PercentChangeInCapacity":
		return capacity + s.percentOf(capacity, change)
	default:
		return capacity + change
	}
}

// percentOf rounds toward zero, but never to zero, and applies the least magnitude.
func (s *StepScaling) percentOf(capacity, percent int) int {
	exact := float64(capacity) * float64(percent) / 100
	rounded := math.Trunc(exact)
	if rounded == 0 && percent != 0 && exact != 0 {
		rounded = math.Copysign(1, exact)
	}
	least := float64(s.MinAdjustmentMagnitude)
	if percent != 0 && math.Abs(rounded) < least {
		rounded = math.Copysign(least, float64(percent))
	}
	return int(rounded)
}
