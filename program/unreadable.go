package program

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"fargate-queue-worker/components"
)

// isUnreadable says whether a list or a map was found to be none: it may be read twice.
func (r *configReader) isUnreadable(key string) bool {
	return slices.ContainsFunc(r.unreadable, func(e *components.FieldError) bool { return e.Field == key })
}

// asInYAML is the path of a field of Go's with the names that it has in a stack's file.
func asInYAML(path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToLower(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, ".")
}

// inWords is what is wrong with a list or a map, without the names that it has in Go.
func inWords(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		kinds := map[reflect.Kind]string{
			reflect.Int: "a whole number", reflect.Float64: "a number", reflect.String: "a text",
			reflect.Bool:  "true or false",
			reflect.Slice: "a list", reflect.Map: "a map", reflect.Struct: "a map",
		}
		where := cmp.Or(asInYAML(wrongType.Field), "it")
		kind := wrongType.Type.Kind()
		if kind == reflect.Pointer {
			kind = wrongType.Type.Elem().Kind()
		}
		want := cmp.Or(kinds[kind], "of another type")
		return fmt.Sprintf("%s is of type %s, and needs to be %s", where, wrongType.Value, want)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	return strings.Replace(text, "unknown field", "there is no field", 1)
}

// err is all that was found, but for what follows from a list or a map that cannot be read.
func (r *configReader) err() error {
	return errors.Join(slices.DeleteFunc(flat(r.found.Err()), r.follows)...)
}

// follows says whether an error is about the inside of what cannot be read.
func (r *configReader) follows(err error) bool {
	var field *components.FieldError
	return errors.As(err, &field) && slices.ContainsFunc(r.unreadable, func(u *components.FieldError) bool {
		return u != field && covers(u.Field, field.Field)
	})
}

// covers says whether a key is a field, or the field is in it.
func covers(key, field string) bool {
	rest, ok := strings.CutPrefix(field, key)
	return ok && (rest == "" || rest[0] == '[' || rest[0] == '.')
}

// flat are the errors that others join.
func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flat(one)...)
	}
	return all
}
