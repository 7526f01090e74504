package simulate

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strings"

	"fargate-queue-worker/sandbox/timeline"
)

//go:embed report.html
var reportPage string

var page = template.Must(template.New("report").Parse(reportPage))

// WriteHTML writes a report that needs nothing but itself: no scripts, no fonts, no
// network.
func (r *Report) WriteHTML(w io.Writer) error {
	view := pageView{
		Title: "What stack " + r.Stack.Name + " will do", Columns: columnNames(),
		Floor:     r.Parameters.floorInWords(),
		Overrides: r.Stack.Overrides, Days: r.Parameters.Days, Seed: r.Parameters.Seed,
		Prices: r.pricesInWords(),
	}
	for _, c := range r.Comparisons {
		section, err := c.section(r.Parameters.Days)
		if err != nil {
			return err
		}
		view.Sections = append(view.Sections, section)
	}
	view.Words = words
	for _, s := range r.Comparisons[0].Systems {
		view.Systems = append(view.Systems, system{s.Name, s.Is})
	}
	return page.Execute(w, view)
}

// pageView is what the page shows.
type pageView struct {
	Title, Floor string
	Prices       string
	Columns      []string
	Overrides    []string
	Days         int
	Seed         uint64
	Words        []system
	Systems      []system
	Sections     []section
}

type system struct{ Name, Is string }

// words of the table, and what they mean.
var words = []system{
	{"first", "waits of messages that come when all work before them could be done. If no task runs any " +
		"more, they have to wake the service. Waits end when a handler begins."},
	{"wait", "the same of all messages. p50 and p95: so many percent of them wait no longer."},
	{"killed", "tasks that scale-in ended while they worked"},
	{"redelivered", "receives of a message but its first"},
	{"undone", "messages that are neither done nor dead-lettered a day after the last day"},
	{"beyond need", "minutes of tasks there was no work for; needed are as many tasks as the groups with " +
		"work, " +
		"or the messages if there are fewer, fill"},
	{"$ a month", "all of the bill, for 730 hours at the rate of the days simulated; a task is charged " +
		"from its creation"},
}

type section struct {
	Name, Description      string
	Verdict                []string
	Rows                   []row
	Remarks                []string
	Timeline, Waits, Costs template.HTML
	Day                    int
	Activities             []string
	MoreActivities         int
}

type row struct {
	Name  string
	Stack bool
	Cells []cell
}

// cell is a figure, and its range below it.
type cell struct{ Figure, Range string }

func cells(columns []string) []cell {
	var all []cell
	for _, text := range columns {
		figure, spread, _ := strings.Cut(text, " (")
		all = append(all, cell{figure, strings.TrimSuffix(spread, ")")})
	}
	return all
}

// listedActivities is how many of them a report lists.
const listedActivities = 200

func (c *Comparison) section(days int) (section, error) {
	s := section{
		Name: c.Workload.Name, Description: c.description(days), Verdict: c.verdict(), Remarks: c.remarks(),
	}
	for i, r := range c.Results {
		s.Rows = append(s.Rows, row{r.System, i == 0, cells(r.columns())})
	}
	stack := c.Results[0]
	busiest := stack.busiestDay()
	s.Day = busiest + 1
	var err error
	if s.Timeline, err = picture(stack.timelineOf(busiest).WriteSVG); err != nil {
		return s, err
	}
	if s.Waits, err = picture(func(w io.Writer) error {
		return timeline.WriteWaits(w, c.waits())
	}); err != nil {
		return s, err
	}
	if c.Days > 1 { // a day is a point, not a picture
		if s.Costs, err = picture(func(w io.Writer) error {
			return timeline.WriteCosts(w, c.costs())
		}); err != nil {
			return s, err
		}
	}
	for _, a := range stack.Activities[:min(len(stack.Activities), listedActivities)] {
		s.Activities = append(s.Activities, clock(a.At)+"  "+a.String())
	}
	s.MoreActivities = len(stack.Activities) - len(s.Activities)
	return s, nil
}

// picture is an SVG as a part of a page.
func picture(write func(io.Writer) error) (template.HTML, error) {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return "", err
	}
	svg := text.String()
	// drawn by us, from numbers and names of resources
	return template.HTML(svg[strings.Index(svg, "<svg"):]), nil
}

// busiestDay is the one with the longest queue, from 0.
func (r *Result) busiestDay() int {
	busiest, longest := 0, -1
	for _, p := range r.Points {
		if d := int(p.At / 24); d < len(r.Days) && p.Waiting+p.InFlight > longest {
			busiest, longest = d, p.Waiting+p.InFlight
		}
	}
	return busiest
}

// timelineOf a day, in hours since its midnight.
func (r *Result) timelineOf(d int) *timeline.Timeline {
	from, to := float64(d)*24, float64(d+1)*24
	t := &timeline.Timeline{Unit: timeline.HoursOfTheDay}
	for _, p := range r.Points {
		if p.At >= from && p.At <= to {
			p.At -= from
			t.Points = append(t.Points, p)
		}
	}
	for _, s := range r.alarms.Spans(r.end.Sub(begin).Hours()) {
		if s.To > from && s.From < to {
			t.Alarms = append(t.Alarms,
				timeline.Span{Alarm: s.Alarm, From: max(0, s.From-from), To: min(24, s.To-from)})
		}
	}
	return t
}

func (c *Comparison) waits() []timeline.Series {
	var all []timeline.Series
	for _, r := range c.Results {
		s := timeline.Series{Name: r.System}
		below := int64(0)
		total := r.begun.Count() + int64(r.Unstarted)
		for _, bar := range r.begun.histogram.Distribution() {
			if below += bar.Count; bar.Count > 0 {
				s.X = append(s.X, float64(bar.To)/1000)
				s.Y = append(s.Y, 100*float64(below)/float64(max(1, total)))
			}
		}
		if n := len(s.Y); n > 0 {
			s.X, s.Y = append(s.X, timeline.LongestWait.Seconds()), append(s.Y, s.Y[n-1])
			all = append(all, s)
		}
	}
	return all
}

func (c *Comparison) costs() []timeline.Series {
	var all []timeline.Series
	for _, r := range c.Results {
		s := timeline.Series{Name: r.System}
		for d, cost := range r.Days {
			s.X, s.Y = append(s.X, float64(d+1)), append(s.Y, cost)
		}
		all = append(all, s)
	}
	return all
}
