package advise

import (
	"math/rand/v2"
	"slices"

	"fargate-queue-worker/components"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/simulate"
)

// space is what is searched: a list of values of each dimension, from least to most.
type space struct {
	workload *simulate.Workload
	// groups that can be worked on at once at most.
	groups     int
	dimensions []dimension
}

// tasksDimension is the place of maxCapacity among the dimensions.
const tasksDimension = 2

// dimension of the space.
type dimension struct {
	values []int
	of     func(s *settings) *int
}

// newSpace leaves out what a workload cannot use.
func newSpace(w *simulate.Workload, groups int) *space {
	upTo := func(most int, values ...int) []int {
		i, found := slices.BinarySearch(values, most)
		if !found {
			values = slices.Insert(values, i, most)
		}
		return values[:i+1]
	}
	const mostAtOnce, mostTasks = 200, 200
	s := &space{workload: w, groups: groups}
	concurrency := upTo(min(groups, mostAtOnce),
		1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 65, 80, 100, 130, 160)
	tasks := upTo(min(groups, mostTasks),
		1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160)
	s.dimensions = []dimension{
		{concurrency, func(s *settings) *int { return &s.concurrency }},
		{cloud.FargateCPUs, func(s *settings) *int { return &s.cpu }},
		{tasks, func(s *settings) *int { return &s.maxCapacity }},
		{
			[]int{1, 2, 4, 7, 12, 20, 35, 60, 100, 200, 400, 1000},
			func(s *settings) *int { return &s.perTask },
		},
		{[]int{3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 120}, func(s *settings) *int { return &s.idleMinutes }},
		{[]int{0, 10, 15, 20, 30, 60}, func(s *settings) *int { return &s.wakeSeconds }},
	}
	return s
}

// adjustments that are searched. A percentage of few tasks is no more than these can say.
var adjustments = []string{string(components.ChangeInCapacity), string(components.ExactCapacity)}

// fit gives settings what follows from others: no more tasks than there is work for, and the
// least size of Fargate that holds the handlers, with no more CPU than they can use.
func (sp *space) fit(s settings) (fitted settings, ok bool) {
	s.maxCapacity = min(s.maxCapacity, (sp.groups+s.concurrency-1)/s.concurrency)
	if s.maxCapacity == 1 { // there is nothing to climb
		s.perTask, s.adjustment = 1, string(components.ChangeInCapacity)
	}
	wanted := (float64(s.concurrency)*sp.workload.CPU.Working + sp.workload.CPU.Idle) / 100 * 1024
	for _, cpu := range cloud.FargateCPUs {
		memory, holds := cloud.LeastFargateMemory(cpu, sp.workload.NeededMemory(s.concurrency))
		if holds && (cpu >= s.cpu || float64(cpu) >= wanted) {
			s.cpu, s.memory = cpu, memory
			return s, true
		}
	}
	return s, false
}

// draw settings at random, each once. There may be fewer than asked for.
func (sp *space) draw(random *rand.Rand, n int) []settings {
	var drawn []settings
	seen := map[settings]bool{}
	const patience = 50 // times as many as are asked for
	for range patience * n {
		s := settings{adjustment: adjustments[random.IntN(len(adjustments))]}
		for _, d := range sp.dimensions {
			*d.of(&s) = d.values[random.IntN(len(d.values))]
		}
		s, ok := sp.fit(s)
		if ok && !seen[s] {
			seen[s] = true
			drawn = append(drawn, s)
		}
		if len(drawn) == n {
			break
		}
	}
	return drawn
}

// oneATask are settings as people write them for heavy work: a task for each message that
// waits, of the size that one handler can use. Few of those drawn at random are near them.
func (sp *space) oneATask() []settings {
	const idleMinutes, wakeSeconds = 3, 60
	wanted := int((sp.workload.CPU.Working + sp.workload.CPU.Idle) / 100 * 1024)
	var all []settings
	for _, tasks := range sp.dimensions[tasksDimension].values {
		for _, adjustment := range adjustments {
			all = append(all, settings{
				adjustment: adjustment, concurrency: 1, cpu: wanted, maxCapacity: tasks, perTask: 1,
				idleMinutes: idleMinutes, wakeSeconds: wakeSeconds,
			})
		}
	}
	return sp.others(all, settings{})
}

// near settings differ in one dimension, by a notch or two.
func (sp *space) near(s settings) []settings {
	var all []settings
	for _, d := range sp.dimensions {
		for _, notches := range []int{-1, 1, -2, 2} {
			all = append(all, d.moved(s, notches))
		}
	}
	for _, adjustment := range adjustments {
		other := s
		other.adjustment = adjustment
		all = append(all, other)
	}
	return sp.others(all, s)
}

// nearInTwo differ in two dimensions, by a notch each.
func (sp *space) nearInTwo(s settings) []settings {
	var all []settings
	for i, one := range sp.dimensions {
		for _, first := range []settings{one.moved(s, -1), one.moved(s, 1)} {
			for _, other := range sp.dimensions[i+1:] {
				all = append(all, other.moved(first, -1), other.moved(first, 1))
			}
		}
	}
	return sp.others(all, s)
}

// moved settings are some notches away, or at the end of the values.
func (d dimension) moved(s settings, notches int) settings {
	i, found := slices.BinarySearch(d.values, *d.of(&s))
	if !found && notches > 0 {
		i-- // it lies between two
	}
	*d.of(&s) = d.values[min(max(i+notches, 0), len(d.values)-1)]
	return s
}

// others are the settings that fit, each once, without one.
func (sp *space) others(all []settings, without settings) []settings {
	var kept []settings
	seen := map[settings]bool{without: true}
	for _, s := range all {
		if s, ok := sp.fit(s); ok && !seen[s] {
			seen[s] = true
			kept = append(kept, s)
		}
	}
	return kept
}
