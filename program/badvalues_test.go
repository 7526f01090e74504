package program

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
)

// TestBadValuesOfOtherAccounts is TestBadConfiguration for the keys of queues, tasks and
// services, and for those that open the stack to accounts with rules of their own.
func TestBadValuesOfOtherAccounts(t *testing.T) {
	t.Parallel()
	const (
		queue = "arn:aws:sqs:us-west-2:123456789012:jobs.fifo"
		key2  = "arn:aws:kms:us-west-2:123456789012:key/2"
		agent = `"name":"agent","image":"agent:v1"`
	)
	cases := map[string]struct {
		stack string
		pairs []string // key, value, ...
		want  string
	}{
		// network
		"one zone": {"dev", []string{"availabilityZones", `["us-west-2a"]`},
			"availabilityZones: [us-west-2a]: needs two zones or more"},
		"zone by id": {"dev", []string{"availabilityZones", `["usw2-az1","us-west-2b"]`},
			`availabilityZones[0]: "usw2-az1": needs to be the name of a zone, such as us-east-1a`},
		"zone twice": {"dev", []string{"availabilityZones", `["us-west-2a","us-west-2a"]`},
			`availabilityZones[1]: "us-west-2a": is in the list twice`},
		"zone elsewhere": {"dev", []string{"availabilityZones", `["eu-west-1a","eu-west-1b"]`},
			"needs to be a zone of aws:region (us-west-2)"},
		"zones of a VPC": {"prod", []string{"availabilityZones", `["us-west-2a","us-west-2b"]`},
			"are those of a new VPC; vpcId names one that has its own"},
		"range of a VPC": {"prod", []string{"vpcCidr", "10.0.0.0/16"},
			`vpcCidr: "10.0.0.0/16": is that of a new VPC`},
		"range no range": {"dev", []string{"vpcCidr", "10.0.0.0"},
			`vpcCidr: "10.0.0.0": needs to be a private range with 16 to 24 bits of network`},
		"range with host bits": {"dev", []string{"vpcCidr", "10.0.0.1/16"},
			`vpcCidr: "10.0.0.1/16": needs to be a private range`},
		"range too wide":        {"dev", []string{"vpcCidr", "10.0.0.0/8"}, `vpcCidr: "10.0.0.0/8": needs`},
		"range of the internet": {"dev", []string{"vpcCidr", "8.8.0.0/16"}, `vpcCidr: "8.8.0.0/16": needs`},
		// image
		"image in capitals": {"dev", []string{"image", "ghcr.io/Acme/jobs:v1"},
			`image: "ghcr.io/Acme/jobs:v1": needs to name an image`},
		"image without a tag": {"dev", []string{"image", "ghcr.io/acme/jobs"},
			`image: "ghcr.io/acme/jobs": needs a tag (repository:v1) or a digest`},
		"image and repository": {"prod", []string{"image", "ghcr.io/acme/jobs:v1"},
			`repositoryName: "jobs": does not go with image, which names the whole image`},
		"no such Dockerfile": {"dev", []string{"dockerfile", "nosuch/Dockerfile"},
			`dockerfile: "nosuch/Dockerfile": there is no such file`},
		"Dockerfile is a folder": {"dev", []string{"dockerfile", "worker"},
			`dockerfile: "worker": there is no such file`},
		"no such context": {"dev", []string{"imageContext", "nosuch"},
			`imageContext: "nosuch": there is no such folder`},
		"credentials by name": {"dev", []string{"registryCredentialsArn", "ghcr"},
			`registryCredentialsArn: "ghcr": needs to be the ARN of a secret`},
		// task
		"no time for a job": {"dev", []string{"handlerTimeoutMinutes", "0"},
			"handlerTimeoutMinutes: 0: needs to be above 0"},
		"a job of a day": {"dev", []string{"handlerTimeoutMinutes", "1440"},
			"handlerTimeoutMinutes: 1440: needs to be 1 to 718 (two minutes less than the twelve hours " +
				"that SQS hides a message)"},
		"too many groups": {"dev", []string{"concurrency", "1001"},
			"concurrency: 1001: needs to be 1 to 1000"},
		"negative attempts": {"dev", []string{"maxAttempts", "-1"},
			"maxAttempts: -1: needs to be 1 to 1000"},
		"concurrency by hand": {"dev", []string{"environment", `{"CONCURRENCY":"4"}`},
			`environment.CONCURRENCY: "CONCURRENCY": is set from concurrency; use that`},
		"timeout by hand": {"dev", []string{"environment", `{"HANDLER_TIMEOUT":"1h"}`},
			`environment.HANDLER_TIMEOUT: "HANDLER_TIMEOUT": is set from handlerTimeoutMinutes; use that`},
		"a worker's setting that cannot be read": {"dev",
			[]string{"environment", `{"BACKOFF":"soon","LOG_MESSAGES":"true"}`},
			`environment.BACKOFF: "soon": needs to be a duration, such as 15s`},
		"a worker's setting out of range": {"dev", []string{"environment", `{"STOP_SIGNAL_SECONDS":"110"}`},
			"environment.STOP_SIGNAL_SECONDS: 110: needs to be at most 105"},
		"part of a secret's ARN": {"prod",
			[]string{"secrets", `{"A":"arn:aws:secretsmanager:us-west-2:123456789012:secret:db"}`},
			"needs to be the whole ARN, with the six characters that Secrets Manager puts behind the name"},
		"disk nobody can use": {"dev", []string{"ephemeralStorageGiB", "50", "mountPoints", "[]"},
			"ephemeralStorageGiB: 50: cannot be used: readonlyRootFilesystem is true and none of " +
				"mountPoints is scratch space"},
		"volume without name": {"dev", []string{"volumes", `[{"name":"my tmp"}]`, "mountPoints", "[]"},
			`volumes[0].name: "my tmp": needs to be 1 to 255 letters`},
		"volume twice": {"dev", []string{"volumes", `[{"name":"tmp"},{"name":"tmp"}]`},
			`volumes[1].name: "tmp": is the name of another volume, too`},
		"file system by name": {"dev",
			[]string{"volumes", `[{"name":"tmp","efs":{"fileSystemId":"models"}}]`},
			`volumes[0].efs.fileSystemId: "models": needs to be the id of a file system`},
		"no file system": {"dev", []string{"volumes", `[{"name":"tmp","efs":{}}]`},
			`volumes[0].efs.fileSystemId: "": is required`},
		"access point by name": {"dev",
			[]string{"volumes",
				`[{"name":"tmp","efs":{"fileSystemId":"fs-0123456789abcdef0","accessPointId":"x"}}]`},
			`volumes[0].efs.accessPointId: "x": needs to be the id of an access point`},
		"two roots": {"dev",
			[]string{"volumes",
				`[{"name":"tmp","efs":{"fileSystemId":"fs-0123456789abcdef0","accessPointId":` +
					`"fsap-0123456789abcdef0","rootDirectory":"/x"}}]`},
			"volumes[0].efs.rootDirectory: \"/x\": does not go with an access point"},
		"no such volume": {"dev",
			[]string{"mountPoints", `[{"sourceVolume":"data","containerPath":"/data"}]`},
			`mountPoints[0].sourceVolume: "data": is not the name of one of volumes`},
		"relative mount": {"dev",
			[]string{"mountPoints", `[{"sourceVolume":"tmp","containerPath":"tmp"}]`},
			`mountPoints[0].containerPath: "tmp": needs to be an absolute path below /, such as /tmp`},
		"mounted over": {"dev",
			[]string{"mountPoints",
				`[{"sourceVolume":"tmp","containerPath":"/tmp"},{"sourceVolume":"tmp","containerPath":"/` +
					`tmp"}]`}, `mountPoints[1].containerPath: "/tmp": has another volume, too`},
		"health without a form": {"dev", []string{"healthCheck", `{"command":["test -f /tmp/ready"]}`},
			"healthCheck.command: [test -f /tmp/ready]: needs to begin with CMD or CMD-SHELL"},
		"health too often": {"dev", []string{"healthCheck", `{"command":["CMD","true"],"interval":1}`},
			"healthCheck.interval: 1: needs to be 5 to 300"},
		"health with a slip": {"dev", []string{"healthCheck", `{"comand":["CMD","true"]}`},
			`there is no field "comand"`},
		// containers
		"sidecar without name": {"dev", []string{"sidecars", `[{"image":"agent:v1"}]`},
			`sidecars[0].name: "": is required, as a text`},
		"sidecar without image": {"dev", []string{"sidecars", `[{"name":"agent"}]`},
			`sidecars[0].image: "": is required`},
		"sidecar without a tag": {"dev", []string{"sidecars", `[{"name":"agent","image":"agent"}]`},
			`sidecars[0].image: "agent": needs a tag`},
		"sidecar called worker": {"dev", []string{"sidecars", `[{"name":"worker","image":"agent:v1"}]`},
			`sidecars[0].name: "worker": is the name of another container, too`},
		"sidecar with a slip": {"dev", []string{"sidecars", `[{` + agent + `,"enviroment":[]}]`},
			`sidecars[0].enviroment: "enviroment": is not a setting of a container; did you mean ` +
				`environment?`},
		"sidecar waits for nobody": {"dev",
			[]string{"sidecars", `[{` + agent +
				`,"dependsOn":[{"containerName":"router","condition":"START"}]}]`},
			`sidecars[0].dependsOn: "router": is not a container of the task`},
		"waits for itself": {"dev",
			[]string{"sidecars", `[{` + agent +
				`,"dependsOn":[{"containerName":"agent","condition":"START"}]}]`},
			`sidecars[0].dependsOn: "agent > agent": is a circle of containers`},
		"wait for each other": {"dev",
			[]string{"sidecars", `[{` + agent +
				`,"dependsOn":[{"containerName":"worker","condition":"START"}]}]`, "containerOverrides",
				`{"dependsOn":[{"containerName":"agent","condition":"START"}]}`},
			`sidecars[0].dependsOn: "agent > worker > agent": is a circle of containers that wait for each ` +
				`other`},
		"waits for the end": {"dev",
			[]string{"sidecars", `[{` + agent +
				`,"dependsOn":[{"containerName":"worker","condition":"SUCCESS"}]}]`},
			`sidecars[0].dependsOn: "SUCCESS": does not come: worker is essential`},
		"waits for health": {"dev",
			[]string{"sidecars", `[{` + agent +
				`,"dependsOn":[{"containerName":"worker","condition":"HEALTHY"}]}]`},
			`sidecars[0].dependsOn: "HEALTHY": needs a healthCheck of worker`},
		"waits for no condition": {"dev",
			[]string{"sidecars", `[{` + agent + `,"dependsOn":[{"containerName":"worker"}]}]`},
			`sidecars[0].dependsOn: "": needs to be START, COMPLETE, SUCCESS or HEALTHY`},
		"FireLens without a router": {"dev", []string{"logConfiguration", `{"logDriver":"awsfirelens"}`},
			"needs a log router: one of sidecars with a firelensConfiguration"},
		"driver of EC2": {"dev", []string{"logConfiguration", `{"logDriver":"syslog"}`},
			`logConfiguration.logDriver: "syslog": needs to be one of awslogs, awsfirelens, splunk`},
		"no driver": {"dev", []string{"logConfiguration", `{"options":{}}`},
			`logConfiguration.logDriver: "": is required, such as awsfirelens`},
		"another image": {"dev", []string{"containerOverrides", `{"image":"x:v1"}`},
			`containerOverrides.image: "x:v1": has an argument of its own, image`},
		"less time to stop": {"dev", []string{"containerOverrides", `{"stopTimeout":10}`},
			"containerOverrides.stopTimeout: \"10\": is 120, the most that Fargate offers"},
		"not essential": {"dev", []string{"containerOverrides", `{"essential":false}`},
			"containerOverrides.essential: \"false\": is true: a task without its worker would run for " +
				"nothing"},
		"variables by a file": {"dev", []string{"containerOverrides", `{"environmentFiles":[]}`},
			"may set anew what the component sets"},
		"restarted in place": {"dev", []string{"containerOverrides",
			`{"restartPolicy":{"enabled":true}}`}, "would keep a worker that has left"},
		"without an init": {"dev", []string{"containerOverrides",
			`{"linuxParameters":{"initProcessEnabled":false}}`}, "initProcessEnabled is true"},
		"override with a slip": {"dev", []string{"containerOverrides", `{"ulimit":[]}`},
			`containerOverrides.ulimit: "ulimit": is not a setting of a container; did you mean ulimits?`},
		"worker waits for nobody": {"dev",
			[]string{"containerOverrides", `{"dependsOn":[{"containerName":"router","condition":"START"}]}`},
			`containerOverrides.dependsOn: "router": is not a container of the task`},
		// identity
		"role by name": {"dev", []string{"taskRoleArn", "jobs-task"},
			`taskRoleArn: "jobs-task": needs to be an ARN of the form arn:aws:iam::<account>:role/<name>`},
		"execution role by name": {"dev", []string{"executionRoleArn", "jobs"},
			`executionRoleArn: "jobs": needs to be an ARN`},
		"statements of a role": {"prod", []string{"taskRoleArn", "arn:aws:iam::123456789012:role/jobs"},
			"taskPolicyStatements: \"1 statements\": are not attached to the existing taskRoleArn"},
		"policies of a role": {"dev", []string{"taskRoleArn", "arn:aws:iam::123456789012:role/jobs",
			"taskPolicyArns", `["arn:aws:iam::aws:policy/X"]`},
			"taskPolicyArns: \"1 policies\": are not attached"},
		"policies to start with": {"dev",
			[]string{"executionRoleArn", "arn:aws:iam::123456789012:role/jobs", "executionPolicyArns",
				`["arn:aws:iam::aws:policy/X"]`}, "executionPolicyArns: \"1 policies\": are not attached"},
		"policy by name": {"dev", []string{"taskPolicyArns", `["ReadOnlyAccess"]`},
			`taskPolicyArns[0]: "ReadOnlyAccess": needs to be the ARN of an IAM policy`},
		"boundary by name": {"dev", []string{"permissionsBoundaryArn", "boundary"},
			`permissionsBoundaryArn: "boundary": needs to be the ARN of an IAM policy`},
		"path without slashes": {"dev", []string{"rolePath", "workers"},
			`rolePath: "workers": needs to begin and end with /, such as /workers/`},
		"no such operator": {"prod",
			[]string{"taskPolicyStatements",
				`[{"actions":["s3:GetObject"],"resources":["*"],"conditions":{"Equals":{"aws:` +
					`RequestedRegion":["x"]}}}]`},
			`taskPolicyStatements[0].conditions: "Equals": is not a condition operator of IAM`},
		"condition without a value": {"prod",
			[]string{"taskPolicyStatements",
				`[{"actions":["s3:GetObject"],"resources":["*"],"conditions":{"StringEquals":{"aws:` +
					`RequestedRegion":[]}}}]`},
			`taskPolicyStatements[0].conditions: "aws:RequestedRegion": needs to be a condition key with ` +
				`values`},
		// queue
		"existing queue by name": {"dev", []string{"existingQueue", `{"arn":"jobs.fifo"}`},
			`existingQueue.arn: "jobs.fifo": needs to be an ARN of the form arn:aws:sqs`},
		"existing standard queue": {"dev",
			[]string{"existingQueue", `{"arn":"arn:aws:sqs:us-west-2:123456789012:jobs"}`},
			"needs to be a FIFO queue, whose name ends in .fifo"},
		"existing queue and a name": {"dev", []string{"existingQueue", `{"arn":"` + queue + `"}`,
			"queueName", "x.fifo"}, "existingQueue: \"" + queue + `": is used as it is`},
		"existing queue with a slip": {"dev", []string{"existingQueue", `{"url":"https://sqs"}`},
			`there is no field "url"`},
		"key of no queue": {"dev",
			[]string{"existingQueue", `{"arn":"` + queue + `","deadLetterQueueKmsKeyArn":"` + key2 + `"}`},
			"name that in existingQueue.deadLetterQueueArn, too"},
		"dead letters in the queue": {"dev", []string{"queueName", "jobs.fifo", "deadLetterQueueName",
			"jobs.fifo"}, `deadLetterQueueName: "jobs.fifo": is the name of the queue itself (queueName)`},
		"dead letters by a name": {"dev", []string{"deadLetterQueueName", "failed"},
			`deadLetterQueueName: "failed": the name of a FIFO queue ends in .fifo`},
		"key elsewhere": {"dev",
			[]string{"queueKmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d"},
			"needs to be a key of aws:region (us-west-2); SQS uses no other"},
		"key of logs elsewhere": {"dev",
			[]string{"logKmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d"},
			"needs to be a key of aws:region (us-west-2); CloudWatch Logs uses no other"},
		"previous key by alias": {"dev", []string{"previousQueueKmsKeyArns", `["alias/old"]`},
			`previousQueueKmsKeyArns[0]: "alias/old": needs to be an ARN of the form arn:aws:kms`},
		// service, alarms, provider
		"service with a blank": {"dev", []string{"serviceName", "my jobs"},
			`serviceName: "my jobs": needs to be 1 to 255 letters, digits, - and _`},
		"never for a year": {"dev", []string{"neverStoppingHours", "8760"},
			"neverStoppingHours: 8760: needs to be 1 to 168 (a week, the longest an alarm looks back, or 0 " +
				"for no such alarm)"},
		"paused, in words": {"dev", []string{"paused", "for now"},
			`paused: "for now": needs to be true or false`},
		"name of 300 bytes": {"dev", []string{"alarmNames", `{"stuck":"` + strings.Repeat("ü", 150) +
			`"}`}, "has 300 bytes; CloudWatch takes 255"},
		"role to assume": {"dev", []string{"aws:assumeRole", `{"roleArn":"deploy"}`},
			`aws:assumeRole: "deploy": needs a roleArn, such as arn:aws:iam::123456789012:role/deploy`},
		"retry mode": {"dev", []string{"aws:retryMode", "legacy"},
			`aws:retryMode: "legacy": needs to be standard or adaptive`},
		"no such endpoint": {"dev", []string{"aws:endpoints", `[{"queues":"https://x"}]`},
			`aws:endpoints: "queues": is not a service of the AWS provider`},
		"forbidden account": {"dev", []string{"aws:forbiddenAccountIds", `["prod"]`},
			`aws:forbiddenAccountIds: "prod": needs to be an AWS account id of 12 digits`},
	}
	require.GreaterOrEqual(t, len(cases), 40)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overrides := map[string]string{}
			for i := 0; i < len(tc.pairs); i += 2 {
				full := tc.pairs[i]
				if !strings.Contains(full, ":") {
					full = key(full)
				}
				overrides[full] = tc.pairs[i+1]
			}
			for _, preview := range []bool{false, true} {
				o := options(t, tc.stack, overrides)
				o.Preview = preview
				p, err := plan.Of(Declare(".."), o)
				require.ErrorContains(t, err, tc.want)
				assert.Empty(t, p.Resources, "nothing is registered")
			}
		})
	}
	t.Logf("%d bad values", len(cases))
}
