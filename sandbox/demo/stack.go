package demo

import (
	"maps"
	"slices"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/settings"
)

// stack is what the demo knows of the resources that were deployed.
type stack struct {
	cloud.QueueConsumer
	alarms      []*cloud.Alarm  // by name
	policies    map[string]bool // by ARN
	least, most int             // tasks
	concurrency int             // of the worker
	idleMinutes int             // of the alarm that stops all tasks
}

func stackOf(a *cloud.Account) (stack, error) {
	consumer, err := a.QueueConsumer()
	if err != nil {
		return stack{}, err
	}
	s := stack{
		QueueConsumer: consumer, policies: map[string]bool{}, concurrency: concurrencyOf(consumer.Container),
	}
	for arn := range a.Policies {
		s.policies[arn] = true
	}
	for _, name := range slices.Sorted(maps.Keys(a.Alarms)) {
		alarm := a.Alarms[name]
		s.alarms = append(s.alarms, alarm)
		if alarm.Subject() == idleWatches {
			s.idleMinutes = alarm.EvaluationPeriods
		}
	}
	if target, ok := a.Targets[s.Service.ResourceID()]; ok {
		s.least, s.most = target.MinCapacity, target.MaxCapacity
	}
	return s, nil
}

// concurrencyOf is how many groups the worker of a container works on at once.
func concurrencyOf(container cloud.Container) int {
	environment := map[string]string{}
	for _, v := range container.Environment {
		environment[v.Name] = v.Value
	}
	s, _ := settings.Read(environment) // what is wrong with it, the worker says
	return s.Concurrency
}
