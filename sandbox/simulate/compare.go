// Package simulate runs a stack against a workload in virtual time, in the same model
// of AWS as the sandbox, beside what people would use instead.
package simulate

import (
	"context"
	"fmt"
)

// Comparison is a workload on the stack and on its peers; the stack comes first.
type Comparison struct {
	Workload *Workload
	Stack    Stack
	// Days that were simulated, and over which it was costed.
	Days int
	// Systems and Results belong together.
	Systems []System
	Results []*Result
}

// Compare runs a workload on a stack and, if peers is set, on all systems. When the
// context ends it stops at once, with the context's error.
func Compare(ctx context.Context, s Stack, w *Workload, p Parameters, peers bool) (*Comparison, error) {
	var err error
	if p.Days, err = w.Days(p.Days); err != nil {
		return nil, err
	}
	c := &Comparison{Workload: w, Stack: s, Days: p.Days}
	constructors := s.systems(w)
	if !peers {
		constructors = constructors[:1]
	}
	for i, construct := range constructors {
		if err := c.add(ctx, construct, p); err != nil {
			return nil, err
		}
		if i == 0 && peers {
			peak := max(1, c.Results[0].Peak)
			if err := c.add(ctx, func() (System, error) { return s.alwaysOn(peak) }, p); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *Comparison) add(ctx context.Context, construct func() (System, error), p Parameters) error {
	system, err := construct()
	if err != nil {
		return err
	}
	result, err := run(ctx, system, c.Workload, p)
	if err != nil {
		return fmt.Errorf("simulating %s with %s: %w", system.Name, c.Workload.Name, err)
	}
	c.Systems, c.Results = append(c.Systems, system), append(c.Results, result)
	return nil
}
