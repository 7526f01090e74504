package awsapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

// schedulerService is spoken to by paths.
var schedulerService = service{
	name: "EventBridge Scheduler", scope: "scheduler",
	actions: map[string]func(request) (any, error){
		"ListSchedules": request.listSchedules,
		"GetSchedule":   request.getSchedule,
	},
}

// restCall reads a request of a service whose actions are methods and paths.
func restCall(req *http.Request, path []string, body []byte) (apiCall, error) {
	c := apiCall{protocol: jsonProtocol{}, action: req.Method + " " + req.URL.Path, body: body}
	scope := scopeOf(req)
	if slices.Contains([]string{"s3", "route53", "cloudfront"}, scope) {
		c.protocol = queryProtocol{} // their errors are in XML, too
	}
	c, err := find(
		c,
		scope,
		func(s service) bool { return s.prefix == "" && s.version == "" && s.scope == scope },
	)
	if err != nil || path[0] != "schedules" || req.Method != http.MethodGet {
		return c, err
	}
	asked := map[string]string{}
	for key, values := range req.URL.Query() {
		asked[key] = values[0]
	}
	c.action = "ListSchedules"
	if len(path) == 2 {
		c.action, asked["Name"] = "GetSchedule", path[1]
	}
	c.body, err = json.Marshal(asked)
	return c, err
}

func (r request) listSchedules() (any, error) {
	var asked struct{ NamePrefix, State string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	shown := []object{}
	for _, name := range slices.Sorted(maps.Keys(r.account.Schedules)) {
		s := r.account.Schedules[name]
		state := cmp.Or(s.State, "ENABLED")
		if strings.HasPrefix(name, asked.NamePrefix) && (asked.State == "" || asked.State == state) {
			shown = append(
				shown,
				object{
					"Arn":       s.ARN,
					"Name":      name,
					"GroupName": "default",
					"State":     state,
					"Target":    object{"Arn": s.Target.ARN},
				},
			)
		}
	}
	return object{"Schedules": shown}, nil
}

func (r request) getSchedule() (any, error) {
	var asked struct{ Name string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	s, there := r.account.Schedules[asked.Name]
	if !there {
		return nil, &cloud.Error{
			Code:    "ResourceNotFoundException",
			Message: "Schedule " + asked.Name + " does not exist.",
		}
	}
	return object{
		"Arn": s.ARN, "Name": s.Name, "GroupName": "default", "State": cmp.Or(s.State, "ENABLED"),
		"ScheduleExpression": s.ScheduleExpression,
		"FlexibleTimeWindow": object{"Mode": s.FlexibleTimeWindow.Mode},
		"Target": object{"Arn": s.Target.ARN, "RoleArn": s.Target.RoleARN,
			"Input": textOf(s.Target.Input)},
	}, nil
}
