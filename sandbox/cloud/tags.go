package cloud

// TaggedResources are the tags of the resources that can have any, by ARN.
func (a *Account) TaggedResources() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, x := range a.Queues {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.Roles {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.EventRules {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.LogGroups {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.SecurityGroups {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.Clusters {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.TaskDefinitions {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.Services {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.Targets {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.Alarms {
		all[x.ARN] = x.Tags
	}
	for _, x := range a.StateMachines {
		all[x.ARN] = x.Tags
	}
	return all
}
