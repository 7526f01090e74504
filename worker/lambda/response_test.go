package lambda

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchItemFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		response string
		want     string // part of the error; "" is success
	}{
		"nothing":         {"", ""},
		"null":            {"null", ""},
		"an empty object": {" {} ", ""},
		"other keys":      {`{"statusCode": 200}`, ""},
		"null failures":   {`{"batchItemFailures": null}`, ""},
		"no failures":     {`{"batchItemFailures": []}`, ""},
		"this message": {
			`{"batchItemFailures": [{"itemIdentifier": "m-1"}]}`,
			"reports the message",
		},
		"another": {`{"batchItemFailures": [{"itemIdentifier": "m-2"}]}`, "not of the event"},
		"this and another": {
			`{"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]}`,
			"not of the event",
		},
		"an empty identifier": {
			`{"batchItemFailures": [{"itemIdentifier": ""}]}`,
			"has no itemIdentifier",
		},
		"a null identifier": {
			`{"batchItemFailures": [{"itemIdentifier": null}]}`,
			"has no itemIdentifier",
		},
		"another name for it": {
			`{"batchItemFailures": [{"ItemIdentifier": "m-1"}]}`,
			"has no itemIdentifier",
		},
		"a number":                {`{"batchItemFailures": [{"itemIdentifier": 1}]}`, "not of the event"},
		"no list":                 {`{"batchItemFailures": "m-1"}`, "not one with batchItemFailures"},
		"no objects in it":        {`{"batchItemFailures": ["m-1"]}`, "not one with batchItemFailures"},
		"text":                    {`"done"`, "not one with batchItemFailures"},
		"no JSON":                 {`done`, "not one with batchItemFailures"},
		"a name in other letters": {`{"BatchItemFailures": [{"itemIdentifier": "m-1"}]}`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := batchItemFailure([]byte(tc.response), "m-1")
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}
