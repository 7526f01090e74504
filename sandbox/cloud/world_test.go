package cloud

import (
	"fmt"
	"testing"
	"time"

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
		out: StepScaling{AdjustmentType: "ChangeInCapacity", Cooldown: new(60),
			MetricAggregationType: "Maximum", StepAdjustments: []StepAdjustment{{LowerBound: "0",
				UpperBound: "9", ScalingAdjustment: 1}, {LowerBound: "9", ScalingAdjustment: 3}}},
		idle: &Alarm{EvaluationPeriods: 3,
			MetricQueries: []MetricQuery{{ID: "outstanding",
				Expression: "visible + FILL(inflight, 0) + FILL(delayed, 0)"},
				{ID: "result", Expression: guardedExpression, ReturnData: true}}},
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
	w.target, err = a.RegisterScalableTarget(ScalableTarget{ResourceID: w.service.ResourceID(),
		ServiceNamespace: "ecs", ScalableDimension: serviceDimension, MaxCapacity: s.max})
	require.NoError(t, err)
	w.alarm(Alarm{
		Name: "out", ComparisonOperator: "GreaterThanOrEqualToThreshold", Threshold: 1, EvaluationPeriods: 1,
		TreatMissingData: "notBreaching",
		Namespace:        "AWS/SQS", MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum",
		Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
	}, s.out)
	if s.idle != nil {
		s.idle.Name, s.idle.ComparisonOperator, s.idle.Threshold, s.idle.TreatMissingData =
			"idle", "LessThanOrEqualToThreshold", 1, "notBreaching"
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
		Name: "worker", Cluster: "apps", TaskDefinition: newTaskDefinition(t, a, stopTimeout),
		LaunchType:                      "FARGATE",
		NetworkConfiguration:            NetworkConfiguration{Subnets: []string{"subnet-1"}},
		DeploymentMinimumHealthyPercent: 100, DeploymentMaximumPercent: 200,
	})
	require.NoError(t, err)
	return service
}

func newTaskDefinition(t *testing.T, a *Account, stopTimeout int) string {
	t.Helper()
	a.Roles["tasks"] = &Role{ARN: globalARN("iam", "role/tasks"), Name: "tasks"}
	a.Roles["scheduler"] = &Role{ARN: globalARN("iam", "role/scheduler"), Name: "scheduler",
		AssumeRolePolicy: `{"Statement": [{"Principal": {"Service": "scheduler.amazonaws.com"}, ` +
			`"Condition": {"ArnLike": {"aws:SourceArn": ` +
			`"arn:aws:scheduler:us-west-1:123456789012:schedule-group/default"}}}]}`}
	definition, err := a.RegisterTaskDefinition(TaskDefinition{
		Family: "worker", CPU: "256", Memory: "512", NetworkMode: "awsvpc",
		ExecutionRoleARN: globalARN("iam", "role/tasks"), TaskRoleARN: globalARN("iam", "role/tasks"),
		ContainerDefinitions: fmt.Sprintf(`[{"name": "worker", "image": "worker", "stopTimeout": %d}]`,
			stopTimeout),
	})
	require.NoError(t, err)
	return definition.ARN
}

func (w *world) alarm(alarm Alarm, scaling StepScaling) {
	w.Helper()
	policy, err := w.account.PutScalingPolicy(ScalingPolicy{
		Name: alarm.Name, PolicyType: "StepScaling", ResourceID: w.service.ResourceID(),
		ServiceNamespace: "ecs", ScalableDimension: serviceDimension, StepScaling: &scaling,
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
		for id, name := range map[string]string{"visible": "Visible", "inflight": "NotVisible",
			"delayed": "Delayed"} {
			alarm.MetricQueries = append(alarm.MetricQueries, MetricQuery{ID: id, Metric: &Metric{
				Namespace: "AWS/SQS", MetricName: "ApproximateNumberOfMessages" + name, Stat: "Maximum",
				Period: 60, Dimensions: map[string]string{"QueueName": "jobs.fifo"},
			}})
		}
		alarm.MetricQueries = append(alarm.MetricQueries, MetricQuery{ID: "cpu", Metric: &Metric{
			Namespace: "AWS/ECS", MetricName: "CPUUtilization", Stat: "Average", Period: 60,
			Dimensions: map[string]string{"ClusterName": "apps", "ServiceName": "worker"},
		}})
	}
	w.alarm(alarm, StepScaling{AdjustmentType: "ExactCapacity", Cooldown: new(60),
		MetricAggregationType: "Maximum", StepAdjustments: []StepAdjustment{{UpperBound: "0"}}})
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.control.Advance(w.now)
}

func (w *world) minutes(n int) { w.pass(time.Duration(n) * time.Minute) }

func (w *world) send(n int) {
	w.Helper()
	for range n {
		_, err := w.box.Send(w.now, Message{GroupID: fmt.Sprint("group", w.box.sequence),
			DeduplicationID: fmt.Sprint(w.box.sequence), Body: "job"})
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
