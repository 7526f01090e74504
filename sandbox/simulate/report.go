package simulate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run of the simulator says.
type Report struct {
	Stack       Stack
	Parameters  Parameters
	Comparisons []*Comparison
}

// WriteTable writes a verdict and a table for each workload, and where a peer wins, why.
func (r *Report) WriteTable(w io.Writer) error {
	for _, c := range r.Comparisons {
		fmt.Fprintf(w, "\n%s: %s\n\n", c.Workload.Name, c.description(r.Parameters.Days))
		for _, sentence := range c.verdict() {
			fmt.Fprintln(w, "  "+sentence)
		}
		fmt.Fprintln(w)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, strings.Join(append([]string{"", ""}, columnNames()...), "\t")+"\t")
		for _, result := range c.Results {
			fmt.Fprintln(table, strings.Join(append([]string{"", result.System}, result.columns()...),
				"\t")+"\t")
		}
		if err := table.Flush(); err != nil {
			return err
		}
		for _, remark := range c.remarks() {
			fmt.Fprintln(w, "  -", remark)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", r.Parameters.floorInWords(), r.pricesInWords())
	return err
}

// pricesInWords are the prices' region and date, and what the bill leaves out.
func (r *Report) pricesInWords() string {
	return r.Comparisons[0].Results[0].PricesNote +
		" The bill counts tasks and their addresses, alarms, requests, " +
		"schedules, the worker's metrics, dashboards, and the functions that peers need; not logs."
}

// description of the workload, with the days it was costed over if they are not those
// asked for.
func (c *Comparison) description(asked int) string {
	text := c.Workload.Description
	if c.Days != asked {
		text += fmt.Sprintf(", simulated and costed over %d days", c.Days)
	}
	return text
}

// InWords is a duration in the units that a person would choose.
func InWords(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < time.Second:
		return "0s"
	case d < 10*time.Minute:
		return d.Round(time.Second).String()
	case d < 10*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%.0fh", d.Hours())
}

// remarks say where a peer does better than the stack, and why.
func (c *Comparison) remarks() []string {
	stack := c.Results[0]
	var remarks []string
	for i, r := range c.Results[1:] {
		var better []string
		for _, m := range []struct {
			name         string
			mine, theirs float64
		}{
			{"first messages start sooner (p50)", seconds(stack.First.Quantile(50)),
				seconds(r.First.Quantile(50))},
			{"first messages start sooner (p95)", seconds(stack.First.Quantile(95)),
				seconds(r.First.Quantile(95))},
			{"messages start sooner (p95)", seconds(stack.All.Quantile(95)), seconds(r.All.Quantile(95))},
			{"fewer redeliveries", float64(stack.Redeliveries), float64(r.Redeliveries)},
			{"fewer minutes beyond need", stack.BeyondNeed, r.BeyondNeed},
			{"costs less", stack.CostAMonth(), r.CostAMonth()},
		} {
			const noticeable = 0.97 // of ours
			if m.theirs >= 0 && m.theirs < noticeable*m.mine-0.005 {
				better = append(better, m.name)
			}
		}
		if len(better) > 0 {
			remarks = append(remarks, fmt.Sprintf("%s: %s; %s", r.System, strings.Join(better, ", "),
				c.why(c.Systems[i+1], r)))
		}
	}
	return remarks
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// why a peer does better.
func (c *Comparison) why(s System, r *Result) string {
	stack := c.Results[0]
	var reasons []string
	if left := r.Undone + r.DeadLettered; left > stack.Undone+stack.DeadLettered {
		reasons = append(reasons, fmt.Sprintf("but %d messages are not done", left))
	}
	if s.least() > 0 {
		reasons = append(reasons, fmt.Sprintf("it keeps %d running, and pays for that", s.least()))
	}
	if s.Poller != nil {
		reasons = append(reasons,
			"it asks SQS itself instead of waiting for CloudWatch, with a function of its own")
	}
	if s.EveryMinute != nil {
		reasons = append(reasons, "a function of its own counts the messages each minute")
	}
	if r.BusyKills > stack.BusyKills {
		reasons = append(reasons, fmt.Sprintf("it stops tasks that work, %d times", r.BusyKills))
	}
	if r.TaskMinutes > 1.05*stack.TaskMinutes {
		reasons = append(reasons, "it runs more tasks")
	}
	if r.TaskMinutes < 0.95*stack.TaskMinutes && r.BusyKills <= stack.BusyKills {
		reasons = append(reasons, "it runs fewer tasks")
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "it starts and stops tasks at other times")
	}
	return strings.Join(reasons, "; ")
}

// floorInWords is what no scaling by CloudWatch from no tasks can beat.
func (p Parameters) floorInWords() string {
	delay := time.Duration(p.Control.MetricDelay) * time.Minute
	low, high := delay+p.StartFrom, 2*time.Minute+delay+p.StartTo
	return fmt.Sprintf("The floor of a first message, with CloudWatch: up to 1m0s until the metric is "+
		"sampled + %s until "+
		"CloudWatch shows it + up to 1m0s until the alarm is evaluated + %s to %s to start a task = %s to "+
		"%s, %s in the middle. "+
		"After six hours without use a queue's metrics may come %d minutes later.",
		delay, p.StartFrom, p.StartTo, low, high, (low+high)/2, p.Control.WakeDelay)
}

// WriteActivities writes each scaling activity of the stack.
func (r *Report) WriteActivities(w io.Writer) {
	for _, c := range r.Comparisons {
		fmt.Fprintf(w, "\n%s, %s:\n", c.Workload.Name, c.Results[0].System)
		for _, a := range c.Results[0].Activities {
			fmt.Fprintf(w, "  %s  %s\n", clock(a.At), a)
		}
	}
}

// clock is a time of the simulation: its day, from 1, and the time of day.
func clock(t time.Time) string {
	return fmt.Sprintf("day %d %s", int(t.Sub(begin)/day)+1, t.Format("15:04"))
}
