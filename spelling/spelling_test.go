package spelling

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	keys := []string{"maxCapacity", "minCapacity", "command", "cpu"}
	cases := map[string]struct{ name, want, reason string }{
		"a slip":         {"maxCapcity", "; did you mean maxCapacity?", "one letter is missing"},
		"the nearer one": {"minCapactiy", "; did you mean minCapacity?", "two letters are swapped"},
		"nothing alike":  {"fooBar", "", "no guess is better than a wild one"},
		"nothing":        {"", "", "an empty name resembles none"},
	}
	for name, tc := range cases {
		assert.Equal(t, tc.want, DidYouMean(tc.name, keys), "%s: %s", name, tc.reason)
	}
}
