package awsapi

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// Agent is the task-protection endpoint of the ECS agent, for one task:
// GET and PUT /task-protection/v1/state. Source: the agent's
// ecs-agent/tmds/handlers/taskprotection.
type Agent struct {
	// TaskARN of the task.
	TaskARN string
	// Answer, if not nil, decides on a request to protect (with its lease) or to
	// unprotect the task. Default: it is granted.
	Answer func(protect bool, lease time.Duration) AgentAnswer

	mu       sync.Mutex
	enabled  bool
	expires  time.Time
	requests int
}

// AgentAnswer is how the agent answers. The zero value grants.
type AgentAnswer struct {
	// Failure is a reason such as DEPLOYMENT_BLOCKED, sent with status 200.
	Failure string
	// Status and Body are sent as they are, if Status is not 0.
	Status int
	Body   string
	// Delay before the answer.
	Delay time.Duration
	// Effect carries out the request all the same, before the answer above.
	Effect bool
}

const (
	statePath           = "/task-protection/v1/state"
	defaultLeaseMinutes = 120
	maxLeaseMinutes     = 2880
)

// Protected says whether the task is protected now.
func (a *Agent) Protected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.enabled && time.Now().Before(a.expires)
}

// Requests counts the calls so far.
func (a *Agent) Requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// RoundTrip implements http.RoundTripper without a network.
func (a *Agent) RoundTrip(req *http.Request) (*http.Response, error) {
	return roundTrip(a, req)
}

// ServeHTTP implements http.Handler.
func (a *Agent) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a.mu.Lock()
	a.requests++
	a.mu.Unlock()
	if req.URL.Path != statePath {
		http.NotFound(w, req)
		return
	}
	switch req.Method {
	case http.MethodGet:
		a.writeState(w)
	case http.MethodPut:
		a.put(w, req)
	default:
		http.Error(w, "GET or PUT", http.StatusMethodNotAllowed)
	}
}

func (a *Agent) put(w http.ResponseWriter, req *http.Request) {
	var request struct {
		ProtectionEnabled *bool
		ExpiresInMinutes  *int
	}
	decoder := json.NewDecoder(req.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil || request.ProtectionEnabled == nil {
		a.writeError(w, http.StatusBadRequest, "InvalidParameterException",
			"Invalid request: cannot read it, or no ProtectionEnabled")
		return
	}
	minutes := defaultLeaseMinutes
	if request.ExpiresInMinutes != nil {
		minutes = *request.ExpiresInMinutes
	}
	if minutes < 1 || minutes > maxLeaseMinutes {
		a.writeError(w, http.StatusBadRequest, "InvalidParameterException",
			"ExpiresInMinutes must be between 1 and 2880")
		return
	}
	lease := time.Duration(minutes) * time.Minute
	var answer AgentAnswer
	if a.Answer != nil {
		answer = a.Answer(*request.ProtectionEnabled, lease)
	}
	if answer.Effect {
		a.grant(*request.ProtectionEnabled, lease)
	}
	if answer.Delay > 0 && smithytime.SleepWithContext(req.Context(), answer.Delay) != nil {
		return
	}
	switch {
	case answer.Status != 0:
		w.WriteHeader(answer.Status)
		_, _ = w.Write([]byte(answer.Body)) // a client that is gone needs no answer
	case answer.Failure != "":
		writeJSON(w, http.StatusOK, map[string]any{"failure": map[string]any{"Arn": a.TaskARN, "Detail": nil,
			"Reason": answer.Failure}})
	default:
		a.grant(*request.ProtectionEnabled, lease)
		a.writeState(w)
	}
}

func (a *Agent) grant(enabled bool, lease time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.enabled, a.expires = enabled, time.Now().Add(lease)
}

func (a *Agent) writeState(w http.ResponseWriter) {
	a.mu.Lock()
	enabled, expires := a.enabled, a.expires
	a.mu.Unlock()
	var expiration any
	if enabled {
		expiration = expires.UTC().Format(time.RFC3339)
	}
	writeJSON(w, http.StatusOK, map[string]any{"protection": map[string]any{
		"ExpirationDate": expiration, "ProtectionEnabled": enabled, "TaskArn": a.TaskARN,
	}})
}

func (a *Agent) writeError(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"requestID": "",
		"error": map[string]any{"Arn": a.TaskARN, "Code": code, "Message": text}})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, _ := json.Marshal(value) // maps of texts and flags
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}
