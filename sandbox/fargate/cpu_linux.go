package fargate

import (
	"time"

	"github.com/prometheus/procfs"
)

// clockTick is the unit of CPU time in /proc, the same on all of Linux.
const clockTick = time.Second / 100

// cpuTime is what the session that a process leads has used, ended children included.
func cpuTime(session int, _ []int) (time.Duration, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return 0, err
	}
	var ticks uint
	for _, p := range all {
		stat, err := p.Stat()
		if err != nil || stat.Session != session {
			continue // it has ended meanwhile, or is none of ours
		}
		ticks += stat.UTime + stat.STime + uint(stat.CUTime+stat.CSTime)
	}
	return time.Duration(ticks) * clockTick, nil
}
