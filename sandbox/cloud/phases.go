package cloud

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// Phases says at which share of a minute, above 0 and up to 1, something happens that AWS does once
// a minute: each metric is sampled, each alarm evaluated and each schedule fired at an offset of its
// own, which no document names. It is asked once a day for each, by name.
type Phases func(name string, day int) float64

// SeededPhases are phases drawn from a seed, anew each day, so that a run of many days shows what
// they do.
func SeededPhases(seed uint64) Phases {
	return func(name string, day int) float64 {
		h := fnv.New64a()
		var number [16]byte
		binary.BigEndian.PutUint64(number[:8], seed)
		binary.BigEndian.PutUint64(number[8:], uint64(day))
		_, _ = h.Write(number[:]) // a hash never fails
		_, _ = h.Write([]byte(name))
		// FNV's high bits differ little between short inputs; the finalizer of SplitMix64 spreads them.
		x := h.Sum64()
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
		const steps = 1 << 53
		return (float64(x>>11) + 1) / steps
	}
}

// tick is something that happens once a minute.
type tick struct {
	after time.Duration // since the minute began
	order int           // of two at the same time, the lower one
	do    func()
}

// The order of what happens in the same instant.
const (
	orderSchedule = iota
	orderQueue
	orderService
	orderAlarm
)

// ticker holds the ticks of the minute that is going on.
type ticker struct {
	ticks []tick // in order
	next  int    // the first that has not happened
	began time.Time
	index int // of the minute, from 0
	day   int // for which the ticks were laid out
	laid  map[string]bool
}

const minutesADay = 24 * 60

// nextTick is when the next tick happens, or the minute ends.
func (c *Control) nextTick() time.Time {
	if c.ticker.next < len(c.ticker.ticks) {
		return c.ticker.began.Add(c.ticker.ticks[c.ticker.next].after)
	}
	return c.ticker.began.Add(c.o.Minute)
}

// runTicks does what is due, and goes on to the next minute at its end.
func (c *Control) runTicks() {
	for !c.nextTick().After(c.now) {
		if c.ticker.next < len(c.ticker.ticks) {
			c.ticker.next++
			c.ticker.ticks[c.ticker.next-1].do()
			continue
		}
		c.beginMinute(c.ticker.index + 1)
	}
}

// beginMinute lays out the ticks of a minute; they change with the day, and with what there is.
func (c *Control) beginMinute(index int) {
	c.ticker.began, c.ticker.index, c.ticker.next = c.start.Add(time.Duration(index)*c.o.Minute), index, 0
	if day := index / minutesADay; day != c.ticker.day || c.ticks() != len(c.ticker.laid) || !c.allLaid() {
		c.ticker.day = day
		c.layTicks()
	}
}

// ticks is how many things happen each minute.
func (c *Control) ticks() int {
	n := len(c.account.Schedules) + len(c.fleets) + len(c.account.Alarms)
	for _, q := range c.account.Queues {
		if q.FIFO {
			n++
		}
	}
	return n
}

// allLaid reports whether all that happens each minute has its tick.
func (c *Control) allLaid() bool {
	return hasAll(c.ticker.laid, "schedule ", c.account.Schedules) &&
		hasAll(c.ticker.laid, "service ", c.fleets) &&
		hasAll(c.ticker.laid, "alarm ", c.account.Alarms) && hasAll(c.ticker.laid, "queue ", c.account.Queues)
}

func hasAll[V any](laid map[string]bool, kind string, things map[string]V) bool {
	for name, thing := range things {
		if q, ok := any(thing).(*Queue); ok && !q.FIFO {
			continue
		}
		if !laid[kind+name] {
			return false
		}
	}
	return true
}

func (c *Control) layTicks() {
	t := &c.ticker
	t.ticks, t.laid = t.ticks[:0], map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.account.Schedules)) {
		c.laySchedule(name)
	}
	for _, url := range slices.Sorted(maps.Keys(c.account.Queues)) {
		if c.account.Queues[url].FIFO {
			c.lay(orderQueue, "queue "+url, func() { c.measureQueue(url) })
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(c.fleets)) {
		c.lay(orderService, "service "+arn, func() { c.sampleService(c.fleets[arn]) })
	}
	for _, name := range slices.Sorted(maps.Keys(c.account.Alarms)) {
		c.lay(orderAlarm, "alarm "+name, func() { c.evaluateAlarm(name) })
	}
	slices.SortStableFunc(t.ticks, func(a, b tick) int {
		if a.after != b.after {
			return int(a.after - b.after)
		}
		return a.order - b.order
	})
}

// laySchedule has a schedule fire at its second, or at the one that it draws when the minute
// begins.
func (c *Control) laySchedule(name string) {
	if c.o.ScheduleDrawsItsSecond {
		t := &c.ticker
		t.laid["schedule "+name] = true
		t.ticks = append(t.ticks, tick{0, orderSchedule, func() {
			if c.isDue(name) {
				c.after(time.Duration(c.draw("schedule")*float64(c.o.Minute)), func() { c.fire(name) })
			}
		}})
		return
	}
	c.lay(orderSchedule, "schedule "+name, func() {
		if c.isDue(name) {
			c.fire(name)
		}
	})
}

func (c *Control) lay(order int, name string, do func()) {
	phase := 1.0
	if c.o.Phases != nil {
		phase = c.o.Phases(name, c.ticker.day)
	}
	c.ticker.laid[name] = true
	c.ticker.ticks = append(c.ticker.ticks, tick{time.Duration(phase * float64(c.o.Minute)), order, do})
}

// fullMinutes is how many minutes are over.
func (c *Control) fullMinutes() int { return int(c.now.Sub(c.start) / c.o.Minute) }

// thisMinute is the number, from 1, of the minute that is going on or ends now: what is sampled
// belongs to it.
func (c *Control) thisMinute() int { return c.ticker.index + 1 }

// visibleFrom is when CloudWatch shows what is measured now.
func (c *Control) visibleFrom() time.Time {
	return c.now.Add(time.Duration(c.o.MetricDelay) * c.o.Minute)
}
