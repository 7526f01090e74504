package components

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// secretReference is a secret as ECS and IAM name it.
type secretReference struct {
	// valueFrom is what a container definition says.
	valueFrom string
	// resourceARN is what the execution role may read, with action.
	resourceARN string
	action      string
}

// parseSecretReference reads the name or ARN of an SSM parameter, or the ARN of a
// Secrets Manager secret. The suffix :json-key:version-stage:version-id of the
// latter selects a part of the secret; it is not part of its ARN, and a policy that
// had it would grant nothing. A parameter's leading slash is doubled in no ARN:
// /prod/db is parameter/prod/db.
func parseSecretReference(reference string, at place) secretReference {
	switch arnService(reference) {
	case "secretsmanager":
		const secretParts = arnParts + 1 // arn:partition:secretsmanager:region:account:secret:name
		parts := strings.Split(reference, ":")
		return secretReference{
			valueFrom:   reference,
			resourceARN: strings.Join(parts[:min(secretParts, len(parts))], ":"),
			action:      "secretsmanager:GetSecretValue",
		}
	case "ssm":
		return secretReference{valueFrom: reference, resourceARN: reference, action: "ssm:GetParameters"}
	default:
		arn := at.arn("ssm", "parameter/"+strings.TrimPrefix(reference, "/"))
		return secretReference{valueFrom: arn, resourceARN: arn, action: "ssm:GetParameters"}
	}
}

// secretStatements let ECS read the secrets, in one statement for each action: the inline
// policies of a role have 10,240 characters together.
func secretStatements(args TaskArgs, at place) pulumi.Input {
	return args.Secrets.ToStringMapOutput().ApplyT(func(references map[string]string) []any {
		resources := map[string][]string{}
		for _, reference := range references {
			secret := parseSecretReference(reference, at)
			resources[secret.action] = append(resources[secret.action], secret.resourceARN)
		}
		statements := []any{}
		for _, action := range slices.Sorted(maps.Keys(resources)) {
			statements = append(statements, grantOf(sortedSet(resources[action]), action))
		}
		return statements
	}).(pulumi.ArrayOutput)
}

// grantOf is a statement whose parts are known.
func grantOf(resources []string, actions ...string) map[string]any {
	return map[string]any{"Effect": "Allow", "Action": actions, "Resource": resources}
}

// sortedSet are the texts that are not empty, each once.
func sortedSet(texts []string) []string {
	set := slices.Compact(slices.Sorted(slices.Values(texts)))
	return slices.DeleteFunc(set, func(text string) bool { return text == "" })
}
