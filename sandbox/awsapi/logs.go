package awsapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

var logsService = service{
	name: "CloudWatch Logs", prefix: "Logs_20140328", scope: "logs",
	actions: map[string]func(request) (any, error){
		"FilterLogEvents":   request.filterLogEvents,
		"DescribeLogGroups": request.describeLogGroups,
	},
}

// LogEvent is a line that a task has written.
type LogEvent struct {
	At      time.Time
	Stream  string
	Message string
}

func (r request) describeLogGroups() (any, error) {
	var asked struct{ LogGroupNamePrefix string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	shown := []object{}
	for name, g := range r.account.LogGroups {
		if strings.HasPrefix(name, asked.LogGroupNamePrefix) {
			shown = append(shown, object{"logGroupName": name, "arn": g.ARN + ":*", "logGroupArn": g.ARN})
		}
	}
	return object{"logGroups": shown}, nil
}

// mostLogEvents that FilterLogEvents answers with. Source: its API reference.
const mostLogEvents = 10000

func (r request) filterLogEvents() (any, error) {
	var asked struct {
		LogGroupName, LogGroupIdentifier, FilterPattern, NextToken string
		LogStreamNamePrefix                                        string
		StartTime, EndTime                                         int64 // milliseconds
		Limit                                                      int
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	name := cmp.Or(asked.LogGroupName, asked.LogGroupIdentifier)
	if _, ofARN, is := strings.Cut(name, ":log-group:"); is {
		name = ofARN
	}
	if _, there := r.account.LogGroups[name]; !there {
		return nil, &cloud.Error{
			Code:    "ResourceNotFoundException",
			Message: "The specified log group does not exist.",
		}
	}
	matches, err := filterOf(asked.FilterPattern)
	if err != nil {
		return nil, err
	}
	events := slices.DeleteFunc(r.logs(name), func(e LogEvent) bool {
		at := e.At.UnixMilli()
		return at < asked.StartTime || asked.EndTime > 0 && at >= asked.EndTime ||
			!strings.HasPrefix(e.Stream, asked.LogStreamNamePrefix) || !matches(e.Message)
	})
	slices.SortStableFunc(events, func(a, b LogEvent) int { return a.At.Compare(b.At) })
	limit := mostLogEvents
	if asked.Limit > 0 {
		limit = min(asked.Limit, mostLogEvents)
	}
	shown := make([]object, 0, min(len(events), limit))
	for i, e := range events[:min(len(events), limit)] {
		shown = append(shown, object{
			"logStreamName": e.Stream, "timestamp": int(e.At.UnixMilli()),
			"ingestionTime": int(e.At.UnixMilli()),
			"message":       e.Message, "eventId": fmt.Sprintf("%s-%d-%d", e.Stream, e.At.UnixMilli(), i),
		})
	}
	return object{"events": shown, "searchedLogStreams": []object{}}, nil
}

// equality is a pattern that compares a field of a JSON line with a text.
var equality = regexp.MustCompile(`^\{\s*\$\.(\w+)\s*(=|!=)\s*"?([^"}]*?)"?\s*\}$`)

// filterOf reads a filter pattern, as far as the pages of this project use them: words that have to be
// in the line, or one comparison of a field of JSON. Source: CloudWatch Logs user guide, "Filter pattern
// syntax".
func filterOf(pattern string) (func(line string) bool, error) {
	pattern = strings.TrimSpace(pattern)
	if found := equality.FindStringSubmatch(pattern); found != nil {
		field, equal, want := found[1], found[2] == "=", found[3]
		return func(line string) bool {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) != nil {
				return false
			}
			value, there := fields[field]
			return there && (fmt.Sprint(value) == want) == equal
		}, nil
	}
	if strings.ContainsAny(pattern, `{}[]%?`) {
		return nil, &cloud.Error{Code: "InvalidParameterException", Message: fmt.Sprintf(
			`the sandbox does not do the filter pattern %s; it does words, and { $.field = "text" }`,
			pattern,
		)}
	}
	words := strings.Fields(strings.ReplaceAll(pattern, `"`, ""))
	return func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	}, nil
}
