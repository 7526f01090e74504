package awsapi

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAgent: the answers of the ECS agent's task-protection endpoint.
func TestAgent(t *testing.T) {
	t.Parallel()
	agent := &Agent{TaskARN: "arn:task"}
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/task-protection/v1/state", "", 200, `"ProtectionEnabled":false`},
		{"PUT", "/task-protection/v1/state", `{"ProtectionEnabled":true,"ExpiresInMinutes":60}`, 200,
			`"ExpirationDate":"2`},
		{"PUT", "/task-protection/v1/state", `{"ProtectionEnabled":true,"Extra":1}`, 400,
			"InvalidParameterException"},
		{"PUT", "/task-protection/v1/state", `{"ProtectionEnabled":true,"ExpiresInMinutes":2881}`, 400,
			"between 1 and 2880"},
		{"PUT", "/task-protection/v1/state", `{}`, 400, "InvalidParameterException"},
		{"POST", "/task-protection/v1/state", `{"ProtectionEnabled":true}`, 405, ""},
		{"GET", "/other", "", 404, ""},
	} {
		recorder := httptest.NewRecorder()
		agent.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), tc.method, tc.path,
			strings.NewReader(tc.body)))
		assert.Equal(t, tc.status, recorder.Code, "%s %s %s", tc.method, tc.path, tc.body)
		assert.Contains(t, recorder.Body.String(), tc.want)
	}
}
