package cloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ServiceEvent is a line of what ECS says of a service.
type ServiceEvent struct {
	At      time.Time
	Message string
}

// Deployment is a revision of a service whose tasks are wanted, or go.
type Deployment struct {
	TaskDefinition string // ARN
	// Primary is the newest one.
	Primary bool
	// Completed says that all tasks that are desired run this revision.
	Completed        bool
	Created          time.Time // zero of one that goes
	Desired          int
	Running, Pending int
}

// ServiceState is what ECS shows of a service besides what was declared.
type ServiceState struct {
	Running, Pending int
	Deployments      []Deployment   // the newest first
	Events           []ServiceEvent // the newest first
}

const (
	// keptEvents is how many events of a service ECS shows. Source: API reference of Service.
	keptEvents = 100
	// stoppedTasksStay is how long ECS shows a task that has stopped: "at least 1 hour".
	// Source: API reference of ListTasks.
	stoppedTasksStay = time.Hour
)

// ServiceState is that of a service, by its ARN.
func (c *Control) ServiceState(arn string) ServiceState {
	f, ok := c.fleets[arn]
	if !ok {
		return ServiceState{}
	}
	current := Deployment{
		TaskDefinition: f.service.TaskDefinition, Desired: f.service.DesiredCount,
		Primary: true, Completed: !f.deploying, Created: f.deployedAt,
	}
	old := map[string]*Deployment{}
	var state ServiceState
	for _, t := range f.tasks {
		d := &current
		if !f.isCurrent(t) {
			if old[t.TaskDefinition] == nil {
				old[t.TaskDefinition] = &Deployment{TaskDefinition: t.TaskDefinition}
			}
			d = old[t.TaskDefinition]
		}
		switch t.State {
		case Pending:
			d.Pending++
			state.Pending++
		case Running:
			d.Running++
			state.Running++
		}
	}
	state.Deployments = []Deployment{current}
	for _, d := range old {
		if d.Pending+d.Running > 0 {
			state.Deployments = append(state.Deployments, *d)
		}
	}
	slices.SortStableFunc(state.Deployments[1:], func(a, b Deployment) int {
		return strings.Compare(b.TaskDefinition, a.TaskDefinition)
	})
	state.Events = slices.Clone(f.events)
	slices.Reverse(state.Events)
	return state
}

// StoppedTasks are those that ended within the last hour of CloudWatch's time, in the order
// they were created.
func (c *Control) StoppedTasks() []*Task {
	var all []*Task
	for _, f := range c.fleetOrder {
		all = append(all, f.stopped...)
		for _, t := range f.tasks {
			if t.State == Stopped {
				all = append(all, t)
			}
		}
	}
	return all
}

// retireStopped takes tasks that have stopped out of the fleet, and forgets those that have
// long stopped.
func (f *fleet) retireStopped(now time.Time, stay time.Duration) {
	f.tasks = slices.DeleteFunc(f.tasks, func(t *Task) bool {
		if t.State != Stopped {
			return false
		}
		f.stopped = append(f.stopped, t)
		return true
	})
	for len(f.stopped) > 0 && f.stopped[0].Ended.Add(stay).Before(now) {
		f.stopped = f.stopped[1:]
	}
}

// tell notes an event of the service. The texts are those of ECS. Source: ECS developer guide,
// "Amazon ECS service event messages".
func (f *fleet) tell(now time.Time, format string, args ...any) {
	if len(f.events) == keptEvents {
		f.events = slices.Delete(f.events, 0, 1)
	}
	f.events = append(
		f.events,
		ServiceEvent{now, fmt.Sprintf("(service %s) ", f.service.Name) + fmt.Sprintf(format, args...)},
	)
}

// tellSteady notes that the service has what it wants, once.
func (f *fleet) tellSteady(now time.Time, steady bool) {
	if steady && !f.steady {
		f.tell(now, "has reached a steady state.")
	}
	f.steady = steady
}

// nameTasks names tasks as ECS's events do.
func nameTasks(tasks []*Task) string {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = "(task " + t.ID() + ")"
	}
	return strings.Join(names, " ")
}

// ProtectedUntil is when the protection of a task ends; zero if it has none.
func (t *Task) ProtectedUntil() time.Time { return t.protectedUntil }
