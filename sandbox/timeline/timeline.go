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
	CPU                        float64 // percent of what the tasks reserve; NaN without tasks
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
)

const (
	width       = 24 * vg.Centimeter
	panelHeight = 5 * vg.Centimeter
)

// WriteSVG draws messages, tasks, CPU and alarms above each other.
func (t *Timeline) WriteSVG(w io.Writer) error {
	panels := []func() (*plot.Plot, error){t.messages, t.tasks, t.cpu, t.alarms}
	rows := make([][]*plot.Plot, len(panels))
	for i, panel := range panels {
		p, err := panel()
		if err != nil {
			return fmt.Errorf("drawing the timeline: %w", err)
		}
		rows[i] = []*plot.Plot{p}
	}
	rows[0][0].Title.Text = t.Title
	rows[0][0].Title.TextStyle.Font = sans(10)
	rows[0][0].Title.Padding = vg.Points(4)
	rows[len(rows)-1][0].X.Label.Text = t.Unit
	canvas := vgsvg.New(width, panelHeight*vg.Length(len(rows)))
	tiles := draw.Tiles{Rows: len(rows), Cols: 1, PadY: vg.Points(8), PadTop: vg.Points(6), PadBottom: vg.Points(4), PadLeft: vg.Points(4), PadRight: vg.Points(14)}
	for i, row := range plot.Align(rows, tiles, draw.New(canvas)) {
		rows[i][0].Draw(row[0])
	}
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

func (t *Timeline) messages() (*plot.Plot, error) {
	return t.panel("messages", []line{
		{"waiting", blue, false, func(p Point) float64 { return float64(p.Waiting) }},
		{"in flight", orange, false, func(p Point) float64 { return float64(p.InFlight) }},
		{"delayed", grey, true, func(p Point) float64 { return float64(p.Delayed) }},
	})
}

func (t *Timeline) tasks() (*plot.Plot, error) {
	return t.panel("tasks", []line{
		{"desired", grey, true, func(p Point) float64 { return float64(p.DesiredTasks) }},
		{"running", green, false, func(p Point) float64 { return float64(p.RunningTasks) }},
	})
}

func (t *Timeline) cpu() (*plot.Plot, error) {
	return t.panel("CPU, % of reserved", []line{{"", red, false, func(p Point) float64 { return p.CPU }}})
}

func (t *Timeline) panel(label string, lines []line) (*plot.Plot, error) {
	p := t.newPlot(label)
	highest := 1.0
	for _, l := range lines {
		used := false
		for _, run := range t.runs(l.value) {
			drawn, err := plotter.NewLine(run)
			if err != nil {
				return nil, err
			}
			drawn.StepStyle = plotter.PostStep
			drawn.Color, drawn.Width = l.color, vg.Points(1.4)
			if l.dash {
				drawn.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			}
			p.Add(drawn)
			for _, xy := range run {
				highest = max(highest, xy.Y)
			}
			if !used && l.name != "" {
				p.Legend.Add(l.name, drawn)
			}
			used = true
		}
	}
	p.Legend.Top = true
	const room = 1.35 // for the legend
	p.Y.Min, p.Y.Max = 0, highest*room
	return p, nil
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
func (t *Timeline) alarms() (*plot.Plot, error) {
	p := t.newPlot("in ALARM")
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
		p.Add(bar)
	}
	if len(names) > 0 {
		p.NominalY(names...)
	}
	p.Y.Min, p.Y.Max = -0.7, float64(max(len(names), 1))-0.3
	t.fit(p)
	return p, nil
}

// sans is a font that every browser has one like.
func sans(points float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(points)}
}

func (t *Timeline) newPlot(label string) *plot.Plot {
	p := plot.New()
	p.Y.Label.Text = label
	style(p)
	p.Add(plotter.NewGrid())
	t.fit(p)
	return p
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
	if n := len(t.Points); n > 0 {
		p.X.Min, p.X.Max = t.Points[0].At, max(t.Points[n-1].At, t.Points[0].At+1)
	}
}
