package cloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// program is a definition in the Amazon States Language, as far as the sandbox has it: with
// JSONata, and the states Task, Choice, Wait, Pass, Succeed and Fail. Source: Step Functions
// developer guide, "Using Amazon States Language to define Step Functions workflows".
type program struct {
	startAt string
	states  map[string]*state
	// pauses are where executions of it come by, see pause.
	pauses pauseStore
}

// state is a state of a definition.
type state struct {
	Type, Comment, Next, Default string
	End                          bool
	Resource                     string
	Arguments                    *template
	TimeoutSeconds               int
	Assign                       map[string]*template
	Output                       *template
	Choices                      []branch
	Catch                        []catcher
	Seconds                      *template
	Error, Cause                 string
}

// branch is a rule of a Choice.
type branch struct {
	Condition *template
	Assign    map[string]*template
	Output    *template
	Next      string
}

// catcher is where a Task goes on after an error.
type catcher struct {
	ErrorEquals []string
	Assign      map[string]*template
	Output      *template
	Next        string
}

// largestDefinition is the quota of a definition in bytes, longestStateName that of a name.
const (
	largestDefinition = 1 << 20
	longestStateName  = 80
)

// parseDefinition reads a definition and says what is wrong with it.
func parseDefinition(text string) (*program, error) {
	if len(text) > largestDefinition {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(text), largestDefinition)
	}
	var raw struct {
		Comment, QueryLanguage, StartAt string
		States                          map[string]*state
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("SCHEMA_VALIDATION_FAILED: %w", err)
	}
	if raw.QueryLanguage != "JSONata" {
		return nil, fmt.Errorf("the sandbox has the QueryLanguage JSONata only, not %q", raw.QueryLanguage)
	}
	p := &program{startAt: raw.StartAt, states: raw.States}
	return p, p.check()
}

func (p *program) check() error {
	wrong := []error{p.checkTarget("StartAt", p.startAt)}
	reached := map[string]bool{p.startAt: true}
	for _, name := range slices.Sorted(maps.Keys(p.states)) {
		s := p.states[name]
		if s == nil {
			wrong = append(wrong, fmt.Errorf("SCHEMA_VALIDATION_FAILED: state %s is null", name))
			continue
		}
		if len(name) > longestStateName {
			wrong = append(wrong, fmt.Errorf("the name of state %s has more than %d characters", name,
				longestStateName))
		}
		wrong = append(wrong, s.check(name))
		for _, target := range s.targets() {
			wrong = append(wrong, p.checkTarget(name, target))
			reached[target] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.states)) {
		if !reached[name] {
			wrong = append(wrong, fmt.Errorf("MISSING_TRANSITION_TARGET: state %s is not reachable", name))
		}
	}
	return errors.Join(wrong...)
}

func (p *program) checkTarget(from, name string) error {
	if p.states[name] == nil {
		return fmt.Errorf("MISSING_TRANSITION_TARGET: %s names the state %q, which is not there", from, name)
	}
	return nil
}

// targets are the states that may follow.
func (s *state) targets() []string {
	var list []string
	for _, b := range s.Choices {
		list = append(list, b.Next)
	}
	for _, c := range s.Catch {
		list = append(list, c.Next)
	}
	for _, next := range []string{s.Next, s.Default} {
		if next != "" {
			list = append(list, next)
		}
	}
	return list
}

func (s *state) check(name string) error {
	goesOn := (s.Next != "") != s.End
	switch s.Type {
	case "Task":
		if apiCalls[s.api()] == nil {
			return fmt.Errorf("state %s: the sandbox does not have the call %s", name, s.Resource)
		}
		if s.TimeoutSeconds < 0 {
			return fmt.Errorf("state %s: TimeoutSeconds is %d", name, s.TimeoutSeconds)
		}
	case "Pass":
	case "Wait":
		if s.Seconds == nil {
			return fmt.Errorf("state %s: the sandbox has waits of Seconds only", name)
		}
	case "Choice":
		if len(s.Choices) == 0 || s.Next != "" || s.End {
			return fmt.Errorf("state %s: a Choice has Choices, and neither Next nor End", name)
		}
		if slices.ContainsFunc(s.Choices, func(b branch) bool { return b.Condition == nil }) {
			return fmt.Errorf("state %s: each of its Choices needs a Condition", name)
		}
		goesOn = true
	case "Succeed", "Fail":
		goesOn = s.Next == "" && !s.End
	default:
		return fmt.Errorf("state %s: the sandbox does not have the type %q", name, s.Type)
	}
	if !goesOn {
		return fmt.Errorf("state %s: needs Next or End, one of them, or neither if it is an end itself", name)
	}
	return nil
}

// sdkIntegration is a resource that is a call of an API.
const sdkIntegration = "arn:" + Partition + ":states:::aws-sdk:"

// api that a Task calls, as service:action; "" if it does something else.
func (s *state) api() string {
	api, ok := strings.CutPrefix(s.Resource, sdkIntegration)
	if !ok {
		return ""
	}
	return api
}

// caught is the first catcher of an error.
func (s *state) caught(name string) *catcher {
	for i, c := range s.Catch {
		if slices.Contains(c.ErrorEquals, "States.ALL") || slices.Contains(c.ErrorEquals, name) {
			return &s.Catch[i]
		}
	}
	return nil
}
