package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// measure of a result. Its name is the one of --fail-on; with the unit of a time, _seconds, it
// is the key in --json, and its words head the columns of tables.
type measure struct {
	name   string
	isTime bool // in seconds
	of     func(r *Result) float64
	text   func(value float64) string
}

// Names of the measures that something asks for by name.
const (
	p50First = "p50_first"
	p95First = "p95_first"
	p95Wait  = "p95_wait"
	dollars  = "dollars_a_month"
)

var measures = []measure{
	{p50First, true, func(r *Result) float64 { return r.First.Quantile(50).Seconds() }, asWait},
	{p95First, true, func(r *Result) float64 { return r.First.Quantile(95).Seconds() }, asWait},
	{"p50_wait", true, func(r *Result) float64 { return r.All.Quantile(50).Seconds() }, asWait},
	{p95Wait, true, func(r *Result) float64 { return r.All.Quantile(95).Seconds() }, asWait},
	{"killed", false, func(r *Result) float64 { return float64(r.BusyKills) }, asNumber},
	{"redelivered", false, func(r *Result) float64 { return float64(r.Redeliveries) }, asNumber},
	{"dead_lettered", false, func(r *Result) float64 { return float64(r.DeadLettered) }, asNumber},
	{"undone", false, func(r *Result) float64 { return float64(r.Undone) }, asNumber},
	{"left_running", false, func(r *Result) float64 { return float64(r.LeftRunning) }, asNumber},
	{"task_minutes", false, func(r *Result) float64 { return r.TaskMinutes }, asNumber},
	{"beyond_need_minutes", false, func(r *Result) float64 { return r.BeyondNeed }, asNumber},
	{dollars, false, func(r *Result) float64 { return r.CostAMonth() }, asMoney},
}

// formerNames are what conditions may call a measure, too.
var formerNames = map[string]string{
	"dead": "dead_lettered", "beyond_need": "beyond_need_minutes", "dollars": dollars,
}

func asWait(value float64) string   { return InWords(duration(value)) }
func asNumber(value float64) string { return fmt.Sprintf("%.0f", value) }
func asMoney(value float64) string  { return fmt.Sprintf("%.2f", value) }

// MeasureNames are those that conditions can name.
func MeasureNames() []string {
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	return names
}

// measureOf a name; ok is false if there is none.
func measureOf(name string) (m measure, ok bool) {
	if now, former := formerNames[name]; former {
		name = now
	}
	i := slices.IndexFunc(measures, func(m measure) bool { return m.name == name })
	if i < 0 {
		return measure{}, false
	}
	return measures[i], true
}

// heading of a column.
func (m measure) heading() string {
	words := strings.ReplaceAll(strings.TrimSuffix(m.name, "_minutes"), "_", " ")
	switch m.name {
	case dollars:
		return "$ a month"
	case "dead_lettered":
		return "dead-lettered"
	case "task_minutes":
		return "task-minutes"
	}
	return words
}

// table has the measures that a table shows: all but the median, which says little of a queue
// that is empty most of the time, and the tasks left at the end.
var table = slices.DeleteFunc(slices.Clone(measures), func(m measure) bool {
	return m.name == "p50_wait" || m.name == "left_running"
})

func columnNames() []string {
	var names []string
	for _, m := range table {
		names = append(names, m.heading())
	}
	return names
}

func (r *Result) columns() []string {
	var values []string
	for _, m := range table {
		values = append(values, m.withRange(r))
	}
	return values
}
