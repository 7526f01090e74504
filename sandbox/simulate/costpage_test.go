package simulate

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCostPage keeps the figures of docs/cost.md as the price list has them:
// go test ./sandbox/simulate -run TestCostPage -update.
func TestCostPage(t *testing.T) {
	t.Parallel()
	const file = "../../docs/cost.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	page := replaceBetween(t, string(text), "the costs table", costTable(t))
	page = replaceBetween(t, page, "the price list", priceTable())
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(page), 0o644))
		return
	}
	assert.Equal(t, page, string(text),
		"if the change is meant: go test ./sandbox/simulate -run TestCostPage -update")
}

// replaceBetween the marks of a part of a page.
func replaceBetween(t *testing.T, page, part, text string) string {
	t.Helper()
	begin, end := "<!-- "+part+" begins -->\n", "<!-- "+part+" ends -->"
	head, rest, ok := strings.Cut(page, begin)
	require.True(t, ok, part)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok, part)
	return head + begin + text + end + tail
}

// between are the marks of a part of a page.
func between(t *testing.T, page, part string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "<!-- "+part+" begins -->\n")
	require.True(t, ok, part)
	text, _, ok := strings.Cut(rest, "<!-- "+part+" ends -->")
	require.True(t, ok, part)
	return text
}

// wakeIntervals are those that a stack can have.
var wakeIntervals = []int{60, 30, 20, 15, 10, 0}

// costTable is what a stack's parts cost.
func costTable(t *testing.T) string {
	t.Helper()
	p := priceList[defaultRegion]
	hour := func(arm bool) float64 { return p.tasks(taskSize{vcpu: 0.25, gib: 0.5, arm: arm}, 1).total() }
	alarms := func(overrides ...string) (n int) {
		system, err := Stack{Root: dev.Root, Name: "dev", Overrides: overrides}.itself()
		require.NoError(t, err)
		return system.alarmMetrics()
	}
	scaling := alarms()
	inSteps := alarms("adjustmentType=ChangeInCapacity",
		`scalingSteps=[{"upper":0,"change":-1},{"lower":1,"change":1}]`)
	people := alarms("alarmTopicArn=arn:aws:sns:us-west-2:123456789012:on-call") - scaling
	system, err := dev.itself()
	require.NoError(t, err)
	calls := system.standing().callsAnHour * hoursAMonth
	asking := func(interval int) float64 {
		stack := Stack{Root: dev.Root, Name: "dev",
			Overrides: []string{fmt.Sprint("wakeIntervalSeconds=", interval)}}
		quiet := &Workload{Name: "quiet", Work: Distribution{Median: time.Second}, CPU: defaultCPU,
			Trace: []Job{{Work: time.Second}}}
		c, err := Compare(t.Context(), stack, quiet, parameters(1), false)
		require.NoError(t, err)
		return c.Results[0].bill().Machine
	}
	var text strings.Builder
	row := func(what, idle, works string) { fmt.Fprintf(&text, "| %s | %s | %s |\n", what, idle, works) }
	row("", "while idle", "while it works")
	text.WriteString("|---|---|---|\n")
	row("tasks, 0.25 vCPU and 0.5 GB", "0",
		fmt.Sprintf("$%.4f an hour (x86), $%.4f (arm64); all the time $%.2f a month, or $%.2f", hour(false),
			hour(true), hour(false)*hoursAMonth, hour(true)*hoursAMonth))
	row("public IPv4 address of a task", "0", fmt.Sprintf("$%g an hour", p.PublicIPv4Hour))
	row(fmt.Sprintf("alarms for scaling (%d metrics, %d with a scale-in step)", scaling, inSteps),
		fmt.Sprintf("$%.2f a month, or $%.2f", float64(scaling)*p.AlarmMetric,
			float64(inSteps)*p.AlarmMetric), "the same")
	row(fmt.Sprintf("alarms for people, with `alarmTopicArn` (%d metrics)", people),
		fmt.Sprintf("$%.2f a month", float64(people)*p.AlarmMetric), "the same")
	row("dashboard, with `dashboard`", fmt.Sprintf("$%g a month", p.Dashboard), "the same")
	row("SQS FIFO", "0: no task, no polls",
		fmt.Sprintf("$%.2f a million requests, after the first %.0f a month; a waiting worker polls three "+
			"times a minute", p.MillionRequests, p.FreeRequests))
	row("wake-up schedule", fmt.Sprintf("%.0f calls a month of %.0f that are free", calls,
		p.FreeScheduleCalls), "the same")
	for _, interval := range wakeIntervals {
		row(fmt.Sprintf("wake-up machine, `wakeIntervalSeconds: %d`", interval),
			fmt.Sprintf("$%.2f a month", asking(interval)), "the same")
	}
	row("logs", "storage", fmt.Sprintf("$%.2f per GB written", p.LogsGB))
	row("the worker's metrics", "0 while there are none",
		fmt.Sprintf("up to %d at $%.2f a month, prorated by the hour", len(workerMetrics()), p.CustomMetric))
	return text.String()
}

// priceTable is the price list, a column for each region.
func priceTable() string {
	var text strings.Builder
	fmt.Fprintf(&text, "| %s | | %s |\n|---|---|%s\n", pricesChecked, strings.Join(regions(), " | "),
		strings.Repeat("---|", len(regions())))
	for _, price := range priceNames {
		fmt.Fprintf(&text, "| `%s` | %s |", price.name, price.unit)
		for _, region := range regions() {
			listed := priceList[region]
			if everywhere[price.name] {
				listed = priceList[defaultRegion]
			}
			if value := *price.of(&listed); value != 0 || everywhere[price.name] {
				fmt.Fprintf(&text, " %s |", decimal(value))
			} else {
				text.WriteString(" - |")
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

// decimal is a number as a price list has it, without an exponent.
func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
