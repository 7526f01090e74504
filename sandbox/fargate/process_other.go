//go:build !linux

package fargate

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// cpuTime is what a process and the process groups of its handlers have used so far.
// Handlers that have ended are not in it.
func cpuTime(pid int, groups []int) (time.Duration, error) {
	table, err := exec.Command("ps", "-A", "-o", "pgid=,time=").Output()
	if err != nil {
		return 0, fmt.Errorf("asking ps for CPU times: %w", err)
	}
	var sum time.Duration
	for line := range strings.Lines(string(table)) {
		var group int
		var text string
		if n, _ := fmt.Sscan(line, &group, &text); n == 2 &&
			(group == pid || slices.Contains(groups, group)) {
			sum += clockTime(text)
		}
	}
	return sum, nil
}

// clockTime reads [[hours:]minutes:]seconds[.hundredths].
func clockTime(text string) time.Duration {
	seconds := 0.0
	for part := range strings.SplitSeq(text, ":") {
		var value float64
		_, _ = fmt.Sscan(part, &value) // ps writes numbers
		seconds = seconds*60 + value
	}
	return time.Duration(seconds * float64(time.Second))
}

// onlyZombies is not known here, where the first process asks at once how its children ended.
func onlyZombies(int) bool { return false }

// killSession ends nothing: only the process groups of handlers are known here.
func killSession(int) {}

// starter starts processes.
type starter struct{}

func newStarter() *starter { return &starter{} }

func (*starter) start(cmd *exec.Cmd, _ *cgroup) error { return cmd.Start() }

func (*starter) stop() {}
