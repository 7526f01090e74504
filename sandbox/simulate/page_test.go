package simulate

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the comparison in the docs anew")

// TestComparisonPage keeps the table of docs/comparison.md as the simulator has it:
// go test ./sandbox/simulate -run TestComparisonPage -update. The ranges are simulated
// when they are written, not each time.
func TestComparisonPage(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		return // elsewhere floating point is fused, and a figure may differ by one
	}
	const file = "../../docs/comparison.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	want := replaceBetween(t, string(page), "the table", markdownTable(t, *update))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	ranges := regexp.MustCompile(` \([^ )]+ to [^ )]+\)`)
	assert.Equal(t, want, replaceBetween(t, string(page), "the table",
		ranges.ReplaceAllString(between(t, string(page), "the table"), "")),
		"if the change is meant: go test ./sandbox/simulate -run TestComparisonPage -update")
}

// markdownTable is what `go run ./sandbox simulate --ranges` prints, or without ranges.
func markdownTable(t *testing.T, ranges bool) string {
	t.Helper()
	workloads, err := Shipped()
	require.NoError(t, err)
	var text strings.Builder
	names := append([]string{"workload", ""}, columnNames()...)
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, w := range workloads {
		c, err := Compare(t.Context(), dev, w, DefaultParameters(), true)
		require.NoError(t, err)
		if ranges {
			require.NoError(t, c.AddRanges(t.Context(), DefaultParameters()))
		}
		name := w.Name
		for _, r := range c.Results {
			fmt.Fprintf(&text, "| %s | %s | %s |\n", name, r.System, strings.Join(r.columns(), " | "))
			name = ""
		}
	}
	return text.String()
}
