package components

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// dependency is what a container waits for.
type dependency struct{ container, condition string }

// waiting is what the rules of dependencies ask about a container.
type waiting struct {
	field                  string // of its dependsOn
	essential, healthCheck bool
	on                     []dependency
}

// validateDependencies checks that containers wait for something that can come. ECS would
// refuse the task definition, when all before it is made. Source: Amazon ECS API reference,
// "ContainerDependency".
func validateDependencies(found *FieldErrors, t TaskArgs) {
	containers := waitingContainers(t)
	for _, name := range slices.Sorted(maps.Keys(containers)) {
		container := containers[name]
		for _, one := range container.on {
			target, exists := containers[one.container]
			switch {
			case !exists:
				found.Add(container.field, one.container, "is not a container of the task")
			case !slices.Contains([]string{"START", "COMPLETE", "SUCCESS", "HEALTHY"}, one.condition):
				found.Add(container.field, one.condition, "needs to be START, COMPLETE, SUCCESS or HEALTHY")
			case target.essential && (one.condition == "COMPLETE" || one.condition == "SUCCESS"):
				found.Add(container.field, one.condition,
					"does not come: %s is essential, and the task ends with it; use START or "+
						"HEALTHY", one.container)
			case one.condition == "HEALTHY" && !target.healthCheck:
				found.Add(container.field, one.condition, "needs a healthCheck of %s", one.container)
			}
		}
	}
	if circle := findCircle(containers); circle != nil {
		found.Add(containers[circle[0]].field, strings.Join(circle, " > "),
			"is a circle of containers that wait for each other")
	}
}

// waitingContainers are those of a task by name, with what is known of them.
func waitingContainers(t TaskArgs) map[string]waiting {
	containers := map[string]waiting{ContainerName: {
		field:     "Task.ContainerOverrides[dependsOn]",
		essential: true, healthCheck: t.HealthCheck != nil, on: dependenciesOf(t.ContainerOverrides),
	}}
	for i, sidecar := range t.Sidecars {
		name, known := sidecar["name"].(pulumi.String)
		if _, taken := containers[string(name)]; !known || taken {
			continue // that is an error of its own
		}
		containers[string(name)] = waiting{
			field:     fmt.Sprintf("Task.Sidecars[%d][dependsOn]", i),
			essential: sidecar["essential"] == pulumi.Bool(true), healthCheck: sidecar["healthCheck"] != nil,
			on: dependenciesOf(sidecar),
		}
	}
	return containers
}

// dependenciesOf a container are those whose name is known.
func dependenciesOf(definition pulumi.Map) []dependency {
	list, _ := definition["dependsOn"].(pulumi.Array)
	var known []dependency
	for _, item := range list {
		entry, _ := item.(pulumi.Map)
		name, isKnown := entry["containerName"].(pulumi.String)
		if !isKnown {
			continue
		}
		condition, isText := entry["condition"].(pulumi.String)
		if !isText && entry["condition"] != nil {
			condition = "START" // not known yet
		}
		known = append(known, dependency{string(name), string(condition)})
	}
	return known
}

// findCircle is the names of containers that wait for each other, the first of them again
// at the end; nil if none do.
func findCircle(containers map[string]waiting) []string {
	done := map[string]bool{}
	var visit func(name string, path []string) []string
	visit = func(name string, path []string) []string {
		if start := slices.Index(path, name); start >= 0 {
			return append(path[start:], name)
		}
		if done[name] {
			return nil
		}
		for _, one := range containers[name].on {
			if circle := visit(one.container, append(path, name)); circle != nil {
				return circle
			}
		}
		done[name] = true
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(containers)) {
		if circle := visit(name, nil); circle != nil {
			return circle
		}
	}
	return nil
}
