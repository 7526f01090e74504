package provider

import (
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

func init() {
	register(
		define(kind{
			token:     "aws:appautoscaling/target:Target",
			immutable: []string{"resourceId", "scalableDimension", "serviceNamespace"},
			computed:  []string{"arn"},
			importID: func(_ *cloud.Account, imported string) string { // namespace/resource/dimension
				return imported[strings.Index(imported, "/")+1 : strings.LastIndex(imported, "/")]
			},
		}, model[cloud.ScalableTarget]{
			id:     func(t *cloud.ScalableTarget) string { return t.ResourceID },
			create: (*cloud.Account).RegisterScalableTarget,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.ScalableTarget { return a.Targets }),
			remove: (*cloud.Account).DeregisterScalableTarget,
		}),
		define(kind{
			token: "aws:appautoscaling/policy:Policy", nameSuffix: noSuffix,
			immutable: []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
			computed:  []string{"arn", "alarmArns"},
		}, model[cloud.ScalingPolicy]{
			id:     func(p *cloud.ScalingPolicy) string { return p.ARN },
			create: (*cloud.Account).PutScalingPolicy,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.ScalingPolicy { return a.Policies }),
			remove: (*cloud.Account).DeleteScalingPolicy,
		}),
		define(kind{
			token: "aws:scheduler/schedule:Schedule", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.Schedule]{
			id:     func(s *cloud.Schedule) string { return "default/" + s.Name },
			create: (*cloud.Account).PutSchedule,
			find: func(a *cloud.Account, id string) (*cloud.Schedule, bool) {
				s, ok := a.Schedules[strings.TrimPrefix(id, "default/")]
				return s, ok
			},
			remove: func(a *cloud.Account, id string) error {
				return a.DeleteSchedule(strings.TrimPrefix(id, "default/"))
			},
		}),
	)
}
