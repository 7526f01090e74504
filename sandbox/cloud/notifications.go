package cloud

import "strings"

// Notification is what an alarm published to an SNS topic.
type Notification struct {
	Minute int
	Topic  string // ARN
	Alarm  string
	State  AlarmState
	// Description is the alarm's, which says what to do.
	Description string
}

// isTopic says whether an action is an SNS topic that an alarm can publish to; to a
// FIFO topic none can.
func isTopic(arn string) bool {
	return strings.HasPrefix(arn, "arn:"+Partition+":sns:") && !strings.HasSuffix(arn, ".fifo")
}

// notify publishes that an alarm has changed its state. Unlike the actions of auto
// scaling this is not repeated. Source: CloudWatch user guide, "Using Amazon
// CloudWatch alarms", "Alarm actions".
func (c *Control) notify(e *alarmEvaluation) {
	if enabled := e.alarm.ActionsEnabled; enabled != nil && !*enabled {
		return
	}
	actions := map[AlarmState][]string{InAlarm: e.alarm.AlarmActions, OK: e.alarm.OKActions}[e.state]
	for _, action := range actions {
		if isTopic(action) {
			c.notifications = append(c.notifications,
				Notification{c.fullMinutes(), action, e.alarm.Name, e.state, e.alarm.AlarmDescription})
		}
	}
}

// Notifications are what alarms have published, oldest first.
func (c *Control) Notifications() []Notification { return c.notifications }
