package simulate

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/settings"
)

// System is a way to scale tasks: an account whose alarms and policies do, or a
// scaler of another kind.
type System struct {
	Name string
	// Is says in a line what it is, and where its parameters come from.
	Is      string
	Account *cloud.Account
	cloud.QueueConsumer
	Worker WorkerSettings
	// EveryMinute, if not nil, publishes metrics of its own.
	EveryMinute func(c *cloud.Control, counts cloud.Counts, box *cloud.Mailbox, now time.Time)
	// Poller scales instead of alarms.
	Poller *Poller
	// ByCloudWatch says whether it is driven by CloudWatch, from no tasks.
	ByCloudWatch bool
}

// least is how many tasks run without work.
func (s System) least() int {
	least := 0
	for _, t := range s.Account.Targets {
		least = t.MinCapacity
	}
	if len(s.Account.Targets) == 0 && s.Poller == nil {
		least = s.Service.DesiredCount
	}
	return least
}

// Stack is what is simulated: a stack of the project in Root.
type Stack struct {
	Root, Name string
	Overrides  []string
}

// Names of the systems.
const (
	alwaysOn       = "always on"
	tutorial       = "tutorial"
	cdkDefault     = "CDK default"
	backlogPerTask = "backlog per task"
	kedaLike       = "KEDA-like"
)

// Systems is how many there are with all peers.
const Systems = 6

// systems are constructors, since each run needs an account of its own. The stack
// comes first.
func (s Stack) systems(w *Workload) []func() (System, error) {
	return []func() (System, error){s.itself, s.tutorial, s.cdkDefault, func() (System, error) {
		return s.backlogPerTask(w)
	}, s.kedaLike}
}

// itself is the stack as it is declared.
func (s Stack) itself() (System, error) {
	account, err := declared.Account(s.Root, s.Name, s.Overrides...)
	if err != nil {
		return System{}, err
	}
	consumer, err := account.QueueConsumer()
	if err != nil {
		return System{}, err
	}
	worker, err := workerOf(consumer.Container)
	if err != nil {
		return System{}, err
	}
	return System{
		Name: s.Name, Is: "the stack, as its program declares it, with the project's worker",
		Account: account, ByCloudWatch: true, QueueConsumer: consumer, Worker: worker,
	}, nil
}

// workerOf reads the settings of the project's worker from its environment, as it does
// itself.
func workerOf(c cloud.Container) (WorkerSettings, error) {
	environment := map[string]string{}
	for _, v := range c.Environment {
		environment[v.Name] = v.Value
	}
	read, err := settings.Read(environment)
	if err != nil {
		return WorkerSettings{}, fmt.Errorf("the worker's environment:\n%w", err)
	}
	w := WorkerSettings{Config: read.Consumer().WithDefaults(), Protection: true, HoldDown: read.HoldDown}
	w.Drain = max(0, time.Duration(c.StopTimeout)*time.Second-w.StopSignal)
	return w, nil
}

// ordinary is a worker that is not protected and has the 30 s of ECS's default to
// stop; it extends its lease, and works on as many groups at once as the stack's. A
// message on which it fails comes again until SQS puts it aside.
func ordinary(w WorkerSettings) WorkerSettings {
	peer := WorkerSettings{Config: consumer.Config{Concurrency: w.Concurrency, MaxAttempts: 1}.WithDefaults(),
		Drain: 30 * time.Second}
	peer.HandlerTimeout = 0 // none
	return peer
}

// peer is the stack with its alarms and policies taken away, and another worker.
func (s Stack) peer(name, is string) (System, error) {
	system, err := s.itself()
	if err != nil {
		return System{}, err
	}
	system.Name, system.Is, system.Worker = name, is, ordinary(system.Worker)
	clear(system.Account.Alarms)
	clear(system.Account.Policies)
	clear(system.Account.Schedules) // what asks the queue and keeps it awake
	clear(system.Account.StateMachines)
	clear(system.Account.Dashboards)
	return system, nil
}

// alwaysOn runs as many tasks as a result had at its peak, all the time.
func (s Stack) alwaysOn(peak int) (System, error) {
	system, err := s.peer(alwaysOn, "all the time as many tasks as the stack has at its peak")
	if err != nil {
		return System{}, err
	}
	clear(system.Account.Targets)
	system.Service.DesiredCount = peak
	system.ByCloudWatch = false
	return system, nil
}

// tutorial is what CDK makes of the tutorial: a queue alarm over 300 s, CPU target
// tracking, and the plain CPU alarm over 180 s. The threshold of that is the stack's:
// the tutorial's 0.01 % was for its 4 vCPU, and never reached by a smaller task.
// Source: CDK's template of the tutorial's code.
func (s Stack) tutorial() (System, error) {
	idle := s.idlePercent()
	system, err := s.peer(tutorial,
		fmt.Sprintf("CDK's alarm over 300 s, +1 task, CPU tracking at 50 %%, and a plain CPU alarm over "+
			"180 s to 0, at most %g %% as the stack's; 12 h visibility, no protection (its own 0.01 %% of "+
			"4 vCPU would never count a task of another size as idle)", idle))
	if err != nil {
		return System{}, err
	}
	system.Worker.VisibilityTimeout = 12 * time.Hour
	return system, firstError(
		system.queueAlarm("out", 300, true, 1, nil,
			cloud.StepAdjustment{LowerBound: "0", ScalingAdjustment: 1}),
		system.trackCPU(50),
		system.step("idle", cloud.Alarm{
			Namespace: "AWS/ECS", MetricName: "CPUUtilization", Statistic: "Average", Period: 180,
			Dimensions:         system.serviceDimensions(),
			ComparisonOperator: "LessThanOrEqualToThreshold", Threshold: idle, EvaluationPeriods: 1,
		}, cloud.StepScaling{AdjustmentType: "ExactCapacity",
			StepAdjustments: []cloud.StepAdjustment{{UpperBound: "0"}}}),
	)
}

// idlePercent is the CPU at which the stack counts a task as idle.
func (s Stack) idlePercent() float64 {
	system, err := s.itself()
	if err != nil {
		return 1 // the error comes again where it is reported
	}
	for _, a := range system.Account.Alarms {
		for _, q := range a.MetricQueries {
			// The alarm of steps that scale in looks at the CPU, too, but returns messages.
			if q.ReturnData && strings.Contains(q.Expression, "cpu") {
				return a.Threshold
			}
		}
		if a.MetricName == "CPUUtilization" {
			return a.Threshold
		}
	}
	return 1
}

// cdkDefault is QueueProcessingFargateService with no options: one task at least,
// steps of -1, +1 from 100 messages and +5 from 500, alarms over 300 s, CPU tracking
// at 50 %, cooldowns of 300 s. Source: aws-cdk-lib
// aws-ecs-patterns/lib/base/queue-processing-service-base.ts.
func (s Stack) cdkDefault() (System, error) {
	system, err := s.peer(cdkDefault,
		"QueueProcessingFargateService with its defaults: at least 1 task, -1 on an empty queue, +1 from "+
			"100 messages, +5 from 500, CPU tracking at 50 %")
	if err != nil {
		return System{}, err
	}
	system.ByCloudWatch = false // it never starts from none
	for _, t := range system.Account.Targets {
		t.MinCapacity = 1
	}
	system.Service.DesiredCount = 1
	return system, firstError(
		system.queueAlarm("in", 300, false, 0, nil,
			cloud.StepAdjustment{UpperBound: "0", ScalingAdjustment: -1}),
		system.queueAlarm("out", 300, true, 100, nil,
			cloud.StepAdjustment{LowerBound: "0", UpperBound: "400", ScalingAdjustment: 1},
			cloud.StepAdjustment{LowerBound: "400", ScalingAdjustment: 5}),
		system.trackCPU(50),
	)
}

// acceptableLatency is how long a message may wait, from which the backlog that a
// task may have follows. Source: the example in AWS's and Copilot's guides.
const acceptableLatency = 10 * time.Minute

// backlogPerTask tracks the messages per task, as AWS advises and Copilot does: a
// function counts both each minute and publishes the quotient; out after 60 s, in
// after 120. Source: copilot-cli backlog-per-task-calculator.js and autoscaling.yml.
func (s Stack) backlogPerTask(w *Workload) (System, error) {
	concurrency := 1.0
	if itself, err := s.itself(); err == nil {
		concurrency = float64(itself.Worker.Concurrency)
	}
	target := math.Max(1, float64(acceptableLatency)/float64(w.meanWork())*concurrency)
	system, err := s.peer(backlogPerTask,
		"target tracking of the messages per task, at what 10 minutes of waiting allow; a function "+
			"publishes them each minute, as Copilot's does")
	if err != nil {
		return System{}, err
	}
	dimensions := map[string]string{"QueueName": system.Queue.Name}
	system.EveryMinute = func(c *cloud.Control, counts cloud.Counts, box *cloud.Mailbox, now time.Time) {
		box.Touch(now)
		running := 0
		for _, t := range c.Tasks() {
			if t.State == cloud.Running {
				running++
			}
		}
		c.PutMetric("Copilot", "BacklogPerTask", dimensions,
			math.Ceil(float64(counts.Visible)/float64(max(running, 1))))
	}
	return system, system.policy("backlog", nil, &cloud.TargetTracking{
		TargetValue: target, ScaleOutCooldown: new(60), ScaleInCooldown: new(120),
		MetricQueries: []cloud.MetricQuery{{ID: "backlog", ReturnData: true, Metric: &cloud.Metric{
			Namespace: "Copilot", MetricName: "BacklogPerTask", Stat: "Average", Period: 60,
			Dimensions: dimensions,
		}}},
	})
}

// kedaLike asks SQS itself every 30 s, counts messages in flight, and goes to none
// 300 s after the last: how KEDA scales on Kubernetes, which on ECS one would have
// to build. Source: keda.sh, "AWS SQS Queue", and the defaults of ScaledObject.
func (s Stack) kedaLike() (System, error) {
	system, err := s.peer(kedaLike,
		"asks SQS every 30 s, as many messages per task, waiting or in flight, as it works on at once; to "+
			"none 300 s after the last; on ECS a function that is called each minute")
	if err != nil {
		return System{}, err
	}
	most := 1
	for _, t := range system.Account.Targets {
		most = t.MaxCapacity
	}
	clear(system.Account.Targets)
	system.ByCloudWatch = false
	system.Poller = &Poller{Interval: 30 * time.Second, PerTask: system.Worker.Concurrency,
		CoolDown: 5 * time.Minute, Stabilization: 5 * time.Minute, Most: most}
	return system, nil
}

// Poller scales by what SQS says now.
type Poller struct {
	Interval time.Duration
	// PerTask is how many messages, waiting or in flight, a task is wanted for.
	PerTask int
	// CoolDown is how long there has to be no message before the last task goes,
	// Stabilization how long fewer tasks have to be enough before some do.
	CoolDown, Stabilization time.Duration
	Most                    int

	lastActive time.Time
	recent     []recommendation
}

type recommendation struct {
	at    time.Time
	tasks int
}

// desired is how many tasks are wanted now.
func (p *Poller) desired(now time.Time, counts cloud.Counts, current int) int {
	outstanding := counts.Visible + counts.InFlight
	if outstanding > 0 {
		p.lastActive = now
	} else if now.Sub(p.lastActive) >= p.CoolDown {
		p.recent = nil
		return 0
	}
	wanted := min(max(1, (outstanding+p.PerTask-1)/p.PerTask), p.Most)
	p.recent = append(p.recent, recommendation{now, wanted})
	for now.Sub(p.recent[0].at) > p.Stabilization {
		p.recent = p.recent[1:]
	}
	if wanted >= current {
		return wanted
	}
	highest := wanted
	for _, r := range p.recent {
		highest = max(highest, r.tasks)
	}
	return min(current, highest)
}

func (w *Workload) meanWork() time.Duration {
	if len(w.Trace) == 0 {
		return w.Work.mean()
	}
	var sum time.Duration
	for _, j := range w.Trace {
		sum += j.Work
	}
	return max(time.Millisecond, sum/time.Duration(len(w.Trace)))
}

func (s System) serviceDimensions() map[string]string {
	return map[string]string{"ClusterName": s.Service.ClusterName(), "ServiceName": s.Service.Name}
}

// queueAlarm scales in steps on the visible messages, with cooldowns of 300 s.
func (s System) queueAlarm(
	name string, period int, above bool, threshold float64, cooldown *int, steps ...cloud.StepAdjustment,
) error {
	operator := "LessThanOrEqualToThreshold"
	if above {
		operator = "GreaterThanOrEqualToThreshold"
	}
	return s.step(name, cloud.Alarm{
		Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum",
		Period:     period,
		Dimensions: map[string]string{"QueueName": s.Queue.Name}, ComparisonOperator: operator,
		Threshold: threshold, EvaluationPeriods: 1,
	}, cloud.StepScaling{AdjustmentType: "ChangeInCapacity", MetricAggregationType: "Maximum",
		Cooldown: cooldown, StepAdjustments: steps})
}

func (s System) step(name string, alarm cloud.Alarm, scaling cloud.StepScaling) error {
	if err := s.policy(name, &scaling, nil); err != nil {
		return err
	}
	for arn, p := range s.Account.Policies {
		if p.Name == name {
			alarm.AlarmActions = []string{arn}
		}
	}
	alarm.Name = name
	_, err := s.Account.PutMetricAlarm(alarm)
	return err
}

func (s System) trackCPU(percent float64) error {
	return s.policy("cpu", nil,
		&cloud.TargetTracking{TargetValue: percent, PredefinedMetricType: "ECSServiceAverageCPUUtilization"})
}

func (s System) policy(name string, step *cloud.StepScaling, tracking *cloud.TargetTracking) error {
	kind := "StepScaling"
	if tracking != nil {
		kind = "TargetTrackingScaling"
	}
	_, err := s.Account.PutScalingPolicy(cloud.ScalingPolicy{
		Name: name, PolicyType: kind, ResourceID: s.Service.ResourceID(), ServiceNamespace: "ecs",
		ScalableDimension: "ecs:service:DesiredCount",
		StepScaling:       step, TargetTracking: tracking,
	})
	return err
}

// size is what a task of the system is charged for.
func (s System) size() taskSize {
	definition := s.Account.TaskDefinitions[s.Service.TaskDefinition]
	cpu, _ := strconv.ParseFloat(definition.CPU, 64) // checked when it was registered
	memory, _ := strconv.ParseFloat(definition.Memory, 64)
	size := taskSize{vcpu: cpu / 1024, gib: memory / 1024,
		publicIP: s.Service.NetworkConfiguration.AssignPublicIP}
	if definition.RuntimePlatform != nil {
		size.arm = definition.RuntimePlatform.CPUArchitecture == "ARM64"
	}
	weights, spot := 0, 0
	for _, strategy := range s.Service.CapacityProviderStrategies {
		weights += strategy.Weight
		if strategy.CapacityProvider == "FARGATE_SPOT" {
			spot += strategy.Weight
		}
	}
	if weights > 0 {
		size.spot = float64(spot) / float64(weights)
	}
	return size
}

func firstError(list ...error) error { return cmp.Or(list...) }
