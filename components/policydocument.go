package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PolicyStatement is one statement of an IAM policy.
type PolicyStatement struct {
	// Effect is Allow (the default) or Deny.
	Effect string
	// Actions such as s3:GetObject; at least one.
	Actions []string
	// Resources the actions apply to, as ARNs; at least one.
	Resources pulumi.StringArrayInput
}

// statement renders a PolicyStatement.
func (s PolicyStatement) statement() pulumi.Map {
	effect := s.Effect
	if effect == "" {
		effect = "Allow"
	}
	return pulumi.Map{
		"Effect":   pulumi.String(effect),
		"Action":   pulumi.ToStringArray(s.Actions),
		"Resource": s.Resources,
	}
}

// allow grants actions on resources.
func allow(resources pulumi.StringArrayInput, actions ...string) pulumi.Map {
	return PolicyStatement{Actions: actions, Resources: resources}.statement()
}

// policyDocument renders statements as JSON with sorted keys, so that equal
// policies are equal texts. Without the explicit Version, SQS takes a policy but
// the provider waits for it in vain.
func policyDocument(statements ...pulumi.Input) pulumi.StringOutput {
	return pulumi.JSONMarshal(pulumi.Map{
		"Version":   pulumi.String("2012-10-17"),
		"Statement": pulumi.Array(statements),
	})
}
