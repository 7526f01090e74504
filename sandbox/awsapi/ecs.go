package awsapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

var ecsService = service{
	name: "ECS", prefix: "AmazonEC2ContainerServiceV20141113", scope: "ecs",
	actions: map[string]func(request) (any, error){
		"ListServices":         request.listServices,
		"DescribeServices":     request.describeServices,
		"UpdateService":        request.updateService,
		"ListTasks":            request.listTasks,
		"DescribeTasks":        request.describeTasks,
		"GetTaskProtection":    request.getTaskProtection,
		"UpdateTaskProtection": request.updateTaskProtection,
		"ExecuteCommand":       request.executeCommand,
	},
}

// lastPart of an ARN or a path is the name.
func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// cluster finds a cluster by name or ARN.
func (r request) cluster(nameOrARN string) (*cloud.Cluster, error) {
	c, ok := r.account.Clusters[lastPart(cmp.Or(nameOrARN, "default"))]
	if !ok {
		return nil, &cloud.Error{Code: "ClusterNotFoundException", Message: "Cluster not found."}
	}
	return c, nil
}

// service finds a service by name or ARN.
func (r request) service(cluster *cloud.Cluster, nameOrARN string) *cloud.Service {
	return r.account.Services[r.account.ARN("ecs", "service/"+cluster.Name+"/"+lastPart(nameOrARN))]
}

func (r request) listServices() (any, error) {
	var asked struct{ Cluster string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	cluster, err := r.cluster(asked.Cluster)
	if err != nil {
		return nil, err
	}
	arns := []string{}
	for arn, s := range r.account.Services {
		if s.ClusterName() == cluster.Name {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	return object{"serviceArns": arns}, nil
}

func (r request) describeServices() (any, error) {
	var asked struct {
		Cluster  string
		Services []string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	cluster, err := r.cluster(asked.Cluster)
	if err != nil {
		return nil, err
	}
	found, failures := []object{}, []object{}
	for _, name := range asked.Services {
		if s := r.service(cluster, name); s != nil {
			found = append(found, r.shownService(cluster, s))
			continue
		}
		failures = append(
			failures,
			object{
				"arn":    r.account.ARN("ecs", "service/"+cluster.Name+"/"+lastPart(name)),
				"reason": "MISSING",
			},
		)
	}
	return object{"services": found, "failures": failures}, nil
}

func (r request) shownService(cluster *cloud.Cluster, s *cloud.Service) object {
	state := r.control.ServiceState(s.ARN)
	deployments := make([]object, len(state.Deployments))
	for i, d := range state.Deployments {
		status, rollout := "ACTIVE", "COMPLETED"
		if d.Primary {
			status = "PRIMARY"
		}
		if d.Primary && !d.Completed {
			rollout = "IN_PROGRESS"
		}
		deployments[i] = object{
			"id": "ecs-svc/" + lastPart(
				d.TaskDefinition,
			), "status": status, "taskDefinition": d.TaskDefinition, "rolloutState": rollout,
			"desiredCount": d.Desired, "runningCount": d.Running, "pendingCount": d.Pending, "failedTasks": 0,
			"createdAt": timeOf(d.Created), "updatedAt": timeOf(d.Created),
		}
	}
	events := make([]object, len(state.Events))
	for i, e := range state.Events {
		events[i] = object{
			"id":        fmt.Sprintf("%d-%d", e.At.UnixNano(), i),
			"createdAt": e.At,
			"message":   e.Message,
		}
	}
	return object{
		"serviceArn": s.ARN, "serviceName": s.Name, "clusterArn": cluster.ARN, "status": "ACTIVE",
		"taskDefinition": s.TaskDefinition, "desiredCount": s.DesiredCount, "runningCount": state.Running,
		"pendingCount": state.Pending, "deployments": deployments, "events": events,
		"launchType": textOf(s.LaunchType), "schedulingStrategy": "REPLICA",
		"enableExecuteCommand": s.EnableExecuteCommand,
		"deploymentConfiguration": object{
			"maximumPercent":        s.DeploymentMaximumPercent,
			"minimumHealthyPercent": s.DeploymentMinimumHealthyPercent,
		},
	}
}

// updateService sets the desired count and the task definition, and deploys anew. Its other parameters are
// a deployment's.
func (r request) updateService() (any, error) {
	var asked struct {
		Cluster, Service, TaskDefinition string
		DesiredCount                     *int
		ForceNewDeployment               bool
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	cluster, err := r.cluster(asked.Cluster)
	if err != nil {
		return nil, err
	}
	s := r.service(cluster, asked.Service)
	if s == nil {
		return nil, &cloud.Error{Code: "ServiceNotFoundException", Message: "Service not found."}
	}
	changed := *s
	changed.TaskDefinition = cmp.Or(asked.TaskDefinition, s.TaskDefinition)
	if asked.DesiredCount != nil {
		changed.DesiredCount = *asked.DesiredCount
	}
	s, err = r.account.UpdateService(s.ARN, changed, true)
	if err != nil {
		return nil, err
	}
	if asked.ForceNewDeployment {
		s.Redeploy()
	}
	return object{"service": r.shownService(cluster, s)}, nil
}

// tasksOf are the tasks of a cluster, those of the last hour that have stopped included.
func (r request) tasksOf(cluster *cloud.Cluster) []*cloud.Task {
	all := append(slices.Clone(r.control.StoppedTasks()), r.control.Tasks()...)
	return slices.DeleteFunc(all, func(t *cloud.Task) bool {
		return !strings.Contains(t.Service, ":service/"+cluster.Name+"/")
	})
}

// desiredStatus of a task is STOPPED as soon as somebody has decided so.
func desiredStatus(t *cloud.Task) string {
	if t.State == cloud.Stopping || t.State == cloud.Stopped {
		return "STOPPED"
	}
	return "RUNNING"
}

func (r request) listTasks() (any, error) {
	var asked struct{ Cluster, ServiceName, DesiredStatus, Family string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	cluster, err := r.cluster(asked.Cluster)
	if err != nil {
		return nil, err
	}
	if asked.ServiceName != "" && r.service(cluster, asked.ServiceName) == nil {
		return nil, &cloud.Error{Code: "ServiceNotFoundException", Message: "Service not found."}
	}
	arns := []string{}
	for _, t := range r.tasksOf(cluster) {
		switch {
		case desiredStatus(t) != cmp.Or(asked.DesiredStatus, "RUNNING"):
		case asked.ServiceName != "" && lastPart(t.Service) != lastPart(asked.ServiceName):
		case asked.Family != "" && !strings.HasPrefix(lastPart(t.TaskDefinition), asked.Family+":"):
		default:
			arns = append(arns, t.ARN)
		}
	}
	return object{"taskArns": arns}, nil
}

// eachTask answers for the tasks that a request names, with the failures of those that are not there.
func (r request) eachTask(
	cluster string,
	named []string,
	show func(t *cloud.Task) (shown object, refusal string),
) (found, failures []object, err error) {
	c, err := r.cluster(cluster)
	if err != nil {
		return nil, nil, err
	}
	if len(named) == 0 {
		return nil, nil, &cloud.Error{Code: "InvalidParameterException", Message: "Tasks cannot be empty."}
	}
	all := r.tasksOf(c)
	found, failures = []object{}, []object{}
	for _, name := range named {
		i := slices.IndexFunc(all, func(t *cloud.Task) bool { return t.ID() == lastPart(name) })
		if i < 0 {
			failures = append(
				failures,
				object{"arn": r.account.ARN("ecs", "task/"+c.Name+"/"+lastPart(name)), "reason": "MISSING"},
			)
			continue
		}
		shown, refusal := show(all[i])
		if refusal != "" {
			failures = append(failures, object{"arn": all[i].ARN, "reason": refusal})
			continue
		}
		found = append(found, shown)
	}
	return found, failures, nil
}

func (r request) describeTasks() (any, error) {
	var asked struct {
		Cluster string
		Tasks   []string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	found, failures, err := r.eachTask(
		asked.Cluster,
		asked.Tasks,
		func(t *cloud.Task) (object, string) { return r.shownTask(t), "" },
	)
	return object{"tasks": found, "failures": failures}, err
}

// stopReasons are AWS's words for the model's.
var stopReasons = map[string]struct{ code, text string }{
	"scale-in": {
		"ServiceSchedulerInitiated",
		"Scaling activity initiated by (deployment %s)",
	},
	"deployment": {
		"ServiceSchedulerInitiated",
		"Scaling activity initiated by (deployment %s)",
	},
	"essential container exited": {"EssentialContainerExited", "Essential container in task exited"},
}

func (r request) shownTask(t *cloud.Task) object {
	deployment := "ecs-svc/" + lastPart(t.TaskDefinition)
	reason := stopReasons[t.StopReason]
	if strings.Contains(reason.text, "%s") {
		reason.text = fmt.Sprintf(reason.text, deployment)
	}
	status := string(t.State)
	if t.State == cloud.Stopping {
		status = "DEACTIVATING"
	}
	containers := []object{}
	definition := r.account.TaskDefinitions[t.TaskDefinition]
	if definition != nil {
		declared, _ := definition.Containers() // it was checked when it was registered
		for _, c := range declared {
			containers = append(
				containers,
				object{"name": c.Name, "image": c.Image, "taskArn": t.ARN, "lastStatus": status},
			)
		}
	}
	return object{
		"taskArn": t.ARN, "taskDefinitionArn": t.TaskDefinition, "group": "service:" + lastPart(t.Service),
		"startedBy": deployment, "launchType": "FARGATE",
		"lastStatus": status, "desiredStatus": desiredStatus(t),
		"createdAt": t.Created, "startedAt": timeOf(t.Started), "stoppedAt": timeOf(t.Ended),
		"stopCode": textOf(
			reason.code,
		), "stoppedReason": textOf(cmp.Or(reason.text, t.StopReason)), "containers": containers,
	}
}

func (r request) shownProtection(t *cloud.Task) object {
	if !t.ProtectedAt(r.now) {
		return object{"taskArn": t.ARN, "protectionEnabled": false}
	}
	return object{"taskArn": t.ARN, "protectionEnabled": true, "expirationDate": t.ProtectedUntil()}
}

func (r request) getTaskProtection() (any, error) {
	var asked struct {
		Cluster string
		Tasks   []string
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	if len(asked.Tasks) == 0 {
		return nil, &cloud.Error{
			Code:    "InvalidParameterException",
			Message: "the sandbox wants the tasks named",
		}
	}
	found, failures, err := r.eachTask(
		asked.Cluster,
		asked.Tasks,
		func(t *cloud.Task) (object, string) { return r.shownProtection(t), "" },
	)
	return object{"protectedTasks": found, "failures": failures}, err
}

func (r request) updateTaskProtection() (any, error) {
	var asked struct {
		Cluster           string
		Tasks             []string
		ProtectionEnabled bool
		ExpiresInMinutes  *int
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	minutes := defaultLeaseMinutes
	if asked.ExpiresInMinutes != nil {
		minutes = *asked.ExpiresInMinutes
	}
	if minutes < 1 || minutes > maxLeaseMinutes {
		return nil, &cloud.Error{
			Code:    "InvalidParameterException",
			Message: "expiresInMinutes must be between 1 and 2880",
		}
	}
	found, failures, err := r.eachTask(asked.Cluster, asked.Tasks, func(t *cloud.Task) (object, string) {
		refusal := r.control.Protect(r.now, t, asked.ProtectionEnabled, time.Duration(minutes)*time.Minute)
		return r.shownProtection(t), refusal
	})
	return object{"protectedTasks": found, "failures": failures}, err
}

// executeCommand has no shell to offer: tasks of the sandbox are processes of this machine.
func (r request) executeCommand() (any, error) {
	var asked struct{ Cluster, Task string }
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	cluster, err := r.cluster(asked.Cluster)
	if err != nil {
		return nil, err
	}
	for _, t := range r.tasksOf(cluster) {
		if t.ID() != lastPart(asked.Task) {
			continue
		}
		if s := r.account.Services[t.Service]; s == nil || !s.EnableExecuteCommand {
			return nil, &cloud.Error{
				Code: "InvalidParameterException",
				Message: "The execute command failed because execute command" +
					" was not enabled when the task was run or the execute command agent isn't running." +
					" Wait and try again or run a new task with execute command enabled and try again.",
			}
		}
		return nil, &cloud.Error{
			Code: "TargetNotConnectedException",
			Message: "the sandbox has no sessions:" +
				" its tasks are processes of this machine, which you can look into",
		}
	}
	return nil, &cloud.Error{
		Code:    "InvalidParameterException",
		Message: "The task does not exist: " + asked.Task,
	}
}
