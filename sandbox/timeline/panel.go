package timeline

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// panel is a plot under a line that says what is in it. A legend inside would lie on what it
// explains.
type panel struct {
	heading string
	entries []entry
	plot    *plot.Plot
}

// entry explains a line.
type entry struct {
	name  string
	style draw.LineStyle
}

// draw the plot, and its heading above it.
func (p *panel) draw(c draw.Canvas) {
	p.plot.Draw(c)
	const above, gap, sample, space = 7, 18, 18, 5 // points
	style := textStyle(9)
	style.YAlign = draw.YCenter
	at := vg.Point{X: p.plot.DataCanvas(c).Min.X, Y: c.Max.Y + vg.Points(above)}
	write := func(text string) {
		c.FillText(style, at, text)
		at.X += style.Width(text)
	}
	write(p.heading)
	for _, e := range p.entries {
		at.X += vg.Points(gap)
		c.StrokeLine2(e.style, at.X, at.Y, at.X+vg.Points(sample), at.Y)
		at.X += vg.Points(sample + space)
		write(e.name)
	}
}

func textStyle(points float64) draw.TextStyle {
	return draw.TextStyle{Font: sans(points), Handler: plot.DefaultTextHandler}
}
