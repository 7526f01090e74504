package cloud

import (
	"slices"
	"strings"
	"time"
)

// series are the one-minute values of a metric, oldest first. A minute without a
// value is not in it.
type series struct {
	points []point
}

// point is what was measured in one minute.
type point struct {
	// minute at the end of which it was measured, counted from the start of the
	// control plane.
	minute int
	// published is when CloudWatch begins to show it.
	published     time.Time
	sum, min, max float64
	samples       int
}

// keptMinutes is how far back an alarm can look: a day, and the datapoints that it
// looks at besides.
const keptMinutes = 24*60 + 60

// add appends what was measured in a minute; one that was measured before is
// replaced.
func (s *series) add(p point) {
	if n := len(s.points); n > 0 && s.points[n-1].minute == p.minute {
		s.points[n-1] = p
		return
	}
	if len(s.points) >= 2*keptMinutes {
		s.points = append(s.points[:0], s.points[len(s.points)-keptMinutes:]...)
	}
	s.points = append(s.points, p)
}

// gauge appends a single measurement.
func (s *series) gauge(minute int, published time.Time, value float64) {
	s.add(point{minute: minute, published: published, sum: value, min: value, max: value, samples: 1})
}

// count adds a measurement to those of the same minute.
func (s *series) count(minute int, published time.Time, value float64) {
	if n := len(s.points); n > 0 && s.points[n-1].minute == minute {
		p := &s.points[n-1]
		p.sum, p.samples = p.sum+value, p.samples+1
		p.min, p.max = min(p.min, value), max(p.max, value)
		return
	}
	s.gauge(minute, published, value)
}

// statistic over the minutes after from, up to to, of what is published by now.
func (s *series) statistic(name string, from, to int, now time.Time) float64 {
	all := point{min: missing, max: missing}
	for i := len(s.points) - 1; i >= 0 && s.points[i].minute > from; i-- {
		p := s.points[i]
		if p.minute > to || p.published.After(now) {
			continue
		}
		if all.samples == 0 {
			all.min, all.max = p.min, p.max
		}
		all.min, all.max = min(all.min, p.min), max(all.max, p.max)
		all.sum += p.sum
		all.samples += p.samples
	}
	if all.samples == 0 {
		return missing
	}
	switch name {
	case "Minimum":
		return all.min
	case "Maximum":
		return all.max
	case "Sum":
		return all.sum
	case "SampleCount":
		return float64(all.samples)
	default: // Average
		return all.sum / float64(all.samples)
	}
}

var statistics = []string{"Average", "Minimum", "Maximum", "Sum", "SampleCount"}

// seriesKey names a metric.
func seriesKey(namespace, name string, dimensions map[string]string) string {
	pairs := make([]string, 0, len(dimensions))
	for key, value := range dimensions {
		pairs = append(pairs, key+"="+value)
	}
	slices.Sort(pairs)
	return namespace + "/" + name + "{" + strings.Join(pairs, ",") + "}"
}

// metricStore is what CloudWatch keeps.
type metricStore map[string]*series

func (m metricStore) series(namespace, name string, dimensions map[string]string) *series {
	key := seriesKey(namespace, name, dimensions)
	s, ok := m[key]
	if !ok {
		s = &series{}
		m[key] = s
	}
	return s
}
