package provider

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// defaultsKey lists the inputs that the provider chose, as the AWS provider does.
const defaultsKey = "__defaults"

// autoName adds a name to inputs that have none: the old one, or the resource's own
// with seven random digits.
func autoName(k kind, urn resource.URN, seed []byte, olds, news resource.PropertyMap) error {
	if k.nameSuffix == nil || news.HasValue("name") {
		return nil
	}
	name := olds["name"]
	if !chosen(olds) || !name.IsString() {
		const randomDigits, anyLength = 7, 0
		unique, err := resource.NewUniqueName(seed, urn.Name()+"-", randomDigits, anyLength, nil)
		if err != nil {
			return fmt.Errorf("choosing a name for %s: %w", urn.Name(), err)
		}
		name = resource.NewProperty(unique + k.nameSuffix(news.Mappable()))
	}
	news["name"] = name
	news[defaultsKey] = resource.NewProperty([]resource.PropertyValue{resource.NewProperty("name")})
	return nil
}

// chosen says whether the provider chose the name.
func chosen(inputs resource.PropertyMap) bool {
	_, ok := inputs[defaultsKey]
	return ok
}

// diff compares inputs, but for those to ignore. The engine does that itself in an
// update, and leaves it to the provider in a refresh.
func diff(k kind, olds, news resource.PropertyMap, ignore []string) *pulumirpc.DiffResponse {
	response := &pulumirpc.DiffResponse{
		Changes:         pulumirpc.DiffResponse_DIFF_NONE,
		HasDetailedDiff: true,
		DetailedDiff:    map[string]*pulumirpc.PropertyDiff{},
	}
	for _, key := range changedKeys(olds, news) {
		if slices.Contains(ignore, key) {
			continue
		}
		replaces := slices.Contains(k.immutable, key)
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		response.Diffs = append(response.Diffs, key)
		response.DetailedDiff[key] = &pulumirpc.PropertyDiff{Kind: diffKind(olds, news,
			resource.PropertyKey(key), replaces), InputDiff: true}
		if replaces {
			response.Replaces = append(response.Replaces, key)
		}
	}
	// Two resources cannot have the same name at once.
	response.DeleteBeforeReplace = len(response.Replaces) > 0 && k.nameSuffix != nil && !chosen(news) &&
		olds["name"].DeepEquals(news["name"])
	return response
}

func diffKind(
	olds, news resource.PropertyMap, key resource.PropertyKey, replaces bool,
) pulumirpc.PropertyDiff_Kind {
	change := pulumirpc.PropertyDiff_UPDATE
	switch {
	case !olds.HasValue(key):
		change = pulumirpc.PropertyDiff_ADD
	case !news.HasValue(key):
		change = pulumirpc.PropertyDiff_DELETE
	}
	if replaces {
		change++ // ADD_REPLACE follows ADD, and so on
	}
	return change
}

// changedKeys are the inputs that differ, sorted.
func changedKeys(olds, news resource.PropertyMap) []string {
	var changed []string
	for key := range overlay(olds, news) {
		if key != defaultsKey && !olds[key].DeepEquals(news[key]) {
			changed = append(changed, string(key))
		}
	}
	slices.Sort(changed)
	return changed
}
