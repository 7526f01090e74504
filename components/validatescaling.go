package components

import (
	"reflect"
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func validateService(found *FieldErrors, s ServiceArgs) {
	if s.Name != "" && !serviceName.MatchString(s.Name) {
		found.Add("Service.Name", s.Name, "needs to be 1 to 255 letters, digits, - and _")
	}
	if s.ClusterName == nil {
		found.Add("Service.ClusterName", "", "is required")
	}
	if isEmpty(s.SubnetIDs) {
		found.Add("Service.SubnetIDs", "", "needs at least one, a subnet id such as subnet-0123456789abcdef0")
	}
	if isEmpty(s.SecurityGroupIDs) {
		found.Add("Service.SecurityGroupIDs", "",
			"needs at least one, a security group id such as sg-0123456789abcdef0")
	}
	checkRange(found, "Service.SpotPercent", s.SpotPercent, 0, 100, "percent of the tasks on Fargate Spot")
	checkRange(found, "Service.OnDemandBase", s.OnDemandBase, 0, 100000, "tasks on Fargate before Spot")
	if s.OnDemandBase > 0 && s.SpotPercent == 0 {
		found.Add("Service.OnDemandBase", s.OnDemandBase,
			"means nothing without {Service.SpotPercent}; all tasks are on demand")
	}
	if s.OnDemandBase > 0 && s.SpotPercent == 100 {
		found.Add("Service.OnDemandBase", s.OnDemandBase,
			"does not go with {Service.SpotPercent} 100, which gives Fargate a weight of 0; use 99")
	}
	least, most := *s.DeploymentMinimumHealthyPercent, *s.DeploymentMaximumPercent
	checkRange(found, "Service.DeploymentMinimumHealthyPercent", least, 0, 100,
		"percent of the desired tasks")
	checkRange(found, "Service.DeploymentMaximumPercent", most, 100, 200, "percent of the desired tasks")
	if least == 100 && most == 100 {
		found.Add("Service.DeploymentMaximumPercent", most,
			"together with {Service.DeploymentMinimumHealthyPercent} 100 no task may start or stop in a "+
				"deployment; use up to 200, or a lower minimum")
	}
}

func validateScaling(found *FieldErrors, s ScalingArgs) {
	checkRange(found, "Scaling.MinCapacity", s.MinCapacity, 0, 5000, "the most tasks of a service")
	checkRange(found, "Scaling.MaxCapacity", s.MaxCapacity, 1, 5000, "the most tasks of a service")
	if s.MinCapacity > s.MaxCapacity {
		found.Add("Scaling.MinCapacity", s.MinCapacity,
			"is above {Scaling.MaxCapacity} (%d); lower it or raise {Scaling.MaxCapacity}", s.MaxCapacity)
	}
	checkOneOf(found, "Scaling.AdjustmentType", s.AdjustmentType, ChangeInCapacity, ExactCapacity,
		PercentChangeInCapacity)
	validateMagnitude(found, s)
	steps, err := translateSteps(s.Steps, s.AdjustmentType)
	found.AddError(err)
	if err == nil && s.AdjustmentType == ExactCapacity && steps.ScaleIn != nil {
		least := steps.ScaleIn.Adjustments[len(steps.ScaleIn.Adjustments)-1].Change
		if least > s.MinCapacity {
			found.Add("Scaling.Steps", s.Steps,
				"an empty queue keeps %s, above {Scaling.MinCapacity} (%d), and the service never goes "+
					"idle; set 0 there",
				count(least, "task"), s.MinCapacity)
		}
	}
	checkRange(found, "Scaling.ScaleOutCooldownSeconds", s.ScaleOutCooldownSeconds, 1, 3600, "seconds")
	checkRange(found, "Scaling.ScaleInCooldownSeconds", s.ScaleInCooldownSeconds, 1, 3600, "seconds")
	checkOneOf(found, "Scaling.WakeIntervalSeconds", *s.WakeIntervalSeconds, wakeIntervals...)
	validateIdle(found, s.Idle)
}

func validateMagnitude(found *FieldErrors, s ScalingArgs) {
	const field = "Scaling.MinAdjustmentMagnitude"
	switch {
	case s.MinAdjustmentMagnitude < 0:
		found.Add(field, s.MinAdjustmentMagnitude, "needs to be 1 task or more")
	case s.AdjustmentType != PercentChangeInCapacity && s.MinAdjustmentMagnitude > 0:
		found.Add(field, s.MinAdjustmentMagnitude,
			"goes only with {Scaling.AdjustmentType} PercentChangeInCapacity, not %s", s.AdjustmentType)
	case s.AdjustmentType == PercentChangeInCapacity && s.MinCapacity == 0 && s.MinAdjustmentMagnitude == 0:
		found.Add(field, s.MinAdjustmentMagnitude,
			"a percentage of zero tasks is zero, so nothing would ever start; use 1 or more, or "+
				"{Scaling.MinCapacity} 1")
	}
}

func validateIdle(found *FieldErrors, idle IdleArgs) {
	if !(idle.CPUPercent > 0 && idle.CPUPercent <= 100) { // also refuses NaN
		found.Add("Scaling.Idle.CPUPercent", idle.CPUPercent,
			"needs to be above 0 and at most 100, in percent of the reserved CPU")
	}
	if idle.Unguarded {
		checkRange(found, "Scaling.Idle.Minutes", idle.Minutes, 1, 1440,
			"the longest period of an alarm is a day")
		return
	}
	if idle.Minutes < guardedMinutes {
		found.Add("Scaling.Idle.Minutes", idle.Minutes,
			"needs to be at least %d minutes with the guard, since in-flight messages that are reported "+
				"late read as none", guardedMinutes)
	}
	if idle.Minutes > 1440 {
		found.Add("Scaling.Idle.Minutes", idle.Minutes,
			"needs to be at most 1440; an alarm looks back one day at most")
	}
}

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

	isClusterName = matches(serviceName,
		"needs to be the name of a cluster, not its ARN: 1 to 255 letters, digits, - and _")
	isSubnetID = matches(regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`),
		"needs to be a subnet id such as subnet-0123456789abcdef0")
	isSecurityGroupID = matches(regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`),
		"needs to be a security group id such as sg-0123456789abcdef0")
)

// isEmpty says whether a list was left out or has nothing in it.
func isEmpty(in pulumi.StringArrayInput) bool {
	return in == nil || reflect.ValueOf(in).Kind() == reflect.Slice && reflect.ValueOf(in).Len() == 0
}
