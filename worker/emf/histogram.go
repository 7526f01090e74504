package emf

import (
	"maps"
	"math"
	"slices"
)

// maxValues is the most different values that CloudWatch takes for a metric in one line.
// Source: CloudWatch user guide, "Specification: Embedded metric format".
const maxValues = 100

// histogram holds any number of values in at most maxValues buckets, so that percentiles
// are those of all of them. A bucket is about 2 % wide as long as there is room, and
// stands for the mean of its values, so sums and single values are exact.
type histogram struct {
	scale   float64 // buckets for each factor of e
	buckets map[int]*bucket
}

type bucket struct {
	count int
	sum   float64
}

const finestScale = 50

func newHistogram() *histogram {
	return &histogram{scale: finestScale, buckets: map[int]*bucket{}}
}

// add adds a value; what is below a microsecond is none.
func (h *histogram) add(value float64) {
	value = max(value, 0)
	h.put(h.index(value), bucket{1, value})
	for len(h.buckets) > maxValues {
		h.coarsen()
	}
}

func (h *histogram) index(value float64) int {
	const least = 1e-6
	return int(math.Floor(math.Log(max(value, least)) * h.scale))
}

func (h *histogram) put(index int, more bucket) {
	b, ok := h.buckets[index]
	if !ok {
		b = &bucket{}
		h.buckets[index] = b
	}
	b.count += more.count
	b.sum += more.sum
}

// coarsen makes the buckets twice as wide.
func (h *histogram) coarsen() {
	finer := h.buckets
	h.scale, h.buckets = h.scale/2, map[int]*bucket{}
	for _, b := range finer {
		h.put(h.index(b.sum/float64(b.count)), *b)
	}
}

// distribution is a histogram as the format has it. Max, Min, Count and Sum are what
// AWS's own exporter for OpenTelemetry adds to Values and Counts.
type distribution struct {
	Values []float64
	Counts []int
	Max    float64
	Min    float64
	Count  int
	Sum    float64
}

func (h *histogram) distribution() distribution {
	d := distribution{}
	for _, index := range slices.Sorted(maps.Keys(h.buckets)) {
		b := h.buckets[index]
		d.Values, d.Counts = append(d.Values, b.sum/float64(b.count)), append(d.Counts, b.count)
		d.Count += b.count
		d.Sum += b.sum
	}
	d.Min, d.Max = d.Values[0], d.Values[len(d.Values)-1]
	return d
}
