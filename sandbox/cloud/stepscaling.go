package cloud

import "math"

// Adjustment finds the step that a metric value matches, for an alarm with a
// threshold that watches for values above it or below it, and returns the capacity
// it asks for, before the limits of the target. A value that matches no step changes
// nothing, as in AWS. Source: Application Auto Scaling user guide, "Step scaling
// policies".
func (s *StepScaling) Adjustment(value, threshold float64, above bool, capacity int) (wanted int, matched bool, err error) {
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
