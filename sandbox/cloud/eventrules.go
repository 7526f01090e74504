package cloud

import "encoding/json"

// EventRule is a rule on EventBridge's default bus. The model has no events, so that none
// matches.
type EventRule struct {
	ARN          string            `json:"arn"`
	Name         string            `json:"name"`
	Description  string            `json:"description,omitempty"`
	EventPattern string            `json:"eventPattern"`
	Tags         map[string]string `json:"tags,omitempty"`
}

// PutRule makes or changes a rule.
func (a *Account) PutRule(r EventRule) (*EventRule, error) {
	const longestName, longestPattern = 64, 2048
	if r.Name == "" || len(r.Name) > longestName {
		return nil, refuse("ValidationException", "a rule's name has 1 to %d characters: %s",
			longestName, r.Name)
	}
	if len(r.EventPattern) > longestPattern {
		return nil, refuse("InvalidEventPatternException",
			"the event pattern has %d characters, above the quota of %d", len(r.EventPattern), longestPattern)
	}
	var pattern map[string]any
	if err := json.Unmarshal([]byte(r.EventPattern), &pattern); err != nil {
		return nil, refuse("InvalidEventPatternException", "the event pattern is not JSON: %v", err)
	}
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	r.ARN = a.ARN("events", "rule/"+r.Name)
	a.EventRules[r.Name] = &r
	return &r, nil
}

// checkPattern: a field is matched against a list of values, or has fields of its own.
// Source: EventBridge user guide, "Creating event patterns".
func checkPattern(pattern map[string]any) error {
	if len(pattern) == 0 {
		return refuse("InvalidEventPatternException", "the event pattern is empty")
	}
	for field, value := range pattern {
		switch value := value.(type) {
		case map[string]any:
			if err := checkPattern(value); err != nil {
				return err
			}
		case []any:
			if len(value) == 0 {
				return refuse("InvalidEventPatternException", "%s has an empty list", field)
			}
			if field != "$or" {
				continue
			}
			for _, item := range value {
				branch, ok := item.(map[string]any)
				if !ok {
					return refuse("InvalidEventPatternException", "$or needs a list of patterns")
				}
				if err := checkPattern(branch); err != nil {
					return err
				}
			}
		default:
			return refuse("InvalidEventPatternException", "%s has to be a list of values or an object", field)
		}
	}
	return nil
}

// DeleteRule removes a rule.
func (a *Account) DeleteRule(name string) error { return remove(a.EventRules, name) }
