package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// reading is a way to read what AWS's documents leave open, which the model has beside
// its usual one.
type reading struct {
	name string
	read func(p *Parameters)
}

var readings = []reading{
	{"cooldown-from-decision", func(p *Parameters) { p.Control.CooldownFromDecision = true }},
	{"scale-in-ends-cooldowns", func(p *Parameters) { p.Control.ScaleInEndsScaleOutCooldowns = true }},
	{"wake-zeros", func(p *Parameters) { p.Control.WakingReportsZeros = true }},
	{"missing-stays-missing", func(p *Parameters) { p.Control.MissingCountsAsZero = false }},
}

// ReadingNames are the names of the readings.
func ReadingNames() []string {
	var names []string
	for _, r := range readings {
		names = append(names, r.name)
	}
	return names
}

// Read takes a reading by its name.
func (p *Parameters) Read(name string) error {
	i := slices.IndexFunc(readings, func(r reading) bool { return r.name == name })
	if i < 0 {
		return fmt.Errorf("%q needs to be one of %s", name, strings.Join(ReadingNames(), ", "))
	}
	readings[i].read(p)
	return nil
}

// otherPhases is how many more draws of the phases a range covers.
const otherPhases = 3

// Variation is a way to simulate the same.
type Variation struct {
	// Name says in which readings of AWS, or with which phases.
	Name       string
	Parameters Parameters
}

// Variations are the parameters as they are, in all other readings of what AWS leaves open, in
// each, and with other phases.
func (p Parameters) Variations() []Variation {
	together := p
	var each []Variation
	for _, r := range readings {
		one := p
		r.read(&one)
		r.read(&together)
		each = append(each, Variation{r.name, one})
	}
	all := append([]Variation{{"as usual", p}, {"all other readings", together}}, each...)
	for n := range otherPhases {
		other := p
		other.PhasesSeed = p.PhasesSeed + uint64(n) + 1
		all = append(all, Variation{fmt.Sprintf("other phases (%d)", n+1), other})
	}
	return all
}

// AddRanges simulates the comparison in every reading and with other phases, too, so that
// the range stands beside each figure that moves by more than a tenth.
func (c *Comparison) AddRanges(ctx context.Context, p Parameters) error {
	for _, other := range p.Variations()[1:] {
		varied, err := Compare(ctx, c.Stack, c.Workload, other.Parameters, len(c.Results) > 1)
		if err != nil {
			return err
		}
		if len(varied.Results) != len(c.Results) {
			return errors.New("a reading has other systems") // Compare makes the same ones
		}
		for i, r := range c.Results {
			r.variants = append(r.variants, varied.Results[i])
		}
	}
	return nil
}

// notable is by which share of a figure it has to move for its range to be shown.
const notable = 0.1

// withRange is a figure, and its range over the variants if it moves noticeably.
func (m measure) withRange(r *Result) string {
	value := m.of(r)
	low, high := value, value
	for _, v := range r.variants {
		low, high = min(low, m.of(v)), max(high, m.of(v))
	}
	text := m.text(value)
	if from, to := m.text(low), m.text(high); from != to && high-low > notable*max(value, 1e-9) {
		return fmt.Sprintf("%s (%s to %s)", text, from, to)
	}
	return text
}
