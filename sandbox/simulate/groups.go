package simulate

import (
	"cmp"
	"slices"
	"time"
)

// OrderWaits are what messages wait for earlier ones of their group, if a task begins
// everything else at once: no settings of a stack give less.
func (w *Workload) OrderWaits(seed uint64, days int) Waits {
	waits := newWaits()
	free := map[int]time.Duration{} // from when on, by group
	for job := range w.jobs(seed, days) {
		begin := max(job.At, free[job.Group])
		waits.add(begin - job.At)
		free[job.Group] = begin + job.Work
	}
	return waits
}

// PeakGroups is how many groups have work at once at most if each has a task at once, 1 or
// more: what works on more at once is of no use.
func (w *Workload) PeakGroups(seed uint64, days int) int {
	type edge struct {
		at   time.Duration
		step int
	}
	busy := map[int]time.Duration{} // until when, by group
	var edges []edge
	for job := range w.jobs(seed, days) {
		end, known := busy[job.Group]
		if end <= job.At {
			if known {
				edges = append(edges, edge{end, -1})
			}
			edges = append(edges, edge{job.At, 1})
			end = job.At
		}
		busy[job.Group] = end + job.Work
	}
	for _, end := range busy {
		edges = append(edges, edge{end, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step))
	})
	now, peak := 0, 1
	for _, e := range edges {
		now += e.step
		peak = max(peak, now)
	}
	return peak
}
