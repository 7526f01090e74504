package main

import (
	"context"
	"fmt"
	"time"
)

// Case settles one thing that AWS's documents leave open, or that nobody has seen on AWS yet.
type Case struct {
	// Name for --case.
	Name string
	// Assumed is what the project rests on, in a sentence.
	Assumed string
	// IfNot is what to change if it comes out otherwise.
	IfNot string
	// Minutes it usually takes, alone; for its deadline see there.
	Minutes int
	// SharesWork says that it looks at a work period, which all such cases share.
	SharesWork bool
	// run finds out. An error is that it could not.
	run func(ctx context.Context, b *Bench) (Finding, error)
}

// Finding is what a case saw.
type Finding struct {
	AsAssumed bool
	Seen      string
}

// refuted is the finding that it is not as assumed.
func refuted(format string, args ...any) Finding {
	return Finding{AsAssumed: false, Seen: fmt.Sprintf(format, args...)}
}

// deadline of a case, of CloudWatch's minutes.
func (c Case) deadline(minute time.Duration) time.Duration {
	const margin = 10
	return time.Duration(2*c.Minutes+margin) * minute
}

// Verdict of a case.
type Verdict string

// The verdicts.
const (
	AsAssumed Verdict = "as assumed"
	Otherwise Verdict = "otherwise"
	Undecided Verdict = "undecided" // it failed, or its time was up
)

// Result of a case, as reports have it.
type Result struct {
	Case     string
	Assumed  string
	Seen     string
	Verdict  Verdict
	IfNot    string `json:",omitempty"` // of one that came out otherwise
	Began    time.Time
	Took     time.Duration `json:"TookNanoseconds"`
	Dollars  float64       // at most
	Evidence []Evidence
}

// Evidence is something that AWS said.
type Evidence struct {
	At        time.Time
	Said      string
	RequestID string `json:",omitempty"` // of the call that said so
}

// Perform runs a case and says what came of it. A case whose context ends is undecided.
func (c Case) Perform(ctx context.Context, b *Bench) Result {
	began := time.Now()
	b.begin()
	limited, cancel := context.WithTimeout(ctx, c.deadline(b.Minute))
	defer cancel()
	finding, err := c.run(limited, b)
	r := Result{
		Case: c.Name, Assumed: c.Assumed, Seen: finding.Seen, Verdict: AsAssumed, Began: began.UTC(),
		Took: time.Since(began), Evidence: b.evidence(), Dollars: dollarsOf(time.Since(began)),
	}
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		r.Verdict, r.Seen = Undecided, "its time was up, "+c.deadline(b.Minute).String()+": "+err.Error()
	case err != nil:
		r.Verdict, r.Seen = Undecided, err.Error()
	case !finding.AsAssumed:
		r.Verdict, r.IfNot = Otherwise, c.IfNot
	}
	return r
}
