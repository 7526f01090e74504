package fargate

import (
	"fmt"
	"runtime"
	"sync"

	"fargate-queue-worker/sandbox/cloud"
)

// cpuLimit holds tasks to the CPU that they reserve, where that can be had.
type cpuLimit struct {
	groups *cgroups

	mu     sync.Mutex
	reason error // why tasks are not limited, nil if they are
}

func newCPULimit(s *starter) *cpuLimit {
	groups, err := openCgroups(s)
	return &cpuLimit{groups: groups, reason: err}
}

// group is a new task's cgroup, nil if it runs without a limit.
func (l *cpuLimit) group(vcpu float64) *cgroup {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != nil {
		return nil
	}
	group, err := l.groups.make(vcpu)
	if err != nil {
		l.reason = err
		return nil
	}
	return group
}

// CPULimit says how much CPU a task of a definition gets here, or why it may get more than on
// Fargate.
func (h *Host) CPULimit(definition *cloud.TaskDefinition) string {
	h.limit.mu.Lock()
	defer h.limit.mu.Unlock()
	if h.limit.reason != nil {
		return fmt.Sprintf("none: %s; handlers may use more than Fargate would give", h.limit.reason)
	}
	text := fmt.Sprintf("%g vCPU a task, by cgroup", vcpus(definition))
	if there := runtime.NumCPU(); vcpus(definition) > float64(there) {
		text += fmt.Sprintf("; this machine has %d", there)
	}
	return text
}
