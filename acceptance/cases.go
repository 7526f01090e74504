package main

import "slices"

// Cases are all, in the order in which they are run: the stack goes at the end.
func Cases() []Case {
	return slices.Concat(startingCases, workingCases, metricCases, messageCases, lastCases)
}
