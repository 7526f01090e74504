package cloud

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"time"
)

// ScalableTarget is a service whose desired count Application Auto Scaling sets.
type ScalableTarget struct {
	ARN               string            `json:"arn"`
	ResourceID        string            `json:"resourceId"`
	ServiceNamespace  string            `json:"serviceNamespace"`
	ScalableDimension string            `json:"scalableDimension"`
	MinCapacity       int               `json:"minCapacity"`
	MaxCapacity       int               `json:"maxCapacity"`
	SuspendedState    *SuspendedState   `json:"suspendedState,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
}

// SuspendedState freezes scaling.
type SuspendedState struct {
	ScaleIn   bool `json:"dynamicScalingInSuspended"`
	ScaleOut  bool `json:"dynamicScalingOutSuspended"`
	Scheduled bool `json:"scheduledScalingSuspended,omitempty"`
}

// ScalingPolicy is a scaling policy of a target.
type ScalingPolicy struct {
	ARN               string          `json:"arn"`
	Name              string          `json:"name"`
	PolicyType        string          `json:"policyType"`
	ResourceID        string          `json:"resourceId"`
	ServiceNamespace  string          `json:"serviceNamespace"`
	ScalableDimension string          `json:"scalableDimension"`
	StepScaling       *StepScaling    `json:"stepScalingPolicyConfiguration,omitempty"`
	TargetTracking    *TargetTracking `json:"targetTrackingScalingPolicyConfiguration,omitempty"`
	AlarmARNs         []string        `json:"alarmArns"`
}

// defaultCooldownSeconds is the cooldown of a policy that sets none.
const defaultCooldownSeconds = 300

// cooldown after the policy has scaled out or in.
func (p *ScalingPolicy) cooldown(out bool) time.Duration {
	var seconds *int
	switch {
	case p.StepScaling != nil:
		seconds = p.StepScaling.Cooldown
	case out:
		seconds = p.TargetTracking.ScaleOutCooldown
	default:
		seconds = p.TargetTracking.ScaleInCooldown
	}
	if seconds == nil {
		return defaultCooldownSeconds * time.Second
	}
	return time.Duration(*seconds) * time.Second
}

// StepScaling is the configuration of a step scaling policy.
type StepScaling struct {
	AdjustmentType         string           `json:"adjustmentType"`
	Cooldown               *int             `json:"cooldown,omitempty"` // seconds; nil is 300
	MetricAggregationType  string           `json:"metricAggregationType,omitempty"`
	MinAdjustmentMagnitude int              `json:"minAdjustmentMagnitude,omitempty"`
	StepAdjustments        []StepAdjustment `json:"stepAdjustments"`
}

// StepAdjustment is one step; its bounds are numbers relative to the alarm's
// threshold, "" for none.
type StepAdjustment struct {
	LowerBound        string `json:"metricIntervalLowerBound,omitempty"`
	UpperBound        string `json:"metricIntervalUpperBound,omitempty"`
	ScalingAdjustment int    `json:"scalingAdjustment"`
}

const serviceDimension = "ecs:service:DesiredCount"

// RegisterScalableTarget makes or changes a target, and moves the desired count of
// its service into the new range.
func (a *Account) RegisterScalableTarget(t ScalableTarget) (*ScalableTarget, error) {
	if t.ServiceNamespace != "ecs" || t.ScalableDimension != serviceDimension {
		return nil, refuse("ValidationException", "%s of %s is nothing that scales here", t.ScalableDimension,
			t.ServiceNamespace)
	}
	service := a.serviceByResourceID(t.ResourceID)
	if service == nil {
		return nil, refuse("ValidationException", "ECS service doesn't exist: %s", t.ResourceID)
	}
	if t.MinCapacity < 0 || t.MinCapacity > t.MaxCapacity {
		return nil, refuse("ValidationException",
			"minCapacity %d has to be 0 or more and at most maxCapacity %d", t.MinCapacity, t.MaxCapacity)
	}
	t.ARN = a.ARN("application-autoscaling", "scalable-target/"+t.ResourceID)
	service.DesiredCount = min(max(service.DesiredCount, t.MinCapacity), t.MaxCapacity)
	a.Targets[t.ResourceID] = &t
	return &t, nil
}

// DeregisterScalableTarget removes a target and, as AWS does, its policies.
func (a *Account) DeregisterScalableTarget(resourceID string) error {
	for arn, p := range a.Policies {
		if p.ResourceID == resourceID {
			delete(a.Policies, arn)
		}
	}
	return remove(a.Targets, resourceID)
}

// PutScalingPolicy makes or changes a policy.
func (a *Account) PutScalingPolicy(p ScalingPolicy) (*ScalingPolicy, error) {
	if _, ok := a.Targets[p.ResourceID]; !ok {
		return nil, refuse("ObjectNotFoundException",
			"No scalable target registered for namespace: %s, resource ID: %s, scalable dimension: %s",
			p.ServiceNamespace, p.ResourceID, p.ScalableDimension)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.ARN = a.ARN("autoscaling",
		"scalingPolicy:"+fingerprint(p.ResourceID)+":resource/ecs/"+p.ResourceID+":policyName/"+p.Name)
	a.Policies[p.ARN] = &p
	if p.TargetTracking != nil {
		return &p, a.putTrackingAlarms(&p)
	}
	return &p, nil
}

// check refuses a policy without the configuration of its type.
func (p *ScalingPolicy) check() error {
	switch {
	case p.PolicyType == "StepScaling" && p.StepScaling != nil:
		return checkStepScaling(*p.StepScaling)
	case p.PolicyType == "TargetTrackingScaling" && p.TargetTracking != nil:
		return p.TargetTracking.check()
	}
	return refuse("ValidationException",
		"policy %s needs the configuration of a type that exists, StepScaling or "+
			"TargetTrackingScaling", p.Name)
}

// DeleteScalingPolicy removes a policy, and the alarms that came with it.
func (a *Account) DeleteScalingPolicy(arn string) error {
	if p, ok := a.Policies[arn]; ok && p.TargetTracking != nil {
		for _, high := range []bool{true, false} {
			delete(a.Alarms, trackingAlarmName(p, high))
		}
	}
	return remove(a.Policies, arn)
}

func checkStepScaling(s StepScaling) error {
	if !slices.Contains([]string{"ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"},
		s.AdjustmentType) {
		return refuse("ValidationException", "adjustmentType %q does not exist", s.AdjustmentType)
	}
	if !slices.Contains([]string{"", "Average", "Minimum", "Maximum"}, s.MetricAggregationType) {
		return refuse("ValidationException", "metricAggregationType %q does not exist",
			s.MetricAggregationType)
	}
	if s.MinAdjustmentMagnitude > 0 && s.AdjustmentType != "PercentChangeInCapacity" {
		return refuse("ValidationException", "minAdjustmentMagnitude goes with PercentChangeInCapacity only")
	}
	if n := len(s.StepAdjustments); n == 0 || n > 20 {
		return refuse("ValidationException", "a policy has 1 to 20 step adjustments, not %d", n)
	}
	for _, step := range s.StepAdjustments {
		if s.AdjustmentType == "ExactCapacity" && step.ScalingAdjustment < 0 {
			return refuse("ValidationException", "an exact capacity is 0 or more, not %d",
				step.ScalingAdjustment)
		}
	}
	return checkStepBounds(s.StepAdjustments)
}

// interval is a StepAdjustment with its bounds read; nil is unbounded.
type interval struct {
	lower, upper *float64
	change       int
}

// intervals reads the bounds and sorts the steps, the one without a lower bound
// first.
func intervals(steps []StepAdjustment) ([]interval, error) {
	list := make([]interval, len(steps))
	for i, step := range steps {
		lower, errLower := readBound(step.LowerBound)
		upper, errUpper := readBound(step.UpperBound)
		if errLower != nil || errUpper != nil {
			return nil, refuse("ValidationException", "the bounds of a step are numbers, not %q and %q",
				step.LowerBound, step.UpperBound)
		}
		list[i] = interval{lower, upper, step.ScalingAdjustment}
	}
	slices.SortFunc(list, func(a, b interval) int {
		switch {
		case a.lower == nil && b.lower == nil:
			return 0
		case a.lower == nil:
			return -1
		case b.lower == nil:
			return 1
		}
		return cmp.Compare(*a.lower, *b.lower)
	})
	return list, nil
}

func readBound(text string) (*float64, error) {
	if text == "" {
		return nil, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	return &value, err
}

// checkStepBounds holds steps to the rules of API_StepAdjustment: no gaps, no
// overlaps, at most one step open to either side, none to both, and one open to the
// side on which there are bounds.
func checkStepBounds(steps []StepAdjustment) error {
	sorted, err := intervals(steps)
	if err != nil {
		return err
	}
	for i, step := range sorted {
		if step.lower == nil && step.upper == nil {
			return refuse("ValidationException", "a step adjustment needs a lower or an upper bound")
		}
		if step.lower != nil && step.upper != nil && *step.lower >= *step.upper {
			return refuse("ValidationException",
				"a step adjustment's lower bound %g has to be below its upper bound %g",
				*step.lower, *step.upper)
		}
		if i == 0 {
			continue
		}
		before := sorted[i-1]
		if step.lower == nil || before.upper == nil || *before.upper != *step.lower {
			return refuse("ValidationException", "step adjustments must not overlap or leave gaps")
		}
	}
	first, last := sorted[0], sorted[len(sorted)-1]
	if first.lower != nil && *first.lower < 0 {
		return refuse("ValidationException",
			"There must be a step adjustment with an unspecified lower bound when one step adjustment has "+
				"a negative lower bound")
	}
	if last.upper != nil && *last.upper > 0 {
		return refuse("ValidationException",
			"There must be a step adjustment with an unspecified upper bound when one step adjustment has "+
				"a positive upper bound")
	}
	return nil
}

// fingerprint stands for the random id in a policy's ARN.
func fingerprint(text string) string {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, text) // a hash takes everything
	return fmt.Sprintf("%016x", hash.Sum64())
}
