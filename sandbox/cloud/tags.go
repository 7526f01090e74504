package cloud

// TaggedResources are the tags of the resources that the Resource Groups Tagging API finds by them, by
// ARN. It does not find roles. Source: its API reference, "Services that support the Resource Groups
// Tagging API".
func (a *Account) TaggedResources() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, x := range a.Queues {
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
