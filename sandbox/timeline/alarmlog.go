package timeline

import (
	"cmp"
	"slices"
)

// AlarmLog notes when alarms were in ALARM.
type AlarmLog struct {
	since map[string]float64
	spans []Span
}

// Note says whether an alarm is in ALARM at a time; times do not go back.
func (l *AlarmLog) Note(at float64, alarm string, inAlarm bool) {
	since, was := l.since[alarm]
	switch {
	case inAlarm && !was:
		if l.since == nil {
			l.since = map[string]float64{}
		}
		l.since[alarm] = at
	case !inAlarm && was:
		l.spans = append(l.spans, Span{Alarm: alarm, From: since, To: at})
		delete(l.since, alarm)
	}
}

// Spans are the times in ALARM until now, in order.
func (l *AlarmLog) Spans(now float64) []Span {
	all := slices.Clone(l.spans)
	for alarm, since := range l.since {
		all = append(all, Span{Alarm: alarm, From: since, To: now})
	}
	slices.SortFunc(all, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Alarm, b.Alarm))
	})
	return all
}
