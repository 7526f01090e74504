package components

import (
	"encoding/json"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PolicyStatement is one statement of an IAM policy.
type PolicyStatement struct {
	// Effect is Allow (the default) or Deny.
	Effect string `pulumi:"effect,optional"`
	// Actions such as s3:GetObject; at least one.
	Actions []string `pulumi:"actions"`
	// Resources the actions apply to, as ARNs; at least one.
	Resources pulumi.StringArrayInput `pulumi:"resources"`
	// Conditions by operator and key, as IAM has them:
	// {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}. Default: none.
	Conditions map[string]map[string][]string `pulumi:"conditions,optional"`
}

// statement renders a PolicyStatement.
func (s PolicyStatement) statement() pulumi.Map {
	effect := s.Effect
	if effect == "" {
		effect = "Allow"
	}
	statement := pulumi.Map{
		"Effect":   pulumi.String(effect),
		"Action":   pulumi.ToStringArray(s.Actions),
		"Resource": s.Resources,
	}
	if len(s.Conditions) > 0 {
		conditions := pulumi.Map{}
		for operator, keys := range s.Conditions {
			values := pulumi.Map{}
			for key, list := range keys {
				values[key] = pulumi.ToStringArray(list)
			}
			conditions[operator] = values
		}
		statement["Condition"] = conditions
	}
	return statement
}

// allow grants actions on resources.
func allow(resources pulumi.StringArrayInput, actions ...string) pulumi.Map {
	return PolicyStatement{Actions: actions, Resources: resources}.statement()
}

// policyDocument renders statements, or lists of them, as JSON with sorted keys, so that
// equal policies are equal texts. Without the explicit Version, SQS takes a policy but
// the provider waits for it in vain.
func policyDocument(statements ...pulumi.Input) pulumi.StringOutput {
	return pulumi.Array(statements).ToArrayOutput().ApplyT(func(list []any) (string, error) {
		flat := []any{}
		for _, item := range list {
			if more, ok := item.([]any); ok {
				flat = append(flat, more...)
			} else {
				flat = append(flat, item)
			}
		}
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": flat})
		return string(text), err
	}).(pulumi.StringOutput)
}
