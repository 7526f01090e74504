package simulate

import "fmt"

// workerMemory is what the worker itself takes of a task's memory, in MiB, rounded up
// from what docs/measured.md gives.
const workerMemory = 32

// NoticeableSlowdown is from where on the report says that work is slowed down.
const NoticeableSlowdown = 1.05

// NeededMemory is what a task needs that works on so many groups at once, in MiB.
func (w *Workload) NeededMemory(concurrency int) int { return concurrency*w.Memory + workerMemory }

// sizeWarnings say where a task is too small for what works in it: they go with each
// system, since a reader compares waits and dollars that would not come about.
func sizeWarnings(s System, w *Workload, r *Result) []string {
	var warnings []string
	size, n := s.size(), s.Worker.Concurrency
	memory := int(1024 * size.gib)
	if needed := w.NeededMemory(n); needed > memory {
		warnings = append(warnings, fmt.Sprintf("a task of %d MiB cannot hold what it works on: "+
			"%d handlers of %d MiB and the worker's %d MiB are %d MiB; %d handlers fit, or %d MiB",
			memory, n, w.Memory, workerMemory, needed, max(0, memory-workerMemory)/w.Memory, needed))
	}
	if slow := r.Slowdown(); slow > NoticeableSlowdown {
		warnings = append(warnings,
			fmt.Sprintf("handlers take %.1f times as long as their work does alone, for want of CPU: "+
				"%d handlers at %g %% of a vCPU want %g %%, a task has %g %%; a smaller concurrency or a "+
				"larger task helps",
				slow, n, w.CPU.Working, float64(n)*w.CPU.Working, 100*size.vcpu))
	}
	return warnings
}
