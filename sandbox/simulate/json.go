package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
)

// output of a run, for machines.
type output struct {
	// Parameters by name, all that decides the figures but the stack and the workloads.
	Parameters map[string]string `json:"parameters"`
	Workloads  []workloadOutput  `json:"workloads"`
}

type workloadOutput struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // of what it does
	Days   int    `json:"days"`
	// Systems begin with the stack.
	Systems []summary `json:"systems"`
}

// summary of a result, for machines.
type summary struct {
	Workload     string   `json:"workload"`
	Days         int      `json:"days"`
	Seed         uint64   `json:"seed"`
	System       string   `json:"system"`
	FirstP50     float64  `json:"p50_first_seconds"`
	FirstP95     float64  `json:"p95_first_seconds"`
	P50          float64  `json:"p50_wait_seconds"`
	P95          float64  `json:"p95_wait_seconds"`
	Killed       int      `json:"killed"`
	Redelivered  int      `json:"redelivered"`
	Done         int      `json:"done"`
	DeadLettered int      `json:"dead_lettered"`
	Undone       int      `json:"undone"`
	Interrupted  int      `json:"interrupted_handlers"`
	Started      int      `json:"started_tasks"`
	TaskMinutes  float64  `json:"task_minutes"`
	BeyondNeed   float64  `json:"beyond_need_minutes"`
	Peak         int      `json:"peak_tasks"`
	LeftRunning  int      `json:"left_running"`
	DollarsMonth float64  `json:"dollars_a_month"`
	Bill         bill     `json:"bill"` // its parts
	Requests     Requests `json:"requests"`
}

func (r *Result) summary() summary {
	return summary{
		System:   r.System,
		FirstP50: r.First.Quantile(50).Seconds(), FirstP95: r.First.Quantile(95).Seconds(),
		P50: r.All.Quantile(50).Seconds(), P95: r.All.Quantile(95).Seconds(),
		Killed: r.BusyKills, Redelivered: r.Redeliveries, Done: r.Done, DeadLettered: r.DeadLettered,
		Undone: r.Undone, Interrupted: r.Interrupted, Started: r.Started,
		TaskMinutes: r.TaskMinutes, BeyondNeed: r.BeyondNeed, Peak: r.Peak, LeftRunning: r.LeftRunning,
		DollarsMonth: r.CostAMonth(), Bill: r.bill(), Requests: r.Requests,
	}
}

// WriteJSON writes all results, and what they depend on.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.output())
}

func (r *Report) output() output {
	out := output{Parameters: r.settings()}
	for _, c := range r.Comparisons {
		one := workloadOutput{Name: c.Workload.Name, Digest: c.Workload.digest(), Days: c.Days}
		for _, result := range c.Results {
			one.Systems = append(one.Systems, result.summary())
		}
		out.Workloads = append(out.Workloads, one)
	}
	return out
}

// readOutput reads what WriteJSON wrote. An empty object is a run of nothing.
func readOutput(text io.Reader) (out output, err error) {
	var raw json.RawMessage
	if err := json.NewDecoder(text).Decode(&raw); err != nil {
		return out, fmt.Errorf("is not output of simulate --json: %w", err)
	}
	if raw[0] == '[' {
		return out, errors.New("is of an older format, a list without the parameters: " +
			"write it anew with simulate --json")
	}
	if bytes.Contains(raw, []byte(`"first_p95_seconds"`)) {
		return out, errors.New("is of an older format, with other names: write it anew with simulate --json")
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("is not output of simulate --json: %w", err)
	}
	return out, nil
}

// settings are the parameters by name, with the prices that hold for the stack.
func (r *Report) settings() map[string]string {
	all := map[string]string{}
	addSettings(all, reflect.ValueOf(r.Parameters))
	for i := range r.Comparisons[:min(1, len(r.Comparisons))] {
		p := r.Comparisons[i].Results[0].prices
		for _, price := range priceNames {
			all["price "+price.name] = fmt.Sprint(*price.of(&p))
		}
	}
	return all
}

// addSettings adds the fields of parameters, and of parameters in them. Functions are
// how a caller takes part; the prices stand for themselves.
func addSettings(all map[string]string, parameters reflect.Value) {
	for i := range parameters.NumField() {
		field, value := parameters.Type().Field(i), parameters.Field(i)
		switch value.Kind() {
		case reflect.Func, reflect.Map:
		case reflect.Struct:
			addSettings(all, value)
		default:
			all[dashed(field.Name)] = fmt.Sprint(value.Interface())
		}
	}
}

// dashed is a field's name as flags are written: MetricDelay is metric-delay.
func dashed(name string) string {
	var text strings.Builder
	for i, letter := range name {
		if i > 0 && unicode.IsUpper(letter) {
			text.WriteByte('-')
		}
		text.WriteRune(unicode.ToLower(letter))
	}
	return text.String()
}
