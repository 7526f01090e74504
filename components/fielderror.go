package components

import (
	"errors"
	"fmt"
	"regexp"
)

// FieldError says which argument is wrong, what was given and what would be right.
type FieldError struct {
	// Field is the path of the argument in Go, such as Scaling.MinCapacity,
	// Queue.ProducerTopicARNs[0] or Task.Environment[LOG_LEVEL].
	Field string
	// Value is what was given.
	Value any
	// Want says what would be right. Other arguments stand in it as {Scaling.MaxCapacity}.
	Want string
}

// Error implements error, with the names that the arguments have in Go.
func (e *FieldError) Error() string {
	value := fmt.Sprint(e.Value)
	if text, ok := e.Value.(string); ok {
		value = fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%s: %s: %s", e.Field, value, e.text(itself))
}

// text is what would be right, with the arguments in it named.
func (e *FieldError) text(name func(path string) string) string {
	return mention.ReplaceAllStringFunc(e.Want, func(path string) string {
		return name(path[1 : len(path)-1])
	})
}

// mention is an argument in a text: {Scaling.MaxCapacity}.
var mention = regexp.MustCompile(`\{[A-Z][A-Za-z.]*\}`)

func itself(path string) string { return path }

// Spell gives the arguments in an error of this package other names, such as those that
// they have in a configuration. Other errors stay as they are.
func Spell(err error, name func(path string) string) error {
	switch e := err.(type) { //nolint:errorlint // it goes through what is joined or wrapped itself
	case *FieldError:
		return &FieldError{Field: name(e.Field), Value: e.Value, Want: e.text(name)}
	case interface{ Unwrap() []error }:
		var spelled []error
		for _, one := range e.Unwrap() {
			spelled = append(spelled, Spell(one, name))
		}
		return errors.Join(spelled...)
	}
	return err
}

// FieldErrors gathers what is wrong, so that all of it is reported at once.
type FieldErrors struct {
	found []error
}

// Add notes that a value is wrong; want and args say what would be right.
func (f *FieldErrors) Add(field string, value any, want string, args ...any) {
	f.found = append(f.found, &FieldError{Field: field, Value: value, Want: fmt.Sprintf(want, args...)})
}

// AddError notes an error found elsewhere; nil is ignored.
func (f *FieldErrors) AddError(err error) {
	if err != nil {
		f.found = append(f.found, err)
	}
}

// Err joins what was found, a line each; nil if nothing was.
func (f *FieldErrors) Err() error {
	return errors.Join(f.found...)
}
