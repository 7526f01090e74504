package components

const (
	// idleVCPU is about what an idle consumer needs to poll: a process that makes
	// one long poll in 20 seconds uses a millisecond of CPU per second, give or take
	// its runtime.
	idleVCPU = 0.001
	// sidecarVCPU is a careful guess at what an idle agent needs beside it.
	sidecarVCPU = 0.01

	// longVisibilitySeconds is where a hidden message becomes a message nobody
	// knows where it is.
	longVisibilitySeconds = 3600

	// leastMiB and leastUnits are what a message group needs of a task's memory and CPU at
	// least, whatever its job: a small process.
	leastMiB   = 48
	leastUnits = 24
)

// warnings are the consequences of settings that are allowed but seldom meant, as
// *FieldError.
func (args QueueWorkerArgs) warnings() []error {
	var found FieldErrors
	warnOfIdleness(&found, args)
	warnOfTimes(&found, args)
	warnOfSize(&found, args.Task)
	if args.Task.LogConfiguration != nil && show(args.Task.LogConfiguration["logDriver"]) != "awslogs" {
		found.Add("Task.LogConfiguration", show(args.Task.LogConfiguration["logDriver"]),
			"the metrics that the worker writes into its log do not get to CloudWatch, nor does the log to "+
				"the log group; the dashboard's charts of the worker stay empty")
	}
	warnOfWaking(&found, args.Scaling)
	if most := args.Scaling.MaxCapacity; args.Service.SpotPercent > 0 && args.Service.OnDemandBase >= most {
		found.Add("Service.OnDemandBase", args.Service.OnDemandBase,
			"is all of {Scaling.MaxCapacity} (%d): nothing ever runs on Spot", most)
	}
	if steps, err := translateSteps(args.Scaling.Steps, args.Scaling.AdjustmentType); err == nil {
		steps.warn(&found, args.Scaling, args.Task.ProtectsItself)
	}
	return found.found
}

func warnOfIdleness(found *FieldErrors, args QueueWorkerArgs) {
	idle := args.Scaling.Idle
	const unitsPerVCPU = 1024
	vCPU := float64(args.Task.CPU) / unitsPerVCPU
	threshold := idle.CPUPercent / 100 * vCPU
	if threshold < idleVCPU {
		found.Add("Scaling.Idle.CPUPercent", idle.CPUPercent,
			"of %g vCPU that is %.2g ms of CPU a second, but a process that only polls the queue needs "+
				"about %g: the tasks may never count as idle; %.2g would do",
			vCPU, threshold*1000, idleVCPU*1000, 10*idleVCPU/vCPU*100)
	}
	if n := len(args.Task.Sidecars); n > 0 && threshold < idleVCPU+float64(n)*sidecarVCPU {
		found.Add("Task.Sidecars", count(n, "container"),
			"their CPU counts, too, when tasks are to count as idle: {Scaling.Idle.CPUPercent} is %g, and "+
				"may never be reached; look what they use while they wait, or take about %.2g",
			idle.CPUPercent, 2*(idleVCPU+float64(n)*sidecarVCPU)/vCPU*100)
	}
	if idle.Unguarded {
		found.Add("Scaling.Idle.Unguarded", true,
			"the CPU alarm alone decides when tasks stop; work that waits for something looks idle to it, "+
				"and only a worker that protects its task is safe")
	}
}

func warnOfTimes(found *FieldErrors, args QueueWorkerArgs) {
	longest := args.Task.HandlerTimeoutMinutes
	if q := args.Queue; q.Existing == nil {
		if q.VisibilityTimeoutSeconds > longVisibilitySeconds && q.VisibilityTimeoutSeconds > (longest+2)*60 {
			found.Add("Queue.VisibilityTimeoutSeconds", q.VisibilityTimeoutSeconds,
				"when a task dies, its messages stay hidden and their groups blocked for up to %.1f hours, "+
					"longer than a job may take ({Task.HandlerTimeoutMinutes}); a worker that extends its "+
					"lease needs no more than %d",
				float64(q.VisibilityTimeoutSeconds)/3600, defaultVisibilityTimeoutSeconds)
		}
		if q.VisibilityTimeoutSeconds*q.MaxReceiveCount >= q.MessageRetentionSeconds {
			found.Add("Queue.MessageRetentionSeconds", q.MessageRetentionSeconds,
				"a message that is never finished is received %d times for %d seconds each "+
					"({Queue.MaxReceiveCount}, {Queue.VisibilityTimeoutSeconds}), and expires before it "+
					"gets to the dead-letter queue; keep it longer, or lower those",
				q.MaxReceiveCount, q.VisibilityTimeoutSeconds)
		}
	}
	if args.Operations.TopicARN == nil {
		return
	}
	if stuck := *args.Operations.StuckMinutes; stuck > 0 && stuck < longest {
		found.Add("Operations.StuckMinutes", stuck,
			"a message may be worked on for %d minutes ({Task.HandlerTimeoutMinutes}), and is reported as "+
				"stuck before", longest)
	}
	if hours := *args.Operations.NeverStoppingHours; hours > 0 && hours*60 <= longest {
		found.Add("Operations.NeverStoppingHours", hours,
			"a message may be worked on for %d minutes ({Task.HandlerTimeoutMinutes}), and is reported "+
				"before", longest)
	}
}

// warnOfSize warns of tasks that are too small for what runs in them at once.
func warnOfSize(found *FieldErrors, t TaskArgs) {
	if t.MemoryMiB < t.Concurrency*leastMiB {
		found.Add("Task.Concurrency", t.Concurrency,
			"leaves %d MiB of {Task.MemoryMiB} for each message in work; a task that runs out of memory "+
				"dies with all of them",
			t.MemoryMiB/t.Concurrency)
	}
	if t.CPU < t.Concurrency*leastUnits {
		found.Add("Task.Concurrency", t.Concurrency,
			"leaves %d units of {Task.CPU} for each message in work, of which a vCPU has "+
				"1024", t.CPU/t.Concurrency)
	}
}

// warn of the consequences of steps that CDK accepts and AWS carries out.
func (s stepScaling) warn(found *FieldErrors, args ScalingArgs, protected bool) {
	if depth, shared := s.sharedThreshold(); shared {
		found.Add("Scaling.Steps", args.Steps,
			"at a depth of %d both alarms act, and tasks are started and stopped in turn; leave a gap "+
				"between scale-in and scale-out", depth)
	}
	if s.ScaleIn != nil && s.ScaleIn.Threshold > 0 {
		found.Add("Scaling.Steps", args.Steps,
			"tasks are stopped while up to %d messages are waiting or worked on; upper: 0 stops them when "+
				"there are none", s.ScaleIn.Threshold)
	}
	if s.stopsOnVisible(args.AdjustmentType) && !protected {
		found.Add("Scaling.Steps", args.Steps,
			"the scale-out alarm looks at waiting messages only, and some of its steps stop tasks that "+
				"still work on others; use ChangeInCapacity and let the idle alarm stop them, or a worker "+
				"that protects its task")
	}
}

// stopsOnVisible says whether a step of the scale-out alarm may stop tasks.
func (s stepScaling) stopsOnVisible(adjustment AdjustmentType) bool {
	first := s.ScaleOut.Adjustments[0].Change
	for _, a := range s.ScaleOut.Adjustments {
		if a.Change < 0 || adjustment == ExactCapacity && a.Change != first {
			return true
		}
	}
	return false
}
