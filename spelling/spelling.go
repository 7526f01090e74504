// Package spelling guesses what a misspelt name was meant to be.
package spelling

import "github.com/agext/levenshtein"

// resembles is how alike two names have to be, 0 to 1.
const resembles = 0.6

// DidYouMean is "; did you mean X?" for the candidate that a name resembles most, or "" if
// it resembles none.
func DidYouMean(name string, candidates []string) string {
	best, score := "", resembles
	for _, candidate := range candidates {
		if s := levenshtein.Similarity(name, candidate, nil); s > score {
			best, score = candidate, s
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}
