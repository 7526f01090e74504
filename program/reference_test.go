package program

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

// providerKeys are the keys of aws: that the program hands on to its provider.
var providerKeys = map[string]string{
	"aws:region": "string | Region of the stack. Required.",
	"aws:profile": "string | Profile of the AWS credentials. In a committed file it has " +
		"to exist wherever the stack is deployed.",
	"aws:defaultTags": "object | Tags of every resource, as `{tags: {name: value}}`.",
	"aws:ignoreTags": "object | Tags that others put on resources, as `{keys: [name], " +
		"keyPrefixes: [start]}`. They are no drift.",
	"aws:allowedAccountIds":   "array | Accounts that the stack may be deployed to; quote them.",
	"aws:forbiddenAccountIds": "array | Accounts that the stack may not be deployed to; quote them.",
	"aws:assumeRole": "object | Role to deploy with, as `{roleArn, sessionName, externalId, " +
		"duration, policy, policyArns, sourceIdentity, tags, transitiveTagKeys}`.",
	"aws:sharedConfigFiles":         "array | Files of AWS configuration, in place of ~/.aws/config.",
	"aws:sharedCredentialsFiles":    "array | Files of AWS credentials, in place of ~/.aws/credentials.",
	"aws:endpoints":                 "array | Endpoints of services, as `[{sqs: https://...}]`.",
	"aws:customCaBundle":            "string | File of certificate authorities.",
	"aws:httpProxy":                 "string | Proxy for HTTP.",
	"aws:httpsProxy":                "string | Proxy for HTTPS.",
	"aws:noProxy":                   "string | Hosts that are reached without a proxy.",
	"aws:retryMode":                 "string | standard or adaptive.",
	"aws:maxRetries":                "integer | Retries of a call.",
	"aws:stsRegion":                 "string | Region of the STS that is asked for credentials.",
	"aws:skipCredentialsValidation": "boolean | Do not ask STS whether the credentials are valid.",
	"aws:skipMetadataApiCheck":      "boolean | Do not look for credentials of an EC2 instance.",
	"aws:skipRequestingAccountId":   "boolean | Do not ask for the account's id.",
}

// TestConfigurationReference keeps docs/configuration.md as Pulumi.yaml has it:
// go test ./program -update.
func TestConfigurationReference(t *testing.T) {
	t.Parallel()
	const file = "../docs/configuration.md"
	got := reference(t)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "if the change is meant: go test ./program -update")
}

// TestProviderKeysAreRead: the reference names each key of aws: that the program reads.
func TestProviderKeysAreRead(t *testing.T) {
	t.Parallel()
	var read, documented []string
	_, err := plan.Of(func(ctx *pulumi.Context) error {
		r := &configReader{ctx: ctx, asked: map[string]bool{}}
		r.config()
		for key := range r.asked {
			if strings.HasPrefix(key, "aws:") {
				read = append(read, key)
			}
		}
		return nil
	}, options(t, "dev", nil))
	require.NoError(t, err)
	for key := range providerKeys {
		documented = append(documented, key)
	}
	assert.ElementsMatch(t, documented, read)
	var known []string
	for _, name := range stackfile.ProviderKeys {
		known = append(known, "aws:"+name)
	}
	assert.ElementsMatch(t, known, read, "the sandbox refuses what the program would")
}

// reference renders Pulumi.yaml in its order; its comments are the headings.
func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &document))
	project := document.Content[0]
	i := slices.IndexFunc(project.Content, func(n *yaml.Node) bool { return n.Value == "config" })
	keys := project.Content[i+1]

	var page strings.Builder
	page.WriteString(`# Configuration

<!-- Written from Pulumi.yaml by go test ./program -update; change it there. -->

The keys of a stack, in ` + "`Pulumi.<stack>.yaml`" + ` or by ` + "`pulumi config set`" + `. A wrong value
fails before anything is created, and so does a key that is not in these tables; a wrong
type is refused by Pulumi itself, one at a time. Lists
and maps are set with ` + "`pulumi config set --path 'scalingSteps[0].lower' 1`" + `, or written
into the file.
`)
	for j := 0; j < len(keys.Content); j += 2 {
		name, declared := keys.Content[j], keys.Content[j+1]
		if name.HeadComment != "" {
			heading(&page, name.HeadComment)
		}
		var key struct {
			Type, Description string
			Default           any
		}
		require.NoError(t, declared.Decode(&key))
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", name.Value, key.Type, defaultOf(t, key.Default),
			strings.ReplaceAll(key.Description, "|", "\\|"))
	}
	page.WriteString("\n## The AWS provider\n\nThe program makes its provider itself and hands on these " +
		"keys of `aws:`, no others: credentials\ncome from the environment.\n\n| key | type | what it is " +
		"|\n|---|---|---|\n")
	for _, key := range sortedKeys(providerKeys) {
		fmt.Fprintf(&page, "| `%s` | %s |\n", key, providerKeys[key])
	}
	return page.String()
}

// heading begins a table; what follows the first sentence of the comment explains it.
func heading(page *strings.Builder, comment string) {
	comment = strings.TrimSpace(strings.TrimPrefix(comment, "#"))
	title, rest, _ := strings.Cut(comment, ". ")
	fmt.Fprintf(page, "\n## %s\n\n", strings.TrimSuffix(title, "."))
	if rest != "" {
		page.WriteString(rest + "\n\n")
	}
	page.WriteString("| key | type | default | what it is |\n|---|---|---|---|\n")
}

// defaultOf shows nothing for an empty default: the description says what that means.
func defaultOf(t *testing.T, value any) string {
	t.Helper()
	if value == "" {
		return ""
	}
	if text, ok := value.(string); ok {
		return "`" + text + "`"
	}
	text, err := json.Marshal(value)
	require.NoError(t, err)
	if s := string(text); s != "[]" && s != "{}" {
		return "`" + s + "`"
	}
	return ""
}
