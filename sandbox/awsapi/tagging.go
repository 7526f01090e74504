package awsapi

import (
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

// taggingService finds resources by their tags.
var taggingService = service{
	name: "Resource Groups Tagging", prefix: "ResourceGroupsTaggingAPI_20170126", scope: "tagging",
	actions: map[string]func(request) (any, error){"GetResources": request.getResources},
}

// stsService says who somebody is.
var stsService = service{
	name: "STS", version: "2011-06-15", scope: "sts",
	actions: map[string]func(request) (any, error){"GetCallerIdentity": request.getCallerIdentity},
}

func (request) getCallerIdentity() (any, error) {
	return object{
		"Account": cloud.AccountID,
		"UserId":  "AIDASANDBOX",
		"Arn":     "arn:aws:iam::" + cloud.AccountID + ":user/sandbox",
	}, nil
}

// getResources finds resources that have all of the tags asked for, one of the values of each.
func (r request) getResources() (any, error) {
	var asked struct {
		TagFilters []struct {
			Key    string
			Values []string
		}
	}
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	found := []object{}
	for arn, tags := range r.account.TaggedResources() {
		matches := true
		for _, filter := range asked.TagFilters {
			value, there := tags[filter.Key]
			matches = matches && there && (len(filter.Values) == 0 || slices.Contains(filter.Values, value))
		}
		if matches && len(tags) > 0 {
			found = append(found, object{"ResourceARN": arn, "Tags": tagsOf(tags, "Key", "Value")})
		}
	}
	slices.SortFunc(
		found,
		func(a, b object) int {
			return strings.Compare(a["ResourceARN"].(string), b["ResourceARN"].(string))
		},
	)
	return object{"ResourceTagMappingList": found, "PaginationToken": ""}, nil
}

// lastName of an ARN whose parts are divided by colons.
func lastName(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }
