package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLogsOfOldDemosGo: those of today's stay, as does all else.
func TestLogsOfOldDemosGo(t *testing.T) {
	t.Parallel()
	sandbox := t.TempDir()
	folderOf := func(name string, age time.Duration) {
		folder := filepath.Join(sandbox, name)
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "logs"), 0o755))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(folder, at, at))
	}
	folderOf("demo-old", 25*time.Hour)
	folderOf("demo-recent", time.Hour)
	folderOf("dev", 100*time.Hour)
	folder, err := makeDemoFolder(sandbox)
	require.NoError(t, err)
	assert.DirExists(t, folder)
	assert.NoDirExists(t, filepath.Join(sandbox, "demo-old"))
	assert.DirExists(t, filepath.Join(sandbox, "demo-recent"))
	assert.DirExists(t, filepath.Join(sandbox, "dev"))
}
