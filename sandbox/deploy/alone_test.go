package deploy

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
)

// TestTheProgramAloneMakesTheSameAccount: what the demo runs on without Pulumi's engine is
// what the engine would have made, but for what is drawn at random.
func TestTheProgramAloneMakesTheSameAccount(t *testing.T) {
	t.Parallel()
	for stack, folder := range map[string]string{
		"dev": "", "prod": "", "everything": "program/testdata", "joined": "program/testdata",
	} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := openFrom(t, ctx, folder, t.TempDir(), stack)
			_, err := s.Up(ctx)
			require.NoError(t, err)
			alone, err := declared.Load(root, filepath.Join(root, folder), stack)
			require.NoError(t, err)
			assert.Equal(t, withoutDrawn(t, s.Account), withoutDrawn(t, alone.Account))
			count, err := s.ResourceCount(ctx)
			require.NoError(t, err)
			assert.Less(t, alone.Resources, count, "which has the stack, its providers and components, too")
			assert.Positive(t, alone.Resources)
		})
	}
}

// drawn are names and ids that are drawn at random, or follow from those that are, and
// what stands for each.
var drawn = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`-[0-9a-f]{7}\b`), ""},
	{regexp.MustCompile(`\b(vpc|subnet|sg)-[0-9a-f]{16,17}\b`), "$1-id"},
	{regexp.MustCompile(`(worker-)?(repository|image)@sha256:[0-9a-f]{64}`), "image@digest"},
	{regexp.MustCompile(`repository/(worker-)?repository`), "repository/repository"},
	{regexp.MustCompile(`scalingPolicy:[0-9a-f]{16}`), "scalingPolicy:id"},
}

// withoutDrawn is an account as JSON, without what is drawn at random.
func withoutDrawn(t *testing.T, a *cloud.Account) any {
	t.Helper()
	text, err := json.Marshal(a)
	require.NoError(t, err)
	for _, d := range drawn {
		text = d.pattern.ReplaceAll(text, []byte(d.stands))
	}
	var plain map[string]any
	require.NoError(t, json.Unmarshal(text, &plain))
	delete(plain, "components") // packaged ones, which only an engine keeps
	delete(plain, "serial")
	return plain
}
