package advise

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"fargate-queue-worker/sandbox/simulate"
	"fargate-queue-worker/sandbox/stackfile"
)

// How much effort goes into each part of a search, in days of an idle stack: a day takes
// about 10 ms on one processor.
const (
	halvingEffort = 2000
	climbingUntil = 4500
	checkingUntil = 7000
)

// eta is the share of settings that a round of successive halving leaves, as one in so many,
// and how many times as long the next round simulates them. Source: L. Li et al., "Hyperband",
// JMLR 18 (2018).
const eta = 3

// fewestMessages are those of the shortest round, so that a 95th percentile means something.
const fewestMessages = 200

// search is successive halving over settings drawn at random, then a pattern search (R. Hooke
// and T. Jeeves, JACM 8, 1961) from the best, both on few days in the usual reading of AWS;
// then what is best is checked on all days and in every reading. The same seed gives the same.
type search struct {
	*trials
	space  *space
	target Target
	// goal is the target, tightened by what other readings and more days were seen to add.
	goal Target
	// rounds are the days of each, from least to most.
	rounds []int
	// ranked are the outcomes of the longest round.
	ranked map[settings]outcome
}

// Search finds the settings that hold a target at the least cost. When the context ends it
// stops at once, with the context's error.
func Search(
	ctx context.Context, stack simulate.Stack, w *simulate.Workload, p simulate.Parameters, target Target,
	progress func(tried int),
) (*Advice, error) {
	if err := target.Check(); err != nil {
		return nil, err
	}
	file, err := stackfile.Load(stack.Root, stack.Name)
	if err != nil {
		return nil, err
	}
	if p.Days, err = w.Days(p.Days); err != nil {
		return nil, err
	}
	if w.Messages(p.Days) == 0 {
		return nil, fmt.Errorf("workload %s: no message comes in %d days", w.Name, p.Days)
	}
	s := &search{
		trials: newTrials(stack, w, p), space: newSpace(w, w.PeakGroups(p.Seed, p.Days)),
		target: target, goal: target,
		ranked: map[settings]outcome{},
	}
	s.progress = progress
	s.planRounds()
	if err := s.explore(ctx); err != nil {
		return nil, err
	}
	d := &decision{search: s, file: file, checked: map[settings]checked{}}
	return d.make(ctx)
}

// planRounds so that the longest has room for a hundred trials.
func (s *search) planRounds() {
	const trials = 100
	most := max(1, min(s.parameters.Days, int(climbingUntil/trials/s.dayEffort)))
	perDay := max(1, s.workload.Messages(s.parameters.Days)/s.parameters.Days)
	s.rounds = []int{most}
	for days := most / eta; days >= 1 && days*perDay >= fewestMessages; days /= eta {
		s.rounds = append([]int{days}, s.rounds...)
	}
}

// explore ranks settings by trials on few days.
func (s *search) explore(ctx context.Context) error {
	perRound := float64(s.rounds[0]) * s.dayEffort * float64(len(s.rounds))
	n := max(eta*eta, int(halvingEffort/perRound))
	drawn := s.space.draw(rand.New(rand.NewPCG(s.parameters.Seed, 3)), n)
	best, err := s.halve(ctx, s.space.others(append(drawn, s.space.oneATask()...), settings{}))
	if err != nil {
		return err
	}
	const starts = 2
	for _, start := range best[:min(starts, len(best))] {
		if err := s.climb(ctx, start); err != nil {
			return err
		}
	}
	return nil
}

// halve tries settings in each round, of which only the best get into the next.
func (s *search) halve(ctx context.Context, all []settings) ([]settings, error) {
	for i, days := range s.rounds {
		tried, err := s.at(ctx, all, days)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(tried, func(a, b trial) int { return s.goal.compare(a.outcome, b.outcome) })
		if i < len(s.rounds)-1 {
			tried = tried[:(len(tried)+eta-1)/eta]
		}
		all = nil
		for _, t := range tried {
			all = append(all, t.settings)
			if i == len(s.rounds)-1 {
				s.ranked[t.settings] = t.outcome
			}
		}
	}
	return all, nil
}

// climb goes to the best of the settings nearby as long as one is better.
func (s *search) climb(ctx context.Context, from settings) error {
	for better := true; better && s.spent < climbingUntil; {
		better = false
		for _, nearby := range [][]settings{s.space.near(from), s.space.nearInTwo(from)} {
			best, err := s.halve(ctx, nearby)
			if err != nil {
				return err
			}
			if len(best) > 0 && s.goal.compare(s.ranked[best[0]], s.ranked[from]) < 0 {
				from, better = best[0], true
				break
			}
		}
	}
	return nil
}
