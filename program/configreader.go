package program

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/components"
	"fargate-queue-worker/spelling"
)

// configReader reads a stack's configuration and gathers what is wrong with it.
// What is not there is left at its zero value.
type configReader struct {
	ctx   *pulumi.Context
	asked map[string]bool // full keys read so far
	found components.FieldErrors
	// unreadable are the lists and maps that are none, each one of found.
	unreadable []*components.FieldError
	// folder of the project; "" is the working folder.
	folder string
}

// fullKey puts a key without a namespace into the project's.
func (r *configReader) fullKey(key string) string {
	if strings.Contains(key, ":") {
		return key
	}
	return r.ctx.Project() + ":" + key
}

func (r *configReader) lookUp(key string) (string, bool) {
	full := r.fullKey(key)
	r.asked[full] = true
	return r.ctx.GetConfig(full)
}

func (r *configReader) string(key string) string {
	value, _ := r.lookUp(key)
	return value
}

func (r *configReader) bool(key string) bool {
	raw, ok := r.lookUp(key)
	if !ok {
		return false
	}
	value, err := strconv.ParseBool(raw)
	if err != nil {
		r.found.Add(key, raw, "needs to be true or false")
	}
	return value
}

// boolDefaultTrue keeps apart "not given" and false.
func (r *configReader) boolDefaultTrue(key string) *bool {
	if _, ok := r.lookUp(key); !ok {
		return nil
	}
	value := r.bool(key)
	return &value
}

// int reads a number that may be 0.
func (r *configReader) int(key string) int {
	value, _ := r.parseInt(key)
	return value
}

// intPointer keeps apart "not given" and 0.
func (r *configReader) intPointer(key string) *int {
	if value, ok := r.parseInt(key); ok {
		return &value
	}
	return nil
}

// positive reads a number whose zero value stands for the default, and so must not
// be 0 itself.
func (r *configReader) positive(key string) int {
	value, ok := r.parseInt(key)
	if ok && value == 0 {
		r.found.Add(key, 0, "needs to be above 0; leave it out for the default")
	}
	return value
}

func (r *configReader) parseInt(key string) (int, bool) {
	raw, ok := r.lookUp(key)
	if !ok || raw == "" {
		return 0, false
	}
	value, err := strconv.Atoi(raw)
	if err != nil {
		r.found.Add(key, raw, "needs to be a whole number")
		return 0, false
	}
	return value, true
}

func (r *configReader) positiveFloat(key string) float64 {
	raw, ok := r.lookUp(key)
	if !ok {
		return 0
	}
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil || value == 0 {
		r.found.Add(key, raw, "needs to be a number above 0")
	}
	return value
}

// object reads a list or a map into value; an unknown field is an error.
func (r *configReader) object(key string, value any, want string) {
	raw, ok := r.lookUp(key)
	if !ok {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil && !r.isUnreadable(key) {
		if r.secret(key) {
			raw = "(secret)"
		}
		wrong := &components.FieldError{Field: key, Value: raw, Want: "needs to be " + want + ": " +
			inWords(err)}
		r.unreadable = append(r.unreadable, wrong)
		r.found.AddError(wrong)
	}
}

// isEmpty says whether a list or a map was not given, or has nothing in it.
func (r *configReader) isEmpty(key string) bool {
	raw, _ := r.lookUp(key)
	compact := strings.Join(strings.Fields(raw), "")
	return compact == "" || compact == "{}" || compact == "[]" || compact == "null"
}

func (r *configReader) strings(key string) []string {
	var list []string
	r.object(key, &list, "a list of texts")
	return list
}

func (r *configReader) stringMap(key string) map[string]string {
	var values map[string]string
	r.object(key, &values, "a map of texts; quote numbers and true or false")
	return values
}

// secret says whether any part of a value is encrypted in the stack's file.
func (r *configReader) secret(key string) bool {
	return r.ctx.IsConfigSecret(r.fullKey(key))
}

// refuseUnknown reports keys that nothing reads, most often a slip of the pen. Only
// the language host says which keys there are; elsewhere nothing is checked.
func (r *configReader) refuseUnknown() {
	var all map[string]string
	if err := json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &all); err != nil {
		return
	}
	r.refuseKeysBut(all)
}

func (r *configReader) refuseKeysBut(all map[string]string) {
	for _, key := range sortedKeys(all) {
		namespace, _, _ := strings.Cut(key, ":")
		if r.asked[key] || namespace != r.ctx.Project() && namespace != "aws" {
			continue
		}
		value := all[key]
		if r.secret(key) {
			value = "(secret)"
		}
		want := "is not a configuration key of this program"
		if namespace == "aws" {
			want = "is not handed on to the AWS provider of this program"
		}
		r.found.Add(key, value, "%s%s", want,
			spelling.DidYouMean(strings.TrimPrefix(key, namespace+":"), r.askedOf(namespace)))
	}
}

// askedOf are the keys of a namespace that the program reads, sorted.
func (r *configReader) askedOf(namespace string) []string {
	var names []string
	for _, key := range sortedKeys(r.asked) {
		if name, ok := strings.CutPrefix(key, namespace+":"); ok {
			names = append(names, name)
		}
	}
	return names
}
