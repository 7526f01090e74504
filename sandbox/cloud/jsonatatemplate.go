package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/blues/jsonata-go"
)

// template is a JSON value of a definition, in which texts of the form {% ... %} are
// JSONata.
type template struct {
	constant   any
	expression string
	fields     map[string]*template
	items      []*template
}

// volatile are functions whose value differs from time to time. The sandbox does without
// them, so that what follows from an answer is known once it was found.
var volatile = regexp.MustCompile(`\$(now|millis|random|uuid|shuffle)\b|\$states\.context`)

// UnmarshalJSON implements json.Unmarshaler.
func (t *template) UnmarshalJSON(text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	return t.read(value)
}

func (t *template) read(value any) error {
	switch value := value.(type) {
	case string:
		return t.readText(value)
	case map[string]any:
		t.fields = map[string]*template{}
		for key, field := range value {
			t.fields[key] = &template{}
			if err := t.fields[key].read(field); err != nil {
				return err
			}
		}
	case []any:
		t.items = make([]*template, len(value))
		for i, item := range value {
			t.items[i] = &template{}
			if err := t.items[i].read(item); err != nil {
				return err
			}
		}
	default:
		t.constant = value
	}
	return nil
}

func (t *template) readText(text string) error {
	inner, opened := strings.CutPrefix(text, "{%")
	inner, closed := strings.CutSuffix(inner, "%}")
	if !opened || !closed {
		t.constant = text
		return nil
	}
	if volatile.MatchString(inner) {
		return fmt.Errorf("the sandbox does not have what differs from time to time, as in %s", inner)
	}
	t.expression = inner
	if _, err := compile(inner); err != nil {
		return fmt.Errorf("INVALID_JSONATA_EXPRESSION: %s: %w", inner, err)
	}
	return nil
}

// scope is what expressions refer to: the variables, and $states.
type scope map[string]any

// value of the template. An expression without a value is an error, as in Step Functions.
func (t *template) value(in scope) (any, error) {
	switch {
	case t == nil:
		return nil, nil // null
	case t.expression != "":
		return evaluate(t.expression, in)
	case t.fields != nil:
		return fieldValues(t.fields, in)
	case t.items != nil:
		list := make([]any, len(t.items))
		for i, item := range t.items {
			value, err := item.value(in)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	}
	return t.constant, nil
}

func fieldValues(fields map[string]*template, in scope) (map[string]any, error) {
	values := make(map[string]any, len(fields))
	for name, field := range fields {
		value, err := field.value(in)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, nil
}

// compile an expression. The library panics at some that are none, such as "!\ufffd".
func compile(text string) (expression *jsonata.Expr, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("it cannot be parsed: %v", cause)
		}
	}()
	return jsonata.Compile(text)
}

// evaluating is held while an expression is evaluated: the library's built-in functions are
// shared by all expressions, and remember who calls them.
var evaluating sync.Mutex

// evaluate an expression. It is compiled anew, since a compiled one remembers variables.
func evaluate(text string, in scope) (any, error) {
	expression, err := compile(text)
	if err != nil {
		return nil, err // it was compiled when the definition was read
	}
	if err := expression.RegisterVars(in); err != nil {
		return nil, err
	}
	evaluating.Lock()
	value, err := expression.Eval(nil)
	evaluating.Unlock()
	if errors.Is(err, jsonata.ErrUndefined) {
		return nil, stateError{"States.QueryEvaluationError",
			fmt.Sprintf("the expression %s returned nothing (undefined)", text)}
	}
	if err != nil {
		return nil, stateError{"States.QueryEvaluationError", err.Error()}
	}
	return value, nil
}

// stateError is an error that a Catch may name.
type stateError struct{ name, cause string }

// Error implements error.
func (e stateError) Error() string { return e.name + ": " + e.cause }
