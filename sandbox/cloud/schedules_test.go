package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScheduleKeepsAQueueAwake: a call of its API every five hours keeps the metrics
// coming, and a message after a quiet day starts a task at once.
func TestScheduleKeepsAQueueAwake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	_, err := w.account.PutSchedule(Schedule{
		Name: "awake", ScheduleExpression: "rate(5 hours)", FlexibleTimeWindow: FlexibleTimeWindow{"OFF"},
		Target: ScheduleTarget{ARN: "arn:aws:scheduler:::aws-sdk:sqs:untagQueue",
			RoleARN: globalARN("iam", "role/scheduler"), Input: `{"QueueUrl": "` + w.queue.URL + `"}`},
	})
	require.NoError(t, err)
	w.minutes(24 * 60)
	w.send(1)
	w.minutes(3)
	assert.Len(t, w.scaled(), 1)
}

func TestSchedulesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := Schedule{
		Name: "awake", ScheduleExpression: "rate(5 hours)", FlexibleTimeWindow: FlexibleTimeWindow{"OFF"},
		Target: ScheduleTarget{ARN: "arn:aws:scheduler:::aws-sdk:sqs:untagQueue",
			RoleARN: globalARN("iam", "role/scheduler"), Input: `{}`},
	}
	for want, change := range map[string]func(*Schedule){
		"Invalid Schedule Expression": func(s *Schedule) { s.ScheduleExpression = "every day" },
		"flexibleTimeWindow":          func(s *Schedule) { s.FlexibleTimeWindow.Mode = "FLEXIBLE" },
		"getQueueAttributes": func(s *Schedule) {
			s.Target.ARN = "arn:aws:scheduler:::aws-sdk:sqs:getQueueAttributes"
		},
		"role": func(s *Schedule) {
			s.Target.RoleARN = globalARN("iam", "role/nobody")
		},
		"JSON": func(s *Schedule) { s.Target.Input = "{" },
		"must allow AWS EventBridge Scheduler to assume the role": func(s *Schedule) {
			s.Target.RoleARN = globalARN("iam", "role/tasks")
		},
	} {
		s := good
		change(&s)
		_, err := w.account.PutSchedule(s)
		assert.ErrorContains(t, err, want)
	}
}
