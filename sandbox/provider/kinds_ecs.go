package provider

import (
	"slices"

	"fargate-queue-worker/sandbox/cloud"
)

func init() {
	register(
		define(kind{
			token: "aws:ecs/cluster:Cluster", nameSuffix: noSuffix,
			immutable: []string{"name"}, computed: []string{"arn"},
			importID: func(a *cloud.Account, name string) string { return a.ARN("ecs", "cluster/"+name) },
		}, model[cloud.Cluster]{
			id:     func(c *cloud.Cluster) string { return c.ARN },
			create: (*cloud.Account).PutCluster,
			find: func(a *cloud.Account, arn string) (*cloud.Cluster, bool) {
				for _, c := range a.Clusters {
					if c.ARN == arn {
						return c, true
					}
				}
				return nil, false
			},
			remove: func(a *cloud.Account, arn string) error {
				return a.DeleteCluster(arn[len(a.ARN("ecs", "cluster/")):])
			},
		}),
		define(kind{
			token:     "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
			immutable: []string{"clusterName"},
		}, model[cloud.ClusterCapacityProviders]{
			id:     func(p *cloud.ClusterCapacityProviders) string { return p.ClusterName },
			create: (*cloud.Account).PutClusterCapacityProviders,
			find: lookUp(func(a *cloud.Account) map[string]*cloud.ClusterCapacityProviders {
				return a.CapacityProviders
			}),
			remove: func(a *cloud.Account, name string) error {
				delete(a.CapacityProviders, name)
				return nil
			},
		}),
		define(kind{
			token: "aws:ecs/taskDefinition:TaskDefinition",
			immutable: []string{"family", "cpu", "memory", "networkMode", "requiresCompatibilities",
				"runtimePlatform",
				"ephemeralStorage", "executionRoleArn", "taskRoleArn", "containerDefinitions", "volumes"},
			computed: []string{"arn", "arnWithoutRevision", "revision"},
		}, model[cloud.TaskDefinition]{
			id:     func(t *cloud.TaskDefinition) string { return t.ARN },
			create: (*cloud.Account).RegisterTaskDefinition,
			find: lookUp(func(a *cloud.Account) map[string]*cloud.TaskDefinition {
				return a.TaskDefinitions
			}),
			update: func(a *cloud.Account, arn string, t cloud.TaskDefinition,
				_ []string) (*cloud.TaskDefinition, error) {
				registered := a.TaskDefinitions[arn]
				registered.Tags, registered.SkipDestroy = t.Tags, t.SkipDestroy // all else is immutable
				return registered, nil
			},
			remove: (*cloud.Account).DeregisterTaskDefinition,
		}),
		define(kind{
			token: "aws:ecs/service:Service", nameSuffix: noSuffix,
			immutable: []string{"name", "cluster", "launchType"},
			computed:  []string{"arn"},
			importID:  func(a *cloud.Account, names string) string { return a.ARN("ecs", "service/"+names) },
		}, model[cloud.Service]{
			id:     func(s *cloud.Service) string { return s.ARN },
			create: (*cloud.Account).CreateService,
			find:   lookUp(func(a *cloud.Account) map[string]*cloud.Service { return a.Services }),
			update: func(a *cloud.Account, arn string, s cloud.Service,
				changed []string) (*cloud.Service, error) {
				return a.UpdateService(arn, s, slices.Contains(changed, "desiredCount"))
			},
			remove: (*cloud.Account).DeleteService,
		}),
	)
}
