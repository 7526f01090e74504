package main

import (
	"fmt"

	"github.com/pulumi/pulumi-pulumiservice/sdk/go/pulumiservice"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// declare registers the settings of every stack.
func declare(ctx *pulumi.Context) error {
	s, err := loadSettings(ctx)
	if err != nil {
		return fmt.Errorf("the configuration is not right:\n%w", err)
	}
	for _, stack := range stacks {
		if err := declareStack(ctx, s, stack); err != nil {
			return err
		}
	}
	return nil
}

func declareStack(ctx *pulumi.Context, s settings, stack stack) error {
	deployed, err := pulumiservice.NewDeploymentSettings(ctx, stack.name, deploymentSettings(s, stack))
	if err != nil {
		return fmt.Errorf("setting how %s is deployed: %w", stack.name, err)
	}
	if stack.driftCheck == "" {
		return nil
	}
	// A preview of a refresh. It leaves out the task count, which auto scaling moves and
	// the program ignores. Remediation would deploy at night what nobody looks at.
	_, err = pulumiservice.NewDriftSchedule(ctx, stack.name, &pulumiservice.DriftScheduleArgs{
		Organization:  pulumi.String(s.organization),
		Project:       pulumi.String(project),
		Stack:         pulumi.String(stack.name),
		ScheduleCron:  pulumi.String(stack.driftCheck),
		AutoRemediate: pulumi.Bool(false),
	}, pulumi.DependsOn([]pulumi.Resource{deployed}))
	if err != nil {
		return fmt.Errorf("scheduling the drift detection of %s: %w", stack.name, err)
	}
	return nil
}

func deploymentSettings(s settings, stack stack) *pulumiservice.DeploymentSettingsArgs {
	args := &pulumiservice.DeploymentSettingsArgs{
		Organization: pulumi.String(s.organization),
		Project:      pulumi.String(project),
		Stack:        pulumi.String(stack.name),
		SourceContext: &pulumiservice.DeploymentSettingsSourceContextArgs{
			Git: &pulumiservice.DeploymentSettingsGitSourceArgs{
				Branch:  pulumi.String("refs/heads/" + stack.branch),
				RepoDir: pulumi.String("."),
			},
		},
		Vcs: &pulumiservice.DeploymentSettingsVcsArgs{
			Provider:            pulumi.String("github"),
			Repository:          pulumi.String(s.repository),
			DeployCommits:       pulumi.Bool(true),
			PreviewPullRequests: pulumi.Bool(stack.previews),
			Paths:               pulumi.ToStringArray(paths),
		},
		OperationContext: &pulumiservice.DeploymentSettingsOperationContextArgs{
			Oidc: &pulumiservice.OperationContextOIDCArgs{
				Aws: &pulumiservice.AWSOIDCConfigurationArgs{
					RoleARN:     pulumi.String(s.roleARNs[stack.name]),
					SessionName: pulumi.String("pulumi-deployments-" + stack.name),
					Duration:    pulumi.String("1h0m0s"),
				},
			},
			Options: &pulumiservice.OperationContextOptionsArgs{
				// Of commits that come while one is deployed, the last one is enough.
				SkipIntermediateDeployments: pulumi.Bool(true),
			},
		},
		// The AWS SDK of Pulumi takes minutes to download and to compile.
		CacheOptions: &pulumiservice.DeploymentSettingsCacheOptionsArgs{Enable: pulumi.Bool(true)},
	}
	if stack.buildsImage && s.runnerPoolID != "" {
		args.AgentPoolId = pulumi.String(s.runnerPoolID)
	}
	return args
}
