package stackfile

// ProviderKeys are the keys of aws: that the program hands on to its provider, each with its
// type and what it is, as docs/configuration.md has them.
var ProviderKeys = map[string]string{
	"region": "string | Region of the stack. Required.",
	"profile": "string | Profile of the AWS credentials. In a committed file it has " +
		"to exist wherever the stack is deployed.",
	"defaultTags": "object | Tags of every resource, as `{tags: {name: value}}`.",
	"ignoreTags": "object | Tags that others put on resources, as `{keys: [name], " +
		"keyPrefixes: [start]}`. They are not drift.",
	"allowedAccountIds":   "array | Accounts that the stack may be deployed to; quote them.",
	"forbiddenAccountIds": "array | Accounts that the stack may not be deployed to; quote them.",
	"assumeRole": "object | Role to deploy with, as `{roleArn, sessionName, externalId, " +
		"duration, policy, policyArns, sourceIdentity, tags, transitiveTagKeys}`.",
	"sharedConfigFiles":         "array | Files of AWS configuration, in place of ~/.aws/config.",
	"sharedCredentialsFiles":    "array | Files of AWS credentials, in place of ~/.aws/credentials.",
	"endpoints":                 "array | Endpoints of services, as `[{sqs: https://...}]`.",
	"customCaBundle":            "string | File of certificate authorities.",
	"httpProxy":                 "string | Proxy for HTTP.",
	"httpsProxy":                "string | Proxy for HTTPS.",
	"noProxy":                   "string | Hosts that are reached without a proxy.",
	"retryMode":                 "string | standard or adaptive.",
	"maxRetries":                "integer | Retries of a call.",
	"stsRegion":                 "string | Region of the STS that is asked for credentials.",
	"skipCredentialsValidation": "boolean | Do not ask STS whether the credentials are valid.",
	"skipMetadataApiCheck":      "boolean | Do not look for credentials of an EC2 instance.",
	"skipRequestingAccountId":   "boolean | Do not ask for the account's id.",
}
