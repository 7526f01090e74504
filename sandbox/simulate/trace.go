package simulate

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// traceHeader is the first line: seconds since the start, the group, seconds of work.
var traceHeader = []string{"at", "group", "seconds"}

// longestTrace in seconds.
const longestTrace = longestDays * 24 * 3600

// parseTrace reads what arrived.
func parseTrace(file string, text io.Reader) (*Workload, error) {
	reader := csv.NewReader(text)
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("workload %s: %w", file, err)
	}
	w := &Workload{Name: filepath.Base(file), CPU: defaultCPU, Memory: defaultMemory}
	well := slices.Equal(header, traceHeader)
	groups := map[string]int{}
	for well {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", file, err)
		}
		job, err := parseJob(row, groups)
		if err != nil {
			line, _ := reader.FieldPos(0)
			return nil, fmt.Errorf("workload %s, line %d: %q: %w", file, line, strings.Join(row, ","), err)
		}
		w.Trace = append(w.Trace, job)
	}
	if len(w.Trace) == 0 {
		return nil, fmt.Errorf("workload %s: needs a first line %s and a line for each message, such as "+
			"12.5,orders,30",
			file, strings.Join(traceHeader, ","))
	}
	w.Description = fmt.Sprintf("%d messages as recorded", len(w.Trace))
	slices.SortStableFunc(w.Trace, func(a, b Job) int { return cmp.Compare(a.At, b.At) })
	return w, nil
}

// parseJob reads a line, whose group gets a number if it is a new one.
func parseJob(row []string, groups map[string]int) (Job, error) {
	at, errAt := strconv.ParseFloat(row[0], 64)
	seconds, errSeconds := strconv.ParseFloat(row[2], 64)
	inRange := func(seconds float64) bool { return seconds >= 0 && seconds <= longestTrace } // and no NaN
	if errAt != nil || errSeconds != nil || !inRange(at) || !inRange(seconds) {
		return Job{}, errors.New("needs to be seconds since the start, a group, and seconds of work")
	}
	if row[1] == "" {
		return Job{}, errors.New("the group is empty: a FIFO queue refuses a message without one " +
			"(MissingParameter)")
	}
	group, known := groups[row[1]]
	if !known {
		group = len(groups)
		groups[strings.Clone(row[1])] = group
	}
	return Job{At: ofSeconds(at), Group: group, Work: ofSeconds(seconds)}, nil
}

func ofSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// daily says whether the workload is repeated each day: a description is, and a trace
// that ends within its first.
func (w *Workload) daily() bool {
	return w.Trace == nil || w.Trace[len(w.Trace)-1].At < day
}

// Days that are simulated, and over which the workload is costed, if so many are asked
// for: a trace of a day or more is taken as it is, with its length rounded up to whole
// days. It fails if no message comes in them.
func (w *Workload) Days(asked int) (int, error) {
	if w.daily() {
		return asked, nil
	}
	if first := int(w.Trace[0].At/day) + 1; first > asked {
		return 0, fmt.Errorf("workload %s: its first message comes on day %d, after all of --days %d",
			w.Name, first, asked)
	}
	return min(asked, int(w.Trace[len(w.Trace)-1].At/day)+1), nil
}

// repeatTrace for a number of days.
func (w *Workload) repeatTrace(days int) iter.Seq[Job] {
	return func(yield func(Job) bool) {
		for d := range days {
			for _, job := range w.Trace {
				job.At += time.Duration(d) * day
				if job.At >= time.Duration(days)*day || !yield(job) {
					return
				}
			}
			if !w.daily() {
				return
			}
		}
	}
}

// Messages that come in a number of days, about as many if they are drawn at random.
func (w *Workload) Messages(days int) int {
	if w.daily() && w.Trace != nil {
		return len(w.Trace) * days
	}
	if w.Trace != nil {
		end := time.Duration(days) * day
		n, _ := slices.BinarySearchFunc(w.Trace, end, func(j Job, t time.Duration) int {
			return cmp.Compare(j.At, t)
		})
		return n
	}
	perDay := 0.0
	for _, a := range w.Arrivals {
		perDay += a.perDay()
	}
	return int(perDay * float64(days))
}

// perDay is how many messages come in a day, on average.
func (a Arrival) perDay() float64 {
	switch {
	case a.PerDay > 0:
		return a.PerDay
	case a.Messages > 0:
		return float64(a.Messages * max(1, a.Bursts))
	}
	curve, _ := a.curve() // checked when it was read
	sum := 0.0
	for minute := range 24 * 60 {
		sum += rateAt(curve, time.Duration(minute)*time.Minute)
	}
	return sum
}
