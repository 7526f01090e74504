package timeline

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Series is a line of a chart.
type Series struct {
	Name string
	X, Y []float64
}

// palette tells up to eight series apart (Okabe and Ito).
var palette = []color.Color{
	blue, red, green, orange, color.RGBA{204, 121, 167, 255}, color.RGBA{86, 180, 233, 255}, grey,
	color.Black,
}

// LongestWait is where a chart of waits ends.
const LongestWait = 48 * time.Hour

// WriteWaits draws what share of the messages had begun after a time, which is in
// seconds, for each series.
func WriteWaits(w io.Writer, all []Series) error {
	p := plot.New()
	style(p)
	p.Add(plotter.NewGrid())
	p.X.Label.Text, p.Y.Label.Text = "waited at most", "% of the messages"
	for i, s := range all {
		xys := make(plotter.XYs, len(s.X))
		for j := range s.X {
			xys[j] = plotter.XY{X: math.Log10(max(s.X[j], 1)), Y: s.Y[j]}
		}
		drawn, err := plotter.NewLine(xys)
		if err != nil {
			return fmt.Errorf("drawing waits: %w", err)
		}
		drawn.Color, drawn.Width = palette[i%len(palette)], vg.Points(1.4)
		p.Add(drawn)
		p.Legend.Add(s.Name, drawn)
	}
	p.Legend.Left, p.Legend.Top = false, false
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, math.Log10(LongestWait.Seconds()), 0, 101
	p.X.Tick.Marker = plot.ConstantTicks{
		{Value: 0, Label: "1 s"}, {Value: 1, Label: "10 s"}, {Value: math.Log10(60), Label: "1 min"},
		{Value: math.Log10(600), Label: "10 min"},
		{Value: math.Log10(3600), Label: "1 h"}, {Value: math.Log10(36000), Label: "10 h"},
		{Value: math.Log10(LongestWait.Seconds()), Label: "2 d"},
	}
	return writeChart(w, p, 7*vg.Centimeter)
}

// WriteCosts draws what each day costs, for each series.
func WriteCosts(w io.Writer, all []Series) error {
	p := plot.New()
	style(p)
	p.Add(plotter.NewGrid())
	p.X.Label.Text, p.Y.Label.Text = "day", "$ a day"
	p.Y.Min = 0
	highest := 0.0
	for i, s := range all {
		xys := make(plotter.XYs, len(s.X))
		for j := range s.X {
			xys[j] = plotter.XY{X: s.X[j], Y: s.Y[j]}
			highest = max(highest, s.Y[j])
		}
		drawn, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			return fmt.Errorf("drawing costs: %w", err)
		}
		drawn.Color, drawn.Width = palette[i%len(palette)], vg.Points(1.2)
		points.Color, points.Radius, points.Shape =
			palette[i%len(palette)], vg.Points(1.6), draw.CircleGlyph{}
		p.Add(drawn, points)
		p.Legend.Add(s.Name, drawn)
	}
	const room = 1.7 // for the legend
	p.Y.Max = highest*room + 0.001
	p.Legend.Top = true
	return writeChart(w, p, 7*vg.Centimeter)
}

func writeChart(w io.Writer, p *plot.Plot, height vg.Length) error {
	canvas := vgsvg.New(width, height)
	p.Draw(draw.Crop(draw.New(canvas), vg.Points(4), -vg.Points(14), vg.Points(4), -vg.Points(6)))
	_, err := canvas.WriteTo(w)
	return err
}
