package live

import (
	"regexp"

	"fargate-queue-worker/sandbox/cloud"
)

// randomDigits are what Pulumi appends to the names of resources, anew for each deployment:
// https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming.
var randomDigits = regexp.MustCompile(`-[0-9a-f]{7}\b`)

// phases are the simulator's, the same for each deployment of a stack.
func phases(seed uint64) cloud.Phases {
	seeded := cloud.SeededPhases(seed)
	return func(name string, day int) float64 { return seeded(randomDigits.ReplaceAllString(name, ""), day) }
}
