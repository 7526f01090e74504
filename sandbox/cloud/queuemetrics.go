package cloud

import "time"

const (
	// queueSleepsAfter is how long a queue reports its metrics after it was last used
	// or held a message, in CloudWatch's minutes. Source: SQS developer guide,
	// "Monitoring Amazon SQS queues using CloudWatch".
	queueSleepsAfter = 6 * 60
	// defaultWakeDelay is how many minutes it can take until a queue that slept
	// reports again. Source: the same.
	defaultWakeDelay = 15
)

// queueMetrics is what SQS reports of a queue.
type queueMetrics struct {
	visible, inFlight, delayed, oldest, sent, deleted, groups *series

	sentBefore, deletedBefore int   // up to the minute before
	groupsBefore              []int // each minute, if they are reported late
	// lastActive is the last minute in which the queue was used or held a message.
	lastActive int
	asleep     bool
	// awakeFrom is the minute from which a queue that woke reports what is true.
	awakeFrom int
}

func (c *Control) newQueueMetrics(name string) *queueMetrics {
	of := func(metric string) *series {
		return c.metrics.series("AWS/SQS", metric, map[string]string{"QueueName": name})
	}
	return &queueMetrics{
		visible:    of("ApproximateNumberOfMessagesVisible"),
		inFlight:   of("ApproximateNumberOfMessagesNotVisible"),
		delayed:    of("ApproximateNumberOfMessagesDelayed"),
		oldest:     of("ApproximateAgeOfOldestMessage"),
		sent:       of("NumberOfMessagesSent"),
		deleted:    of("NumberOfMessagesDeleted"),
		groups:     of("ApproximateNumberOfGroupsWithInflightMessages"),
		lastActive: c.fullMinutes(), asleep: c.o.QueuesAsleep,
	}
}

// sampleQueue reports the counts of a queue once a minute: the visible messages and, of
// a FIFO queue, the groups with messages in flight always, all else only if there is
// any, and nothing while the queue sleeps. Source: SQS developer guide, "Available
// CloudWatch metrics for Amazon SQS".
func (c *Control) sampleQueue(q *queueMetrics, box *Mailbox) {
	counts, minute := box.Counts(c.now), c.thisMinute()
	sent, deleted := int(box.sequence)-q.sentBefore, box.deletes-q.deletedBefore
	q.sentBefore, q.deletedBefore = int(box.sequence), box.deletes
	used := box.usedSince(c.now.Add(-c.o.Minute)) || !c.o.SleepWithMessages && counts != Counts{}
	if used {
		if q.asleep {
			q.asleep, q.awakeFrom = false, minute+c.o.WakeDelay
		}
		q.lastActive = minute
	}
	if minute-q.lastActive > queueSleepsAfter {
		q.asleep = true
	}
	if q.asleep {
		return
	}
	published := c.visibleFrom()
	if minute < q.awakeFrom {
		if c.o.WakingReportsZeros {
			q.visible.gauge(minute, published, 0)
			q.groups.gauge(minute, published, 0)
			return
		}
		published = published.Add(time.Duration(q.awakeFrom-minute) * c.o.Minute)
	}
	q.visible.gauge(minute, published, float64(counts.Visible))
	c.sampleGroups(q, minute, published, counts.GroupsInFlight)
	for _, some := range []struct {
		series *series
		count  int
	}{{q.inFlight, counts.InFlight}, {q.delayed, counts.Delayed}, {q.sent, sent}, {q.deleted, deleted}} {
		if some.count > 0 {
			some.series.gauge(minute, published, float64(some.count))
		}
	}
	if age, ok := box.oldestAge(c.now); ok {
		q.oldest.gauge(minute, published, age.Seconds())
	}
}

// sampleGroups reports the groups with messages in flight, as it is read.
func (c *Control) sampleGroups(q *queueMetrics, minute int, published time.Time, now int) {
	groups := now
	if late := c.o.Groups.LateMinutes; late > 0 {
		q.groupsBefore = append(q.groupsBefore, now)
		groups = q.groupsBefore[max(0, len(q.groupsBefore)-1-late)]
	}
	if groups > 0 || !c.o.Groups.OnlyIfAny {
		q.groups.gauge(minute, published, float64(groups))
	}
}
