package simulate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVerdict: what comes first in a report says what limits the waits.
func TestVerdict(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		workload string
		config   []string
		want     string
	}{
		"too few tasks": {"business-day", nil,
			"maxCapacity 5 is reached while up to 50 groups have work"},
		"order":              {"one-group", nil, "Messages wait for others of their own group"},
		"tasks without work": {"trickle", nil, "Tasks run without work for long"},
		"waking":             {"long-io", nil, "wakeIntervalSeconds 10 starts first messages sooner."},
		"too little memory":  {"long-io", []string{"concurrency=50"}, "a task of 1024 MiB cannot hold"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := DefaultParameters()
			p.Days = 2
			stack := dev
			stack.Overrides = tc.config
			c, err := Compare(t.Context(), stack, workload(t, tc.workload), p, false)
			require.NoError(t, err)
			verdict := strings.Join(c.verdict(), "\n")
			assert.Contains(t, verdict, tc.want)
			assert.Regexp(t, `^Waits: 95 % of the messages start within .+ Work: all of it is done.+ Bill: `+
				`\$\d`, verdict)
		})
	}
}

// TestOneVocabulary: a measure is the same word in --fail-on, --json and the tables.
func TestOneVocabulary(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(summary{})
	require.NoError(t, err)
	for _, m := range measures {
		key := m.name
		if m.isTime {
			key += "_seconds"
		}
		assert.Contains(t, string(text), `"`+key+`":`)
		_, err := ParseConditions(m.name + ">1s")
		if !m.isTime {
			_, err = ParseConditions(m.name + ">1")
		}
		require.NoError(t, err, m.name)
	}
	for former, now := range formerNames {
		m, ok := measureOf(former)
		assert.True(t, ok, former)
		assert.Equal(t, now, m.name)
	}
}

// TestNoPictureOfADay: one point is none.
func TestNoPictureOfADay(t *testing.T) {
	t.Parallel()
	for days, pictured := range map[int]bool{1: false, 2: true} {
		p := DefaultParameters()
		p.Days = days
		c, err := Compare(t.Context(), dev, workload(t, "trickle"), p, false)
		require.NoError(t, err)
		var page strings.Builder
		r := &Report{Stack: dev, Parameters: p, Comparisons: []*Comparison{c}}
		require.NoError(t, r.WriteHTML(&page))
		assert.Equal(t, pictured, strings.Contains(page.String(), "What a day costs"))
		verdict := strings.Index(page.String(), `class="verdict"`)
		assert.Less(t, verdict, strings.Index(page.String(), "<table>"))
		assert.Less(t, strings.LastIndex(page.String(), "<svg"), strings.Index(page.String(), `id="words"`))
	}
}
