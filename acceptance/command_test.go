package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestARunOfAllCases on one stack, one after the other: what one leaves does not disturb the next,
// it takes no longer than was said, and the reports have all of it.
func TestARunOfAllCases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, leave := newWorld(t, reading{})
		defer leave()
		report := &Report{folder: t.TempDir()}
		var said bytes.Buffer
		c := &command{out: &said}
		began := time.Now()
		require.NoError(t, c.perform(t.Context(), b, Cases(), report), &said)
		span, dollars := estimate(Cases())
		t.Logf("%s of %s that were said, $%.2f", time.Since(began), span, dollars)
		assert.LessOrEqual(t, time.Since(began), span)
		assert.Less(t, dollars, 1.0)
		text, err := os.ReadFile(report.file("md"))
		require.NoError(t, err)
		for _, k := range Cases() {
			assert.Contains(t, string(text), "\n## "+k.Name+": as assumed\n")
		}
		again, err := loadReport(report.folder)
		require.NoError(t, err)
		left, err := c.chosen(again.Results)
		require.NoError(t, err)
		assert.Empty(t, left, "all are settled")
		assert.NotEmpty(t, again.Results[1].Evidence[0].RequestID)
	})
}

// TestAnInterruptedRun removes the stack at whatever moment it is interrupted, keeps what is
// settled, and leaves the rest to the next run.
func TestAnInterruptedRun(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		moment := time.Duration(random.Int64N(int64(65 * time.Minute)))
		t.Run(moment.Round(time.Second).String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, leave := newWorld(t, reading{})
				defer leave()
				report := &Report{folder: t.TempDir()}
				c := &command{out: io.Discard}
				ctx, interrupt := context.WithCancel(t.Context())
				time.AfterFunc(moment, interrupt)
				require.ErrorIs(t, c.perform(ctx, b, Cases(), report), context.Canceled)
				require.NoError(t, c.cleanUp(t.Context(), b), "nothing has the stack's tag")
				again, err := loadReport(report.folder)
				require.NoError(t, err)
				left, err := c.chosen(again.Results)
				require.NoError(t, err)
				require.NotEmpty(t, left)
				next := Cases()[len(again.Results)].Name
				assert.Equal(t, next, left[0].Name, "the case that was interrupted is next")
			})
		})
	}
}

// TestItAsksBeforeItSpends, and only yes is yes.
func TestItAsksBeforeItSpends(t *testing.T) {
	t.Parallel()
	for answer, agreed := range map[string]bool{"yes\n": true, "y\n": false, "\n": false, "": false} {
		var said bytes.Buffer
		c := &command{in: strings.NewReader(answer), out: &said}
		err := c.agree(Cases())
		assert.Equal(t, agreed, err == nil, "%q", answer)
		assert.Regexp(t, `17 cases, about .* at most \$0\.\d\d`, said.String())
	}
}

// TestWrongCommandLines are refused before anything is looked for.
func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"--case nope":  `--case: "nope": there is no such case; there are`,
		"--stack nope": `there is no stack "nope"`,
		"now":          `unknown command "now"`,
	} {
		cmd := newCommand()
		cmd.SetArgs(strings.Fields(line))
		cmd.SetOut(&bytes.Buffer{})
		assert.ErrorContains(t, cmd.ExecuteContext(t.Context()), want)
	}
}
