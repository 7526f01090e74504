package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apiCalls are those that a state machine can make here. Names and fields are those of the
// AWS SDK integrations of Step Functions: members begin with a capital letter.
var apiCalls = map[string]func(c *Control, e *execution, arguments map[string]any) answer{
	"sqs:getQueueAttributes": (*Control).callGetQueueAttributes,
	"ecs:describeServices":   (*Control).callDescribeServices,
	"ecs:updateService":      (*Control).callUpdateService,
}

// failure is an answer that is an error.
func failure(name, format string, args ...any) answer {
	return answer{key: "error " + name, err: stateError{name, fmt.Sprintf(format, args...)}}
}

// denied is the answer to a call that the machine's role does not allow.
func (c *Control) denied(m *StateMachine, service, action, resource string) (answer, bool) {
	if c.account.allows(m.RoleARN, action, resource) {
		return answer{}, false
	}
	return failure(service+"."+service+"Exception",
		"User: %s is not authorized to perform: %s on resource: %s",
		m.RoleARN, action, resource), true
}

// callGetQueueAttributes answers with counts of messages, which are texts.
func (c *Control) callGetQueueAttributes(e *execution, arguments map[string]any) answer {
	url, _ := arguments["QueueUrl"].(string)
	if refused, yes := c.denied(e.machine, "Sqs", "sqs:GetQueueAttributes",
		c.account.ARN("sqs", lastPart(url))); yes {
		return refused
	}
	box, err := c.account.Mailbox(url)
	if err != nil {
		return failure("Sqs.QueueDoesNotExistException", "The specified queue does not exist.")
	}
	box.Touch(c.now) // asking for attributes is using the queue
	lag := time.Duration(c.draw("lag") * float64(c.scaled(c.o.Express.CountLag)))
	visible := box.visibleBefore(c.now, lag)
	c.express.Asks++
	e.answered = visible
	c.express.Answered = visible
	return answer{
		key: "visible " + strconv.Itoa(visible),
		result: func() any {
			return map[string]any{"Attributes": attributesAsked(arguments["AttributeNames"], visible,
				box.Counts(c.now))}
		},
	}
}

func attributesAsked(names any, visible int, counts Counts) map[string]any {
	all := map[string]int{
		"ApproximateNumberOfMessages":           visible,
		"ApproximateNumberOfMessagesNotVisible": counts.InFlight,
		"ApproximateNumberOfMessagesDelayed":    counts.Delayed,
	}
	asked, _ := names.([]any)
	attributes := map[string]any{}
	for name, count := range all {
		if slices.Contains(asked, any(name)) || slices.Contains(asked, any("All")) {
			attributes[name] = strconv.Itoa(count)
		}
	}
	return attributes
}

// callDescribeServices answers without the services that are gone.
func (c *Control) callDescribeServices(e *execution, arguments map[string]any) answer {
	cluster, _ := arguments["Cluster"].(string)
	names, _ := arguments["Services"].([]any)
	var key strings.Builder
	var services, failures []any
	for _, name := range names {
		arn := c.serviceARN(cluster, fmt.Sprint(name))
		if refused, yes := c.denied(e.machine, "Ecs", "ecs:DescribeServices", arn); yes {
			return refused
		}
		s, there := c.account.Services[arn]
		if !there {
			failures = append(failures, map[string]any{"Arn": arn, "Reason": "MISSING"})
			key.WriteString("missing ")
			continue
		}
		services = append(services, map[string]any{
			"ServiceArn": s.ARN, "ServiceName": s.Name, "Status": "ACTIVE",
			"DesiredCount": float64(s.DesiredCount),
		})
		fmt.Fprintf(&key, "desired %d ", s.DesiredCount)
	}
	if c.throttles() {
		return throttled
	}
	if _, err := c.account.cluster(cluster); err != nil {
		return failure("Ecs.ClusterNotFoundException", "Cluster not found.")
	}
	return answer{key: key.String(), result: func() any {
		return map[string]any{"Services": services, "Failures": failures}
	}}
}

// callUpdateService sets a desired count, whatever the limits of the scalable target are:
// those hold for Application Auto Scaling only, and so do its cooldowns.
func (c *Control) callUpdateService(e *execution, arguments map[string]any) answer {
	cluster, _ := arguments["Cluster"].(string)
	name, _ := arguments["Service"].(string)
	arn := c.serviceARN(cluster, name)
	if refused, yes := c.denied(e.machine, "Ecs", "ecs:UpdateService", arn); yes {
		return refused
	}
	if c.throttles() {
		return throttled
	}
	s, there := c.account.Services[arn]
	if !there {
		return failure("Ecs.ServiceNotFoundException", "Service not found.")
	}
	if desired, given := arguments["DesiredCount"].(float64); given {
		c.noteWake(e, s, int(desired))
		s.DesiredCount = int(desired)
	}
	return answer{key: "updated", result: func() any {
		return map[string]any{"Service": map[string]any{"ServiceArn": arn}}
	}}
}

// throttled is the answer of ECS to too many calls.
var throttled = failure("Ecs.EcsException", "Rate exceeded (Service: Ecs, Status Code: 400)")

// throttles says whether ECS refuses a call for want of tokens.
func (c *Control) throttles() bool {
	return c.o.Express.Throttled > 0 && c.draw("throttle") <= c.o.Express.Throttled
}

func (c *Control) serviceARN(cluster, name string) string {
	return c.account.ARN("ecs", "service/"+lastPart(cluster)+"/"+lastPart(name))
}
