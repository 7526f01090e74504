package cloud

import (
	"regexp"
)

// StateMachine is an express state machine of Step Functions.
type StateMachine struct {
	ARN                  string                `json:"arn"`
	Name                 string                `json:"name"`
	Type                 string                `json:"type"`
	RoleARN              string                `json:"roleArn"`
	Definition           string                `json:"definition"`
	LoggingConfiguration *LoggingConfiguration `json:"loggingConfiguration,omitempty"`
	Tags                 map[string]string     `json:"tags,omitempty"`

	// parsed is Definition, once it was asked for.
	parsed *program
}

// LoggingConfiguration says what of its executions a state machine logs.
type LoggingConfiguration struct {
	Level string `json:"level,omitempty"` // "" and OFF are nothing
}

var stateMachineName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// PutStateMachine makes or changes a state machine. An execution that goes on keeps the
// definition that it was started with.
func (a *Account) PutStateMachine(m StateMachine) (*StateMachine, error) {
	if !stateMachineName.MatchString(m.Name) {
		return nil, refuse("InvalidName",
			"a state machine's name has 1 to 80 letters, digits, hyphens and underscores: %q", m.Name)
	}
	if m.Type != "EXPRESS" {
		return nil, refuse("UnsupportedOperation",
			"the sandbox has state machines of type EXPRESS only, not %q", m.Type)
	}
	if l := m.LoggingConfiguration; l != nil && l.Level != "" && l.Level != "OFF" {
		return nil, refuse("InvalidLoggingConfiguration",
			"the sandbox has no log of a state machine, as level %s asks for", l.Level)
	}
	if err := a.checkRoleARN(m.RoleARN); err != nil {
		return nil, refuse("AccessDeniedException", "Role %s is not authorized: it does not exist", m.RoleARN)
	}
	if !a.mayAssume("states.amazonaws.com", m.RoleARN, a.ARN("states", "stateMachine:*")) {
		return nil, refuse("AccessDeniedException",
			"Neither the global service principal states.amazonaws.com, nor the regional one is authorized "+
				"to assume the provided role.")
	}
	var err error
	if m.parsed, err = parseDefinition(m.Definition); err != nil {
		return nil, refuse("InvalidDefinition", "Invalid State Machine Definition: %v", err)
	}
	m.ARN = a.ARN("states", "stateMachine:"+m.Name)
	a.StateMachines[m.ARN] = &m
	return &m, nil
}

// DeleteStateMachine removes a state machine; what it has under way goes on.
func (a *Account) DeleteStateMachine(arn string) error { return remove(a.StateMachines, arn) }

// program is the definition, parsed.
func (m *StateMachine) program() *program {
	if m.parsed == nil {
		// It was checked when it was made.
		m.parsed, _ = parseDefinition(m.Definition)
	}
	return m.parsed
}
