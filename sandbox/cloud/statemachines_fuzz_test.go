package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzStateMachine holds the interpreter, which remembers where executions come by, against
// a naive one that remembers nothing. The machine is read from three bytes a state, its
// executions from one byte an answer; all executions share the interpreter's memory.
func FuzzStateMachine(f *testing.F) {
	f.Add([]byte{3, 1, 2, 1, 0, 9, 4, 0, 0}, []byte{1, 2, 3, 200, 201})
	f.Add([]byte{0, 1, 0, 1, 0, 3, 2, 0, 1, 3, 0, 1, 5, 0, 0}, []byte{9, 8, 7, 6, 5, 4, 3, 2, 1})
	f.Add([]byte{3, 0, 1, 5, 0, 0}, []byte{0, 0, 0, 250, 0, 251, 252})
	f.Add([]byte{0, 0, 0}, []byte{1})
	f.Fuzz(func(t *testing.T, machine, answers []byte) {
		m := naiveMachineOf(machine)
		p, err := parseDefinition(m.definition())
		require.NoError(t, err, m.definition())
		for run := range 3 {
			execution := &naiveExecution{machine: m, at: 0}
			at, err := p.begin("{}")
			require.NoError(t, err)
			execution.follow()
			for step := 0; step < 20 && !execution.over; step++ {
				execution.assertAt(t, at)
				answered := byte(run)
				if i := run*7 + step; i < len(answers) {
					answered = answers[i]
				}
				at = p.after(at, execution.answer(answered))
			}
			execution.assertAt(t, at)
		}
	})
}

// FuzzDefinition: whatever text is a definition, it is refused or can be begun.
func FuzzDefinition(f *testing.F) {
	f.Add(asking, "{}")
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}`, "[1]")
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":null}}`, "1")
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{}],`+
		`"Default":"A"}}}`, "1")
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Output":{"x":`+
		`["{% [1,2] %}"]}}}}`, "{}")
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Assign":{"x":`+
		`null}}}}`, "{}")
	f.Add(`{"States":{"":{"Assign":{"":"{%!`+"\xd3"+`%}"}}}}`, "0") // the library panics
	f.Fuzz(func(t *testing.T, text, input string) {
		p, err := parseDefinition(text)
		if err != nil {
			return
		}
		at, err := p.begin(input)
		if err != nil {
			var refused *Error
			require.ErrorAs(t, err, &refused)
			return
		}
		require.True(t, at.over || at.state != "")
	})
}

const (
	kindPass = iota
	kindChoice
	kindWait
	kindTask
	kindSucceed
	kindFail
	kinds
)

// naiveState has a kind, two states that may follow, and a number.
type naiveState struct{ kind, next, other, number int }

// naiveMachine is a state machine with one variable, n, which is 0 at first.
type naiveMachine []naiveState

func naiveMachineOf(data []byte) naiveMachine {
	m := naiveMachine{{kind: kindWait, next: 1}}
	for i := 0; i+2 < len(data) && len(m) < 12; i += 3 {
		m = append(m, naiveState{kind: int(data[i]) % kinds, next: int(data[i+1]), other: int(data[i+2]),
			number: int(data[i+2]) % 5})
	}
	m = append(m, naiveState{kind: kindSucceed})
	for i := range m {
		m[i].next = 1 + m[i].next%(len(m)-1)
		m[i].other = 1 + m[i].other%(len(m)-1)
	}
	m[0].next = 1
	return m
}

func stateName(i int) string { return fmt.Sprint("S", i) }

// definition has the states that can be reached: AWS refuses others.
func (m naiveMachine) definition() string {
	states := map[string]any{}
	var add func(i int)
	add = func(i int) {
		if _, there := states[stateName(i)]; there {
			return
		}
		state := m[i].definition(i == 0)
		states[stateName(i)] = state
		if m[i].kind < kindSucceed {
			add(m[i].next)
		}
		if m[i].kind == kindChoice || m[i].kind == kindTask {
			add(m[i].other)
		}
	}
	add(0)
	text, err := json.Marshal(map[string]any{"QueryLanguage": "JSONata", "StartAt": stateName(0),
		"States": states})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (s naiveState) definition(first bool) map[string]any {
	next, other := stateName(s.next), stateName(s.other)
	switch s.kind {
	case kindPass:
		return map[string]any{"Type": "Pass", "Assign": map[string]any{"n": "{% $n + 1 %}"}, "Next": next}
	case kindChoice:
		return map[string]any{"Type": "Choice", "Default": next, "Choices": []any{
			map[string]any{"Condition": fmt.Sprintf("{%% $n > %d %%}", s.number),
				"Assign": map[string]any{"n": "{% $n - 2 %}"}, "Next": other},
		}}
	case kindWait:
		if first {
			return map[string]any{"Type": "Wait", "Seconds": 1, "Assign": map[string]any{"n": 0},
				"Next": next}
		}
		return map[string]any{"Type": "Wait", "Seconds": "{% $n %}", "Next": next}
	case kindTask:
		return map[string]any{
			"Type": "Task", "Resource": sdkIntegration + "sqs:getQueueAttributes",
			"Arguments": map[string]any{"QueueUrl": "{% $string($n) %}"},
			"Assign":    map[string]any{"n": "{% $states.result.n + $n %}"}, "Next": next,
			"Catch": []any{map[string]any{"ErrorEquals": []string{"Caught"}, "Next": other}},
		}
	case kindSucceed:
		return map[string]any{"Type": "Succeed"}
	}
	return map[string]any{"Type": "Fail", "Error": "Stated", "Cause": "as written"}
}

// naiveExecution carries a machine out, state by state.
type naiveExecution struct {
	machine naiveMachine
	at, n   int
	over    bool
	fault   string
}

// follow goes on to a state that waits, or to the end.
func (e *naiveExecution) follow() {
	for range 1_000 {
		s := e.machine[e.at]
		switch {
		case s.kind == kindPass:
			e.n++
			e.at = s.next
		case s.kind == kindChoice && e.n > s.number:
			e.n -= 2
			e.at = s.other
		case s.kind == kindChoice:
			e.at = s.next
		case s.kind == kindWait && e.n < 0:
			e.end("States.QueryEvaluationError")
			return
		case s.kind == kindSucceed:
			e.end("")
			return
		case s.kind == kindFail:
			e.end("Stated")
			return
		default:
			return
		}
	}
	e.end("States.Runtime")
}

func (e *naiveExecution) end(fault string) { e.over, e.fault = true, fault }

// answer gives the execution what it waits for: small bytes are results, the largest errors.
func (e *naiveExecution) answer(from byte) answer {
	s := e.machine[e.at]
	if s.kind == kindWait {
		e.at = s.next
		e.follow()
		return answer{}
	}
	switch {
	case from >= 250:
		e.end("Uncaught")
		return answer{key: "uncaught", err: stateError{"Uncaught", "of the test"}}
	case from >= 200:
		e.at = s.other
		e.follow()
		return answer{key: "caught", err: stateError{"Caught", "of the test"}}
	}
	number := int(from)%7 - 3
	e.n += number
	e.at = s.next
	e.follow()
	return answer{key: fmt.Sprint(number), result: func() any { return map[string]any{"n": float64(number)} }}
}

// assertAt: both have come to the same place.
func (e *naiveExecution) assertAt(t *testing.T, at *pause) {
	t.Helper()
	require.Equal(t, e.over, at.over, "over, in %s", e.machine.definition())
	if e.over {
		var fault stateError
		errors.As(at.fault, &fault)
		require.Equal(t, e.fault, fault.name, "in %s: %v", e.machine.definition(), at.fault)
		return
	}
	require.Equal(t, stateName(e.at), at.state)
	switch e.machine[e.at].kind {
	case kindTask:
		require.Equal(t, map[string]any{"QueueUrl": fmt.Sprint(e.n)}, at.arguments)
	case kindWait:
		seconds := e.n
		if e.at == 0 {
			seconds = 1
		}
		require.Equal(t, time.Duration(seconds)*time.Second, at.wait)
	}
}
