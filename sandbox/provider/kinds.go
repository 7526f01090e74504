package provider

import (
	"encoding/json"
	"fmt"
	"maps"

	"fargate-queue-worker/sandbox/cloud"
)

// properties are the inputs or the state of a resource, as JSON has them.
type properties = map[string]any

// kind is a resource type: how its Pulumi side maps onto the account.
type kind struct {
	token string
	// nameSuffix follows a name that Pulumi chooses; nil for types without a name.
	nameSuffix func(properties) string
	// immutable inputs replace the resource when they change.
	immutable []string
	// computed outputs are unknown until the resource exists.
	computed []string
	// importID is the id of what the AWS provider imports by another; nil if it is the id.
	importID func(a *cloud.Account, imported string) string

	create func(a *cloud.Account, inputs properties) (id string, state properties, err error)
	read   func(a *cloud.Account, id string) (state properties, found bool, err error)
	update func(a *cloud.Account, id string, inputs properties, changed []string) (state properties,
		err error)
	remove func(a *cloud.Account, id string) error
}

// model is how a kind's resources live in the account; T has the inputs and the
// computed outputs as JSON fields.
type model[T any] struct {
	id     func(*T) string
	create func(a *cloud.Account, t T) (*T, error)
	find   func(a *cloud.Account, id string) (*T, bool)
	// update is create unless given.
	update func(a *cloud.Account, id string, t T, changed []string) (*T, error)
	remove func(a *cloud.Account, id string) error
}

// define fills in a kind's functions from a model.
func define[T any](k kind, m model[T]) kind {
	k.create = func(a *cloud.Account, inputs properties) (string, properties, error) {
		t, err := decode[T](inputs)
		if err != nil {
			return "", nil, err
		}
		made, err := m.create(a, t)
		if err != nil {
			return "", nil, err
		}
		state, err := encode(made)
		return m.id(made), state, err
	}
	k.read = func(a *cloud.Account, id string) (properties, bool, error) {
		t, ok := m.find(a, id)
		if !ok {
			return nil, false, nil
		}
		state, err := encode(t)
		return state, true, err
	}
	k.update = func(a *cloud.Account, id string, inputs properties, changed []string) (properties, error) {
		t, err := decode[T](inputs)
		if err != nil {
			return nil, err
		}
		update := m.update
		if update == nil {
			update = func(a *cloud.Account, _ string, t T, _ []string) (*T, error) { return m.create(a, t) }
		}
		updated, err := update(a, id, t, changed)
		if err != nil {
			return nil, err
		}
		return encode(updated)
	}
	k.remove = m.remove
	return k
}

func decode[T any](inputs properties) (t T, err error) {
	text, err := json.Marshal(inputs)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	return t, err
}

func encode[T any](t *T) (properties, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	var state properties
	return state, json.Unmarshal(text, &state)
}

// lookUp finds in a map of the account.
func lookUp[T any](pick func(*cloud.Account) map[string]*T) func(*cloud.Account, string) (*T, bool) {
	return func(a *cloud.Account, id string) (*T, bool) {
		t, ok := pick(a)[id]
		return t, ok
	}
}

func noSuffix(properties) string { return "" }

// kinds are the aws:* types the sandbox has.
var kinds = map[string]kind{}

func register(all ...kind) {
	for _, k := range all {
		kinds[k.token] = k
	}
}

// findKind returns the kind of a type token.
func findKind(token string) (kind, error) {
	k, ok := kinds[token]
	if !ok {
		return kind{}, fmt.Errorf("the sandbox has no resources of type %s", token)
	}
	return k, nil
}

// Known fails for a type the sandbox does not have.
func Known(token string) error {
	_, err := findKind(token)
	return err
}

// Create makes a resource in the account without an engine; one without a name gets
// its own.
func Create(
	a *cloud.Account, token, name string, inputs properties,
) (id string, state properties, err error) {
	k, err := findKind(token)
	if err != nil {
		return "", nil, err
	}
	named := maps.Clone(inputs)
	if _, has := named["name"]; !has && k.nameSuffix != nil {
		named["name"] = name + k.nameSuffix(inputs)
	}
	id, made, err := k.create(a, named)
	if err != nil {
		return "", nil, err
	}
	maps.Copy(named, made)
	return id, named, nil
}
