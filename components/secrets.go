package components

import "strings"

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
// latter selects a part of the secret; it is no part of its ARN, and a policy that
// had it would grant nothing. A parameter's leading slash is doubled in no ARN:
// /prod/db is parameter/prod/db.
func parseSecretReference(reference string, at place) secretReference {
	switch arnService(reference) {
	case "secretsmanager":
		const arnParts = 7 // arn:partition:secretsmanager:region:account:secret:name
		parts := strings.Split(reference, ":")
		return secretReference{
			valueFrom:   reference,
			resourceARN: strings.Join(parts[:min(arnParts, len(parts))], ":"),
			action:      "secretsmanager:GetSecretValue",
		}
	case "ssm":
		return secretReference{valueFrom: reference, resourceARN: reference, action: "ssm:GetParameters"}
	default:
		arn := at.arn("ssm", "parameter/"+strings.TrimPrefix(reference, "/"))
		return secretReference{valueFrom: arn, resourceARN: arn, action: "ssm:GetParameters"}
	}
}

// arnService is the service part of an ARN, "" for anything else.
func arnService(reference string) string {
	parts := strings.SplitN(reference, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}
