package stackfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const fuzzedProject = "name: fuzzed\nruntime: go\nconfig:\n" +
	"  text: {type: string, description: a text, default: given}\n" +
	"  list: {type: array, description: a list, items: {type: string}}\n"

// FuzzStackFile: whatever a stack's file says, it is refused with a reason, or has values of
// keys that are known.
func FuzzStackFile(f *testing.F) {
	for _, text := range []string{
		"config:\n  fuzzed:text: a\n  aws:region: eu-west-1\n",
		"config:\n  fuzzed:list: [a, {b: c}]\n  fuzzed:other: 1\n",
		"config:\n  fuzzed:text: {secure: AAA}\n", "config: 1", "a: &a [*a]", "\x00",
		"config:\n  text: null\n", "",
	} {
		f.Add(text)
	}
	root := fuzzedRoot(f)
	f.Fuzz(func(t *testing.T, text string) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "Pulumi.dev.yaml"), []byte(text), 0o600))
		s, err := LoadFrom(root, folder, "dev")
		if err != nil {
			assert.Contains(t, err.Error(), "dev", "an error names the stack")
			return
		}
		values, err := s.Values()
		if err != nil {
			assert.Contains(t, err.Error(), ":", "an error names the key")
			return
		}
		for key := range values {
			namespace, name, _ := strings.Cut(key, ":")
			assert.False(t, namespace == "fuzzed" && name != "text" &&
				name != "list", "%s is not declared", key)
		}
	})
}

// FuzzOverride: a setting on the command line is refused, or has the value that it states.
func FuzzOverride(f *testing.F) {
	for _, text := range []string{"text=a", "text=", "list=[1]", "list=[", "aws:region=eu-west-1", "a:b:c=d",
		"=", "text", "tex=a"} {
		f.Add(text)
	}
	root := fuzzedRoot(f)
	require.NoError(f, os.WriteFile(filepath.Join(root, "Pulumi.dev.yaml"), []byte("config: {}\n"), 0o600))
	f.Fuzz(func(t *testing.T, override string) {
		s, err := Load(root, "dev", override)
		if err != nil {
			return
		}
		values, err := s.Values()
		require.NoError(t, err)
		key, want, _ := strings.Cut(override, "=")
		if !strings.Contains(key, ":") {
			key = "fuzzed:" + key
		}
		got, there := values[key]
		require.True(t, there, "%s of %v", key, values)
		if !strings.HasPrefix(want, "[") && !strings.HasPrefix(want, "{") {
			assert.Equal(t, want, got)
		}
	})
}

func fuzzedRoot(f *testing.F) string {
	f.Helper()
	root := f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(root, "Pulumi.yaml"), []byte(fuzzedProject), 0o600))
	return root
}
