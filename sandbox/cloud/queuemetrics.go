package cloud

const (
	// queueSleepsAfter is how long a queue reports its metrics after it was last used
	// or held a message, in CloudWatch's minutes. Source: SQS developer guide,
	// "Monitoring Amazon SQS queues using CloudWatch".
	queueSleepsAfter = 6 * 60
	// DefaultWakeDelay is how many minutes it can take until a queue that slept
	// reports again. Source: the same.
	DefaultWakeDelay = 15
)

// queueMetrics is what SQS reports of a queue.
type queueMetrics struct {
	visible, groups, inFlight, delayed, oldest, sent, deleted *series

	sentBefore, deletedBefore int // up to the minute before
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
		groups:     of("ApproximateNumberOfGroupsWithInflightMessages"),
		inFlight:   of("ApproximateNumberOfMessagesNotVisible"),
		delayed:    of("ApproximateNumberOfMessagesDelayed"),
		oldest:     of("ApproximateAgeOfOldestMessage"),
		sent:       of("NumberOfMessagesSent"),
		deleted:    of("NumberOfMessagesDeleted"),
		lastActive: c.minute, asleep: c.o.QueuesAsleep,
	}
}

// sampleQueue reports the counts of a queue once a minute: of visible messages and of
// groups with messages in flight whenever the queue is active, of all else only if there
// is any, and nothing while the queue sleeps. Source: SQS developer guide, "Available
// CloudWatch metrics for Amazon SQS".
func (c *Control) sampleQueue(q *queueMetrics, box *Mailbox) {
	counts := box.Counts(c.now)
	sent, deleted := int(box.sequence)-q.sentBefore, box.deletes-q.deletedBefore
	q.sentBefore, q.deletedBefore = int(box.sequence), box.deletes
	used := box.usedSince(c.now.Add(-c.o.Minute)) || !c.o.SleepWithMessages && counts != Counts{}
	if used {
		if q.asleep {
			q.asleep, q.awakeFrom = false, c.minute+c.o.WakeDelay
		}
		q.lastActive = c.minute
	}
	if c.minute-q.lastActive > queueSleepsAfter {
		q.asleep = true
	}
	if q.asleep {
		return
	}
	published := c.minute + c.o.MetricDelay
	if c.minute < q.awakeFrom {
		if c.o.WakingReportsZeros {
			q.visible.gauge(c.minute, published, 0)
			q.groups.gauge(c.minute, published, 0)
			return
		}
		published = q.awakeFrom + c.o.MetricDelay
	}
	q.visible.gauge(c.minute, published, float64(counts.Visible))
	q.groups.gauge(c.minute, published, float64(box.groupsInFlight(c.now)))
	for _, some := range []struct {
		series *series
		count  int
	}{{q.inFlight, counts.InFlight}, {q.delayed, counts.Delayed}, {q.sent, sent}, {q.deleted, deleted}} {
		if some.count > 0 {
			some.series.gauge(c.minute, published, float64(some.count))
		}
	}
	if age, ok := box.oldestAge(c.now); ok {
		q.oldest.gauge(c.minute, published, age.Seconds())
	}
}
