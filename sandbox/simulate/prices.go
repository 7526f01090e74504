package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// prices are what AWS charges in a region, in US dollars, on demand, for Linux.
type prices struct {
	// X86VCPUHour and X86GBHour are those of a task on Fargate for an hour, and
	// ARMVCPUHour and ARMGBHour those of one on Graviton.
	X86VCPUHour, X86GBHour float64
	ARMVCPUHour, ARMGBHour float64
	// SpotShare is what Fargate Spot costs of the price on demand, 0 to 1. It is an
	// assumption: the price changes with demand, AWS names only "up to 70 %" off.
	SpotShare float64
	// PublicIPv4Hour is an address for an hour.
	PublicIPv4Hour float64
	// MillionRequests is a million requests to a FIFO queue, beyond FreeRequests a month.
	MillionRequests, FreeRequests float64
	// AlarmMetric is a metric that an alarm looks at, CustomMetric one that is written,
	// Dashboard a dashboard, each for a month. A custom metric is charged for the hours
	// in which it is written.
	AlarmMetric, CustomMetric, Dashboard float64
	// LogsGB is a gigabyte written to CloudWatch Logs.
	LogsGB float64
	// MillionScheduleCalls is a million calls of EventBridge Scheduler, beyond
	// FreeScheduleCalls a month.
	MillionScheduleCalls, FreeScheduleCalls float64
	// MillionExecutions and MachineGBSecond are those of express state machines.
	MillionExecutions, MachineGBSecond float64
	// MillionInvocations and GBSecond are those of a Lambda function on Graviton, the
	// seconds beyond FreeGBSeconds a month.
	MillionInvocations, GBSecond, FreeGBSeconds float64
}

// defaultRegion is the one whose prices stand in for those that are not in the list.
const defaultRegion = "us-east-1"

// pricesChecked is when the list was put together.
const pricesChecked = "November 2026"

// priceNames are the names that --price and the reports use, in the order of the list.
var priceNames = []struct {
	name, unit string
	of         func(p *prices) *float64
}{
	{"x86-vcpu", "vCPU-hour on x86", func(p *prices) *float64 { return &p.X86VCPUHour }},
	{"x86-gb", "GB-hour on x86", func(p *prices) *float64 { return &p.X86GBHour }},
	{"arm-vcpu", "vCPU-hour on arm64", func(p *prices) *float64 { return &p.ARMVCPUHour }},
	{"arm-gb", "GB-hour on arm64", func(p *prices) *float64 { return &p.ARMGBHour }},
	{
		"spot-share", "price of Spot, as a share of the price on demand",
		func(p *prices) *float64 { return &p.SpotShare },
	},
	{"ipv4", "public IPv4 address, an hour", func(p *prices) *float64 { return &p.PublicIPv4Hour }},
	{
		"million-requests", "million requests to SQS FIFO",
		func(p *prices) *float64 { return &p.MillionRequests },
	},
	{
		"free-requests", "requests to SQS a month that are free",
		func(p *prices) *float64 { return &p.FreeRequests },
	},
	{"alarm-metric", "metric of an alarm, a month", func(p *prices) *float64 { return &p.AlarmMetric }},
	{"custom-metric", "custom metric, a month", func(p *prices) *float64 { return &p.CustomMetric }},
	{"dashboard", "dashboard, a month", func(p *prices) *float64 { return &p.Dashboard }},
	{"logs-gb", "GB of logs written", func(p *prices) *float64 { return &p.LogsGB }},
	{
		"million-schedule-calls", "million calls of EventBridge Scheduler",
		func(p *prices) *float64 { return &p.MillionScheduleCalls },
	},
	{
		"free-schedule-calls", "calls of the scheduler a month that are free",
		func(p *prices) *float64 { return &p.FreeScheduleCalls },
	},
	{
		"million-executions", "million executions of express state machines",
		func(p *prices) *float64 { return &p.MillionExecutions },
	},
	{
		"machine-gb-second", "GB-second of express state machines",
		func(p *prices) *float64 { return &p.MachineGBSecond },
	},
	{
		"million-invocations", "million invocations of Lambda",
		func(p *prices) *float64 { return &p.MillionInvocations },
	},
	{"gb-second", "GB-second of Lambda on arm64", func(p *prices) *float64 { return &p.GBSecond }},
	{
		"free-gb-seconds", "GB-seconds of Lambda a month that are free",
		func(p *prices) *float64 { return &p.FreeGBSeconds },
	},
}

// priceList has what is known of each region. A figure that is left out could not be
// sourced: us-east-1's stands in for it, and the report says so.
//
// Of the allowances that AWS gives each account every month, those of SQS and of the
// scheduler are counted, since a stack is far below them. Lambda's (400,000
// GB-seconds) and CloudWatch's (ten custom metrics, ten alarm metrics, three
// dashboards, 5 GB of logs) are taken to be used by something else in the account.
var priceList = map[string]prices{
	// Sources: vantage.sh/blog/fargate-pricing, cloudburn.io/blog/aws-fargate-pricing
	// (from the Price List API, March 2026), .../amazon-sqs-pricing and
	// .../amazon-eventbridge-pricing (March 2026), c3x.dev on CloudWatch Logs (June
	// 2026), the pricing pages of CloudWatch, VPC, Lambda and Step Functions.
	defaultRegion: {
		X86VCPUHour: 0.04048, X86GBHour: 0.004445, ARMVCPUHour: 0.03238, ARMGBHour: 0.00356,
		SpotShare: 0.32, PublicIPv4Hour: 0.005,
		MillionRequests: 0.50, FreeRequests: 1e6,
		AlarmMetric: 0.10, CustomMetric: 0.30, Dashboard: 3, LogsGB: 0.50,
		MillionScheduleCalls: 1, FreeScheduleCalls: 14e6, MillionInvocations: 0.20, GBSecond: 0.0000133334,
		MillionExecutions: 1, MachineGBSecond: 0.00001667,
	},
	// Sources: Fargate on x86 from github.com/RafalWilinski/fargate-calc, src/pricing.js
	// (2020; AWS has not changed it since January 2019). On arm64 a fifth less, as AWS
	// announced Graviton on Fargate ("20% lower cost"), and what the Price List has in
	// eu-central-1 at the same price on x86. The rest from the Price List API, files
	// of us-west-1, September 2026.
	"us-west-1": {
		X86VCPUHour: 0.04656, X86GBHour: 0.00511, ARMVCPUHour: 0.03725, ARMGBHour: 0.00409,
		AlarmMetric: 0.10, CustomMetric: 0.30, LogsGB: 0.67, MillionInvocations: 0.20, GBSecond: 0.0000133334,
	},
	// Sources: Fargate on x86 as for us-west-1, on arm64 us-east-1's at the same price
	// on x86. Logs from a bill of 2026.
	"us-west-2": {
		X86VCPUHour: 0.04048, X86GBHour: 0.004445, ARMVCPUHour: 0.03238, ARMGBHour: 0.00356,
		LogsGB: 0.50,
	},
	// Sources: Price List API, usage types EU-Fargate-vCPU-Hours:perCPU, -GB-Hours and
	// their ARM kin, and EU-DataProcessing-Bytes, March 2026.
	"eu-west-1": {
		X86VCPUHour: 0.04048, X86GBHour: 0.004445, ARMVCPUHour: 0.03238, ARMGBHour: 0.00356,
		LogsGB: 0.57,
	},
	// Sources: Price List API, AmazonECS of eu-central-1, and for x86 the pricing page as
	// in github.com/kubecost/kubecost#2333; logs EUC1-DataProcessing-Bytes, March 2026.
	"eu-central-1": {
		X86VCPUHour: 0.04656, X86GBHour: 0.00511, ARMVCPUHour: 0.03725, ARMGBHour: 0.00409,
		LogsGB: 0.63,
	},
	// Sources: Price List API, usage types APS1-Fargate-* and APS1-CW:*,
	// APS1-DataProcessing-Bytes, APS1-Lambda-GB-Second-ARM, APS1-Request-ARM, August 2026.
	"ap-southeast-1": {
		X86VCPUHour: 0.05056, X86GBHour: 0.00553, ARMVCPUHour: 0.04045, ARMGBHour: 0.00442,
		AlarmMetric: 0.10, Dashboard: 3, LogsGB: 0.70, MillionInvocations: 0.20, GBSecond: 0.0000133334,
	},
}

// pricesOf a region, with what is overridden. The note says in a sentence where they
// are from.
func pricesOf(region string, overrides PriceOverrides) (p prices, note string) {
	p = priceList[defaultRegion]
	listed, known := priceList[region]
	var missing []string
	for _, price := range priceNames {
		if value, overridden := overrides[price.name]; overridden {
			*price.of(&p) = value
			continue
		}
		if value := *price.of(&listed); value != 0 {
			*price.of(&p) = value
		} else if region != defaultRegion && !everywhere[price.name] {
			missing = append(missing, price.name)
		}
	}
	switch {
	case !known:
		note = fmt.Sprintf("Prices of %s, %s; %s is not in the list (%s): use --price.",
			defaultRegion, pricesChecked, region, strings.Join(regions(), ", "))
	case len(missing) > 0:
		note = fmt.Sprintf("Prices of %s, %s; not in the list, and taken from %s: %s.",
			region, pricesChecked, defaultRegion, strings.Join(missing, ", "))
	default:
		note = fmt.Sprintf("Prices of %s, %s.", region, pricesChecked)
	}
	if len(overrides) > 0 {
		note += fmt.Sprintf(" Overridden: %s.", overrides)
	}
	return p, note
}

// everywhere are the figures that do not depend on a region: the allowances are the
// account's, the address costs the same in all regions (AWS News Blog, "New – AWS
// Public IPv4 Address Charge"), and Spot's share is an assumption.
var everywhere = map[string]bool{
	"spot-share": true, "ipv4": true, "free-requests": true, "free-schedule-calls": true,
	"free-gb-seconds": true,
}

func regions() []string { return slices.Sorted(maps.Keys(priceList)) }

// PriceNames are those of the prices that can be overridden.
func PriceNames() []string {
	var names []string
	for _, price := range priceNames {
		names = append(names, price.name)
	}
	return names
}

// PriceOverrides are prices that a person sets, by name.
type PriceOverrides map[string]float64

// Set reads one, as in arm-vcpu=0.05.
func (o *PriceOverrides) Set(text string) error {
	name, value, _ := strings.Cut(text, "=")
	names := PriceNames()
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no price %q; there are %s", name, strings.Join(names, ", "))
	}
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || !(number >= 0 && number <= 1e9) {
		return fmt.Errorf("%s=%q: needs to be a number, 0 or more", name, value)
	}
	if *o == nil {
		*o = PriceOverrides{}
	}
	(*o)[name] = number
	return nil
}

// String lists them by name.
func (o PriceOverrides) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		list = append(list, fmt.Sprintf("%s=%g", name, o[name]))
	}
	return strings.Join(list, ", ")
}

// shortestCharge is the least that Fargate charges for a task: a minute.
const shortestCharge = 1.0 / 60

// taskSize is what a task is charged for.
type taskSize struct {
	vcpu, gib float64
	arm       bool
	publicIP  bool
	spot      float64 // share of the tasks, 0 to 1
}

// tasks are what hours of tasks of a size cost, by what is charged for.
func (p prices) tasks(s taskSize, hours float64) bill {
	cpu, memory := p.X86VCPUHour, p.X86GBHour
	if s.arm {
		cpu, memory = p.ARMVCPUHour, p.ARMGBHour
	}
	b := bill{VCPU: hours * s.vcpu * cpu, Memory: hours * s.gib * memory}
	b.Spot = -s.spot * (1 - p.SpotShare) * (b.VCPU + b.Memory)
	if s.publicIP {
		b.Addresses = hours * p.PublicIPv4Hour
	}
	return b
}
