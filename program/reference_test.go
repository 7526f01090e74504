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

// TestProviderKeysAreRead: the keys that the sandbox and the reference know are those that the
// program reads.
func TestProviderKeysAreRead(t *testing.T) {
	t.Parallel()
	var read, known []string
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
	for key := range stackfile.ProviderKeys {
		known = append(known, "aws:"+key)
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
	for _, key := range sortedKeys(stackfile.ProviderKeys) {
		fmt.Fprintf(&page, "| `aws:%s` | %s |\n", key, stackfile.ProviderKeys[key])
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
