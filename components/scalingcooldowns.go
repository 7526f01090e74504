package components

const (
	// scaleOutMinutes is how many minutes the scale-out alarm looks at.
	scaleOutMinutes = 1
	// lingeringDatapoints are those that an alarm looks at beyond its evaluation periods: so
	// many minutes longer does it stay in ALARM when its metric stops coming, as the CPU of
	// a service without tasks does. Source: CloudWatch user guide, "Configuring how
	// CloudWatch alarms treat missing data".
	lingeringDatapoints = 2
	// latestMetricMinutes is how late a metric may show.
	latestMetricMinutes = 2
)

// staleSeconds is how long an alarm may stay in ALARM on what is no longer so. CloudWatch
// repeats an Auto Scaling action each minute of it, which would undo a wake-up shortly after
// a scale-to-zero. Source: CloudWatch user guide, "Using Amazon CloudWatch alarms".
func staleSeconds(periods, periodMinutes int) int {
	return ((periods+lingeringDatapoints)*periodMinutes + latestMetricMinutes) * alarmPeriodSeconds
}

// cooldowns of the policies in seconds: the configured ones, but where a policy can stop
// the last task, long enough to outlast its alarm.
func (s ScalingArgs) cooldowns(steps stepScaling) (out, in, idle int) {
	out, in, idle = s.ScaleOutCooldownSeconds, s.ScaleInCooldownSeconds, s.ScaleInCooldownSeconds
	if s.MinCapacity > 0 {
		return out, in, idle
	}
	if steps.ScaleOut.reachesNone(s.AdjustmentType) {
		out = max(out, staleSeconds(scaleOutMinutes, 1))
	}
	if steps.ScaleIn != nil && steps.ScaleIn.reachesNone(s.AdjustmentType) {
		in = max(in, staleSeconds(guardedMinutes, 1))
	}
	periods, minutes := s.Idle.Minutes, 1
	if s.Idle.Unguarded {
		periods, minutes = 1, s.Idle.Minutes
	}
	return out, in, max(idle, staleSeconds(periods, minutes))
}

// reachesNone says whether the policy of an alarm may stop the last task.
func (a *stepAlarm) reachesNone(adjustment AdjustmentType) bool {
	for _, step := range a.Adjustments {
		if step.Change < 0 || adjustment == ExactCapacity && step.Change == 0 {
			return true
		}
	}
	return false
}
