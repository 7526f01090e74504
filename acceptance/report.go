package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Report is what is known so far. It is written after each case, so that a run that was interrupted
// goes on where it stopped.
type Report struct {
	Results []Result

	folder string
}

// loadReport reads that of an earlier run, or begins one.
func loadReport(folder string) (*Report, error) {
	r := &Report{folder: folder}
	text, err := os.ReadFile(r.file("json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading the report %s (delete it to begin anew): %w", r.file("json"), err)
	}
	return r, nil
}

func (r *Report) file(kind string) string { return filepath.Join(r.folder, "report."+kind) }

// add a result, in place of an earlier one of its case, and write both files.
func (r *Report) add(result Result) error {
	r.Results = slices.DeleteFunc(r.Results, func(o Result) bool { return o.Case == result.Case })
	r.Results = append(r.Results, result)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return errors.Join(write(r.file("json"), text), write(r.file("md"), []byte(r.markdown())))
}

// write a file whole, or not at all.
func write(name string, text []byte) error {
	if err := os.WriteFile(name+".new", text, 0o644); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return os.Rename(name+".new", name)
}

// verdict is an error if anything is not as assumed.
func (r *Report) verdict() error {
	var wrong []error
	for _, result := range r.Results {
		if result.Verdict != AsAssumed {
			wrong = append(wrong, fmt.Errorf("%s: %s: %s", result.Case, result.Verdict, result.Seen))
		}
	}
	return errors.Join(wrong...)
}

// markdown is the report for people.
func (r *Report) markdown() string {
	var b strings.Builder
	dollars := 0.0
	b.WriteString("# What AWS showed\n\n| case | assumed | seen | verdict | took | $ at most |\n" +
		"|---|---|---|---|---|---|\n")
	for _, result := range r.Results {
		dollars += result.Dollars
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.3f |\n", result.Case, cell(result.Assumed),
			cell(result.Seen), result.Verdict, result.Took.Round(time.Second), result.Dollars)
	}
	fmt.Fprintf(&b, "\n$%.2f at most, without deploying.\n", dollars)
	for _, result := range r.Results {
		fmt.Fprintf(&b, "\n## %s: %s\n\n%s\n", result.Case, result.Verdict, result.Seen)
		if result.IfNot != "" {
			fmt.Fprintf(&b, "\nWhat to do: %s\n", result.IfNot)
		}
		b.WriteString("\n| at | said | request |\n|---|---|---|\n")
		for _, e := range result.Evidence {
			at := e.At.Format("2006-01-02 15:04:05Z")
			fmt.Fprintf(&b, "| %s | %s | %s |\n", at, cell(e.Said), e.RequestID)
		}
	}
	return b.String()
}

// cell is a text in a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
