package cloud

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// puppets are tasks that do as they are told by a test.
type puppets struct {
	control *Control
	cpu     float64
	// drain is how long a task takes to exit after SIGTERM; 0 is at once.
	drain   time.Duration
	started []string
	stopped []string
	killed  []string
}

func (p *puppets) StartTask(_ time.Time, t *Task) { p.started = append(p.started, t.ID()) }

func (p *puppets) StopTask(now time.Time, t *Task) {
	p.stopped = append(p.stopped, t.ID())
	if p.drain == 0 {
		p.control.TaskEnded(now, t)
	}
}

func (p *puppets) KillTask(_ time.Time, t *Task) { p.killed = append(p.killed, t.ID()) }

func (p *puppets) CPU(time.Time, *Task) float64 { return p.cpu }

// world is an account with a queue, a service and its scaling, as the project's
// stacks have them.
type world struct {
	*testing.T
	account *Account
	queue   *Queue
	box     *Mailbox
	service *Service
	target  *ScalableTarget
	host    *puppets
	control *Control
	now     time.Time
}

type setting func(*worldSettings)

type worldSettings struct {
	options  ControlOptions
	out      StepScaling
	idle     *Alarm // without dimensions and actions
	max      int
	queue    Queue
	stopping int
}

const guardedExpression = "IF(visible, 100, IF(outstanding, 100, cpu))"

func newWorld(t *testing.T, settings ...setting) *world {
	t.Helper()
	s := worldSettings{
		options: DefaultControlOptions(), max: 5, queue: Queue{Name: "jobs.fifo", FIFO: true},
		out:  StepScaling{AdjustmentType: "ChangeInCapacity", Cooldown: new(60), MetricAggregationType: "Maximum", StepAdjustments: []StepAdjustment{{LowerBound: "0", UpperBound: "9", ScalingAdjustment: 1}, {LowerBound: "9", ScalingAdjustment: 3}}},
		idle: &Alarm{EvaluationPeriods: 3, MetricQueries: []MetricQuery{{ID: "outstanding", Expression: "visible + FILL(inflight, 0) + FILL(delayed, 0)"}, {ID: "result", Expression: guardedExpression, ReturnData: true}}},
	}
	for _, set := range settings {
		set(&s)
	}
	a := NewAccount("us-west-1")
	w := &world{T: t, account: a, host: &puppets{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	w.queue, err = a.CreateQueue(s.queue)
	require.NoError(t, err)
	w.box, err = a.Mailbox(w.queue.URL)
	require.NoError(t, err)
	w.service = serviceIn(t, a, s.stopping)
	w.target, err = a.RegisterScalableTarget(ScalableTarget{ResourceID: w.service.ResourceID(), ServiceNamespace: "ecs", ScalableDimension: serviceDimension, MaxCapacity: s.max})
	require.NoError(t, err)
	w.alarm(Alarm{
		Name: "out", ComparisonOperator: "GreaterThanOrEqualToThreshold", Threshold: 1, EvaluationPeriods: 1, TreatMissingData: "notBreaching",
		Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum", Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
	}, s.out)
	if s.idle != nil {
		s.idle.Name, s.idle.ComparisonOperator, s.idle.Threshold, s.idle.TreatMissingData = "idle", "LessThanOrEqualToThreshold", 1, "notBreaching"
		w.idle(*s.idle)
	}
	w.control = NewControl(a, w.now, w.host, s.options)
	w.host.control = w.control
	return w
}

// serviceIn makes a service and all that it needs.
func serviceIn(t *testing.T, a *Account, stopTimeout int) *Service {
	t.Helper()
	_, err := a.PutCluster(Cluster{Name: "apps"})
	require.NoError(t, err)
	service, err := a.CreateService(Service{
		Name: "worker", Cluster: "apps", TaskDefinition: newTaskDefinition(t, a, stopTimeout), LaunchType: "FARGATE",
		NetworkConfiguration:            NetworkConfiguration{Subnets: []string{"subnet-1"}},
		DeploymentMinimumHealthyPercent: 100, DeploymentMaximumPercent: 200,
	})
	require.NoError(t, err)
	return service
}

func newTaskDefinition(t *testing.T, a *Account, stopTimeout int) string {
	t.Helper()
	a.Roles["tasks"] = &Role{ARN: globalARN("iam", "role/tasks"), Name: "tasks"}
	a.Roles["scheduler"] = &Role{ARN: globalARN("iam", "role/scheduler"), Name: "scheduler", AssumeRolePolicy: `{"Statement": [{"Principal": {"Service": "scheduler.amazonaws.com"}, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:scheduler:us-west-1:123456789012:schedule-group/default"}}}]}`}
	definition, err := a.RegisterTaskDefinition(TaskDefinition{
		Family: "worker", CPU: "256", Memory: "512", NetworkMode: "awsvpc",
		ExecutionRoleARN: globalARN("iam", "role/tasks"), TaskRoleARN: globalARN("iam", "role/tasks"),
		ContainerDefinitions: fmt.Sprintf(`[{"name": "worker", "image": "worker", "stopTimeout": %d}]`, stopTimeout),
	})
	require.NoError(t, err)
	return definition.ARN
}

func (w *world) alarm(alarm Alarm, scaling StepScaling) {
	w.Helper()
	policy, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: alarm.Name, PolicyType: "StepScaling", ResourceID: w.service.ResourceID(), ServiceNamespace: "ecs", ScalableDimension: serviceDimension, StepScaling: &scaling,
	})
	require.NoError(w, err)
	alarm.AlarmActions = []string{policy.ARN}
	_, err = w.account.PutMetricAlarm(alarm)
	require.NoError(w, err)
}

// idle adds an alarm that sets the capacity to 0, with the metrics it may refer to.
func (w *world) idle(alarm Alarm) {
	w.Helper()
	if len(alarm.MetricQueries) > 0 {
		for id, name := range map[string]string{"visible": "Visible", "inflight": "NotVisible", "delayed": "Delayed"} {
			alarm.MetricQueries = append(alarm.MetricQueries, MetricQuery{ID: id, Metric: &Metric{
				Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessages" + name, Stat: "Maximum", Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
			}})
		}
		alarm.MetricQueries = append(alarm.MetricQueries, MetricQuery{ID: "cpu", Metric: &Metric{
			Namespace: "AWS/ECS", MetricName: "CPUUtilization", Stat: "Average", Period: 60, Dimensions: map[string]string{"ClusterName": "apps", "ServiceName": "worker"},
		}})
	}
	w.alarm(alarm, StepScaling{AdjustmentType: "ExactCapacity", Cooldown: new(60), MetricAggregationType: "Maximum", StepAdjustments: []StepAdjustment{{UpperBound: "0"}}})
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.control.Advance(w.now)
}

func (w *world) minutes(n int) { w.pass(time.Duration(n) * time.Minute) }

func (w *world) send(n int) {
	w.Helper()
	for range n {
		_, err := w.box.Send(w.now, Message{GroupID: fmt.Sprint("group", w.box.sequence), DeduplicationID: fmt.Sprint(w.box.sequence), Body: "job"})
		require.NoError(w, err)
	}
}

func (w *world) receive(visibility time.Duration) []*Message {
	return w.box.Receive(w.now, 10, visibility, "", nil)
}

func (w *world) scaled() (list []string) {
	for _, a := range w.control.Activities() {
		if a.Scaled() {
			list = append(list, fmt.Sprintf("%s %d>%d at %d", a.Policy, a.From, a.To, a.Minute))
		}
	}
	return list
}

func (w *world) running() int { return w.control.fleet(w.service).running() }

func TestOneMessageStartsATaskAndItStopsWhenAllIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	w.minutes(5)
	assert.Empty(t, w.scaled(), "an empty queue starts nothing")
	w.pass(10 * time.Second)
	w.send(1)
	w.minutes(2)
	assert.Equal(t, []string{"out 0>1 at 7"}, w.scaled(), "measured at 6, shown at 7")
	assert.Zero(t, w.running(), "it needs half a minute to start")
	w.pass(20 * time.Second)
	assert.Equal(t, 1, w.running())
	m := w.receive(time.Hour)[0]
	w.minutes(30)
	assert.Equal(t, 1, w.running(), "a message in flight is work")
	require.NoError(t, w.box.Delete(w.now, m.ReceiptHandle))
	w.minutes(5)
	assert.Equal(t, []string{"out 0>1 at 7", "idle 1>0 at 41"}, w.scaled(), "three minutes and the metrics' delay")
	assert.Empty(t, w.control.Tasks())
	assert.Len(t, w.host.stopped, 1)
	assert.Empty(t, w.host.killed)
}

// TestFillStandsForTheNewestMinute: the CloudWatch user guide warns that FILL stands
// for the newest minute of a metric that comes late, for ever. An idle alarm that
// fills the visible messages with work never stops a task.
func TestFillStandsForTheNewestMinute(t *testing.T) {
	t.Parallel()
	filled := func(s *worldSettings) {
		s.idle.MetricQueries[1].Expression = "IF(FILL(visible, 1000000) + FILL(inflight, 0) + FILL(delayed, 0) > 0, 100, cpu)"
	}
	stopsWithin := func(delay int, settings ...setting) bool {
		w := newWorld(t, append(settings, func(s *worldSettings) { s.options.MetricDelay = delay })...)
		w.service.DesiredCount = 1
		w.minutes(60)
		return w.running() == 0
	}
	assert.True(t, stopsWithin(0, filled))
	assert.False(t, stopsWithin(1, filled), "what this project's alarm avoids")
	for delay := range 3 {
		assert.True(t, stopsWithin(delay), "metrics %d minutes late", delay)
	}
}

// TestGuardHoldsInAllReadings: with tasks at 0 % CPU and a message in flight, the
// guarded alarm stops nothing, however CloudWatch reads missing data and however a
// waking queue reports.
func TestGuardHoldsInAllReadings(t *testing.T) {
	t.Parallel()
	for _, staleZeros := range []bool{false, true} {
		for _, missingCountsAsZero := range []bool{false, true} {
			for _, asleep := range []bool{false, true} {
				reading := func(s *worldSettings) {
					s.max = 1
					s.options.WakingReportsZeros, s.options.MissingCountsAsZero, s.options.QueuesAsleep = staleZeros, missingCountsAsZero, asleep
				}
				w := newWorld(t, reading)
				w.send(1)
				for range 25 {
					w.minutes(1)
					w.box.Touch(w.now)
				}
				require.Equal(t, 1, w.running(), "the queue has woken")
				m := w.receive(10 * time.Hour)[0]
				w.minutes(9 * 60)
				assert.Equal(t, 1, w.running(), "stale zeros %t, missing as zero %t", staleZeros, missingCountsAsZero)
				require.NoError(t, w.box.Delete(w.now, m.ReceiptHandle))
				for range 10 {
					w.minutes(1)
					w.box.Touch(w.now) // its own polls
				}
				assert.Zero(t, w.running(), "and it comes back to none: stale zeros %t, missing as zero %t", staleZeros, missingCountsAsZero)
			}
		}
	}
}

// TestWakingQueue: after six hours a queue reports nothing; it takes 15 minutes to
// wake, and then starts a task.
func TestWakingQueue(t *testing.T) {
	t.Parallel()
	for _, staleZeros := range []bool{false, true} {
		w := newWorld(t, func(s *worldSettings) { s.options.WakingReportsZeros, s.max = staleZeros, 1 })
		w.minutes(6*60 + 2)
		_, value := w.control.AlarmState("out")
		assert.NotNil(t, value, "it reports until six hours have passed")
		w.minutes(10)
		_, value = w.control.AlarmState("out")
		assert.Nil(t, value, "it sleeps")
		w.send(1)
		w.minutes(15)
		assert.Empty(t, w.scaled())
		w.minutes(3)
		assert.Len(t, w.scaled(), 1, "stale zeros %t", staleZeros)
	}
}

func TestPlainCPUAlarmKillsWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.idle = &Alarm{EvaluationPeriods: 1, Namespace: "AWS/ECS", MetricName: "CPUUtilization", Statistic: "Average", Period: 180, Dimensions: map[string]string{"ClusterName": "apps", "ServiceName": "worker"}}
		s.stopping, s.max = 30, 1
	})
	w.host.drain = time.Hour
	w.send(1)
	w.minutes(3)
	require.Equal(t, 1, w.running())
	w.receive(time.Hour)
	w.minutes(4)
	assert.Len(t, w.host.killed, 1, "SIGKILL 30 s after SIGTERM, the message still in flight")
}

// TestRepeatsEachMinuteWhileInAlarm: from what runs, not from what is desired.
func TestRepeatsEachMinuteWhileInAlarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.cpu = 50
	w.send(5)
	w.minutes(8)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>2 at 3", "out 2>3 at 4", "out 3>4 at 5", "out 4>5 at 6"}, w.scaled())
	notes := w.control.Activities()
	assert.Equal(t, "at the maximum of 5 tasks already", notes[len(notes)-1].Reason, "said once")
	assert.Len(t, notes, 6)
}

func TestScalingStartsFromWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.options.StartDelay = func() time.Duration { return 150 * time.Second }
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
	w := newWorld(t, func(s *worldSettings) { s.out.Cooldown = new(300) })
	w.host.cpu = 50
	w.send(5)
	w.minutes(3)
	assert.Equal(t, []string{"out 0>1 at 2"}, w.scaled())
	w.send(10)
	w.minutes(6)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>3 at 5"}, w.scaled(), "three more than before the first")
	w.minutes(2)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>3 at 5", "out 3>5 at 10"}, w.scaled(), "and after 300 s from what runs, up to the maximum")
}

func TestScaleInCooldownIsEndedByAScaleOut(t *testing.T) {
	t.Parallel()
	d := func(w *world, alarm string) decision {
		a := w.account.Alarms[alarm]
		p := w.account.Policies[a.AlarmActions[0]]
		return decision{policy: p, alarm: a, target: w.target, service: w.service, fleet: w.control.fleet(w.service), above: alarm == "out"}
	}
	w := newWorld(t, func(s *worldSettings) { s.max = 10 })
	w.service.DesiredCount = 4
	w.control.scaleIn(d(w, "idle"), 3)
	w.control.scaleIn(d(w, "idle"), 2)
	assert.Equal(t, 3, w.service.DesiredCount, "blocked by the cooldown")
	w.control.scaleOut(d(w, "out"), 5)
	assert.Equal(t, 5, w.service.DesiredCount, "a scale-out does not wait for it")
	w.control.scaleIn(d(w, "idle"), 2)
	assert.Equal(t, 2, w.service.DesiredCount, "and has ended it")
}

func TestSuspendedScaling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	w.target.SuspendedState = &SuspendedState{ScaleOut: true, ScaleIn: true}
	w.send(1)
	w.minutes(5)
	assert.Empty(t, w.scaled())
	assert.Equal(t, "ApproximateNumberOfMessagesVisible: 1, at least 1: scale-out is suspended", w.control.Activities()[0].Reason)
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

// TestProtection: a protected task is not scaled in, nor can more be protected than
// are desired.
func TestProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 2
	w.minutes(1)
	tasks := w.control.Tasks()
	require.Len(t, tasks, 2)
	assert.Empty(t, w.control.Protect(w.now, tasks[0], true, time.Hour))
	w.service.DesiredCount = 0
	w.pass(time.Second)
	require.Equal(t, []*Task{tasks[0]}, w.control.Tasks(), "the other one is stopped")
	assert.Equal(t, Running, tasks[0].State)
	assert.Equal(t, "DEPLOYMENT_BLOCKED", w.control.Protect(w.now, tasks[0], true, 2*time.Hour), "nor is it protected for longer")
	assert.True(t, tasks[0].ProtectedAt(w.now.Add(59*time.Minute)), "what it had, it keeps")
	assert.Empty(t, w.control.Protect(w.now, tasks[0], false, 0))
	w.pass(time.Second)
	assert.Empty(t, w.control.Tasks())
	assert.Equal(t, "scale-in", tasks[0].StopReason)
	assert.Equal(t, "TASK_NOT_VALID", w.control.Protect(w.now, tasks[0], true, time.Hour))
}

func TestProtectionExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	require.Empty(t, w.control.Protect(w.now, w.control.Tasks()[0], true, 10*time.Minute))
	w.service.DesiredCount = 0
	w.minutes(9)
	assert.Equal(t, 1, w.running())
	w.minutes(2)
	assert.Zero(t, w.running())
}

// TestRollingDeployment: new tasks run before old ones are stopped, and a protected
// one stays until it is done.
func TestRollingDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.cpu = 50
	w.service.DesiredCount = 2
	w.minutes(1)
	old := w.control.Tasks()
	require.Len(t, old, 2)
	require.Empty(t, w.control.Protect(w.now, old[0], true, time.Hour))
	changed := *w.service
	changed.TaskDefinition = newTaskDefinition(t, w.account, 0)
	_, err := w.account.UpdateService(w.service.ARN, changed, false)
	require.NoError(t, err)
	w.pass(time.Second)
	assert.Len(t, w.control.Tasks(), 4, "two more, up to 200 %")
	assert.Empty(t, w.host.stopped, "none stops before they run")
	w.pass(time.Minute)
	assert.Equal(t, []string{old[1].ID()}, w.host.stopped)
	assert.Equal(t, "deployment", old[1].StopReason)
	w.control.scaleIn(decision{policy: w.account.Policies[w.account.Alarms["idle"].AlarmActions[0]], alarm: w.account.Alarms["idle"], target: w.target, service: w.service, fleet: w.control.fleet(w.service)}, 0)
	assert.Equal(t, 2, w.service.DesiredCount, "no scale-in during a deployment")
	require.Empty(t, w.control.Protect(w.now, old[0], false, 0))
	w.pass(time.Second)
	assert.Len(t, w.control.Tasks(), 2)
	assert.False(t, w.control.fleet(w.service).deploying)
}

func TestTaskThatExitsIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	first := w.control.Tasks()[0]
	w.control.TaskEnded(w.now, first)
	assert.Zero(t, w.running())
	w.minutes(1)
	assert.Equal(t, 1, w.running())
	assert.Equal(t, "essential container exited", first.StopReason)
}

func TestDeletedServiceStopsItsTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.service.DesiredCount = 1
	w.minutes(1)
	require.NoError(t, w.account.DeleteService(w.service.ARN))
	w.pass(time.Second)
	assert.Len(t, w.host.stopped, 1)
	assert.Empty(t, w.control.Tasks())
}

// TestTargetTracking: out after three minutes above the target in proportion, in
// after fifteen below 90 % of it, and never from none by CPU, which none reports.
func TestTargetTracking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil; s.max = 10 })
	_, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: "cpu", PolicyType: "TargetTrackingScaling", ResourceID: w.service.ResourceID(), ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
		TargetTracking: &TargetTracking{TargetValue: 50, PredefinedMetricType: "ECSServiceAverageCPUUtilization"},
	})
	require.NoError(t, err)
	assert.Len(t, w.account.Alarms, 3)
	w.minutes(30)
	assert.Empty(t, w.scaled())
	w.service.DesiredCount = 2
	w.host.cpu = 90
	w.minutes(5)
	assert.Equal(t, []string{"cpu 2>4 at 33"}, w.scaled(), "2 x 90 / 50 is 3.6; the third minute's datapoint is late, and the oldest breaches")
	w.host.cpu = 20
	w.minutes(17)
	assert.Equal(t, []string{"cpu 2>4 at 33", "cpu 4>2 at 51"}, w.scaled(), "4 x 20 / 50 is 1.6")
	w.minutes(60)
	assert.Equal(t, 1, w.running(), "it does not reach 0")
	require.NoError(t, w.account.DeleteScalingPolicy(w.account.Policies[w.account.ARN("autoscaling", "scalingPolicy:"+fingerprint(w.service.ResourceID())+":resource/ecs/"+w.service.ResourceID()+":policyName/cpu")].ARN))
	assert.Len(t, w.account.Alarms, 1, "its alarms go with it")
}

// TestLongPeriodClings: CDK's alarm over five minutes rises no later than one over a
// minute, and falls minutes later, since its window slides. The metrics are a minute
// late.
func TestLongPeriodClings(t *testing.T) {
	t.Parallel()
	states := func(period int) string {
		w := newWorld(t, func(s *worldSettings) { s.idle = nil })
		alarm := *w.account.Alarms["out"]
		alarm.Period = period
		_, err := w.account.PutMetricAlarm(alarm)
		require.NoError(t, err)
		w.minutes(2)
		w.send(1)
		text := ""
		for range 10 {
			w.minutes(1)
			if m := w.receive(time.Hour); len(m) > 0 {
				require.NoError(t, w.box.Delete(w.now, m[0].ReceiptHandle))
			}
			state, _ := w.control.AlarmState("out")
			text += string(state[0])
		}
		return text
	}
	assert.Equal(t, "OAOOOOOOOO", states(60))
	assert.Equal(t, "OAAAAOOOOO", states(300))
}

// TestIFAsDocumented are the tables of the CloudWatch user guide, "Using IF
// expressions" and "Comparison and logical operators"; NaN is no datapoint.
func TestIFAsDocumented(t *testing.T) {
	t.Parallel()
	no := missing
	metrics := map[string][]float64{
		"metric1": {1, 1, 0, 0, no}, "metric2": {30, no, 0, 0, 30}, "metric3": {0, 0, 20, no, 20},
		"a": {30, 20, 0, 0}, "b": {20, no, 20, no},
	}
	cases := map[string][]float64{
		"IF(metric1, metric2, metric3)": {30, 0, 20, no, no},
		"IF(metric1, 5, metric3)":       {5, 5, 20, no, no},
		"IF(metric1, metric2, 5)":       {30, 0, 5, 5, no},
		"IF(metric1, metric2)":          {30, 0, no, no, no},
		"a < b":                         {0, 0, 1, 0},
		"a >= 30":                       {1, 0, 0, 0},
		"(a > 15) && (b > 15)":          {1, 0, 0, 0},
		"a / b":                         {1.5, no, 0, no},
		"FILL(b, 7)":                    {20, 7, 20, 7},
		"b + 1":                         {21, no, 21, no},
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			e, err := parseExpression(text, func(id string) bool { return metrics[id] != nil })
			require.NoError(t, err)
			for i, expected := range want {
				v := evaluation{value: func(id string) float64 { return metrics[id][i] }, missingIsZero: true}
				got := v.of(e.root)
				if isMissing(expected) {
					assert.True(t, isMissing(got), "datapoint %d is %v", i, got)
				} else {
					assert.InDelta(t, expected, got, 0, "datapoint %d", i)
				}
			}
		})
	}
	strict := evaluation{value: func(id string) float64 { return metrics[id][1] }}
	e, err := parseExpression("a + b", func(string) bool { return true })
	require.NoError(t, err)
	assert.True(t, isMissing(strict.of(e.root)), "the other reading")
}

func TestExpressionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1 +": "cannot be read", "x + 1": "no query is called", "a % 2": "operator", "SUM(a)": "FILL", "FILL(a)": "FILL", `"a"`: "no number", "a[1]": "unknown kind",
	} {
		_, err := parseExpression(text, func(id string) bool { return id == "a" })
		assert.ErrorContains(t, err, want, text)
	}
}

// TestScheduleKeepsAQueueAwake: a call of its API every five hours keeps the metrics
// coming, and a message after a quiet day starts a task at once.
func TestScheduleKeepsAQueueAwake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.max = 1 })
	_, err := w.account.PutSchedule(Schedule{
		Name: "awake", ScheduleExpression: "rate(5 hours)", FlexibleTimeWindow: FlexibleTimeWindow{"OFF"},
		Target: ScheduleTarget{ARN: "arn:aws:scheduler:::aws-sdk:sqs:untagQueue", RoleARN: globalARN("iam", "role/scheduler"), Input: `{"QueueUrl": "` + w.queue.URL + `"}`},
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
		Target: ScheduleTarget{ARN: "arn:aws:scheduler:::aws-sdk:sqs:untagQueue", RoleARN: globalARN("iam", "role/scheduler"), Input: `{}`},
	}
	for want, change := range map[string]func(*Schedule){
		"Invalid Schedule Expression": func(s *Schedule) { s.ScheduleExpression = "every day" },
		"flexibleTimeWindow":          func(s *Schedule) { s.FlexibleTimeWindow.Mode = "FLEXIBLE" },
		"getQueueAttributes":          func(s *Schedule) { s.Target.ARN = "arn:aws:scheduler:::aws-sdk:sqs:getQueueAttributes" },
		"role":                        func(s *Schedule) { s.Target.RoleARN = globalARN("iam", "role/nobody") },
		"JSON":                        func(s *Schedule) { s.Target.Input = "{" },
		"must allow AWS EventBridge Scheduler to assume the role": func(s *Schedule) { s.Target.RoleARN = globalARN("iam", "role/tasks") },
	} {
		s := good
		change(&s)
		_, err := w.account.PutSchedule(s)
		assert.ErrorContains(t, err, want)
	}
}

// TestDeploymentPercentages: how many tasks run beside each other, and how many have
// to.
func TestDeploymentPercentages(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		desired, least, most int
		total, stopped       int // as soon as the deployment begins
	}{
		"twice as many":                             {2, 100, 200, 4, 0},
		"half as many more, rounded down":           {3, 100, 150, 4, 0},
		"no more, but one less than three, half up": {3, 50, 100, 3, 1},
		"none has to run":                           {2, 0, 100, 2, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s *worldSettings) { s.idle = nil })
			w.service.DesiredCount = tc.desired
			w.minutes(1)
			require.Equal(t, tc.desired, w.running())
			changed := *w.service
			changed.TaskDefinition = newTaskDefinition(t, w.account, 0)
			changed.DeploymentMinimumHealthyPercent, changed.DeploymentMaximumPercent = tc.least, tc.most
			_, err := w.account.UpdateService(w.service.ARN, changed, false)
			require.NoError(t, err)
			w.pass(time.Second)
			w.pass(time.Second)
			assert.Len(t, w.control.Tasks(), tc.total)
			assert.Len(t, w.host.stopped, tc.stopped)
			w.minutes(10)
			tasks := w.control.Tasks()
			assert.Len(t, tasks, tc.desired)
			for _, task := range tasks {
				assert.Equal(t, w.service.TaskDefinition, task.TaskDefinition)
			}
		})
	}
}

// TestScaleInTakesPendingTasksFirst: they have begun nothing.
func TestScaleInTakesPendingTasksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle = nil })
	w.service.DesiredCount = 1
	w.minutes(1)
	w.service.DesiredCount = 2
	w.pass(time.Second)
	w.service.DesiredCount = 1
	w.minutes(1)
	assert.Equal(t, 1, w.running())
	assert.Empty(t, w.host.stopped)
}

// TestShortMinutes: with a minute of a second, cooldowns shrink with it.
func TestShortMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) {
		s.options.Minute = time.Second
		s.options.StartDelay = func() time.Duration { return time.Second / 2 }
		s.out.Cooldown = new(120)
	})
	w.host.cpu = 50
	w.send(5)
	w.pass(7 * time.Second)
	assert.Equal(t, []string{"out 0>1 at 2", "out 1>2 at 4", "out 2>3 at 6"}, w.scaled())
}

// TestAStoppingTaskIsNotProtected, and its CPU still counts.
func TestAStoppingTaskIsNotProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.idle, s.stopping = nil, 120 })
	w.host.drain, w.host.cpu = time.Hour, 7
	w.service.DesiredCount = 1
	w.minutes(1)
	task := w.control.Tasks()[0]
	w.service.DesiredCount = 0
	w.pass(time.Second)
	require.Equal(t, Stopping, task.State)
	w.service.DesiredCount = 5
	assert.Equal(t, "DEPLOYMENT_BLOCKED", w.control.Protect(w.now, task, true, time.Hour))
	w.service.DesiredCount = 0
	w.minutes(1)
	require.NotNil(t, w.control.Utilization(w.service.ARN))
	assert.InDelta(t, 7, *w.control.Utilization(w.service.ARN), 0)
	w.minutes(2)
	assert.Len(t, w.host.killed, 1, "after its 120 s")
	assert.Nil(t, w.control.Utilization(w.service.ARN))
	w.control.TaskEnded(w.now, task)
	assert.Equal(t, "scale-in", task.StopReason, "its end is told once more, in vain")
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
		Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum", Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
	}, StepScaling{AdjustmentType: "ChangeInCapacity", StepAdjustments: []StepAdjustment{{UpperBound: "0", ScalingAdjustment: -1}}})
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

func TestTargetTrackingLimits(t *testing.T) {
	t.Parallel()
	tracking := TargetTracking{TargetValue: 10}
	assert.Equal(t, 1, tracking.wanted(0, 11), "from none, the least there can be")
	assert.Equal(t, 0, tracking.wanted(0, 9))
	w := newWorld(t, func(s *worldSettings) { s.idle = nil; s.max = 10 })
	_, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: "cpu", PolicyType: "TargetTrackingScaling", ResourceID: w.service.ResourceID(), ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
		TargetTracking: &TargetTracking{TargetValue: 50, PredefinedMetricType: "ECSServiceAverageCPUUtilization", DisableScaleIn: true},
	})
	require.NoError(t, err)
	w.service.DesiredCount, w.host.cpu = 4, 46
	w.minutes(30)
	low := w.account.Alarms[trackingAlarmName(w.account.Policies[w.account.Alarms["TargetTracking-"+w.service.ResourceID()+"-AlarmLow-cpu"].AlarmActions[0]], false)]
	state, _ := w.control.AlarmState(low.Name)
	assert.Equal(t, OK, state, "46 is above 90 % of 50")
	w.host.cpu = 10
	w.minutes(30)
	state, _ = w.control.AlarmState(low.Name)
	assert.Equal(t, InAlarm, state)
	assert.Equal(t, 4, w.running(), "it does not scale in")
}

// TestAnAlarmForWantOfDataScalesNothing: there is no value to choose a step by.
func TestAnAlarmForWantOfDataScalesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.QueuesAsleep = true })
	alarm := *w.account.Alarms["out"]
	alarm.TreatMissingData = "breaching"
	_, err := w.account.PutMetricAlarm(alarm)
	require.NoError(t, err)
	w.minutes(5)
	state, _ := w.control.AlarmState("out")
	assert.Equal(t, InAlarm, state)
	assert.Empty(t, w.control.Activities())
}

// TestAChangedAlarmKeepsItsState until it is evaluated anew.
func TestAChangedAlarmKeepsItsState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *worldSettings) { s.options.MetricDelay = 0 })
	w.host.cpu = 50
	w.send(1)
	w.minutes(2)
	alarm := *w.account.Alarms["out"]
	alarm.TreatMissingData, alarm.MetricName = "ignore", "Nothing"
	_, err := w.account.PutMetricAlarm(alarm)
	require.NoError(t, err)
	w.minutes(1)
	state, _ := w.control.AlarmState("out")
	assert.Equal(t, InAlarm, state)
}

func TestLongSeriesAreTrimmed(t *testing.T) {
	t.Parallel()
	s := &series{}
	for minute := range 5 * keptMinutes {
		s.gauge(minute, minute, float64(minute))
	}
	assert.LessOrEqual(t, len(s.points), 2*keptMinutes)
	now := 5*keptMinutes - 1
	assert.InDelta(t, float64(now), s.statistic("Maximum", now-1440, now, now), 0)
	assert.InDelta(t, float64(now-1439), s.statistic("Minimum", now-1440, now, now), 0, "a day back")
	assert.InDelta(t, 1440, s.statistic("SampleCount", now-1440, now, now), 0)
	assert.InDelta(t, float64(2*now-1), s.statistic("Sum", now-2, now, now), 0)
}
