package deploy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// wrapping is what Pulumi and Go put around what somebody has to know.
var wrapping = regexp.MustCompile(`an unhandled error occurred: (?:program failed: ?)?|\d+ errors? ` +
	`occurred:|` +
	`rpc error: code = \w+ desc = |(?m:^\s*\* )|creating urn:\S+: |updating urn:\S+: |deleting urn:\S+: `)

// protected is how the engine refuses to remove or replace a protected resource. What it goes
// on to say would address a stack outside of the sandbox.
var protected = regexp.MustCompile(`(?s)resource "(urn:[^"]+)"\s.*(?:marked for protection|it is protected)`)

// explainProtection is what to do about resources that are protected.
func explainProtection(urns []resource.URN) string {
	names := urns[0].Name()
	if more := len(urns) - 1; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("protected, so nothing was changed: %s. This lifts it, and the same --config has to "+
		"stand in what follows:\n"+
		"  go run ./sandbox up --stack %s --config protectQueue=false", names, urns[0].Stack().Name())
}

// consequence is an error that another one explains.
var consequence = regexp.MustCompile(`^(?:(?:update|preview|destroy|resource creation|resource update) ` +
	`failed|` +
	`awaiting input property|marshaling properties|.*one or more (?:resource )?operations? failed).*$`)

// plainMessage is what a person has to know of a diagnostic, "" for nothing.
func plainMessage(d apitype.DiagnosticEvent) string {
	text := colors.Never.Colorize(d.Message)
	text = strings.TrimSpace(wrapping.ReplaceAllString(text, ""))
	if consequence.MatchString(text) {
		return ""
	}
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, line := range lines {
		if line = strings.TrimRight(line, " \t"); strings.TrimSpace(line) != "" {
			kept = append(kept, line)
		}
	}
	text = strings.Join(kept, "\n")
	if d.URN != "" && d.Severity == "error" && strings.HasPrefix(string(resource.URN(d.URN).Type()), "aws") {
		return resource.URN(d.URN).Name() + ": " + text
	}
	return text
}
