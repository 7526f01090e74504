package program

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/components"
	"fargate-queue-worker/sandbox/plan"
)

// withoutKey are arguments that no key stands for, or whose errors name no key: what the
// program itself brings, and switches that take any value.
var withoutKey = []string{
	"Task.RepositoryARN", "Task.ProtectsItself", "Queue.ContentBasedDeduplication", "Queue.HighThroughput",
	"Queue.Protect", "Service.AssignPublicIP", "Scaling.SuspendScaleIn", "Scaling.SuspendScaleOut",
	"Scaling.Paused", "Operations.Dashboard", "Tags", "Spelling", "WatchKeys",
}

// TestEveryArgumentHasAKey: an error of components would otherwise name Go's path to people
// who have never seen it.
func TestEveryArgumentHasAKey(t *testing.T) {
	t.Parallel()
	args := reflect.TypeFor[components.QueueWorkerArgs]()
	var paths []string
	for _, part := range reflect.VisibleFields(args) {
		if part.Type.Kind() != reflect.Struct {
			paths = append(paths, part.Name)
			continue
		}
		for _, field := range reflect.VisibleFields(part.Type) {
			if field.Name == "Idle" {
				for _, idle := range reflect.VisibleFields(field.Type) {
					paths = append(paths, "Scaling.Idle."+idle.Name)
				}
				continue
			}
			paths = append(paths, part.Name+"."+field.Name)
		}
	}
	for _, path := range paths {
		_, has := keys[path]
		assert.NotEqual(t, has, contains(withoutKey, path),
			"%s: belongs into keys of keys.go, or into withoutKey here", path)
	}
	for path := range keys {
		component, _, _ := strings.Cut(path, ".")
		if component != "Network" && component != "Cluster" && component != "Image" {
			assert.Contains(t, paths, path, "there is no such argument")
		}
	}
}

func contains(list []string, text string) bool {
	for _, item := range list {
		if item == text {
			return true
		}
	}
	return false
}

func TestKeyOf(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"Scaling.MaxCapacity":                           "maxCapacity",
		"Queue.ProducerTopicARNs[1]":                    "producerTopicArns[1]",
		"Task.Environment[LOG-LEVEL]":                   "environment.LOG-LEVEL",
		"Task.Sidecars[0][dependsOn]":                   "sidecars[0].dependsOn",
		"Task.Volumes[2].EFS.FileSystemID":              "volumes[2].efs.fileSystemId",
		"Task.HealthCheck.IntervalSeconds":              "healthCheck.interval",
		"Queue.Existing.KMSKeyARN":                      "existingQueue.kmsKeyArn",
		"Identity.TaskPolicyStatements[0].Resources[1]": "taskPolicyStatements[0].resources[1]",
		"AlarmLabels[idle].Name":                        "alarmNames.idle",
		"AlarmLabels[idle].Description":                 "alarmDescriptions.idle",
		"name":                                          "name",
	}
	for path, want := range cases {
		assert.Equal(t, want, keyOf(path))
	}
}

// TestAWSKeysReachTheProvider: all of them.
func TestAWSKeysReachTheProvider(t *testing.T) {
	t.Parallel()
	p, err := plan.Of(Declare(".."), options(t, "dev", map[string]string{
		"aws:assumeRole": `{"roleArn":"arn:aws:iam::123456789012:role/deploy","sessionName":"s",` +
			`"externalId":"x","duration":"1h","tags":{"a":"b"},"policyArns":["p"]}`,
		"aws:ignoreTags":          `{"keys":["owner"],"keyPrefixes":["org:"]}`,
		"aws:endpoints":           `[{"sqs":"https://sqs"},{"ecs":"https://ecs"}]`,
		"aws:forbiddenAccountIds": `["210987654321"]`, "aws:sharedConfigFiles": `["a"]`,
		"aws:sharedCredentialsFiles": `["b"]`,
		"aws:customCaBundle":         "ca", "aws:httpProxy": "p", "aws:httpsProxy": "q", "aws:noProxy": "n",
		"aws:retryMode":  "adaptive",
		"aws:maxRetries": "5", "aws:stsRegion": "us-east-1", "aws:skipCredentialsValidation": "true",
		"aws:skipMetadataApiCheck": "true", "aws:skipRequestingAccountId": "true",
	}))
	require.NoError(t, err)
	provider, ok := p.Find("pulumi:providers:aws", "aws")
	require.True(t, ok)
	in := provider.Inputs
	assert.Equal(t, map[string]any{
		"roleArn": "arn:aws:iam::123456789012:role/deploy", "sessionName": "s", "externalId": "x",
		"duration": "1h",
		"tags":     map[string]any{"a": "b"}, "policyArns": []any{"p"},
	}, in["assumeRole"])
	assert.Equal(t, map[string]any{"keys": []any{"owner"}, "keyPrefixes": []any{"org:"}}, in["ignoreTags"])
	assert.Equal(t, []any{map[string]any{"ecs": "https://ecs"}, map[string]any{"sqs": "https://sqs"}},
		in["endpoints"])
	for key, want := range map[string]any{
		"forbiddenAccountIds": []any{"210987654321"}, "sharedConfigFiles": []any{"a"},
		"sharedCredentialsFiles": []any{"b"},
		"customCaBundle":         "ca", "httpProxy": "p", "httpsProxy": "q", "noProxy": "n",
		"retryMode":  "adaptive",
		"maxRetries": 5.0,
		"stsRegion":  "us-east-1", "skipCredentialsValidation": true, "skipMetadataApiCheck": true,
		"skipRequestingAccountId": true,
	} {
		assert.Equal(t, want, in[key], key)
	}
}
