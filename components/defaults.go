package components

import "slices"

// withDefaults fills in what was left out; the doc comment of each field states
// its default.
func (args QueueWorkerArgs) withDefaults() QueueWorkerArgs {
	q := &args.Queue
	setDefault(&q.VisibilityTimeoutSeconds, defaultVisibilityTimeoutSeconds)
	setDefault(&q.MessageRetentionSeconds, defaultMessageRetentionSeconds)
	setDefault(&q.MaxReceiveCount, defaultMaxReceiveCount)
	setDefaultPointer(&q.ContentBasedDeduplication, true)

	t := &args.Task
	setDefault(&t.CPU, defaultCPU)
	setDefault(&t.MemoryMiB, leastMemoryMiB(t.CPU))
	setDefault(&t.Architecture, X8664)
	setDefault(&t.HandlerTimeoutMinutes, defaultHandlerTimeoutMinutes)
	setDefault(&t.Concurrency, defaultConcurrency)
	setDefault(&t.LogRetentionDays, defaultLogRetentionDays)

	setDefaultPointer(&args.Service.DeploymentMinimumHealthyPercent, defaultMinimumHealthyPercent)
	setDefaultPointer(&args.Service.DeploymentMaximumPercent, defaultMaximumPercent)

	s := &args.Scaling
	setDefault(&s.MaxCapacity, 1)
	setDefault(&s.AdjustmentType, ChangeInCapacity)
	setDefault(&s.ScaleOutCooldownSeconds, defaultCooldownSeconds)
	setDefault(&s.ScaleInCooldownSeconds, defaultCooldownSeconds)
	setDefaultPointer(&s.WakeIntervalSeconds, defaultWakeIntervalSeconds)
	setDefault(&s.Idle.CPUPercent, defaultIdleCPUPercent)
	setDefault(&s.Idle.Minutes, defaultIdleMinutes)
	if s.Steps == nil {
		empty, one := 0, 1
		s.Steps = []ScalingStep{{Upper: &empty}, {Lower: &one, Change: 1}}
	}

	o := &args.Operations
	setDefaultPointer(&o.OldestMessageMinutes, defaultOldestMessageMinutes)
	setDefaultPointer(&o.NotStartingMinutes, s.defaultNotStartingMinutes())
	setDefaultPointer(&o.StuckMinutes, max(t.HandlerTimeoutMinutes, guardedMinutes))
	neverStopping := defaultNeverStoppingHours
	if s.MinCapacity > 0 {
		neverStopping = 0 // tasks that run and wait are what was asked for
	}
	setDefaultPointer(&o.NeverStoppingHours, neverStopping)
	setDefaultPointer(&o.AtMaximumMinutes, defaultAtMaximumMinutes)

	if args.Spelling == nil {
		args.Spelling = itself
	}
	return args.copied()
}

// copied shares nothing with the arguments it was made from that checks may replace.
func (args QueueWorkerArgs) copied() QueueWorkerArgs {
	if args.Queue.Existing != nil {
		existing := *args.Queue.Existing
		args.Queue.Existing = &existing
	}
	args.Identity.TaskPolicyARNs = slices.Clone(args.Identity.TaskPolicyARNs)
	args.Identity.ExecutionPolicyARNs = slices.Clone(args.Identity.ExecutionPolicyARNs)
	args.Identity.TaskPolicyStatements = slices.Clone(args.Identity.TaskPolicyStatements)
	args.Task.Volumes = slices.Clone(args.Task.Volumes)
	for i, v := range args.Task.Volumes {
		if v.EFS != nil {
			efs := *v.EFS
			args.Task.Volumes[i].EFS = &efs
		}
	}
	return args
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setDefaultPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
