package components

import "fmt"

const (
	// idleVCPU is about what an idle consumer needs to poll: a process that makes
	// one long poll in 20 seconds uses a millisecond of CPU per second, give or take
	// its runtime.
	idleVCPU = 0.001

	// longVisibilitySeconds is where a hidden message becomes a message nobody
	// knows where it is.
	longVisibilitySeconds = 3600
)

// warnings are the consequences of settings that are allowed but seldom meant.
func (args QueueWorkerArgs) warnings() []string {
	var found []string
	if w := unreachableIdle(args.Task, args.Scaling.Idle); w != "" {
		found = append(found, w)
	}
	if args.Scaling.Idle.Unguarded {
		found = append(found, "idleUnguarded: the CPU alarm alone decides when tasks stop; work that waits for something looks idle to it, and only a worker that protects its task is safe")
	}
	if args.Queue.Existing == nil && args.Queue.VisibilityTimeoutSeconds > longVisibilitySeconds {
		found = append(found, fmt.Sprintf(
			"visibilityTimeoutSeconds: %d: when a task dies, its messages stay hidden and their groups blocked for up to %.1f hours; a worker that extends its lease needs no more than %d",
			args.Queue.VisibilityTimeoutSeconds, float64(args.Queue.VisibilityTimeoutSeconds)/3600, defaultVisibilityTimeoutSeconds))
	}
	if q := args.Queue; q.Existing == nil && q.VisibilityTimeoutSeconds*q.MaxReceiveCount >= q.MessageRetentionSeconds {
		found = append(found, fmt.Sprintf(
			"messageRetentionSeconds: %d: a message that is never finished is received %d times for %d seconds each (maxReceiveCount, visibilityTimeoutSeconds), and expires before it gets to the dead-letter queue; keep it longer, or lower those",
			q.MessageRetentionSeconds, q.MaxReceiveCount, q.VisibilityTimeoutSeconds))
	}
	if stuck := *args.Operations.StuckMinutes; args.Operations.TopicARN != nil && args.Queue.Existing == nil && stuck > 0 && stuck*60 < args.Queue.VisibilityTimeoutSeconds {
		found = append(found, fmt.Sprintf(
			"stuckMinutes: %d: a message may be worked on for as long as it is hidden, %d minutes (visibilityTimeoutSeconds), and is reported as stuck before; so may oldestMessageMinutes (%d) be too short",
			stuck, args.Queue.VisibilityTimeoutSeconds/60, *args.Operations.OldestMessageMinutes))
	}
	if steps, err := TranslateSteps(args.Scaling.Steps, args.Scaling.AdjustmentType); err == nil {
		found = append(found, steps.warnings(args.Scaling.AdjustmentType, args.Task.ProtectsItself)...)
	}
	return found
}

// warnings are the consequences of steps that CDK accepts and AWS carries out.
func (s StepScaling) warnings(adjustment AdjustmentType, protected bool) []string {
	var found []string
	if depth, shared := s.SharedThreshold(); shared {
		found = append(found, fmt.Sprintf(
			"scalingSteps: at a depth of %d both alarms act, and tasks are started and stopped in turn; leave a gap between scale-in and scale-out", depth))
	}
	if s.ScaleIn != nil && s.ScaleIn.Threshold > 0 {
		found = append(found, fmt.Sprintf(
			"scalingSteps: tasks are stopped while up to %d messages are waiting or worked on; upper: 0 stops them when there are none", s.ScaleIn.Threshold))
	}
	if s.stopsOnVisible(adjustment) && !protected {
		found = append(found, "scalingSteps: the scale-out alarm looks at waiting messages only, and some of its steps stop tasks that still work on others; use ChangeInCapacity and let the idle alarm stop them, or a worker that protects its task")
	}
	return found
}

// stopsOnVisible says whether a step of the scale-out alarm may stop tasks.
func (s StepScaling) stopsOnVisible(adjustment AdjustmentType) bool {
	first := s.ScaleOut.Adjustments[0].Change
	for _, a := range s.ScaleOut.Adjustments {
		if a.Change < 0 || adjustment == ExactCapacity && a.Change != first {
			return true
		}
	}
	return false
}

// unreachableIdle warns of a threshold that polling alone may exceed.
func unreachableIdle(task TaskArgs, idle IdleArgs) string {
	const unitsPerVCPU = 1024
	vCPU := float64(task.CPU) / unitsPerVCPU
	threshold := idle.CPUPercent / 100 * vCPU
	if threshold >= idleVCPU {
		return ""
	}
	return fmt.Sprintf(
		"idleCpuPercent: %g %% of %g vCPU is %.2g ms of CPU a second, but a process that only polls the queue needs about %g: the tasks may never count as idle; %.2g would do",
		idle.CPUPercent, vCPU, threshold*1000, idleVCPU*1000, 10*idleVCPU/vCPU*100)
}
