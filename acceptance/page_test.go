package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of docs/on-aws.md anew")

// table is that of the page: what each case settles, and what to change.
func table(cases []Case) string {
	var b strings.Builder
	b.WriteString("| case | minutes | assumed | if it comes out otherwise |\n|---|---|---|---|\n")
	for _, c := range cases {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c.Name, c.Minutes, cell(c.Assumed), cell(c.IfNot))
	}
	return b.String()
}

// TestThePageHasTheCases as they are.
func TestThePageHasTheCases(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../docs/on-aws.md", "<!-- cases -->\n", "<!-- end of cases -->"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	is, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+table(Cases())+end+after), 0o644))
		return
	}
	assert.Equal(t, table(Cases()), is, "go test ./acceptance -update writes it anew")
}

// policyActions are those that the policy of the cases allows.
func policyActions(t *testing.T) (actions []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/policies/acceptance.json")
	require.NoError(t, err)
	var policy struct{ Statement []struct{ Action []string } }
	require.NoError(t, json.Unmarshal(text, &policy))
	for _, s := range policy.Statement {
		actions = append(actions, s.Action...)
	}
	slices.Sort(actions)
	return actions
}
