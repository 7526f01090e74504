package timeline

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// roundTicks are at most so many ticks, from 0, at steps of 1, 2 or 5 and their tenfolds.
type roundTicks int

// Ticks implements plot.Ticker.
func (most roundTicks) Ticks(_, highest float64) (ticks []plot.Tick) {
	step := most.step(highest)
	for i := 0; float64(i)*step <= highest; i++ {
		value := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'f', -1, 64)})
	}
	return ticks
}

// step is the least that leaves so many ticks, and no less than 1.
func (most roundTicks) step(highest float64) float64 {
	for tens := 1.0; ; tens *= 10 {
		for _, round := range []float64{1, 2, 5} {
			if step := round * tens; math.Floor(highest/step)+1 <= float64(most) {
				return step
			}
		}
	}
}
