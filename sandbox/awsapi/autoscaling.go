package awsapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

var autoScalingService = service{
	name: "Application Auto Scaling", prefix: "AnyScaleFrontendService", scope: "application-autoscaling",
	actions: map[string]func(request) (any, error){
		"DescribeScalableTargets":   request.describeScalableTargets,
		"DescribeScalingActivities": request.describeScalingActivities,
	},
}

// linkedRole is the role that auto scaling changes services with.
const linkedRole = "arn:aws:iam::" + cloud.AccountID + ":role/aws-service-role/" +
	"ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"

const serviceDimension = "ecs:service:DesiredCount"

func (r request) describeScalableTargets() (any, error) {
	var asked struct {
		ServiceNamespace string
		ResourceIds      []string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	shown := []object{}
	for _, id := range slices.Sorted(maps.Keys(r.account.Targets)) {
		t := r.account.Targets[id]
		if t.ServiceNamespace != asked.ServiceNamespace ||
			len(asked.ResourceIds) > 0 && !slices.Contains(asked.ResourceIds, id) {
			continue
		}
		var suspended cloud.SuspendedState
		if t.SuspendedState != nil {
			suspended = *t.SuspendedState
		}
		shown = append(shown, object{
			"ServiceNamespace": t.ServiceNamespace, "ResourceId": id,
			"ScalableDimension": t.ScalableDimension,
			"MinCapacity":       t.MinCapacity, "MaxCapacity": t.MaxCapacity, "ScalableTargetARN": t.ARN,
			"RoleARN":      linkedRole,
			"CreationTime": r.now, // the model does not know it
			"SuspendedState": object{
				"DynamicScalingInSuspended":  suspended.ScaleIn,
				"DynamicScalingOutSuspended": suspended.ScaleOut,
				"ScheduledScalingSuspended":  suspended.Scheduled,
			},
		})
	}
	return object{"ScalableTargets": shown}, nil
}

// describeScalingActivities answers with the newest first. Those that did not scale are shown on request,
// and only if AWS names a reason for it: a policy whose scaling is suspended leaves none.
func (r request) describeScalingActivities() (any, error) {
	var asked struct {
		ServiceNamespace, ResourceID string
		MaxResults                   int
		NextToken                    string
		IncludeNotScaledActivities   bool
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	shown := []object{}
	for i, a := range slices.Backward(r.control.Activities()) {
		atMaximum := !a.Scaled() && strings.HasPrefix(a.Reason, "at the maximum")
		switch {
		case asked.ServiceNamespace != "ecs" || a.Policy == "":
		case asked.ResourceID != "" && a.ResourceID != asked.ResourceID:
		case a.Scaled():
			shown = append(shown, activityShown(i, a, "Successful", nil))
		case atMaximum && asked.IncludeNotScaledActivities:
			shown = append(shown, activityShown(i, a, "NotScaled", []object{{
				"Code": "AlreadyAtMaxCapacity", "MaxCapacity": a.From, "CurrentCapacity": a.From,
			}}))
		}
	}
	return object{"ScalingActivities": shown}, nil
}

func activityShown(i int, a cloud.Activity, status string, reasons []object) object {
	shown := object{
		"ActivityId": fmt.Sprintf(
			"%08d-0000-0000-0000-000000000000",
			i,
		), "ServiceNamespace": "ecs", "ResourceId": a.ResourceID,
		"ScalableDimension": serviceDimension,
		"Description":       fmt.Sprintf("Setting desired count to %d.", a.To),
		"Cause": fmt.Sprintf(
			"monitor alarm %s in state ALARM triggered policy %s",
			a.Alarm,
			a.Policy,
		), "StartTime": a.At, "EndTime": a.At,
		"StatusCode": status,
		"StatusMessage": fmt.Sprintf("Successfully set desired count to %d. Found it was %d before. (%s)",
			a.To, a.From, a.Reason),
	}
	if reasons != nil {
		shown["NotScaledReasons"] = reasons
		shown["Description"] = fmt.Sprintf("Attempting to scale due to alarm triggered (%s)", a.Reason)
		delete(shown, "StatusMessage")
	}
	return shown
}
