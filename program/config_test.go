package program

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

// TestBadConfiguration: each error names the key, the value and what would be
// right, and nothing is registered.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	const kms = "arn:aws:kms:us-west-2:123456789012:key/1"
	prod := func(pairs ...string) (string, []string) { return "prod", pairs }
	dev := func(pairs ...string) (string, []string) { return "dev", pairs }
	type given = func(pairs ...string) (string, []string)
	long := strings.Repeat("x", 1100)
	cases := map[string]struct {
		on    given
		pairs []string // key, value, ...
		want  string
	}{
		// AWS
		"no region": {dev, []string{"aws:region", ""},
			`aws:region: "": needs to be an AWS region`},
		"no such region": {dev, []string{"aws:region", "Ireland"},
			`aws:region: "Ireland": needs to be an AWS region, such as eu-west-1`},
		"tags not in tags": {dev, []string{"aws:defaultTags", `{"team":"jobs"}`},
			`aws:defaultTags: "{\"team\":\"jobs\"}": needs to be of the form {tags:`},
		"account id too short": {dev, []string{"aws:allowedAccountIds", `["123"]`},
			`aws:allowedAccountIds: "123": needs to be an AWS account id of 12 digits`},
		// network
		"subnets without VPC": {dev, []string{"subnetIds", `["subnet-0123456789abcdef0"]`},
			"subnetIds: [subnet-0123456789abcdef0]: belong to an existing VPC"},
		"groups without VPC": {dev, []string{"securityGroupIds", `["sg-0123456789abcdef0"]`},
			"securityGroupIds: [sg-0123456789abcdef0]: belong to an existing VPC"},
		"new VPC, no address": {dev, []string{"assignPublicIp", "false"},
			"assignPublicIp: false: a new VPC has public subnets and no NAT gateway"},
		"VPC by name": {prod, []string{"vpcId", "main"}, `vpcId: "main": needs to be a VPC id`},
		"subnet by name": {prod, []string{"subnetIds", `["a"]`},
			`subnetIds[0]: "a": needs to be a subnet id`},
		"group by name": {prod, []string{"securityGroupIds", `["default"]`},
			`securityGroupIds[0]: "default": needs to be a security group id`},
		"subnets no list": {prod, []string{"subnetIds", `subnet-0123456789abcdef0`},
			`subnetIds: "subnet-0123456789abcdef0": needs to be a list of texts`},
		"cluster by ARN": {prod,
			[]string{"clusterName", "arn:aws:ecs:us-west-2:123456789012:cluster/apps"},
			`clusterName: "arn:aws:ecs:us-west-2:123456789012:cluster/apps": needs to be the name of a ` +
				`cluster, not its ARN`},
		// image
		"tag without repository": {dev, []string{"imageTag", "v1"},
			`imageTag: "v1": selects an image in an existing repository`},
		"digest without repository": {dev, []string{"imageDigest", "sha256:" + strings.Repeat("0", 64)},
			"selects an image in an existing repository"},
		"no tag, no digest": {prod, []string{"imageTag", ""},
			`repositoryName: "jobs": needs one of imageTag and imageDigest`},
		"tag and digest": {prod, []string{"imageDigest", "sha256:" + strings.Repeat("0", 64)},
			`repositoryName: "jobs": needs one of imageTag and imageDigest`},
		"no such tag": {prod, []string{"imageTag", "v 1"},
			`imageTag: "v 1": is not a valid tag`},
		"short digest": {prod, []string{"imageTag", "", "imageDigest", "sha256:12"},
			`imageDigest: "sha256:12": needs to be sha256: and 64 hex digits`},
		// task
		"no such architecture": {dev, []string{"architecture", "amd64"},
			`architecture: "amd64": needs to be one of x86_64, arm64`},
		"no such CPU": {dev, []string{"cpu", "300"}, "cpu: 300: Fargate has 256, 512"},
		"CPU no number": {dev, []string{"cpu", "a quarter"},
			`cpu: "a quarter": needs to be a whole number`},
		"CPU zero": {dev, []string{"cpu", "0"}, "cpu: 0: needs to be above 0"},
		"memory not with the CPU": {dev, []string{"cpu", "256", "memory", "4096"},
			"memory: 4096: with cpu 256 Fargate offers 512 to 2048 MiB in steps of 512, without 1536"},
		"memory between the steps": {dev, []string{"cpu", "1024", "memory", "2500"},
			"memory: 2500: with cpu 1024 Fargate offers 2048 to 8192 MiB in steps of 1024"},
		"1536 MiB": {dev, []string{"memory", "1536"}, "memory: 1536:"},
		"disk too small": {dev, []string{"ephemeralStorageGiB", "20"},
			"ephemeralStorageGiB: 20: needs to be 21 to 200"},
		"disk too large": {dev, []string{"ephemeralStorageGiB", "201"},
			"ephemeralStorageGiB: 201: needs to be 21 to 200"},
		"read-only with exec": {dev, []string{"enableExecuteCommand", "true"},
			"readonlyRootFilesystem: true: ECS Exec writes to the root file system"},
		"no such retention": {dev, []string{"logRetentionDays", "31"},
			`logRetentionDays: "31": needs to be one of 1, 3, 5, 7, 14, 30,`},
		"variable with a dash": {dev, []string{"environment", `{"LOG-LEVEL":"x"}`},
			`environment.LOG-LEVEL: "LOG-LEVEL": is not a valid name of an environment variable`},
		"our own variable": {dev, []string{"environment", `{"QUEUE_URL":"x"}`},
			`environment.QUEUE_URL: "QUEUE_URL": is set by the component`},
		"number as a variable": {dev, []string{"environment", `{"N":1}`},
			`environment: "{\"N\":1}": needs to be a map of texts; quote numbers`},
		"variable and secret": {prod, []string{"secrets", `{"ENV":"/prod/env"}`},
			`environment.ENV: "ENV": is also in secrets`},
		"our own secret": {prod, []string{"secrets", `{"DLQ_URL":"/x"}`},
			`secrets.DLQ_URL: "DLQ_URL": is set by the component`},
		"secret of another kind": {prod, []string{"secrets", `{"A":"arn:aws:s3:::bucket"}`},
			`secrets.A: "arn:aws:s3:::bucket": needs to be the ARN of an SSM parameter or a Secrets ` +
				`Manager secret`},
		"SSM document": {prod,
			[]string{"secrets", `{"A":"arn:aws:ssm:us-west-2:123456789012:document/x"}`},
			"secrets.A: \"arn:aws:ssm:us-west-2:123456789012:document/x\": needs to be the ARN of a " +
				"parameter"},
		"secrets manager, no secret": {prod, []string{"secrets",
			`{"A":"arn:aws:secretsmanager:us-west-2:123456789012:x"}`}, "needs to be the ARN of a secret"},
		"parameter with a space": {prod, []string{"secrets", `{"A":"my secret"}`},
			`secrets.A: "my secret": is not a valid name of an SSM parameter`},
		"key by alias": {prod, []string{"kmsKeyArn", "alias/jobs"},
			`kmsKeyArn: "alias/jobs": needs to be an ARN of the form ` +
				`arn:aws:kms:<region>:<account>:key/<name>`},
		"key of another kind": {prod,
			[]string{"kmsKeyArn", "arn:aws:sqs:us-west-2:123456789012:jobs.fifo"},
			`kmsKeyArn: "arn:aws:sqs:us-west-2:123456789012:jobs.fifo": needs to be an ARN of the form ` +
				`arn:aws:kms`},
		"command no list": {dev, []string{"command", "python job.py"},
			`command: "python job.py": needs to be a list of texts`},
		// identity
		"statement without action": {prod, []string{"taskPolicyStatements", `[{"resources":["` + kms +
			`"]}]`}, "taskPolicyStatements[0].actions: []: needs at least one action"},
		"statement without resource": {prod,
			[]string{"taskPolicyStatements", `[{"actions":["s3:GetObject"]}]`},
			`taskPolicyStatements[0].resources: "": needs at least one ARN`},
		"action without service": {prod,
			[]string{"taskPolicyStatements", `[{"actions":["GetObject"],"resources":["*"]}]`},
			`taskPolicyStatements[0].actions: "GetObject": is not an IAM action`},
		"resource no ARN": {prod,
			[]string{"taskPolicyStatements", `[{"actions":["s3:GetObject"],"resources":["bucket"]}]`},
			`taskPolicyStatements[0].resources[0]: "bucket": needs to be an ARN`},
		"no such effect": {prod,
			[]string{"taskPolicyStatements",
				`[{"effect":"allow","actions":["s3:GetObject"],"resources":["*"]}]`},
			`taskPolicyStatements[0].effect: "allow": needs to be one of Allow, Deny`},
		"statement with a slip": {prod,
			[]string{"taskPolicyStatements", `[{"action":["s3:GetObject"]}]`},
			`needs to be a list of {effect, actions, resources, conditions}: there is no field "action"`},
		// queue
		"name without .fifo": {prod, []string{"queueName", "jobs"},
			`queueName: "jobs": the name of a FIFO queue ends in .fifo`},
		"name too long": {prod, []string{"queueName", strings.Repeat("q", 80) + ".fifo"},
			"has at most 80 letters"},
		"name with a dot": {prod, []string{"queueName", "my.jobs.fifo"},
			`queueName: "my.jobs.fifo": the name of a FIFO queue`},
		"visibility over 12 h": {prod, []string{"visibilityTimeoutSeconds", "43201"},
			"visibilityTimeoutSeconds: 43201: needs to be 1 to 43200 (12 hours, the most SQS allows)"},
		"visibility zero": {prod, []string{"visibilityTimeoutSeconds", "0"},
			"visibilityTimeoutSeconds: 0: needs to be above 0"},
		"retention too short": {dev, []string{"messageRetentionSeconds", "59"},
			"messageRetentionSeconds: 59: needs to be 60 to 1209600"},
		"retention below visibility": {prod, []string{"messageRetentionSeconds", "3600"},
			"messageRetentionSeconds: 3600: below visibilityTimeoutSeconds (43200)"},
		"receives over 1000": {dev, []string{"maxReceiveCount", "1001"},
			"maxReceiveCount: 1001: needs to be 1 to 1000"},
		"negative receives": {dev, []string{"maxReceiveCount", "-1"},
			"maxReceiveCount: -1: needs to be 1 to 1000"},
		"queue key of another kind": {dev, []string{"queueKmsKeyArn", "alias/aws/sqs"},
			`queueKmsKeyArn: "alias/aws/sqs": needs to be an ARN`},
		"producer topic not FIFO": {dev,
			[]string{"producerTopicArns", `["arn:aws:sns:us-west-2:123456789012:orders"]`},
			"producerTopicArns[0]: \"arn:aws:sns:us-west-2:123456789012:orders\": only an SNS FIFO topic"},
		"producer no topic": {dev, []string{"producerTopicArns", `["orders.fifo"]`},
			`producerTopicArns[0]: "orders.fifo": needs to be an ARN of the form arn:aws:sns`},
		"producer account as a name": {dev, []string{"producerAccountIds", `["billing"]`},
			`producerAccountIds[0]: "billing": needs to be an AWS account id of 12 digits`},
		"producer account, no quotes": {dev, []string{"producerAccountIds", `[123456789012]`},
			`producerAccountIds: "[123456789012]": needs to be a list of texts`},
		"flag no flag": {dev, []string{"highThroughput", "yes please"},
			`highThroughput: "yes please": needs to be true or false`},
		"deduplication no flag": {dev, []string{"contentBasedDeduplication", "maybe"},
			`contentBasedDeduplication: "maybe": needs to be true or false`},
		// service
		"log key by alias": {dev, []string{"logKmsKeyArn", "alias/logs"},
			`logKmsKeyArn: "alias/logs": needs to be an ARN of the form arn:aws:kms:`},
		"topic by name": {dev, []string{"alarmTopicArn", "on-call"},
			`alarmTopicArn: "on-call": needs to be an ARN of the form arn:aws:sns:`},
		"FIFO topic": {dev,
			[]string{"alarmTopicArn", "arn:aws:sns:us-west-2:123456789012:on-call.fifo"},
			`alarms cannot publish to an SNS FIFO topic; name one without .fifo`},
		"topic elsewhere": {dev, []string{"alarmTopicArn",
			"arn:aws:sns:us-east-1:123456789012:on-call"}, "needs to be a topic of aws:region (us-west-2)"},
		"subscription": {dev, []string{"alarmTopicArn",
			"arn:aws:sns:us-west-2:123456789012:on-call:0a1b2c3d"}, "not of a subscription to it"},
		"message too old": {dev, []string{"oldestMessageMinutes", "20161"},
			"oldestMessageMinutes: 20161: needs to be 1 to 20160 (14 days, the longest a message is kept, " +
				"or 0 for no such alarm)"},
		"not starting at once": {dev, []string{"notStartingMinutes", "2"},
			"notStartingMinutes: 2: needs to be 3 to 1440 (a day, the longest an alarm looks back, or 0 " +
				"for no such alarm)"},
		"stuck for two days": {dev, []string{"stuckMinutes", "2880"},
			"stuckMinutes: 2880: needs to be 3 to 1440"},
		"at maximum, in words": {dev, []string{"atMaximumMinutes", "an hour"},
			`atMaximumMinutes: "an hour": needs to be a whole number`},
		"dashboard in words": {dev, []string{"dashboard", "yes please"},
			`dashboard: "yes please": needs to be true or false`},
		"spot over 100": {dev, []string{"spotPercent", "101"},
			"spotPercent: 101: needs to be 0 to 100"},
		"base without spot": {dev, []string{"onDemandBase", "1"},
			"onDemandBase: 1: means nothing without spotPercent"},
		"base with all spot": {dev, []string{"onDemandBase", "1", "spotPercent", "100"},
			"onDemandBase: 1: does not go with spotPercent 100"},
		"minimum health": {dev, []string{"deploymentMinimumHealthyPercent", "101"},
			"deploymentMinimumHealthyPercent: 101: needs to be 0 to 100"},
		"maximum below 100": {dev, []string{"deploymentMaximumPercent", "50"},
			"deploymentMaximumPercent: 50: needs to be 100 to 200"},
		"no room for a deployment": {dev, []string{"deploymentMaximumPercent", "100"},
			"deploymentMaximumPercent: 100: together with deploymentMinimumHealthyPercent 100 no task may " +
				"start or stop"},
		// scaling
		"min above max": {dev, []string{"minCapacity", "6"},
			"minCapacity: 6: is above maxCapacity (5)"},
		"negative min": {dev, []string{"minCapacity", "-1"},
			"minCapacity: -1: needs to be 0 to 5000"},
		"max zero": {dev, []string{"maxCapacity", "0"}, "maxCapacity: 0: needs to be above 0"},
		"max a fraction": {dev, []string{"maxCapacity", "1.5"},
			`maxCapacity: "1.5": needs to be a whole number`},
		"no such adjustment": {dev, []string{"adjustmentType", "Exact"},
			`adjustmentType: "Exact": needs to be one of ChangeInCapacity, ExactCapacity, ` +
				`PercentChangeInCapacity`},
		"percent from zero": {prod, []string{"adjustmentType", "PercentChangeInCapacity"},
			"minAdjustmentMagnitude: 0: a percentage of zero tasks is zero"},
		"magnitude, no percent": {prod, []string{"minAdjustmentMagnitude", "1"},
			"minAdjustmentMagnitude: 1: goes only with adjustmentType PercentChangeInCapacity, not " +
				"ChangeInCapacity"},
		"negative magnitude": {prod, []string{"minAdjustmentMagnitude", "-1"},
			"minAdjustmentMagnitude: -1: needs to be 1 task or more"},
		"no steps": {prod, []string{"scalingSteps", `[]`},
			"scalingSteps: []: needs at least one step"},
		"step without change": {prod, []string{"scalingSteps", `[{"lower":1}]`},
			`scalingSteps[0].change: "": is required`},
		"step with a slip": {prod, []string{"scalingSteps", `[{"lowr":1,"change":1}]`},
			`needs to be a list of {lower, upper, change} in whole numbers: there is no field "lowr"`},
		"step with a text": {prod, []string{"scalingSteps", `[{"lower":1,"change":"2"}]`},
			`in whole numbers: change is of type string, and needs to be a whole number`},
		"steps that overlap": {prod,
			[]string{"scalingSteps", `[{"lower":1,"upper":20,"change":1},{"lower":10,"change":3}]`},
			"scalingSteps[1]: {lower: 10, change: +3}: overlaps {lower: 1, upper: 20, change: +1}"},
		"exact keeps one": {dev,
			[]string{"adjustmentType", "ExactCapacity", "scalingSteps",
				`[{"upper":1,"change":1},{"lower":2,"change":3}]`},
			"an empty queue keeps 1 task, above minCapacity (0)"},
		"cooldown too long": {dev, []string{"scaleOutCooldownSeconds", "3601"},
			"scaleOutCooldownSeconds: 3601: needs to be 1 to 3600"},
		"negative cooldown": {dev, []string{"scaleInCooldownSeconds", "-5"},
			"scaleInCooldownSeconds: -5: needs to be 1 to 3600"},
		"idle too soon": {prod, []string{"idleMinutes", "2"},
			"idleMinutes: 2: needs to be at least 3 minutes with the guard"},
		"idle over a day": {prod, []string{"idleMinutes", "1441"},
			"idleMinutes: 1441: needs to be at most 1440"},
		"unguarded over a day": {prod, []string{"idleUnguarded", "true", "idleMinutes", "1441"},
			"idleMinutes: 1441: needs to be 1 to 1440"},
		"idle percent zero": {prod, []string{"idleCpuPercent", "0"},
			`idleCpuPercent: "0": needs to be a number above 0`},
		"idle percent over 100": {prod, []string{"idleCpuPercent", "101"},
			"idleCpuPercent: 101: needs to be above 0 and at most 100"},
		"idle percent no number": {prod, []string{"idleCpuPercent", "NaN"},
			"idleCpuPercent: NaN: needs to be above 0"},
		"no such alarm": {prod, []string{"alarmNames", `{"cpu":"x"}`},
			`alarmNames.cpu: "cpu": is not an alarm; there are scaleOut, scaleIn, idle, deadLetters,`},
		"alarm names twice": {prod, []string{"alarmNames", `{"idle":"x","scaleOut":"x"}`},
			`alarmNames.scaleOut: "x": is also the name of the idle alarm`},
		"alarm name too long": {prod, []string{"alarmNames", `{"idle":"` + long + `"}`},
			"has 1100 bytes; CloudWatch takes 255"},
		"description too long": {prod, []string{"alarmDescriptions", `{"idle":"` + long + `"}`},
			"has 1100 bytes; the AWS provider takes 1024"},
	}
	require.GreaterOrEqual(t, len(cases), 50)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stack, pairs := tc.on(tc.pairs...)
			overrides := map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				full := pairs[i]
				if !strings.Contains(full, ":") {
					full = key(full)
				}
				overrides[full] = pairs[i+1]
			}
			p, err := plan.Of(Declare(".."), options(t, stack, overrides))
			require.ErrorContains(t, err, tc.want)
			assert.Empty(t, p.Resources, "nothing is registered")
		})
	}
}

func TestSeveralErrorsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	p, err := plan.Of(Declare(".."), options(t, "dev", map[string]string{
		"aws:region": "moon", key("cpu"): "1", key("minCapacity"): "9", key("queueName"): "jobs",
		key("spotPercent"): "x",
	}))
	for _, want := range []string{"the configuration of stack dev is not right", "aws:region", "cpu: 1",
		"minCapacity: 9", "queueName", `spotPercent: "x"`} {
		require.ErrorContains(t, err, want)
	}
	assert.Empty(t, p.Resources)
}

// TestUnknownKeys is not parallel: only the language host's variable lists the keys.
func TestUnknownKeys(t *testing.T) {
	config := stackConfig(t, "dev", map[string]string{key("maxCapcity"): "3", "aws:assumeRoles": "x",
		"other:key": "y"})
	text, err := json.Marshal(config)
	require.NoError(t, err)
	t.Setenv(pulumi.EnvConfig, string(text))
	_, err = plan.Of(Declare(".."), plan.Options{Project: project, Stack: "dev", Account: account(t),
		Config: config})
	require.ErrorContains(t, err,
		`fargate-queue-worker:maxCapcity: "3": is not a configuration key of this program; did you mean `+
			`maxCapacity?`)
	require.ErrorContains(t, err,
		`aws:assumeRoles: "x": is not handed on to the AWS provider of this program; did you mean `+
			`assumeRole?`)
	assert.NotContains(t, err.Error(), "other:key", "other namespaces are none of our business")
}

func TestSecretValuesAreNotPrinted(t *testing.T) {
	t.Parallel()
	o := options(t, "dev", map[string]string{key("environment"): `{"TOKEN": 12345}`})
	o.SecretKeys = []string{key("environment")}
	_, err := plan.Of(Declare(".."), o)
	require.ErrorContains(t, err, `environment: "(secret)"`)
	assert.NotContains(t, err.Error(), "12345")
}

func TestEncryptedEnvironmentStaysSecret(t *testing.T) {
	t.Parallel()
	o := options(t, "dev", map[string]string{key("environment"): `{"TOKEN": "hush"}`})
	o.SecretKeys = []string{key("environment")}
	p, err := plan.Of(Declare(".."), o)
	require.NoError(t, err)
	task, ok := p.Find("aws:ecs/taskDefinition:TaskDefinition", "worker-task")
	require.True(t, ok)
	assert.NotNil(t, task.RPC.GetObject().GetFields()["containerDefinitions"].GetStructValue(),
		"a secret is an object with a signature")
}

// TestPulumiYamlDescribesEveryKey: a key that is read but not declared has no
// description, and one declared but not read does nothing.
func TestPulumiYamlDescribesEveryKey(t *testing.T) {
	t.Parallel()
	stack, err := stackfile.Load("..", "dev")
	require.NoError(t, err)
	var read []string
	_, err = plan.Of(func(ctx *pulumi.Context) error {
		r := &configReader{ctx: ctx, asked: map[string]bool{}}
		r.config()
		for full := range r.asked {
			if name, ours := strings.CutPrefix(full, project+":"); ours {
				read = append(read, name)
			}
		}
		return nil
	}, options(t, "dev", nil))
	require.NoError(t, err)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(stack.Project.Config)), read)
	for name, declared := range stack.Project.Config {
		assert.NotEmpty(t, declared.Description, name)
		assert.NotNil(t, declared.Default, "%s would be required of every stack", name)
	}
}

// TestPulumiYamlStatesTheDefaults: without any configuration the components come to
// the same as with the defaults of Pulumi.yaml.
func TestPulumiYamlStatesTheDefaults(t *testing.T) {
	t.Parallel()
	stack, err := stackfile.Load("..", "dev")
	require.NoError(t, err)
	stack.Settings.Config = nil
	// without it there are no alarms to have defaults
	const topic = "arn:aws:sns:us-west-2:123456789012:on-call"
	defaults, err := stack.Values()
	require.NoError(t, err)
	defaults["aws:region"] = "us-west-2"
	defaults[key("alarmTopicArn")] = topic
	inputsOf := func(config map[string]string) map[string]map[string]any {
		p, err := plan.Of(Declare(".."), plan.Options{Project: project, Stack: "dev", Account: account(t),
			Config: config})
		require.NoError(t, err)
		all := map[string]map[string]any{}
		for _, r := range p.Resources {
			all[r.Type+" "+r.Name] = r.Inputs
		}
		return all
	}
	assert.Equal(t, inputsOf(map[string]string{"aws:region": "us-west-2", key("assignPublicIp"): "true",
		key("alarmTopicArn"): topic}), inputsOf(defaults))
}

// TestEveryKeyIsInAGoldenStack: so that each has a plan to review, and is deployed by the
// sandbox.
func TestEveryKeyIsInAGoldenStack(t *testing.T) {
	t.Parallel()
	set := map[string]bool{}
	var declared []string
	for _, stack := range goldenStacks {
		loaded, err := stackfile.LoadFrom("..", folderOf(stack), stack)
		require.NoError(t, err)
		declared = slices.Collect(maps.Keys(loaded.Project.Config))
		for full := range loaded.Settings.Config {
			set[full.Name()] = true
		}
	}
	for _, name := range declared {
		assert.True(t, set[name], "%s is in no golden stack", name)
	}
}

// TestOneSlipIsOneError: what follows from a list that cannot be read is not told, and Go's
// names are not those of the file.
func TestOneSlipIsOneError(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]string{
		"a misspelt field": `[{"lower":1,"chnge":2}]`, "a text": `[{"lower":1,"change":"2"}]`,
		"no list": `{"lower":1}`,
	} {
		_, err := plan.Of(Declare(".."), options(t, "prod", map[string]string{key("scalingSteps"): steps}))
		require.ErrorContains(t, err, "scalingSteps: ", name)
		assert.Equal(t, 1, strings.Count(err.Error(), "scalingSteps"), err.Error())
		assert.NotContains(t, err.Error(), "json", name)
		assert.NotContains(t, err.Error(), "Go ", name)
	}
}
