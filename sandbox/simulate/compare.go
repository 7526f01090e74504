// Package simulate runs a stack against a workload in virtual time, in the same model
// of AWS as the sandbox, beside what people would use instead.
package simulate

import "fmt"

// Comparison is a workload on the stack and on its peers; the stack comes first.
type Comparison struct {
	Workload *Workload
	Stack    Stack
	// Systems and Results belong together.
	Systems []System
	Results []*Result
}

// Compare runs a workload on a stack and, if peers is set, on all systems.
func Compare(s Stack, w *Workload, p Parameters, peers bool) (*Comparison, error) {
	c := &Comparison{Workload: w, Stack: s}
	constructors := s.systems(w)
	if !peers {
		constructors = constructors[:1]
	}
	for i, construct := range constructors {
		if err := c.add(construct, p); err != nil {
			return nil, err
		}
		if i == 0 && peers {
			peak := max(1, c.Results[0].Peak)
			if err := c.add(func() (System, error) { return s.alwaysOn(peak) }, p); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (c *Comparison) add(construct func() (System, error), p Parameters) error {
	system, err := construct()
	if err != nil {
		return err
	}
	result, err := run(system, c.Workload, p)
	if err != nil {
		return fmt.Errorf("simulating %s with %s: %w", system.Name, c.Workload.Name, err)
	}
	c.Systems, c.Results = append(c.Systems, system), append(c.Results, result)
	return nil
}
