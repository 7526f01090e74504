package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// defaultTags are those that the configuration of the provider puts on all that it makes. The
// engine hands it on as JSON in a string.
func defaultTags(config resource.PropertyMap) (map[string]any, error) {
	value := config["defaultTags"]
	if !value.IsString() || value.StringValue() == "" {
		return nil, nil
	}
	var defaults struct {
		Tags map[string]any `json:"tags"`
	}
	if err := json.Unmarshal([]byte(value.StringValue()), &defaults); err != nil {
		return nil, fmt.Errorf("aws:defaultTags: %w", err)
	}
	return defaults.Tags, nil
}

// tagged are inputs with the default tags below their own.
func (s *server) tagged(inputs properties) properties {
	if len(s.defaultTags) == 0 {
		return inputs
	}
	merged := maps.Clone(inputs)
	tags := maps.Clone(s.defaultTags)
	own, _ := inputs["tags"].(properties)
	maps.Copy(tags, own)
	merged["tags"] = tags
	return merged
}

// untagged takes the default tags out of what the account has, if they are all that was added to
// the inputs': they are no drift.
func (s *server) untagged(found properties, inputs properties) properties {
	if !reflect.DeepEqual(found["tags"], s.tagged(inputs)["tags"]) {
		return found
	}
	own := maps.Clone(found)
	delete(own, "tags")
	if tags, has := inputs["tags"]; has {
		own["tags"] = tags
	}
	return own
}
