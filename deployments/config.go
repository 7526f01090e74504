package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// settings are the configuration, checked. Pulumi.yaml describes the keys.
type settings struct {
	organization string
	repository   string
	roleARNs     map[string]string // by stack
	runnerPoolID string            // "" for the runners of Pulumi Cloud
}

var (
	organizationName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	repositoryName   = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)
	roleARN          = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)
)

// loadSettings reads the configuration; the error names every key that is wrong.
func loadSettings(ctx *pulumi.Context) (settings, error) {
	c := config.New(ctx, "")
	s := settings{organization: c.Get("organization"), repository: c.Get("repository"),
		runnerPoolID: c.Get("runnerPoolId")}
	var wrong []error
	refuse := func(key, value, want string) {
		wrong = append(wrong, fmt.Errorf("%s: %q: %s", key, value, want))
	}
	if err := c.TryObject("roleArns", &s.roleARNs); err != nil && !errors.Is(err, config.ErrMissingVar) {
		refuse("roleArns", c.Get("roleArns"), "needs to be a map of texts, {dev: arn, prod: arn}")
	}
	if !organizationName.MatchString(s.organization) {
		refuse("organization", s.organization,
			"needs to be the name of an organization in Pulumi Cloud, such as acme")
	}
	if !repositoryName.MatchString(s.repository) {
		refuse("repository", s.repository,
			"needs to be a GitHub repository, such as acme/fargate-queue-worker")
	}
	for _, stack := range stacks {
		if arn := s.roleARNs[stack.name]; !roleARN.MatchString(arn) {
			refuse("roleArns."+stack.name, arn,
				"needs to be the ARN of an IAM role, such as "+
					"arn:aws:iam::123456789012:role/pulumi-deployments-"+stack.name)
		}
	}
	return s, errors.Join(wrong...)
}
