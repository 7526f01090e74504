package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFunctionSettings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		report, permanent string
		want              functionSettings
		wrong             string
	}{
		"nothing": {"", "", functionSettings{}, ""},
		"both": {
			"true",
			"ValueError, customError,",
			functionSettings{true, []string{"ValueError", "customError"}},
			"",
		},
		"it is no": {"false", "", functionSettings{}, ""},
		"neither": {
			"maybe",
			"",
			functionSettings{},
			`REPORT_BATCH_ITEM_FAILURES: "maybe": needs to be true or false`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := map[string]string{
				"REPORT_BATCH_ITEM_FAILURES": tc.report,
				"PERMANENT_ERRORS":           tc.permanent,
			}
			got, err := readFunctionSettings(func(name string) string { return environment[name] })
			if tc.wrong != "" {
				require.EqualError(t, err, tc.wrong)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}
