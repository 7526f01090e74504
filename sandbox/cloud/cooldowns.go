package cloud

import "time"

// cooldowns keep scaling from repeating itself before it has had an effect.
type cooldowns struct {
	out map[string]*cooldown // of scale-outs, by policy ARN
	in  map[string]*cooldown // of scale-ins, by resource id
}

// cooldown follows a scaling activity.
type cooldown struct {
	resourceID string
	length     time.Duration
	// until is when it ends; zero while the activity has not completed.
	until time.Time
	// before is the capacity before the scale-outs that it covers.
	before int
}

func newCooldowns() cooldowns {
	return cooldowns{out: map[string]*cooldown{}, in: map[string]*cooldown{}}
}

// over reports whether the cooldown has ended.
func (d *cooldown) over(now time.Time) bool {
	return d == nil || !d.until.IsZero() && !now.Before(d.until)
}

// scaleOut reports whether a policy's cooldown goes on, and the capacity before it.
func (c cooldowns) scaleOut(policyARN string, now time.Time) (before int, cooling bool) {
	d := c.out[policyARN]
	if d.over(now) {
		return 0, false
	}
	return d.before, true
}

// scaleIn reports whether the cooldown of a resource's last scale-in goes on.
func (c cooldowns) scaleIn(resourceID string, now time.Time) bool { return !c.in[resourceID].over(now) }

// beginScaleOut begins the cooldown of a policy, or prolongs the one that goes on.
func (c cooldowns) beginScaleOut(control *Control, d decision) {
	before, cooling := c.scaleOut(d.policy.ARN, control.now)
	if !cooling {
		before = d.fleet.running()
	}
	c.out[d.policy.ARN] = control.newCooldown(d, true, before)
	delete(c.in, d.policy.ResourceID)
}

// beginScaleIn begins the cooldown of a resource. In one reading it ends those of the
// scale-outs before: what they added is gone.
func (c cooldowns) beginScaleIn(control *Control, d decision) {
	c.in[d.policy.ResourceID] = control.newCooldown(d, false, 0)
	if !control.o.ScaleInEndsScaleOutCooldowns {
		return
	}
	for arn, p := range control.account.Policies {
		if p.ResourceID == d.policy.ResourceID {
			delete(c.out, arn)
		}
	}
}

func (c *Control) newCooldown(d decision, out bool, before int) *cooldown {
	cooling := &cooldown{resourceID: d.policy.ResourceID, length: c.scaled(d.policy.cooldown(out)),
		before: before}
	if c.o.CooldownFromDecision {
		cooling.until = c.now.Add(cooling.length)
	}
	return cooling
}

// completed begins to count the cooldowns of a service whose tasks have all started, and
// of whose tasks ECS has stopped all that it may.
func (c cooldowns) completed(resourceID string, now time.Time) {
	for _, d := range c.out {
		d.complete(resourceID, now)
	}
	for _, d := range c.in {
		d.complete(resourceID, now)
	}
}

func (d *cooldown) complete(resourceID string, now time.Time) {
	if d.until.IsZero() && d.resourceID == resourceID {
		d.until = now.Add(d.length)
	}
}
