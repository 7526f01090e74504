package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"
)

// pause is where an execution waits for something from outside: the answer of a call, or
// the end of a wait. What follows is a function of the pause and the answer alone, so that
// it is worked out once, however many executions come by.
type pause struct {
	state     string
	variables map[string]any
	input     any

	// call is the API that a Task calls, with its arguments; "" for none.
	call      string
	arguments map[string]any
	// wait is how long a Wait takes, in Step Functions' time.
	wait time.Duration
	// over says that the execution has ended, with an error or without.
	over  bool
	fault error

	next map[string]*pause // by the key of an answer
}

// pauseStore are the pauses known, by what makes them out.
type pauseStore struct {
	begins map[string]*pause // by input
	known  map[string]*pause
	edges  int
}

// mostEdges is how many transitions are remembered before all are forgotten.
const mostEdges = 20_000

// begin is where an execution with an input comes first.
func (p *program) begin(input string) (*pause, error) {
	if at, ok := p.pauses.begins[input]; ok {
		return at, nil
	}
	var value any
	if err := json.Unmarshal([]byte(input), &value); err != nil {
		return nil, refuse("InvalidExecutionInput", "Invalid State Machine Execution Input: %v", err)
	}
	at := p.follow(p.startAt, map[string]any{}, value)
	p.remember()
	p.pauses.begins[input] = at
	return at, nil
}

// answer to a call: the result, or an error. The key tells it from others.
type answer struct {
	key    string
	result func() any
	err    error
}

// after is where an execution comes that has waited.
func (p *program) after(at *pause, a answer) *pause {
	if next, ok := at.next[a.key]; ok {
		return next
	}
	next := p.leave(at, a)
	p.remember()
	if at.next == nil {
		at.next = map[string]*pause{}
	}
	at.next[a.key] = next
	return next
}

func (p *program) remember() {
	p.pauses.edges++
	if p.pauses.edges > mostEdges || p.pauses.known == nil {
		p.pauses = pauseStore{begins: map[string]*pause{}, known: map[string]*pause{}}
	}
}

// leave carries out the end of a state, and goes on.
func (p *program) leave(at *pause, a answer) *pause {
	s := p.states[at.state]
	states := map[string]any{"input": at.input}
	err := a.err
	if err == nil {
		output := at.input
		if a.result != nil {
			output = a.result()
			states["result"] = output
		}
		if at.call != "" || s.Output != nil || s.Assign != nil {
			var variables map[string]any
			if variables, output, err = assign(s.Assign, s.Output, at.variables, states, output); err == nil {
				return p.goOn(s, variables, output)
			}
		} else {
			return p.goOn(s, at.variables, output)
		}
	}
	return p.failed(s, at, err)
}

// failed goes on where an error is caught.
func (p *program) failed(s *state, at *pause, err error) *pause {
	var known stateError
	if !errors.As(err, &known) {
		known = stateError{"States.Runtime", err.Error()}
	}
	c := s.caught(known.name)
	if c == nil || s.Type != "Task" {
		return p.ended(at.state, known)
	}
	output := map[string]any{"Error": known.name, "Cause": known.cause}
	states := map[string]any{"input": at.input, "errorOutput": output}
	variables, result, err := assign(c.Assign, c.Output, at.variables, states, output)
	if err != nil {
		return p.ended(at.state, err)
	}
	return p.follow(c.Next, variables, result)
}

// goOn after a state that has succeeded.
func (p *program) goOn(s *state, variables map[string]any, output any) *pause {
	if s.End {
		return p.ended("", nil)
	}
	return p.follow(s.Next, variables, output)
}

// assign evaluates what a state assigns, and its output, on the variables before it.
func assign(
	assigned map[string]*template, output *template, variables map[string]any, states map[string]any,
	otherwise any,
) (map[string]any, any, error) {
	in := scope(maps.Clone(variables))
	in["states"] = states
	values, err := fieldValues(assigned, in)
	if err != nil {
		return nil, nil, err
	}
	result := otherwise
	if output != nil {
		if result, err = output.value(in); err != nil {
			return nil, nil, err
		}
	}
	after := maps.Clone(variables)
	maps.Copy(after, values)
	return after, result, nil
}

// follow goes through states that wait for nothing, up to one that does.
func (p *program) follow(name string, variables map[string]any, input any) *pause {
	const mostStates = 1_000 // of a definition that goes round in circles, without waiting
	for range mostStates {
		s := p.states[name]
		in := scope(maps.Clone(variables))
		in["states"] = map[string]any{"input": input}
		var err error
		switch s.Type {
		case "Succeed":
			return p.ended("", nil)
		case "Fail":
			return p.ended(name, stateError{s.Error, s.Cause})
		case "Task":
			return p.atTask(s, name, variables, input, in)
		case "Wait":
			return p.atWait(s, name, variables, input, in)
		case "Pass":
			if variables, input, err = assign(s.Assign, s.Output, variables, in["states"].(map[string]any),
				input); err == nil && s.End {
				return p.ended("", nil)
			}
			name = s.Next
		case "Choice":
			name, variables, input, err = s.choose(variables, input, in)
		}
		if err != nil {
			return p.ended(name, err)
		}
	}
	return p.ended(name, stateError{"States.Runtime", "it goes round in circles"})
}

// choose the state that follows a Choice.
func (s *state) choose(variables map[string]any, input any, in scope) (string, map[string]any, any, error) {
	states := in["states"].(map[string]any)
	for _, b := range s.Choices {
		value, err := b.Condition.value(in)
		if err != nil {
			return "", nil, nil, err
		}
		holds, ok := value.(bool)
		if !ok {
			return "", nil, nil, stateError{"States.QueryEvaluationError",
				fmt.Sprintf("the condition %s is not a boolean", b.Condition.expression)}
		}
		if holds {
			variables, input, err = assign(b.Assign, b.Output, variables, states, input)
			return b.Next, variables, input, err
		}
	}
	if s.Default == "" {
		return "", nil, nil, stateError{"States.NoChoiceMatched", "no condition holds"}
	}
	variables, input, err := assign(s.Assign, s.Output, variables, states, input)
	return s.Default, variables, input, err
}

func (p *program) atTask(s *state, name string, variables map[string]any, input any, in scope) *pause {
	at := &pause{state: name, variables: variables, input: input, call: s.api()}
	if s.Arguments != nil {
		value, err := s.Arguments.value(in)
		if err != nil {
			return p.failed(s, at, err)
		}
		at.arguments, _ = value.(map[string]any)
	}
	return p.intern(at)
}

func (p *program) atWait(s *state, name string, variables map[string]any, input any, in scope) *pause {
	value, err := s.Seconds.value(in)
	seconds, ok := value.(float64)
	if err == nil && (!ok || seconds < 0 || seconds != math.Trunc(seconds)) {
		err = stateError{"States.QueryEvaluationError",
			fmt.Sprintf("Seconds is %v, which is not a whole number from 0 on", value)}
	}
	if err != nil {
		return p.ended(name, err)
	}
	return p.intern(&pause{state: name, variables: variables, input: input,
		wait: time.Duration(seconds) * time.Second})
}

func (p *program) ended(_ string, fault error) *pause {
	return p.intern(&pause{over: true, fault: fault})
}

// intern returns the pause that is known already, so that all ways to it meet.
func (p *program) intern(at *pause) *pause {
	text, err := json.Marshal([]any{at.state, at.variables, at.input, at.over, fmt.Sprint(at.fault)})
	if err != nil {
		return at
	}
	if p.pauses.known == nil {
		p.pauses.known, p.pauses.begins = map[string]*pause{}, map[string]*pause{}
	}
	if known, ok := p.pauses.known[string(text)]; ok {
		return known
	}
	p.pauses.known[string(text)] = at
	return at
}
