package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Trial runs a workload on a stack alone. It gives up once more messages wait than come in two
// of the busiest days: such a stack only falls further behind, and takes long to simulate.
func Trial(ctx context.Context, s Stack, w *Workload, p Parameters) (*Result, error) {
	var err error
	if p.Days, err = w.Days(p.Days); err != nil {
		return nil, err
	}
	system, err := s.itself()
	if err != nil {
		return nil, err
	}
	const patience = 2 // busiest days
	result, err := runWithin(ctx, system, w, p, patience*slices.Max(w.perDay(p.Seed, p.Days)))
	if err != nil {
		return nil, fmt.Errorf("simulating %s with %s: %w", system.Name, w.Name, err)
	}
	return result, nil
}

// perDay are how many messages come on each day.
func (w *Workload) perDay(seed uint64, days int) []int {
	counts := make([]int, days)
	for job := range w.jobs(seed, days) {
		counts[int(job.At/day)]++
	}
	return counts
}

// Sample is the workload on fewer days: the first ones if each day is drawn alike, else the
// busiest and others evenly spread, one after the other.
func (w *Workload) Sample(days int) *Workload {
	if w.daily() {
		return w
	}
	last := int(w.Trace[len(w.Trace)-1].At/day) + 1
	if days >= last {
		return w
	}
	counts := w.perDay(0, last)
	chosen := map[int]int{slices.Index(counts, slices.Max(counts)): 0} // the day, and its place
	for i := range last {
		if d := (i*last/days + i/days) % last; len(chosen) < days && counts[d] > 0 {
			chosen[d] = 0
		}
	}
	place := 0
	for d := range last {
		if _, ok := chosen[d]; ok {
			chosen[d] = place
			place++
		}
	}
	sampled := *w
	sampled.Trace = nil
	for _, job := range w.Trace {
		if place, ok := chosen[int(job.At/day)]; ok {
			job.At = time.Duration(place)*day + job.At%day
			sampled.Trace = append(sampled.Trace, job)
		}
	}
	return &sampled
}
