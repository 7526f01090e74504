package simulate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Condition is something that a result must not be, such as p95_wait>5m.
type Condition struct {
	text, operator string
	measure        measure
	limit          float64 // seconds, if it is a time
}

// ParseConditions reads a list such as "p95_wait>5m,killed>0".
func ParseConditions(list string) ([]Condition, error) {
	if list == "" {
		return nil, nil
	}
	var all []Condition
	var wrong []error
	for text := range strings.SplitSeq(list, ",") {
		c, err := parseCondition(strings.TrimSpace(text))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("--fail-on: %q: %w", text, err))
		}
		all = append(all, c)
	}
	return all, errors.Join(wrong...)
}

func parseCondition(text string) (Condition, error) {
	i := strings.IndexAny(text, "<>")
	if i < 0 {
		return Condition{}, errors.New("needs to be a measure, < or >, and a limit, such as p95_wait>5m")
	}
	c := Condition{text: text, operator: text[i : i+1]}
	if strings.HasPrefix(text[i+1:], "=") {
		return c, errors.New("needs to use < or >")
	}
	name := strings.TrimSpace(text[:i])
	m, ok := measureOf(name)
	if !ok {
		return c, fmt.Errorf("%s is not a measure; there are %s", name, strings.Join(MeasureNames(), ", "))
	}
	c.measure = m
	limit := strings.TrimSpace(text[i+1:])
	if m.isTime {
		d, err := time.ParseDuration(limit)
		if err != nil {
			return c, fmt.Errorf("%q needs to be a duration, such as 5m", limit)
		}
		c.limit = d.Seconds()
		return c, nil
	}
	var err error
	if c.limit, err = strconv.ParseFloat(limit, 64); err != nil || math.IsNaN(c.limit) {
		return c, fmt.Errorf("%q needs to be a number", limit)
	}
	return c, nil
}

// holds says whether a result is what it must not be.
func (c Condition) holds(r *Result) bool {
	value := c.measure.of(r)
	if c.operator == "<" {
		return value < c.limit
	}
	return value > c.limit
}

// Check returns an error that names each condition that holds for the stack, in any of
// the readings that were simulated.
func (r *Report) Check(conditions []Condition) error {
	var failed []error
	for _, comparison := range r.Comparisons {
		stack := comparison.Results[0]
		if stack.All.Count() == 0 && len(conditions) > 0 {
			failed = append(failed,
				fmt.Errorf("%s: no message came, so nothing can be said", comparison.Workload.Name))
			continue
		}
		for _, c := range conditions {
			i := slices.IndexFunc(stack.readings(), c.holds)
			if i >= 0 {
				failed = append(failed, c.failure(comparison.Workload.Name, stack.readings()[i]))
			}
		}
	}
	return errors.Join(failed...)
}

// readings are the result and its variants.
func (r *Result) readings() []*Result { return append([]*Result{r}, r.variants...) }

func (c Condition) failure(workload string, r *Result) error {
	value := strconv.FormatFloat(c.measure.of(r), 'g', 6, 64)
	if c.measure.isTime {
		value = InWords(duration(c.measure.of(r)))
	}
	return fmt.Errorf("%s: %s (it is %s)", workload, c.text, value)
}
