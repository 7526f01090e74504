package provider

import "fargate-queue-worker/sandbox/cloud"

func init() {
	register(
		define(kind{
			token: "aws:cloudwatch/logGroup:LogGroup", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.LogGroup]{
			id:     func(g *cloud.LogGroup) string { return g.Name },
			create: (*cloud.Account).PutLogGroup,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.LogGroup { return a.LogGroups }),
			remove: (*cloud.Account).DeleteLogGroup,
		}),
		define(kind{
			token: "aws:cloudwatch/metricAlarm:MetricAlarm", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.Alarm]{
			id:     func(alarm *cloud.Alarm) string { return alarm.Name },
			create: (*cloud.Account).PutMetricAlarm,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.Alarm { return a.Alarms }),
			remove: (*cloud.Account).DeleteAlarm,
		}),
		define(kind{
			token: "aws:cloudwatch/eventRule:EventRule", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
		}, model[cloud.EventRule]{
			id:     func(r *cloud.EventRule) string { return r.Name },
			create: (*cloud.Account).PutRule,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.EventRule { return a.EventRules }),
			remove: (*cloud.Account).DeleteRule,
		}),
		define(kind{
			token:     "aws:cloudwatch/dashboard:Dashboard",
			immutable: []string{"dashboardName"}, computed: []string{"dashboardArn"},
		}, model[cloud.Dashboard]{
			id:     func(d *cloud.Dashboard) string { return d.Name },
			create: (*cloud.Account).PutDashboard,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.Dashboard { return a.Dashboards }),
			remove: (*cloud.Account).DeleteDashboard,
		}),
	)
}
