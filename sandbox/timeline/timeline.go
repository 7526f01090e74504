// Package timeline draws what a queue and its tasks did over time.
package timeline

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// HoursOfTheDay is the unit of a timeline of one day.
const HoursOfTheDay = "time of day"

// Timeline is what happened over time. Times are in Unit since the start.
type Timeline struct {
	Title string
	// Unit of the horizontal axis, such as seconds, or HoursOfTheDay.
	Unit   string
	Points []Point
	Alarms []Span
}

// Point is the state at a time.
type Point struct {
	At                         float64
	Waiting, InFlight, Delayed int // messages
	DesiredTasks, RunningTasks int
	// ProtectedTasks of those that run may not be stopped.
	ProtectedTasks int
	CPU            float64 // percent of what the tasks reserve; NaN without tasks
}

// Span is a time in which an alarm was in ALARM.
type Span struct {
	Alarm    string
	From, To float64
}

// The colours are told apart with any kind of colour vision (Okabe and Ito).
var (
	blue   = color.RGBA{0, 114, 178, 255}
	orange = color.RGBA{230, 159, 0, 255}
	green  = color.RGBA{0, 158, 115, 255}
	red    = color.RGBA{213, 94, 0, 255}
	grey   = color.RGBA{110, 110, 110, 255}

	paleGreen = color.RGBA{178, 226, 213, 255}
)

const (
	width       = 24 * vg.Centimeter
	panelHeight = 5 * vg.Centimeter
	// headingHeight is the room above a panel for what its lines are.
	headingHeight = 20
	titleHeight   = 22
)

// WriteSVG draws messages, tasks, CPU and alarms above each other.
func (t *Timeline) WriteSVG(w io.Writer) error {
	makers := []func() (*panel, error){t.messages, t.tasks, t.cpu, t.alarms}
	panels, rows := make([]*panel, len(makers)), make([][]*plot.Plot, len(makers))
	for i, make := range makers {
		p, err := make()
		if err != nil {
			return fmt.Errorf("drawing the timeline: %w", err)
		}
		panels[i], rows[i] = p, []*plot.Plot{p.plot}
	}
	panels[len(panels)-1].plot.X.Label.Text = t.Unit
	canvas := vgsvg.New(width, panelHeight*vg.Length(len(rows)))
	whole := draw.New(canvas)
	tiles := draw.Tiles{
		Rows: len(rows), Cols: 1, PadTop: vg.Points(titleHeight + headingHeight),
		PadY:      vg.Points(headingHeight),
		PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(14),
	}
	for i, row := range plot.Align(rows, tiles, whole) {
		panels[i].draw(row[0])
	}
	title := textStyle(10)
	title.XAlign, title.YAlign = draw.XCenter, draw.YTop
	whole.FillText(title, vg.Point{X: whole.Center().X, Y: whole.Max.Y - vg.Points(6)}, t.Title)
	_, err := canvas.WriteTo(w)
	return err
}

// line is a quantity over time.
type line struct {
	name  string
	color color.Color
	dash  bool
	value func(Point) float64
}

func (t *Timeline) messages() (*panel, error) {
	all := []line{
		{"waiting", blue, false, func(p Point) float64 { return float64(p.Waiting) }},
		{"in flight", orange, false, func(p Point) float64 { return float64(p.InFlight) }},
	}
	if slices.ContainsFunc(t.Points, func(p Point) bool { return p.Delayed > 0 }) {
		all = append(all, line{"delayed", grey, true, func(p Point) float64 { return float64(p.Delayed) }})
	}
	return t.lines("messages", all)
}

func (t *Timeline) tasks() (*panel, error) {
	p := t.newPanel("tasks")
	protected, err := t.markProtected(p)
	if err != nil {
		return nil, err
	}
	err = t.add(p, []line{
		{"desired", grey, true, func(p Point) float64 { return float64(p.DesiredTasks) }},
		{"running", green, false, func(p Point) float64 { return float64(p.RunningTasks) }},
	})
	if protected {
		swatch := draw.LineStyle{Color: paleGreen, Width: vg.Points(8)}
		p.entries = append(p.entries, entry{"not wanted, but protected while they work", swatch})
	}
	return p, err
}

// markProtected fills what runs beyond what is desired because it is protected.
func (t *Timeline) markProtected(p *panel) (any bool, err error) {
	for i := 0; i < len(t.Points); {
		low, high := t.Points[i].protected()
		next := i + 1
		for next < len(t.Points) && t.Points[next].sameProtected(low, high) {
			next++
		}
		if high > low {
			from, to := t.Points[i].At, t.Points[min(next, len(t.Points)-1)].At
			corners := plotter.XYs{{X: from, Y: low}, {X: from, Y: high}, {X: to, Y: high}, {X: to, Y: low}}
			area, err := plotter.NewPolygon(corners)
			if err != nil {
				return false, err
			}
			area.Color, area.LineStyle.Width = paleGreen, 0
			p.plot.Add(area)
			any = true
		}
		i = next
	}
	return any, nil
}

// protected are the tasks that are desired, and those that are protected or desired.
func (p Point) protected() (low, high float64) {
	desired := float64(p.DesiredTasks)
	return desired, max(desired, float64(min(p.RunningTasks, p.ProtectedTasks)))
}

func (p Point) sameProtected(low, high float64) bool {
	l, h := p.protected()
	return l == low && h == high
}

func (t *Timeline) cpu() (*panel, error) {
	return t.lines("CPU, % of what the tasks reserve", []line{{"", red, false, func(p Point) float64 {
		return p.CPU
	}}})
}

// lines is a panel of quantities over time.
func (t *Timeline) lines(heading string, all []line) (*panel, error) {
	p := t.newPanel(heading)
	return p, t.add(p, all)
}

// add draws quantities over time.
func (t *Timeline) add(p *panel, all []line) error {
	highest := 1.0
	for _, l := range all {
		style := draw.LineStyle{Color: l.color, Width: vg.Points(1.4)}
		if l.dash {
			style.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		runs := t.runs(l.value)
		for _, run := range runs {
			drawn, err := plotter.NewLine(run)
			if err != nil {
				return err
			}
			drawn.StepStyle, drawn.LineStyle = plotter.PostStep, style
			p.plot.Add(drawn)
			for _, xy := range run {
				highest = max(highest, xy.Y)
			}
		}
		if len(runs) > 0 && l.name != "" {
			p.entries = append(p.entries, entry{l.name, style})
		}
	}
	const room = 1.1 // above the highest value
	p.plot.Y.Min, p.plot.Y.Max = 0, highest*room
	p.plot.Y.Tick.Marker = roundTicks(6)
	return nil
}

// runs are the stretches in which a quantity has values.
func (t *Timeline) runs(value func(Point) float64) []plotter.XYs {
	var all []plotter.XYs
	var run plotter.XYs
	for _, p := range t.Points {
		v := value(p)
		if math.IsNaN(v) {
			if len(run) > 0 {
				all, run = append(all, run), nil
			}
			continue
		}
		run = append(run, plotter.XY{X: p.At, Y: v})
	}
	if len(run) > 0 {
		all = append(all, run)
	}
	return all
}

// alarms has a bar wherever one is in ALARM.
func (t *Timeline) alarms() (*panel, error) {
	p := t.newPanel("alarms in ALARM")
	var names []string
	for _, span := range t.Alarms {
		if !slices.Contains(names, span.Alarm) {
			names = append(names, span.Alarm)
		}
	}
	slices.Sort(names)
	for _, span := range t.Alarms {
		row := float64(slices.Index(names, span.Alarm))
		bar, err := plotter.NewLine(plotter.XYs{{X: span.From, Y: row}, {X: span.To, Y: row}})
		if err != nil {
			return nil, err
		}
		bar.Color, bar.Width = red, vg.Points(9)
		p.plot.Add(bar)
	}
	p.plot.Y.Tick.Marker = plot.ConstantTicks{}
	if len(names) > 0 {
		p.plot.NominalY(names...)
	}
	p.plot.Y.Min, p.plot.Y.Max = -0.7, float64(max(len(names), 1))-0.3
	t.fit(p.plot)
	return p, nil
}

// sans is a font that every browser has one like.
func sans(points float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)}
}

func (t *Timeline) newPanel(heading string) *panel {
	p := plot.New()
	style(p)
	p.Add(plotter.NewGrid())
	t.fit(p)
	return &panel{heading: heading, plot: p}
}

func style(p *plot.Plot) {
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(9)
		axis.Tick.Label.Font = sans(8)
	}
	p.Legend.TextStyle.Font = sans(9)
	p.Legend.Padding = vg.Points(2)
	p.Legend.ThumbnailWidth = vg.Points(22)
}

// fit makes all panels share the horizontal axis.
func (t *Timeline) fit(p *plot.Plot) {
	p.X.Min, p.X.Max = 0, 1
	if t.Unit == HoursOfTheDay {
		p.X.Min, p.X.Max = 0, 24
		var ticks plot.ConstantTicks
		for hour := 0; hour <= 24; hour += 3 {
			ticks = append(ticks, plot.Tick{Value: float64(hour), Label: fmt.Sprintf("%02d:00", hour)})
		}
		p.X.Tick.Marker = ticks
		return
	}
	p.X.Tick.Marker = roundTicks(14)
	if n := len(t.Points); n > 0 {
		p.X.Max = max(t.Points[n-1].At, 1)
	}
}
