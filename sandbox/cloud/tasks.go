package cloud

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// TaskState is how far a task is.
type TaskState string

// The states of a task.
const (
	Pending  TaskState = "PENDING"
	Running  TaskState = "RUNNING"
	Stopping TaskState = "STOPPING" // SIGTERM was sent
	Stopped  TaskState = "STOPPED"
)

// Task is a task of a service.
type Task struct {
	ARN            string
	TaskDefinition string // ARN
	Service        string // ARN
	State          TaskState
	Created        time.Time
	Started        time.Time // zero before it runs
	Ended          time.Time // zero before it has
	// StopReason says who stopped it, "" as long as nobody did.
	StopReason string

	forced         int       // of its service, when it was created
	due            time.Time // when a pending task runs, or the time to stop is up
	protectedUntil time.Time
}

// ID is the last part of the task's ARN.
func (t *Task) ID() string { return t.ARN[strings.LastIndex(t.ARN, "/")+1:] }

// ProtectedAt says whether scale-in and deployments leave the task alone.
func (t *Task) ProtectedAt(now time.Time) bool { return t.protectedUntil.After(now) }

// TaskHost runs the containers of tasks.
type TaskHost interface {
	// StartTask starts the containers of a task.
	StartTask(now time.Time, t *Task)
	// StopTask sends SIGTERM. The task ends with a call of TaskEnded.
	StopTask(now time.Time, t *Task)
	// KillTask sends SIGKILL. The task has ended when it returns.
	KillTask(now time.Time, t *Task)
	// CPU is what a task has used of what it reserves, in percent, since it was
	// asked before.
	CPU(now time.Time, t *Task) float64
}

// fleet are the tasks of a service.
type fleet struct {
	arn string // of the service, which may be gone
	// resourceID is the service's, as auto scaling names it.
	resourceID string
	service    *Service
	metrics    *serviceMetrics
	tasks      []*Task // oldest first
	serial     int
	// deployed is the task definition of the newest deployment.
	deployed    string
	forced      int // of the newest deployment
	deployedAt  time.Time
	deploying   bool
	utilization Datapoint

	stopped []*Task // of the last hour
	events  []ServiceEvent
	steady  bool
}

type serviceMetrics struct{ cpu, runningTasks *series }

// defaultStopTimeout is what a container has between SIGTERM and SIGKILL that does
// not say so.
const defaultStopTimeout = 30 * time.Second

func (c *Control) fleet(s *Service) *fleet {
	f, ok := c.fleets[s.ARN]
	if !ok {
		dimensions := map[string]string{"ClusterName": s.ClusterName(), "ServiceName": s.Name}
		f = &fleet{arn: s.ARN, resourceID: s.ResourceID(), deployed: s.TaskDefinition, forced: s.forced}
		f.deployedAt, f.metrics = c.now, &serviceMetrics{
			cpu:          c.metrics.series("AWS/ECS", "CPUUtilization", dimensions),
			runningTasks: c.metrics.series("ECS/ContainerInsights", "RunningTaskCount", dimensions),
		}
		c.fleets[s.ARN] = f
		c.fleetOrder = append(c.fleetOrder, f)
		slices.SortFunc(c.fleetOrder, func(a, b *fleet) int { return strings.Compare(a.arn, b.arn) })
	}
	f.service = s
	return f
}

func (f *fleet) running() int { return f.count(func(t *Task) bool { return t.State == Running }) }

func (f *fleet) count(is func(*Task) bool) (n int) {
	for _, t := range f.tasks {
		if is(t) {
			n++
		}
	}
	return n
}

// settled reports whether the service has what it wants: all tasks that it wants run, and
// none is left that it may stop.
func (f *fleet) settled(now time.Time) bool {
	running := 0
	for _, t := range f.tasks {
		switch {
		case t.State == Pending || t.State == Stopping:
			return false
		case t.State == Running:
			running++
		}
	}
	excess := running - f.service.DesiredCount
	return excess == 0 || excess > 0 && f.count(func(t *Task) bool {
		return t.State == Running && !t.ProtectedAt(now)
	}) == 0
}

// isCurrent reports whether a task is of the newest deployment.
func (f *fleet) isCurrent(t *Task) bool {
	return t.TaskDefinition == f.service.TaskDefinition && t.forced == f.service.forced
}

// alive are the tasks of the current task definition, or of older ones, that nobody
// stops.
func (f *fleet) alive(current bool) []*Task {
	var list []*Task
	for _, t := range f.tasks {
		if (t.State == Pending || t.State == Running) && f.isCurrent(t) == current {
			list = append(list, t)
		}
	}
	return list
}

// schedule brings each service toward its desired count and newest task definition.
func (c *Control) schedule() {
	c.findFleets()
	for _, f := range c.fleetOrder {
		if _, there := c.account.Services[f.service.ARN]; !there {
			c.stopAll(f, "the service was deleted")
			continue
		}
		f.retireStopped(c.now, c.scaled(stoppedTasksStay))
		if f.deployed != f.service.TaskDefinition || f.forced != f.service.forced {
			f.deployed, f.forced = f.service.TaskDefinition, f.service.forced
			f.deployedAt, f.deploying = c.now, true
		}
		if c.draining {
			c.stopAll(f, "draining")
			continue
		}
		c.startTasks(f)
		c.stopExcess(f)
		c.stopOld(f)
		if f.deploying && len(f.alive(false)) == 0 && f.running() >= f.service.DesiredCount {
			f.deploying = false
		}
		settled := f.settled(c.now)
		f.tellSteady(c.now, settled)
		if settled {
			c.cooldowns.completed(f.resourceID, c.now)
		}
	}
}

// findFleets makes a fleet for each service that is new.
func (c *Control) findFleets() {
	for arn, service := range c.account.Services {
		if f, ok := c.fleets[arn]; !ok || f.service != service {
			c.fleet(service)
		}
	}
}

// startTasks fills up to the desired count, as far as deploymentMaximumPercent lets
// old tasks and new ones run beside each other.
func (c *Control) startTasks(f *fleet) {
	desired := f.service.DesiredCount
	most := desired * f.service.DeploymentMaximumPercent / 100
	current, old := f.countAlive()
	before := len(f.tasks)
	for ; current < desired && current+old < most; current++ {
		f.serial++
		f.tasks = append(f.tasks, &Task{
			ARN: c.account.ARN("ecs", fmt.Sprintf("task/%s/%032x", f.service.ClusterName(),
				uint64(fingerprint32(f.service.ARN))<<32+uint64(f.serial))),
			TaskDefinition: f.service.TaskDefinition, Service: f.service.ARN,
			State: Pending, Created: c.now, forced: f.service.forced,
			due: c.now.Add(c.o.StartDelay(f.serial)),
		})
	}
	if started := f.tasks[before:]; len(started) > 0 {
		f.tell(c.now, "has started %d tasks: %s.", len(started), nameTasks(started))
	}
}

// countAlive counts the tasks of the current task definition, and of older ones, that
// are not being stopped.
func (f *fleet) countAlive() (current, old int) {
	for _, t := range f.tasks {
		switch {
		case t.State != Pending && t.State != Running:
		case f.isCurrent(t):
			current++
		default:
			old++
		}
	}
	return current, old
}

// stopExcess scales in: pending tasks first, then the oldest, and none that is
// protected.
func (c *Control) stopExcess(f *fleet) {
	if current, _ := f.countAlive(); current > f.service.DesiredCount {
		c.stopSome(f.alive(true), current-f.service.DesiredCount, "scale-in")
	}
}

// stopOld replaces the tasks of older deployments as new ones run, down to
// deploymentMinimumHealthyPercent.
func (c *Control) stopOld(f *fleet) {
	old := f.alive(false)
	if len(old) == 0 {
		return
	}
	healthy := int(math.Ceil(float64(f.service.DesiredCount*f.service.DeploymentMinimumHealthyPercent) / 100))
	pending := 0
	for _, t := range old {
		if t.State == Pending {
			pending++
		}
	}
	c.stopSome(old, min(len(old), max(0, f.running()-healthy)+pending), "deployment")
}

func (c *Control) stopSome(candidates []*Task, n int, reason string) {
	slices.SortStableFunc(candidates, func(a, b *Task) int {
		return strings.Compare(string(a.State), string(b.State))
	})
	for _, t := range candidates {
		if n <= 0 {
			return
		}
		if !t.ProtectedAt(c.now) || c.o.ProtectionSparesNobody {
			c.stop(t, reason)
			n--
		}
	}
}

func (c *Control) stopAll(f *fleet, reason string) {
	for _, t := range f.tasks {
		if t.State == Pending || t.State == Running {
			c.stop(t, reason)
		}
	}
}

// stop sends SIGTERM; SIGKILL follows after the container's stopTimeout.
func (c *Control) stop(t *Task, reason string) {
	t.StopReason = reason
	c.fleets[t.Service].tell(c.now, "has stopped 1 running tasks: %s.", nameTasks([]*Task{t}))
	if t.State == Pending {
		t.State, t.Ended = Stopped, c.now
		return
	}
	t.State, t.due = Stopping, c.now.Add(c.stopTimeout(t))
	c.host.StopTask(c.now, t)
}

// stopTimeout is the longest of the task's containers.
func (c *Control) stopTimeout(t *Task) time.Duration {
	definition, ok := c.account.TaskDefinitions[t.TaskDefinition]
	if !ok {
		return defaultStopTimeout
	}
	longest, known := c.stopTimeouts[definition]
	if !known {
		containers, _ := definition.Containers() // it was checked when it was registered
		for _, container := range containers {
			timeout := time.Duration(container.StopTimeout) * time.Second
			if timeout == 0 {
				timeout = defaultStopTimeout
			}
			longest = max(longest, timeout)
		}
		c.stopTimeouts[definition] = longest
	}
	return longest
}

// moveTasks starts the tasks whose time has come, and kills those whose time is up.
func (c *Control) moveTasks() {
	for _, f := range c.fleetOrder {
		for _, t := range f.tasks {
			if t.due.IsZero() || t.due.After(c.now) {
				continue
			}
			t.due = time.Time{}
			switch t.State {
			case Pending:
				t.State, t.Started = Running, c.now
				c.host.StartTask(c.now, t)
			case Stopping:
				t.State, t.Ended = Stopped, c.now
				c.host.KillTask(c.now, t)
			}
		}
	}
}

// TaskEnded says that the containers of a task have exited. The scheduler replaces
// it if the desired count asks for it.
func (c *Control) TaskEnded(now time.Time, t *Task) {
	if t.State == Stopped {
		return
	}
	if now.After(c.now) {
		c.Advance(now) // it is replaced from now on, no sooner
	}
	if t.StopReason == "" {
		t.StopReason = "essential container exited"
	}
	t.State, t.Ended, t.due = Stopped, now, time.Time{}
}

// Protect protects a task from scale-in and deployments for a time, or no longer. It
// returns the reason of ECS for refusing: DEPLOYMENT_BLOCKED if more tasks were
// protected than are desired. Source: ECS developer guide, "Protect your Amazon ECS
// tasks from being terminated by scale-in events".
func (c *Control) Protect(now time.Time, t *Task, on bool, lease time.Duration) (refusal string) {
	f, ok := c.fleets[t.Service]
	switch {
	case !ok || t.State != Running && t.State != Stopping:
		return "TASK_NOT_VALID"
	case !on:
		t.protectedUntil = time.Time{}
		return ""
	}
	others := f.count(func(o *Task) bool { return o != t && o.State != Stopped && o.ProtectedAt(now) })
	if others+1 > f.service.DesiredCount || t.State == Stopping {
		return "DEPLOYMENT_BLOCKED"
	}
	t.protectedUntil = now.Add(lease)
	return ""
}

// sampleService reports the CPU of a service's tasks, while any run, and how many do.
func (c *Control) sampleService(f *fleet) {
	cpu := point{minute: c.thisMinute(), published: c.visibleFrom()}
	for _, t := range f.tasks {
		if t.State != Running && t.State != Stopping {
			continue
		}
		used := c.host.CPU(c.now, t)
		if cpu.samples == 0 {
			cpu.min, cpu.max = used, used
		}
		cpu.min, cpu.max = min(cpu.min, used), max(cpu.max, used)
		cpu.sum += used
		cpu.samples++
	}
	f.metrics.runningTasks.gauge(cpu.minute, cpu.published, float64(f.running()))
	f.utilization = nil
	if cpu.samples > 0 {
		f.metrics.cpu.add(cpu)
		average := cpu.sum / float64(cpu.samples)
		f.utilization = &average
	}
}
