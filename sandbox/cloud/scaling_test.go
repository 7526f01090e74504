package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRepeatsEachMinuteWhileInAlarm: from what runs, not from what is desired.
func TestRepeatsEachMinuteWhileInAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.CooldownFromDecision = true })
	w.host.cpu = 50
	w.send(5)
	w.minutes(8)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>2 at 3", "out 2>3 at 4", "out 3>4 at 5", "out 4>5 at 6"},
		w.scaled())
	notes := w.control.Activities()
	assert.Equal(t, "at the maximum of 5 tasks already", notes[len(notes)-1].Reason, "said once")
	assert.Len(t, notes, 6)
}

func TestScalingStartsFromWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.options.CooldownFromDecision = true
		s.options.StartDelay = func(int) time.Duration { return 150 * time.Second }
	})
	w.host.cpu = 50
	w.send(5)
	w.minutes(4)
	assert.Equal(t, []string{"out 0>1 at 2"}, w.scaled(), "while none runs, one more than none is one")
	w.minutes(2)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>2 at 5"}, w.scaled())
}

// TestCooldown: during it an equal step adds nothing, a larger one the difference.
func TestCooldown(t *testing.T) {
	t.Parallel()
	for fromDecision, again := range map[bool]string{true: "out 3>5 at 10", false: "out 3>5 at 11"} {
		w := newWorld(t, func(s *worldSettings) {
			s.out.Cooldown, s.options.CooldownFromDecision = new(300), fromDecision
		})
		w.host.cpu = 50
		w.send(5)
		w.minutes(3)
		assert.Equal(t, []string{"out 0>1 at 2"}, w.scaled())
		w.send(10)
		w.minutes(6)
		assert.Equal(t, []string{"out 0>1 at 2", "out 1>3 at 5"}, w.scaled(),
			"three more than before the first")
		w.minutes(3)
		assert.Equal(t, []string{"out 0>1 at 2", "out 1>3 at 5", again}, w.scaled(),
			"and after 300 s from what runs, up to the maximum")
	}
}

// TestACooldownFromCompletionTakesTwiceAsLong: with a cooldown of a minute and a task
// that starts within one, each minute adds a task in one reading, every other one in the other.
func TestACooldownFromCompletionTakesTwiceAsLong(t *testing.T) {
	t.Parallel()
	for fromDecision, minutes := range map[bool]int{true: 11, false: 20} {
		w := newWorld(t, func(s *worldSettings) {
			s.max, s.options.CooldownFromDecision = 10, fromDecision
			s.out.StepAdjustments = []StepAdjustment{{LowerBound: "0", ScalingAdjustment: 1}}
		})
		w.host.cpu = 50
		w.send(50)
		w.minutes(minutes - 1)
		assert.Equal(t, 9, w.service.DesiredCount, "from the decision: %t", fromDecision)
		w.minutes(1)
		assert.Equal(t, 10, w.service.DesiredCount, "from the decision: %t", fromDecision)
	}
}

// TestAScaleInMayEndScaleOutCooldowns: no document says whether it does.
func TestAScaleInMayEndScaleOutCooldowns(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		w := newWorld(t, func(s *worldSettings) {
			s.max, s.out.Cooldown, s.options.ScaleInEndsScaleOutCooldowns = 10, new(600), ends
		})
		out, idle := w.decision("out"), w.decision("idle")
		w.control.scaleOut(out, 2)
		w.control.scaleIn(idle, 0)
		_, cooling := w.control.cooldowns.scaleOut(out.policy.ARN, w.now)
		assert.Equal(t, !ends, cooling)
	}
}

func TestScaleInCooldownIsEndedByAScaleOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 10 })
	w.service.DesiredCount = 4
	w.control.scaleIn(w.decision("idle"), 3)
	w.control.scaleIn(w.decision("idle"), 2)
	assert.Equal(t, 3, w.service.DesiredCount, "blocked by the cooldown")
	w.control.scaleOut(w.decision("out"), 5)
	assert.Equal(t, 5, w.service.DesiredCount, "a scale-out does not wait for it")
	w.control.scaleIn(w.decision("idle"), 2)
	assert.Equal(t, 2, w.service.DesiredCount, "and has ended it")
}

// decision is the one of an alarm's policy.
func (w *world) decision(alarm string) decision {
	a := w.account.Alarms[alarm]
	p := w.account.Policies[a.AlarmActions[0]]
	return decision{policy: p, alarm: a, target: w.target, service: w.service,
		fleet: w.control.fleet(w.service), above: alarm == "out"}
}

func TestSuspendedScaling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	w.target.SuspendedState = &SuspendedState{ScaleOut: true, ScaleIn: true}
	w.send(1)
	w.minutes(5)
	assert.Empty(t, w.scaled())
	assert.Equal(t, "messages waiting: 1, step from 1 to below 10 adds 1: scale-out is suspended",
		w.control.Activities()[0].Reason)
	w.target.SuspendedState.ScaleOut = false
	w.minutes(1)
	require.NotEmpty(t, w.scaled())
	m := w.receive(time.Hour)
	require.NoError(t, w.box.Delete(w.now, m[0].ReceiptHandle))
	w.minutes(9)
	assert.Equal(t, 1, w.running(), "scale-in is suspended still")
	w.target.SuspendedState.ScaleIn = false
	w.minutes(1)
	assert.Zero(t, w.running())
}

// TestAScaleInPolicyNeverAddsTasks: protected tasks run beyond the desired count, from
// which fewer are still more than desired.
func TestAScaleInPolicyNeverAddsTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.idle = nil
		s.options.MetricDelay = 0
	})
	w.alarm(Alarm{
		Name: "in", ComparisonOperator: "LessThanOrEqualToThreshold", Threshold: 10, EvaluationPeriods: 1,
		Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum",
		Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
	}, StepScaling{AdjustmentType: "ChangeInCapacity",
		StepAdjustments: []StepAdjustment{{UpperBound: "0", ScalingAdjustment: -1}}})
	w.service.DesiredCount = 5
	w.pass(50 * time.Second)
	for _, task := range w.control.Tasks() {
		require.Empty(t, w.control.Protect(w.now, task, true, time.Hour))
	}
	w.service.DesiredCount = 1
	w.minutes(3)
	assert.Equal(t, 5, w.running())
	assert.Empty(t, w.scaled())
}

// TestStepsInWords: what a scaling activity says of the step that it applied.
func TestStepsInWords(t *testing.T) {
	t.Parallel()
	out := []StepAdjustment{{LowerBound: "0", UpperBound: "9", ScalingAdjustment: 1},
		{LowerBound: "9", ScalingAdjustment: 50}}
	in := []StepAdjustment{{LowerBound: "-5", UpperBound: "0", ScalingAdjustment: -1},
		{UpperBound: "-5", ScalingAdjustment: -2}}
	cases := map[string]struct {
		policy StepScaling
		value  float64
		above  bool
		want   string
	}{
		"the first step": {StepScaling{StepAdjustments: out}, 1, true, "from 1 to below 10 adds 1"},
		"the last step":  {StepScaling{StepAdjustments: out}, 80, true, "from 10 adds 50"},
		"a share": {StepScaling{StepAdjustments: out,
			AdjustmentType: "PercentChangeInCapacity"}, 80, true, "from 10 adds 50 %"},
		"a capacity": {StepScaling{StepAdjustments: out, AdjustmentType: "ExactCapacity"}, 80,
			true, "from 10 sets 50"},
		"below the threshold":     {StepScaling{StepAdjustments: in}, 0, false, "above -4 up to 1 takes 1"},
		"far below the threshold": {StepScaling{StepAdjustments: in}, -9, false, "up to -4 takes 2"},
		"no step":                 {StepScaling{StepAdjustments: out}, 0, true, ""},
	}
	for name, tc := range cases {
		assert.Equal(t, tc.want, tc.policy.stepInWords(tc.value, 1, tc.above), name)
	}
}
