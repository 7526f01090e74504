package cloud

import "slices"

// LogGroup is a CloudWatch Logs group.
type LogGroup struct {
	ARN             string            `json:"arn"`
	Name            string            `json:"name"`
	RetentionInDays int               `json:"retentionInDays,omitempty"` // 0 is for ever
	KMSKeyID        string            `json:"kmsKeyId,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
}

var retentions = []int{0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
	2557, 2922, 3288, 3653}

// PutLogGroup makes or changes a log group.
func (a *Account) PutLogGroup(g LogGroup) (*LogGroup, error) {
	if !slices.Contains(retentions, g.RetentionInDays) {
		return nil, refuse("InvalidParameterException", "logs cannot be kept for %d days", g.RetentionInDays)
	}
	g.ARN = a.ARN("logs", "log-group:"+g.Name)
	a.LogGroups[g.Name] = &g
	return &g, nil
}

// DeleteLogGroup removes a log group.
func (a *Account) DeleteLogGroup(name string) error { return remove(a.LogGroups, name) }
