package simulate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Parameters are what a simulation assumes of AWS, with their sources.
type Parameters struct {
	// Days to simulate, 1 or more. Default 30.
	Days int
	// Seed of what is random. Default 1.
	Seed uint64
	// Control is how CloudWatch is read: one minute until a metric shows, 15 until a
	// queue that was idle for six hours reports again (SQS developer guide,
	// "Monitoring Amazon SQS queues using CloudWatch").
	Control cloud.ControlOptions
	// StartFrom and StartTo are the bounds between which the start of a task takes
	// any time alike. Default 20 to 40 s, for an image of a few MB: AWS measured
	// about 23 s to provision a task (June 2026), others about 57 s with 413 MB
	// (elasticscale.com, April 2024).
	StartFrom, StartTo time.Duration
	Prices             Prices
}

// DefaultParameters are those of the documentation, or the usual ones.
func DefaultParameters() Parameters {
	return Parameters{
		Days: 30, Seed: 1, Control: cloud.DefaultControlOptions(),
		StartFrom: 20 * time.Second, StartTo: 40 * time.Second, Prices: DefaultPrices(),
	}
}

// Prices in US dollars. Source: AWS's price lists of us-east-1 for Linux, 2026.
type Prices struct {
	X86VCPUHour, X86GBHour float64
	ARMVCPUHour, ARMGBHour float64
	PublicIPv4Hour         float64
	MillionRequests        float64 // to a FIFO queue
	FreeRequests           float64 // a month
	AlarmMetric            float64 // a month, for each metric that an alarm looks at
	SpotShare              float64 // of the price on demand
}

// DefaultPrices are those of us-east-1.
func DefaultPrices() Prices {
	return Prices{
		X86VCPUHour: 0.04048, X86GBHour: 0.004445, ARMVCPUHour: 0.03238, ARMGBHour: 0.00356, PublicIPv4Hour: 0.005,
		MillionRequests: 0.50, FreeRequests: 1e6, AlarmMetric: 0.10, SpotShare: 0.32,
	}
}

// shortestCharge is the least that Fargate charges for a task.
const shortestCharge = time.Minute

// taskSize is what a task is charged for.
type taskSize struct {
	vcpu, gib float64
	arm       bool
	publicIP  bool
	spot      float64 // share of the tasks, 0 to 1
}

// taskHour is what a task costs in an hour.
func (p Prices) taskHour(s taskSize) float64 {
	cpu, memory := p.X86VCPUHour, p.X86GBHour
	if s.arm {
		cpu, memory = p.ARMVCPUHour, p.ARMGBHour
	}
	price := s.vcpu*cpu + s.gib*memory
	price *= 1 - s.spot*(1-p.SpotShare)
	if s.publicIP {
		price += p.PublicIPv4Hour
	}
	return price
}

// Check says which values are wrong.
func (p Parameters) Check() error {
	var wrong []error
	add := func(flag string, value any, want string) {
		wrong = append(wrong, fmt.Errorf("--%s: %v: needs to be %s", flag, value, want))
	}
	if p.Days < 1 || p.Days > longestDays {
		add("days", p.Days, fmt.Sprintf("1 to %d", longestDays))
	}
	if p.Control.MetricDelay < 0 || p.Control.MetricDelay > cloud.LongestMetricDelay {
		add("metric-delay", p.Control.MetricDelay, fmt.Sprintf("0 to %d minutes, as far back as an alarm looks", cloud.LongestMetricDelay))
	}
	if p.Control.WakeDelay < 0 || p.Control.WakeDelay > 60 {
		add("wake-delay", p.Control.WakeDelay, "0 to 60 minutes")
	}
	if p.StartFrom <= 0 || p.StartTo < p.StartFrom {
		add("start-from", p.StartFrom, "above 0 and at most --start-to")
	}
	return errors.Join(wrong...)
}

// longestDays is what fits into the histograms of waits.
const longestDays = 366

// Set changes a price, as in vcpu=0.05.
func (p *Prices) Set(text string) error {
	prices := map[string]*float64{
		"x86-vcpu": &p.X86VCPUHour, "x86-gb": &p.X86GBHour, "arm-vcpu": &p.ARMVCPUHour, "arm-gb": &p.ARMGBHour, "ipv4": &p.PublicIPv4Hour,
		"million-requests": &p.MillionRequests, "free-requests": &p.FreeRequests, "alarm-metric": &p.AlarmMetric, "spot-share": &p.SpotShare,
	}
	name, value, _ := strings.Cut(text, "=")
	price, ok := prices[name]
	if !ok {
		return fmt.Errorf("there is no price %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(prices)), ", "))
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || !(number >= 0 && number <= 1e9) {
		return fmt.Errorf("%q needs to be a number, 0 or more", value)
	}
	*price = number
	return nil
}
