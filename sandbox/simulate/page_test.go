package simulate

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the comparison in the docs anew")

// TestComparisonPage keeps the table of docs/comparison.md as the simulator has it:
// go test ./sandbox/simulate -run TestComparisonPage -update.
func TestComparisonPage(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		return // elsewhere floating point is fused, and a figure may differ by one
	}
	const file, begin, end = "../../docs/comparison.md", "<!-- the table begins -->\n", "<!-- the table ends -->"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := head + begin + markdownTable(t) + end + tail
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(page), "if the change is meant: go test ./sandbox/simulate -run TestComparisonPage -update")
}

// markdownTable is what `go run ./sandbox simulate` prints.
func markdownTable(t *testing.T) string {
	t.Helper()
	workloads, err := Shipped()
	require.NoError(t, err)
	var text strings.Builder
	names := append([]string{"workload", ""}, columnNames()...)
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, w := range workloads {
		c, err := Compare(t.Context(), dev, w, DefaultParameters(), true)
		require.NoError(t, err)
		name := w.Name
		for _, r := range c.Results {
			fmt.Fprintf(&text, "| %s | %s | %s |\n", name, r.System, strings.Join(r.columns(), " | "))
			name = ""
		}
	}
	return text.String()
}
