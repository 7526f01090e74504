package components

import (
	"errors"
	"fmt"
)

// FieldError says which argument is wrong, what was given and what would be right.
type FieldError struct {
	// Key is the argument's name as a stack's configuration spells it.
	Key string
	// Value is what was given.
	Value any
	// Want says what would be right.
	Want string
}

// Error implements error.
func (e *FieldError) Error() string {
	value := fmt.Sprint(e.Value)
	if text, ok := e.Value.(string); ok {
		value = fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%s: %s: %s", e.Key, value, e.Want)
}

// FieldErrors gathers what is wrong, so that all of it is reported at once.
type FieldErrors struct {
	found []error
}

// Add notes that a value is wrong; want and args say what would be right.
func (f *FieldErrors) Add(key string, value any, want string, args ...any) {
	f.found = append(f.found, &FieldError{Key: key, Value: value, Want: fmt.Sprintf(want, args...)})
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
