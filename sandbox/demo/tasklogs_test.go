package demo

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTaskLogs: lines as the worker writes them, of which the last is not whole yet.
func TestTaskLogs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "1.log")
	write := func(text string) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	l := &taskLogs{folder: folder}
	require.NoError(t, l.look())
	write(`{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"the worker starts"}
{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"reading","message":"m1","group":"a","receiveCount":1,"stream":"stdout"}
{"time":"2026-01-02T03:04:05Z","level":"WARN","msg":"the handler failed","message":"m1","attempt":1,"wait":"15s","error":"exit status 1","details":{"exitCode":1,"stderr":"Traceback\nValueError: x"}}
panic: no memory
{"time":"2026-01-02T03:04:06Z","level":"ERROR","msg":"the worker failed","error":"no QUEUE_URL"}
{"time":"2026-01-02T03:04:06Z","level":"INFO","msg":"half`)
	require.NoError(t, l.look())
	assert.Equal(t, []Line{{"m1", "reading"}}, l.said)
	assert.Equal(t, []string{"panic: no memory", "the worker failed: no QUEUE_URL"}, l.workers)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := failedCall{at, "m1", 1, "exit status 1", "Traceback\nValueError: x", 15 * time.Second}
	assert.Equal(t, []failedCall{failed}, l.failures)
	assert.Equal(t, []failedCall{failed}, l.retries(at))
	assert.Empty(t, l.retries(at.Add(15*time.Second)), "it is tried again")
	write(` a line","message":"m1","stream":"stderr"}
{"time":"2026-01-02T03:04:07Z","level":"WARN","msg":"the handler failed","message":"m1","attempt":2,"wait":"0s","error":"exit status 1"}
`)
	require.NoError(t, l.look())
	assert.Equal(t, Line{"m1", "half a line"}, l.said[1])
	assert.Len(t, l.failures, 2)
	assert.Empty(t, l.retries(at), "it was the last time")
}
