package cloud

import (
	"encoding/json"
	"regexp"
	"slices"
)

// Dashboard is a CloudWatch dashboard.
type Dashboard struct {
	ARN  string `json:"dashboardArn"`
	Name string `json:"dashboardName"`
	Body string `json:"dashboardBody"` // JSON
}

// DashboardBody is a dashboard's body. Source: CloudWatch API reference, "Dashboard
// body structure and syntax".
type DashboardBody struct {
	PeriodOverride string   `json:"periodOverride"` // auto (the default) or inherit
	Widgets        []Widget `json:"widgets"`
}

// Widget is a part of a dashboard, placed on a grid 24 wide.
type Widget struct {
	Type   string `json:"type"`
	X      int    `json:"x"`
	Y      int    `json:"y"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	// Properties depend on the type.
	Properties WidgetProperties `json:"properties"`
}

// WidgetProperties are those of the types metric and alarm, the only ones of the
// sandbox.
type WidgetProperties struct {
	Title   string   `json:"title"`
	Region  string   `json:"region"`
	Metrics [][]any  `json:"metrics"`
	Alarms  []string `json:"alarms"`
}

var (
	dashboardName   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	widgetTypes     = []string{"metric", "alarm"}
	periodOverrides = []string{"", "auto", "inherit"}
)

const gridWidth = 24

// PutDashboard makes or changes a dashboard.
func (a *Account) PutDashboard(d Dashboard) (*Dashboard, error) {
	if !dashboardName.MatchString(d.Name) {
		return nil, refuse("InvalidParameterValue",
			"the dashboard name %q has other characters than letters, digits, - and _", d.Name)
	}
	body, err := d.Read()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(periodOverrides, body.PeriodOverride) {
		return nil, refuse("InvalidParameterInput", "periodOverride %q does not exist", body.PeriodOverride)
	}
	for i, w := range body.Widgets {
		if err := a.checkWidget(w); err != nil {
			return nil, refuse("InvalidParameterInput", "widget %d: %v", i, err)
		}
	}
	d.ARN = globalARN("cloudwatch", "dashboard/"+d.Name)
	a.Dashboards[d.Name] = &d
	return &d, nil
}

// Read parses the dashboard's body.
func (d *Dashboard) Read() (DashboardBody, error) {
	var body DashboardBody
	if err := json.Unmarshal([]byte(d.Body), &body); err != nil {
		return body, refuse("InvalidParameterInput", "the body of the dashboard is not valid JSON: %v", err)
	}
	return body, nil
}

func (a *Account) checkWidget(w Widget) error {
	p := w.Properties
	switch {
	case !slices.Contains(widgetTypes, w.Type):
		return refuse("DataValidationError", "the type %q does not exist", w.Type)
	case w.X < 0 || w.Y < 0 || w.Width < 1 || w.Height < 1 || w.X+w.Width > gridWidth:
		return refuse("DataValidationError", "%d wide at %d is not on the grid of %d", w.Width, w.X,
			gridWidth)
	case w.Type == "metric" && (len(p.Metrics) == 0 || p.Region == ""):
		return refuse("DataValidationError", "a metric widget needs metrics and a region")
	case w.Type == "alarm" && len(p.Alarms) == 0:
		return refuse("DataValidationError", "an alarm widget needs alarms")
	}
	return nil
}

// DeleteDashboard removes a dashboard.
func (a *Account) DeleteDashboard(name string) error { return remove(a.Dashboards, name) }
