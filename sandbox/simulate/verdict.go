package simulate

import (
	"fmt"
	"time"
)

// verdict says what the stack does to the waits, the work and the bill of the workload, and
// what to change.
func (c *Comparison) verdict() []string {
	r := c.Results[0]
	if r.All.Count() == 0 {
		return []string{"No message came, so nothing can be said."}
	}
	verdict := []string{r.waitsInWords() + " " + r.workInWords() + " " + r.billInWords()}
	return append(verdict, c.changes()...)
}

func (r *Result) waitsInWords() string {
	text := fmt.Sprintf("Waits: 95 %% of the messages start within %s", InWords(r.All.Quantile(95)))
	if first := r.First.Quantile(95); first >= 0 {
		text += fmt.Sprintf(", of those that find nothing to do within %s", InWords(first))
	}
	return text + "."
}

func (r *Result) workInWords() string {
	if r.BusyKills+r.Undone+r.DeadLettered == 0 {
		return "Work: all of it is done, and none was killed."
	}
	return fmt.Sprintf("Work: %d tasks are killed while they work, %d messages are undone, %d dead-lettered.",
		r.BusyKills, r.Undone, r.DeadLettered)
}

func (r *Result) billInWords() string {
	bill := r.bill()
	tasks := bill.VCPU + bill.Memory + bill.Spot + bill.Addresses
	text := fmt.Sprintf("Bill: $%.2f a month, $%.2f of it for tasks", bill.total(), tasks)
	if r.TaskMinutes > 0 {
		text += fmt.Sprintf(", which have no work in %.0f %% of their minutes",
			100*r.BeyondNeed/r.TaskMinutes)
	}
	return text + "."
}

const (
	// longWait is how many times as long as a first message others have to wait for it to be
	// worth saying why.
	longWait = 2
	// idleShare is the share of minutes without work from which on it is worth saying.
	idleShare = 0.4
	// slowestWake is how often the queue is asked at least that starts a task soon.
	slowestWake = 10 * time.Second
)

// changes are what to change, each for a reason that the simulation has shown.
func (c *Comparison) changes() []string {
	system, r := c.Systems[0], c.Results[0]
	changes := sizeWarnings(system, c.Workload, r)
	groups, slots := c.Workload.PeakGroups(r.p.Seed, c.Days), r.Peak*system.Worker.Concurrency
	most := system.most()
	waits := r.All.Quantile(95) > longWait*max(r.First.Quantile(95), time.Minute)
	switch {
	case waits && r.Peak >= most && groups > slots:
		changes = append(changes,
			fmt.Sprintf("maxCapacity %d is reached while up to %d groups have work and %d are worked on: "+
				"a larger maxCapacity or concurrency shortens the waits.", most, groups, slots))
	case waits && groups <= slots:
		changes = append(changes,
			"Messages wait for others of their own group: more tasks do not help, more groups do.")
	case waits:
		changes = append(changes, "Tasks are added too slowly: steps with a larger change shorten the waits.")
	}
	if r.BeyondNeed > idleShare*r.TaskMinutes {
		changes = append(changes,
			"Tasks run without work for long: fewer idleMinutes, or fewer tasks that do more at once.")
	}
	if first := r.First.Quantile(95); first > time.Minute && system.asks() > slowestWake {
		changes = append(changes, fmt.Sprintf("wakeIntervalSeconds %.0f starts first messages sooner.",
			slowestWake.Seconds()))
	}
	return append(changes,
		fmt.Sprintf("What to set: go run ./sandbox simulate advise --stack %s --workload %s",
			c.Stack.Name, c.Workload.From))
}

// most tasks that may run at once.
func (s System) most() int {
	most := s.Service.DesiredCount
	for _, t := range s.Account.Targets {
		most = t.MaxCapacity
	}
	return most
}

// asks is how often the queue is asked while no task runs, by the fastest schedule; 0 if none
// does.
func (s System) asks() (every time.Duration) {
	for _, schedule := range s.Account.Schedules {
		if every == 0 || schedule.Every() < every {
			every = schedule.Every()
		}
	}
	return every
}
