package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// differences are the values that differ, each with its path, the old one and the new one.
// It looks into texts that are JSON, such as policies and container definitions.
func differences(path string, old, new any) []string {
	old, new = parsed(old), parsed(new)
	if reflect.DeepEqual(old, new) {
		return nil
	}
	oldMap, newMap := asMap(old), asMap(new)
	if oldMap == nil || newMap == nil {
		return []string{fmt.Sprintf("%s %s -> %s", path, show(old), show(new))}
	}
	var all []string
	keys := maps.Clone(oldMap)
	maps.Copy(keys, newMap)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		all = append(all, differences(path+"."+key, oldMap[key], newMap[key])...)
	}
	return all
}

// parsed is a text that is a JSON list or map as what it holds.
func parsed(value any) any {
	text, ok := value.(string)
	if !ok || !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return value
	}
	var inside any
	if json.Unmarshal([]byte(text), &inside) != nil {
		return value
	}
	return inside
}

// asMap is a map, or a list by the names of what is in it, or by the places, or nil.
func asMap(value any) map[string]any {
	if m, ok := value.(map[string]any); ok {
		return m
	}
	list, ok := value.([]any)
	if !ok {
		return nil
	}
	byName := map[string]any{}
	for i, item := range list {
		m, _ := item.(map[string]any)
		name := fmt.Sprint(i)
		for _, key := range []string{"name", "id"} {
			if text, ok := m[key].(string); ok {
				name = text
			}
		}
		byName[name] = item
		if value, pair := m["value"]; pair && len(m) == 2 {
			byName[name] = value // a variable
		}
	}
	return byName
}

// unknown is how the engine writes what AWS will choose.
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

// show is a value in a line of its own.
func show(value any) string {
	const most = 100
	switch value {
	case nil:
		return "(none)"
	case unknown:
		return "(known later)"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	short := []rune(strings.TrimSpace(text.String()))
	if len(short) > most {
		return string(short[:most]) + "…"
	}
	return string(short)
}
