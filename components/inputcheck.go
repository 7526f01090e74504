package components

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// textCheck says what would be right in place of a text, or "" if the text is.
type textCheck func(text string) (want string)

// inputCheck checks an argument that may come from a resource: at once if its value is
// known, and when it becomes known if not.
type inputCheck struct {
	field string
	check textCheck
	// One of these is where the argument is.
	text *pulumi.StringInput
	list *pulumi.StringArrayInput
	// values are those of a map.
	values *pulumi.StringMapInput
}

// now checks what is known.
func (c inputCheck) now(found *FieldErrors) {
	switch {
	case c.text != nil:
		c.note(found, c.field, *c.text)
	case c.list != nil:
		items, _ := (*c.list).(pulumi.StringArray)
		for i, item := range items {
			c.note(found, fmt.Sprintf("%s[%d]", c.field, i), item)
		}
	case c.values != nil:
		values, _ := (*c.values).(pulumi.StringMap)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			c.note(found, fmt.Sprintf("%s[%s]", c.field, name), values[name])
		}
	}
}

func (c inputCheck) note(found *FieldErrors, field string, in pulumi.StringInput) {
	if text, known := plain(in); known {
		found.AddError(c.verdict(field, text))
	}
}

func (c inputCheck) verdict(field, text string) error {
	if want := c.check(text); want != "" {
		return &FieldError{Field: field, Value: text, Want: want}
	}
	return nil
}

// later puts in the place of an argument that is not known yet one that fails if it
// turns out to be wrong.
func (c inputCheck) later(name func(path string) string) {
	verdict := func(field, text string) error { return Spell(c.verdict(field, text), name) }
	switch {
	case c.text != nil:
		if _, known := plain(*c.text); !known && *c.text != nil {
			*c.text = (*c.text).ToStringOutput().ApplyT(func(text string) (string, error) {
				return text, verdict(c.field, text)
			}).(pulumi.StringOutput)
		}
	case c.list != nil && *c.list != nil && !known(*c.list):
		*c.list = (*c.list).ToStringArrayOutput().ApplyT(func(items []string) ([]string, error) {
			var found FieldErrors
			for i, item := range items {
				found.AddError(verdict(fmt.Sprintf("%s[%d]", c.field, i), item))
			}
			return items, found.Err()
		}).(pulumi.StringArrayOutput)
	case c.values != nil && *c.values != nil && !known(*c.values):
		*c.values = (*c.values).ToStringMapOutput().ApplyT(func(values map[string]string) (map[string]string,
			error) {
			var found FieldErrors
			for _, name := range slices.Sorted(maps.Keys(values)) {
				found.AddError(verdict(fmt.Sprintf("%s[%s]", c.field, name), values[name]))
			}
			return values, found.Err()
		}).(pulumi.StringMapOutput)
	}
}

// known says whether a list or map is one of plain values only.
func known(in any) bool {
	isPlain := func(item pulumi.StringInput) bool { _, ok := plain(item); return ok }
	switch in := in.(type) {
	case pulumi.StringArray:
		return !slices.ContainsFunc(in, func(item pulumi.StringInput) bool { return !isPlain(item) })
	case pulumi.StringMap:
		return !slices.ContainsFunc(slices.Collect(maps.Values(in)), func(item pulumi.StringInput) bool {
			return !isPlain(item)
		})
	}
	return false
}

// plain is the value of an input that does not come from a resource.
func plain(in pulumi.StringInput) (string, bool) {
	s, ok := in.(pulumi.String)
	return string(s), ok
}

// describe is an input as an error shows it.
func describe(in pulumi.StringInput) string {
	if s, known := plain(in); known {
		return s
	}
	return "(from a resource)"
}

var accountID = regexp.MustCompile(`^\d{12}$`)

// isARN checks an ARN's service and the start of its resource.
func isARN(service, resourcePrefix string) textCheck {
	return func(arn string) string {
		parts := strings.SplitN(arn, ":", arnParts)
		if arnService(arn) != service || !accountID.MatchString(parts[4]) ||
			!strings.HasPrefix(parts[5], resourcePrefix) || len(parts[5]) == len(resourcePrefix) {
			region := "<region>"
			if service == "iam" {
				region = "" // it is not regional
			}
			return fmt.Sprintf("needs to be an ARN of the form arn:aws:%s:%s:<account>:%s<name>", service,
				region, resourcePrefix)
		}
		return ""
	}
}

// arnParts is how many parts an ARN has: arn, partition, service, region, account, resource.
const arnParts = 6

// arnService is the service part of an ARN, "" for anything else.
func arnService(reference string) string {
	parts := strings.SplitN(reference, ":", arnParts)
	if len(parts) < arnParts || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}

// all is the first verdict that finds something.
func all(checks ...textCheck) textCheck {
	return func(text string) string {
		for _, check := range checks {
			if want := check(text); want != "" {
				return want
			}
		}
		return ""
	}
}

// matches checks a text's form.
func matches(pattern *regexp.Regexp, want string) textCheck {
	return func(text string) string {
		if pattern.MatchString(text) {
			return ""
		}
		return want
	}
}

var isKMSKey = isARN("kms", "key/")
