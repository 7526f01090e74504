package cloud

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	anyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":` +
		`"*"}]}`
	service = "service/apps/jobs"
)

func ints(v int) *int { return &v }

// furnished is an account with a service that scales.
func furnished(t *testing.T) *Account {
	t.Helper()
	a := NewAccount("us-west-1")
	_, err := a.PutCluster(Cluster{Name: "apps"})
	require.NoError(t, err)
	_, err = a.PutRole(Role{Name: "role", AssumeRolePolicy: anyPolicy})
	require.NoError(t, err)
	_, err = a.RegisterTaskDefinition(taskDefinition(a))
	require.NoError(t, err)
	_, err = a.CreateService(serviceOf(a))
	require.NoError(t, err)
	_, err = a.RegisterScalableTarget(target())
	require.NoError(t, err)
	return a
}

func taskDefinition(a *Account) TaskDefinition {
	role := a.Roles["role"].ARN
	return TaskDefinition{
		Family: "jobs", CPU: "256", Memory: "512", NetworkMode: "awsvpc", ExecutionRoleARN: role,
		TaskRoleARN:          role,
		ContainerDefinitions: `[{"name":"worker","image":"jobs:v1"}]`,
	}
}

func serviceOf(a *Account) Service {
	return Service{
		Name: "jobs", Cluster: "apps", TaskDefinition: a.ARN("ecs", "task-definition/jobs:1"),
		LaunchType:                      "FARGATE",
		NetworkConfiguration:            NetworkConfiguration{Subnets: []string{"subnet-1"}},
		DeploymentMinimumHealthyPercent: 100, DeploymentMaximumPercent: 200,
	}
}

func target() ScalableTarget {
	return ScalableTarget{ResourceID: service, ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
		MaxCapacity: 4}
}

func policy(steps ...StepAdjustment) ScalingPolicy {
	return ScalingPolicy{
		Name: "out", PolicyType: "StepScaling", ResourceID: service, ServiceNamespace: "ecs",
		ScalableDimension: serviceDimension,
		StepScaling:       &StepScaling{AdjustmentType: "ChangeInCapacity", StepAdjustments: steps},
	}
}

func metricAlarm() Alarm {
	return Alarm{Name: "alarm", EvaluationPeriods: 1, Namespace: "AWS/SQS",
		MetricName: "ApproximateNumberOfMessagesVisible", Statistic: "Maximum", Period: 60,
		ComparisonOperator: "LessThanThreshold"}
}

// TestRefusals are what AWS refuses of the types there are.
func TestRefusals(t *testing.T) {
	t.Parallel()
	queue := func(change func(*Queue)) func(*Account) error {
		return func(a *Account) error {
			q := Queue{Name: "jobs.fifo", FIFO: true}
			change(&q)
			_, err := a.CreateQueue(q)
			return err
		}
	}
	task := func(change func(*TaskDefinition)) func(*Account) error {
		return func(a *Account) error {
			definition := taskDefinition(a)
			change(&definition)
			_, err := a.RegisterTaskDefinition(definition)
			return err
		}
	}
	ecs := func(change func(*Service)) func(*Account) error {
		return func(a *Account) error {
			s := serviceOf(a)
			s.Name = "other"
			change(&s)
			_, err := a.CreateService(s)
			return err
		}
	}
	scalable := func(change func(*ScalableTarget)) func(*Account) error {
		return func(a *Account) error {
			tt := target()
			change(&tt)
			_, err := a.RegisterScalableTarget(tt)
			return err
		}
	}
	steps := func(s ...StepAdjustment) func(*Account) error {
		return func(a *Account) error {
			_, err := a.PutScalingPolicy(policy(s...))
			return err
		}
	}
	scaling := func(change func(*ScalingPolicy)) func(*Account) error {
		return func(a *Account) error {
			p := policy(StepAdjustment{LowerBound: "0", ScalingAdjustment: 1})
			change(&p)
			_, err := a.PutScalingPolicy(p)
			return err
		}
	}
	alarm := func(change func(*Alarm)) func(*Account) error {
		return func(a *Account) error {
			m := metricAlarm()
			change(&m)
			_, err := a.PutMetricAlarm(m)
			return err
		}
	}
	cases := map[string]struct {
		do   func(*Account) error
		want string
	}{
		"FIFO queue without .fifo": {queue(func(q *Queue) {
			q.Name = "jobs"
		}), "InvalidParameterValue: the name of a FIFO queue"},
		"standard queue with .fifo": {queue(func(q *Queue) {
			q.FIFO = false
		}), "InvalidParameterValue: the name of a FIFO queue"},
		"queue name with a dot": {queue(func(q *Queue) {
			q.Name = "a.b.fifo"
		}), "InvalidParameterValue"},
		"content dedup on standard": {queue(func(q *Queue) {
			q.Name, q.FIFO, q.ContentBasedDeduplication = "jobs", false, true
		}), "InvalidAttributeName"},
		"throughput without scope": {queue(func(q *Queue) {
			q.FIFOThroughputLimit = "perMessageGroupId"
		}), "needs deduplicationScope messageGroup"},
		"visibility over 12 h": {queue(func(q *Queue) {
			q.VisibilityTimeoutSeconds = ints(43201)
		}), "visibilityTimeoutSeconds is 43201"},
		"retention under a minute": {queue(func(q *Queue) {
			q.MessageRetentionSeconds = 59
		}), "messageRetentionSeconds is 59"},
		"long poll over 20 s": {queue(func(q *Queue) {
			q.ReceiveWaitTimeSeconds = 21
		}), "receiveWaitTimeSeconds is 21"},
		"two ways of encryption": {queue(func(q *Queue) {
			q.KMSMasterKeyID, q.SQSManagedSSE = "key", true
		}), "not both"},
		"dead-letter queue elsewhere": {queue(func(q *Queue) {
			q.RedrivePolicy = `{"deadLetterTargetArn":"arn:x","maxReceiveCount":3}`
		}), "the dead-letter queue arn:x does not exist"},
		"receive count as zero": {queue(func(q *Queue) {
			q.RedrivePolicy = `{"deadLetterTargetArn":"arn:x","maxReceiveCount":0}`
		}), "maxReceiveCount is 0"},
		"receive count as a text": {queue(func(q *Queue) {
			q.RedrivePolicy = `{"deadLetterTargetArn":"arn:x","maxReceiveCount":"3"}`
		}), "redrivePolicy is not a valid policy"},
		"policy of a missing queue": {func(a *Account) error {
			return a.PutQueuePolicy(QueuePolicy{QueueURL: "x"})
		}, "NonExistentQueue"},
		"role policy, old version": {func(a *Account) error {
			_, err := a.PutRolePolicy(RolePolicy{Role: "role", Name: "p", Policy: `{"Version":"2008-10-17"}`})
			return err
		}, "MalformedPolicyDocument"},
		"role policy, no role": {func(a *Account) error {
			_, err := a.PutRolePolicy(RolePolicy{Role: "nobody", Name: "p", Policy: anyPolicy})
			return err
		}, "NoSuchEntity"},
		"statement without an action": {func(a *Account) error {
			_, err := a.PutRole(Role{Name: "r",
				AssumeRolePolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}`})
			return err
		}, "statement 0 needs an effect and an action"},
		"role in use": {func(a *Account) error {
			_, _ = a.PutRolePolicy(RolePolicy{Role: "role", Name: "p", Policy: anyPolicy})
			return a.DeleteRole("role")
		}, "DeleteConflict"},
		"log retention": {func(a *Account) error {
			_, err := a.PutLogGroup(LogGroup{Name: "l", RetentionInDays: 31})
			return err
		}, "InvalidParameterException"},
		"security group without VPC": {func(a *Account) error {
			_, err := a.PutSecurityGroup(SecurityGroup{Name: "g"})
			return err
		}, "VPCIdNotSpecified"},
		"all protocols with a port": {func(a *Account) error {
			_, err := a.PutSecurityGroup(SecurityGroup{VPCID: "v",
				Egress: []SecurityGroupRule{{Protocol: "-1", ToPort: 65535}}})
			return err
		}, "from_port and to_port"},
		"cluster in use": {func(a *Account) error {
			return a.DeleteCluster("apps")
		}, "ClusterContainsServicesException"},
		"memory not with the CPU": {task(func(d *TaskDefinition) {
			d.Memory = "4096"
		}), "No Fargate configuration exists"},
		"1536 MiB": {task(func(d *TaskDefinition) {
			d.Memory = "1536"
		}), "No Fargate configuration exists"},
		"memory of 16 vCPU": {task(func(d *TaskDefinition) {
			d.CPU, d.Memory = "16384", "36864"
		}), "No Fargate configuration exists"},
		"bridge network": {task(func(d *TaskDefinition) { d.NetworkMode = "bridge" }), "awsvpc"},
		"stop timeout": {task(func(d *TaskDefinition) {
			d.ContainerDefinitions = `[{"name":"w","image":"i","stopTimeout":121}]`
		}), "120 s at most"},
		"container without image": {task(func(d *TaskDefinition) {
			d.ContainerDefinitions = `[{"name":"w"}]`
		}), "needs an image"},
		"no containers": {task(func(d *TaskDefinition) {
			d.ContainerDefinitions = `[]`
		}), "needs a container"},
		"containers no JSON": {task(func(d *TaskDefinition) {
			d.ContainerDefinitions = `x`
		}), "not a list of containers"},
		"role that does not exist": {task(func(d *TaskDefinition) {
			d.TaskRoleARN = "arn:aws:iam::1:role/nobody"
		}), "does not exist"},
		"service in no cluster": {ecs(func(s *Service) {
			s.Cluster = "nowhere"
		}), "ClusterNotFoundException"},
		"service twice": {ecs(func(s *Service) { s.Name = "jobs" }), "not idempotent"},
		"service without task": {ecs(func(s *Service) {
			s.TaskDefinition = "arn:x"
		}), "the task definition arn:x does not exist"},
		"service without subnets": {ecs(func(s *Service) {
			s.NetworkConfiguration.Subnets = nil
		}), "needs subnets"},
		"launch type and strategies": {ecs(func(s *Service) {
			s.CapacityProviderStrategies = []CapacityProviderStrategy{{}}
		}), "one of them"},
		"neither of them": {ecs(func(s *Service) { s.LaunchType = "" }), "one of them"},
		"provider not associated": {ecs(func(s *Service) {
			s.LaunchType, s.CapacityProviderStrategies =
				"", []CapacityProviderStrategy{{CapacityProvider: "FARGATE_SPOT"}}
		}), "not associated with the cluster apps"},
		"no room for a deployment": {ecs(func(s *Service) {
			s.DeploymentMaximumPercent = 100
		}), "leaves no room"},
		"negative count": {ecs(func(s *Service) { s.DesiredCount = -1 }), "0 or more"},
		"target of no service": {scalable(func(s *ScalableTarget) {
			s.ResourceID = "service/apps/nothing"
		}), "ECS service doesn't exist"},
		"target by cluster ARN": {scalable(func(s *ScalableTarget) {
			s.ResourceID = "service/arn:aws:ecs:us-west-1:123456789012:cluster/apps/jobs"
		}), "ECS service doesn't exist"},
		"min above max": {scalable(func(s *ScalableTarget) {
			s.MinCapacity = 5
		}), "ValidationException"},
		"another dimension": {scalable(func(s *ScalableTarget) {
			s.ScalableDimension = "ecs:service:Tasks"
		}), "nothing that scales"},
		"policy without a target": {scaling(func(p *ScalingPolicy) {
			p.ResourceID = "service/apps/none"
		}), "ObjectNotFoundException"},
		"policy of another type": {scaling(func(p *ScalingPolicy) {
			p.PolicyType = "Predictive"
		}), "needs the configuration of a type that exists"},
		"no such adjustment": {scaling(func(p *ScalingPolicy) {
			p.StepScaling.AdjustmentType = "Double"
		}), "does not exist"},
		"no such aggregation": {scaling(func(p *ScalingPolicy) {
			p.StepScaling.MetricAggregationType = "Median"
		}), "does not exist"},
		"magnitude without percent": {scaling(func(p *ScalingPolicy) {
			p.StepScaling.MinAdjustmentMagnitude = 1
		}), "PercentChangeInCapacity only"},
		"exact below zero": {scaling(func(p *ScalingPolicy) {
			p.StepScaling.AdjustmentType, p.StepScaling.StepAdjustments[0].ScalingAdjustment =
				"ExactCapacity", -1
		}), "0 or more"},
		"no steps":            {steps(), "1 to 20 step adjustments"},
		"step without bounds": {steps(StepAdjustment{}), "needs a lower or an upper bound"},
		"bound no number":     {steps(StepAdjustment{LowerBound: "x"}), "are numbers"},
		"step upside down":    {steps(StepAdjustment{LowerBound: "5", UpperBound: "1"}), "has to be below"},
		"step of no width": {steps(StepAdjustment{LowerBound: "5", UpperBound: "5"},
			StepAdjustment{LowerBound: "5"}), "has to be below"},
		"gap between steps": {steps(StepAdjustment{LowerBound: "0", UpperBound: "5"},
			StepAdjustment{LowerBound: "6"}), "overlap or leave gaps"},
		"steps overlap": {steps(StepAdjustment{LowerBound: "0", UpperBound: "5"},
			StepAdjustment{LowerBound: "4"}), "overlap or leave gaps"},
		"two open above": {steps(StepAdjustment{LowerBound: "0"}, StepAdjustment{LowerBound: "4"}),
			"overlap or leave gaps"},
		"two open below": {steps(StepAdjustment{UpperBound: "0"}, StepAdjustment{UpperBound: "4"}),
			"overlap or leave gaps"},
		"positive end": {steps(StepAdjustment{LowerBound: "0", UpperBound: "5"}),
			"unspecified upper bound"},
		"negative begin": {steps(StepAdjustment{LowerBound: "-5", UpperBound: "0"}),
			"unspecified lower bound"},
		"alarm action no policy": {alarm(func(a *Alarm) {
			a.AlarmActions = []string{"arn:aws:autoscaling:us-west-1:123456789012:scalingPolicy:gone"}
		}), "neither a scaling policy nor an SNS topic"},
		"alarm action a FIFO topic": {alarm(func(a *Alarm) {
			a.OKActions = []string{"arn:aws:sns:us-west-1:123456789012:on-call.fifo"}
		}), "neither a scaling policy nor an SNS topic"},
		"alarm with a period of 45 s": {alarm(func(a *Alarm) {
			a.Period = 45
		}), "not 10, 20, 30 or a multiple of 60"},
		"alarm with a period of 30 s": {alarm(func(a *Alarm) { a.Period = 30 }), "no resolution below 60 s"},
		"alarm over more than a day": {alarm(func(a *Alarm) {
			a.EvaluationPeriods = 1441
		}), "look back more than 86400 s"},
		"alarm over more than a week": {alarm(func(a *Alarm) {
			a.Period, a.EvaluationPeriods = 3600, 169
		}), "look back more than 604800 s"},
		"alarm M over N": {alarm(func(a *Alarm) {
			a.DatapointsToAlarm = 2
		}), "2 of 1 datapoints"},
		"alarm, missing data": {alarm(func(a *Alarm) {
			a.TreatMissingData = "zero"
		}), `treatMissingData "zero"`},
		"alarm without metric": {alarm(func(a *Alarm) {
			a.MetricName = ""
		}), "needs a metric with a statistic"},
		"alarm, metric and queries": {alarm(func(a *Alarm) {
			a.MetricQueries = []MetricQuery{{}}
		}), "not both"},
		"alarm, capital id": {queries(MetricQuery{ID: "Result", Expression: "1", ReturnData: true}),
			"lower-case letter"},
		"alarm, empty query": {queries(MetricQuery{ID: "m", ReturnData: true}),
			"a metric or an expression"},
		"alarm, two results": {queries(MetricQuery{ID: "m", Expression: "1", ReturnData: true},
			MetricQuery{ID: "n", Expression: "1", ReturnData: true}), "2 queries return data"},
		"alarm, period of a query": {queries(MetricQuery{ID: "m", Metric: &Metric{Namespace: "AWS/SQS",
			Period: 61, Stat: "Maximum"}, ReturnData: true}), "the period 61"},
		"alarm, no such operator": {alarm(func(a *Alarm) {
			a.ComparisonOperator = "Above"
		}), `comparisonOperator "Above"`},
		"alarm, no such statistic": {alarm(func(a *Alarm) {
			a.Statistic = "Median"
		}), `the statistic "Median"`},
		"query, no such statistic": {queries(MetricQuery{ID: "m", Metric: &Metric{Namespace: "AWS/SQS",
			Period: 60, Stat: "Median"}, ReturnData: true}), `the statistic "Median" of query m`},
		"queries of two periods": {queries(
			MetricQuery{ID: "m", Metric: &Metric{Namespace: "AWS/SQS", Period: 60, Stat: "Sum"},
				ReturnData: true},
			MetricQuery{ID: "n", Metric: &Metric{Namespace: "AWS/SQS", Period: 120, Stat: "Sum"}},
		), "not 60 s and 120 s"},
		"two queries of an id": {queries(MetricQuery{ID: "m", Expression: "1", ReturnData: true},
			MetricQuery{ID: "m", Expression: "2"}), "two queries have the id m"},
		"queries in a circle": {queries(MetricQuery{ID: "a", Expression: "b + 1", ReturnData: true},
			MetricQuery{ID: "b", Expression: "a + 1"}), "no query is called"},
		"update of a missing service": {func(a *Account) error {
			_, err := a.UpdateService("arn:x", serviceOf(a), false)
			return err
		}, "ServiceNotFoundException"},
		"update of a missing queue": {func(a *Account) error {
			_, err := a.UpdateQueue("x", Queue{})
			return err
		}, "NonExistentQueue"},
		"providers of no cluster": {func(a *Account) error {
			_, err := a.PutClusterCapacityProviders(ClusterCapacityProviders{ClusterName: "x"})
			return err
		}, "ClusterNotFoundException"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, tc.do(furnished(t)), tc.want)
		})
	}
}

func queries(list ...MetricQuery) func(*Account) error {
	return func(a *Account) error {
		_, err := a.PutMetricAlarm(Alarm{Name: "alarm", EvaluationPeriods: 1, MetricQueries: list})
		return err
	}
}

func TestTargetMovesTheCountIntoRange(t *testing.T) {
	t.Parallel()
	a := furnished(t)
	jobs := a.serviceByResourceID(service)
	for _, tc := range []struct{ count, least, most, want int }{{0, 2, 4, 2}, {9, 2, 4, 4}, {3, 2, 4, 3}} {
		jobs.DesiredCount = tc.count
		_, err := a.RegisterScalableTarget(ScalableTarget{
			ResourceID: service, ServiceNamespace: "ecs", ScalableDimension: serviceDimension,
			MinCapacity: tc.least, MaxCapacity: tc.most,
		})
		require.NoError(t, err)
		assert.Equal(t, tc.want, jobs.DesiredCount)
	}
}

func TestDeregisteringATargetDropsItsPolicies(t *testing.T) {
	t.Parallel()
	a := furnished(t)
	_, err := a.PutScalingPolicy(policy(StepAdjustment{LowerBound: "0"}))
	require.NoError(t, err)
	require.NoError(t, a.DeregisterScalableTarget(service))
	assert.Empty(t, a.Policies)
}

func TestUpdateServiceKeepsTheCount(t *testing.T) {
	t.Parallel()
	a := furnished(t)
	jobs := a.serviceByResourceID(service)
	jobs.DesiredCount = 3
	change := *jobs
	change.DesiredCount, change.EnableExecuteCommand = 0, true
	updated, err := a.UpdateService(jobs.ARN, change, false)
	require.NoError(t, err)
	assert.Equal(t, 3, updated.DesiredCount)
	assert.True(t, updated.EnableExecuteCommand)
	updated, err = a.UpdateService(jobs.ARN, change, true)
	require.NoError(t, err)
	assert.Zero(t, updated.DesiredCount)
}

func TestAccountSurvivesItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "folder", "account.json")
	a := furnished(t)
	_, err := a.CreateQueue(Queue{Name: "jobs.fifo", FIFO: true})
	require.NoError(t, err)
	require.NoError(t, a.PutQueuePolicy(QueuePolicy{QueueURL: a.QueueURL("jobs.fifo"), Policy: anyPolicy}))
	require.NoError(t, a.Save(file))
	loaded, err := LoadAccount(file, "elsewhere")
	require.NoError(t, err)
	assert.Equal(t, a, loaded)
	fresh, err := LoadAccount(file+"x", "eu-west-1")
	require.NoError(t, err)
	assert.Equal(t, NewAccount("eu-west-1"), fresh)
}
