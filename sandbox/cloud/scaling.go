package cloud

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Activity is what Application Auto Scaling did, or why it did nothing.
type Activity struct {
	At time.Time
	// Minute of CloudWatch, counted from the start.
	Minute     int
	ResourceID string
	Policy     string // its name
	Alarm      string // its name
	// From and To are the desired count before and after.
	From, To int
	// Reason in words.
	Reason string
}

// Scaled says whether the activity changed the desired count.
func (a Activity) Scaled() bool { return a.From != a.To }

// String says in words what was done, or why nothing was.
func (a Activity) String() string {
	if !a.Scaled() {
		return fmt.Sprintf("%s leaves %s: %s", a.Alarm, tasks(a.From), a.Reason)
	}
	return fmt.Sprintf("%s: %d -> %s (%s)", a.Alarm, a.From, tasks(a.To), a.Reason)
}

// scale carries out a policy for an alarm that is in ALARM on values, oldest first.
func (c *Control) scale(p *ScalingPolicy, alarm *Alarm, values []float64) {
	target, service := c.account.Targets[p.ResourceID], c.account.serviceByResourceID(p.ResourceID)
	if target == nil || service == nil {
		return
	}
	d := decision{
		policy: p, alarm: alarm, target: target, service: service, fleet: c.fleet(service),
		above: alarm.ComparisonOperator == "GreaterThanOrEqualToThreshold" ||
			alarm.ComparisonOperator == "GreaterThanThreshold",
	}
	wanted, ok := c.wantedBy(&d, values)
	switch {
	case !ok:
		c.refrain(d, d.finding)
	case wanted > service.DesiredCount && d.mayAdd():
		c.scaleOut(d, wanted)
	case wanted < service.DesiredCount && d.mayTake(wanted):
		c.scaleIn(d, wanted)
	case d.above && service.DesiredCount == target.MaxCapacity:
		c.refrain(d, fmt.Sprintf("at the maximum of %s already", tasks(target.MaxCapacity)))
	}
}

// decision is a policy's, for one alarm.
type decision struct {
	policy  *ScalingPolicy
	alarm   *Alarm
	target  *ScalableTarget
	service *Service
	fleet   *fleet
	above   bool // the alarm watches for high values
	finding string
}

// exact says whether the policy sets a capacity, whatever runs.
func (d decision) exact() bool {
	return d.policy.StepScaling != nil && d.policy.StepScaling.AdjustmentType == "ExactCapacity"
}

// mayAdd: a policy that takes tasks from those that run does not add any, even if more
// run, protected, than are desired.
func (d decision) mayAdd() bool { return d.above || d.exact() }

// mayTake: a policy that adds tasks to those that run does not take away those that
// are about to.
func (d decision) mayTake(wanted int) bool {
	adds := d.policy.TargetTracking != nil || wanted >= d.fleet.running()
	return !d.above || d.exact() || !adds
}

// wantedBy is the capacity that a policy asks for, within the limits of the target.
// Scaling starts from the tasks that run, not from the desired count, but for those
// that a scale-out has added during its cooldown. Source: ECS developer guide,
// "Automatically scale your Amazon ECS service".
func (c *Control) wantedBy(d *decision, values []float64) (wanted int, ok bool) {
	capacity := d.fleet.running()
	if before, cooling := c.cooldowns.scaleOut(d.policy.ARN, c.now); d.above && cooling {
		capacity = before
	}
	if d.policy.TargetTracking != nil {
		wanted = d.policy.TargetTracking.wanted(capacity, values[len(values)-1])
		d.finding = fmt.Sprintf("%s against a target of %s with %s", decimal(values[len(values)-1]),
			decimal(d.policy.TargetTracking.TargetValue), tasks(capacity))
	} else {
		value := aggregate(d.policy.StepScaling.MetricAggregationType, values)
		var err error
		wanted, ok, err = d.policy.StepScaling.adjustment(value, d.alarm.Threshold, d.above, capacity)
		if err != nil || !ok {
			d.finding = fmt.Sprintf("no step adjustment found for metric value %s and breach threshold %s",
				decimal(value), decimal(d.alarm.Threshold))
			return 0, false
		}
		step := d.policy.StepScaling.stepInWords(value, d.alarm.Threshold, d.above)
		d.finding = fmt.Sprintf("%s: %s, step %s", d.alarm.Subject(), decimal(value), step)
	}
	return min(max(wanted, d.target.MinCapacity), d.target.MaxCapacity), true
}

// metricInWords are the metrics whose own names say less.
var metricInWords = map[string]string{
	"ApproximateNumberOfMessagesVisible": "messages waiting",
	"ApproximateAgeOfOldestMessage":      "seconds the oldest message waits",
	"CPUUtilization":                     "CPU in percent",
}

// Subject is what an alarm watches, in words.
func (alarm *Alarm) Subject() string {
	for _, q := range alarm.MetricQueries {
		if q.ReturnData {
			return cmp.Or(q.Label, q.ID)
		}
	}
	return cmp.Or(metricInWords[alarm.MetricName], alarm.MetricName)
}

// Condition is when a value breaches, in words, such as "at least 1".
func (alarm *Alarm) Condition() string {
	return operatorInWords[alarm.ComparisonOperator] + " " + decimal(alarm.Threshold)
}

var operatorInWords = map[string]string{
	"GreaterThanOrEqualToThreshold": "at least",
	"GreaterThanThreshold":          "more than",
	"LessThanThreshold":             "less than",
	"LessThanOrEqualToThreshold":    "at most",
}

func aggregate(how string, values []float64) float64 {
	switch how {
	case "Minimum":
		return slices.Min(values)
	case "Maximum":
		return slices.Max(values)
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// scaleOut adds tasks; during its cooldown only a larger step does. It ends the cooldown
// of a scale-in.
func (c *Control) scaleOut(d decision, wanted int) {
	if s := d.target.SuspendedState; s != nil && s.ScaleOut {
		c.refrain(d, d.finding+": scale-out is suspended")
		return
	}
	c.cooldowns.beginScaleOut(c, d)
	c.setDesiredCount(d, wanted)
}

// scaleIn waits for the cooldown of the scale-in before, and for a deployment to end.
func (c *Control) scaleIn(d decision, wanted int) {
	switch s := d.target.SuspendedState; {
	case s != nil && s.ScaleIn:
		c.refrain(d, d.finding+": scale-in is suspended")
	case d.policy.TargetTracking != nil && d.policy.TargetTracking.DisableScaleIn:
		c.refrain(d, d.finding+": the policy does not scale in")
	case d.fleet.deploying:
		c.refrain(d, d.finding+": no scale-in during a deployment")
	case c.cooldowns.scaleIn(d.policy.ResourceID, c.now):
		c.refrain(d, d.finding+": the cooldown of the last scale-in is not over")
	default:
		c.cooldowns.beginScaleIn(c, d)
		c.setDesiredCount(d, wanted)
	}
}

func (c *Control) setDesiredCount(d decision, wanted int) {
	delete(c.notes, d.policy.ARN)
	c.activities = append(c.activities, c.activity(d, wanted, d.finding))
	d.service.DesiredCount = wanted
}

// refrain notes why a policy did nothing, unless the last note said the same.
func (c *Control) refrain(d decision, reason string) {
	if c.notes[d.policy.ARN] == reason {
		return
	}
	c.notes[d.policy.ARN] = reason
	c.activities = append(c.activities, c.activity(d, d.service.DesiredCount, reason))
}

func (c *Control) activity(d decision, to int, reason string) Activity {
	return Activity{
		At: c.now, Minute: c.fullMinutes(), ResourceID: d.policy.ResourceID, Policy: d.policy.Name,
		Alarm: d.alarm.Name,
		From:  d.service.DesiredCount, To: to, Reason: reason,
	}
}

// scaled is a span of CloudWatch's time on the clock.
func (c *Control) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / float64(time.Minute) * float64(c.o.Minute))
}

func tasks(n int) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}

// decimal is a number as a person writes it.
func decimal(v float64) string {
	return fmt.Sprint(math.Round(v*100) / 100)
}
