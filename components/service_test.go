package components

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/plan"
)

func TestServiceDefaults(t *testing.T) {
	t.Parallel()
	bothModes(t, minimalArgs(), func(t *testing.T, p *plan.Plan, preview bool) {
		want := map[string]any{
			"cluster":      "apps",
			"desiredCount": 0.0,
			"launchType":   "FARGATE",
			"networkConfiguration": map[string]any{
				"subnets": []any{"subnet-0123456789abcdef0"}, "securityGroups": []any{"sg-0123456789abcdef0"},
				"assignPublicIp": false,
			},
			"deploymentMinimumHealthyPercent": 100.0,
			"deploymentMaximumPercent":        200.0,
			"deploymentCircuitBreaker":        map[string]any{"enable": true, "rollback": true},
			"availabilityZoneRebalancing":     "DISABLED",
			"enableExecuteCommand":            false,
			"enableEcsManagedTags":            true,
			"propagateTags":                   "SERVICE",
		}
		if !preview {
			want["taskDefinition"] = "arn:aws:ecs:us-west-1:123456789012:task-definition/project-test-w:1"
		}
		assert.Equal(t, want, inputs(t, p, "w-service"))
	})
}

func TestDesiredCountBelongsToAutoScaling(t *testing.T) {
	t.Parallel()
	args := with(func(a *QueueWorkerArgs) { a.Scaling.MinCapacity, a.Scaling.MaxCapacity = 2, 4 })
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		service := registration(t, p, "w-service")
		assert.Equal(t, 2.0, service.Inputs["desiredCount"], "the first count is the minimum")
		assert.Equal(t, []string{"desiredCount"}, service.RPC.GetIgnoreChanges(), "and never changed after")
	})
}

func TestServiceOptions(t *testing.T) {
	t.Parallel()
	least, most := 0, 150
	args := with(func(a *QueueWorkerArgs) {
		a.Service.AssignPublicIP = true
		a.Service.SpotPercent = 75
		a.Service.OnDemandBase = 1
		a.Service.DeploymentMinimumHealthyPercent = &least
		a.Service.DeploymentMaximumPercent = &most
		a.Service.EnableExecuteCommand = true
	})
	bothModes(t, args, func(t *testing.T, p *plan.Plan, _ bool) {
		service := inputs(t, p, "w-service")
		assert.NotContains(t, service, "launchType", "AWS takes a launch type or strategies")
		assert.Equal(t, []any{
			map[string]any{"capacityProvider": "FARGATE", "base": 1.0, "weight": 25.0},
			map[string]any{"capacityProvider": "FARGATE_SPOT", "weight": 75.0},
		}, service["capacityProviderStrategies"])
		assert.Equal(t, true, service["forceNewDeployment"], "or the mix could not be changed")
		assert.Equal(t, true, service["networkConfiguration"].(map[string]any)["assignPublicIp"])
		assert.Equal(t, 0.0, service["deploymentMinimumHealthyPercent"])
		assert.Equal(t, 150.0, service["deploymentMaximumPercent"])
		assert.Equal(t, true, service["enableExecuteCommand"])
	})
}
