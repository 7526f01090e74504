package components

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ownEnvironment are the variables that the component sets and a user may not, and the
// argument that one of them follows from. MAX_RECEIVE_COUNT is not among them: the component does
// not know it of a queue that it has not made.
var ownEnvironment = map[string]string{
	"QUEUE_URL": "", "QUEUE_NAME": "", "DLQ_URL": "", "STOP_TIMEOUT_SECONDS": "",
	"HANDLER_TIMEOUT": "Task.HandlerTimeoutMinutes",
	"CONCURRENCY":     "Task.Concurrency",
	"MAX_ATTEMPTS":    "Task.MaxAttempts",
}

// containerDefinitions are the worker's container and the sidecars, as JSON with sorted
// keys, so that equal definitions are equal texts.
func (b *builder) containerDefinitions(
	args TaskArgs, queue workQueue, logGroup *cloudwatch.LogGroup,
) pulumi.StringOutput {
	containers := pulumi.Array{merge(b.container(args, queue, logGroup), args.ContainerOverrides)}
	for _, own := range args.Sidecars {
		containers = append(containers, merge(b.sidecarDefaults(own, logGroup), own))
	}
	return containers.ToArrayOutput().ApplyT(func(definitions []any) (string, error) {
		var plain any // in JSON's own types
		text, err := json.Marshal(definitions)
		if err == nil {
			err = json.Unmarshal(text, &plain)
		}
		if err != nil {
			return "", err
		}
		text, err = json.Marshal(withoutEmptyLists(plain))
		return string(text), err
	}).(pulumi.StringOutput)
}

// container is the worker's.
func (b *builder) container(args TaskArgs, queue workQueue, logGroup *cloudwatch.LogGroup) pulumi.Map {
	container := pulumi.Map{
		"name":        pulumi.String(ContainerName),
		"image":       args.Image,
		"essential":   pulumi.Bool(true),
		"environment": b.environment(args, queue),
		"stopTimeout": pulumi.Int(stopTimeoutSeconds),
		// A child that the handler leaves behind would stay a zombie without an init.
		"linuxParameters":        pulumi.Map{"initProcessEnabled": pulumi.Bool(true)},
		"readonlyRootFilesystem": pulumi.Bool(args.ReadonlyRootFilesystem),
		"logConfiguration":       b.awslogs(logGroup, ContainerName),
	}
	if args.LogConfiguration != nil {
		container["logConfiguration"] = args.LogConfiguration
	}
	if len(args.Command) > 0 {
		container["command"] = pulumi.ToStringArray(args.Command)
	}
	if args.Secrets != nil {
		container["secrets"] = b.secrets(args.Secrets)
	}
	if len(args.MountPoints) > 0 {
		container["mountPoints"] = mountPoints(args.MountPoints)
	}
	if args.HealthCheck != nil {
		container["healthCheck"] = args.HealthCheck.definition()
	}
	if args.RegistryCredentialsARN != nil {
		container["repositoryCredentials"] = pulumi.Map{"credentialsParameter": args.RegistryCredentialsARN}
	}
	return container
}

// sidecarDefaults are what a sidecar leaves out.
func (b *builder) sidecarDefaults(own pulumi.Map, logGroup *cloudwatch.LogGroup) pulumi.Map {
	defaults := pulumi.Map{
		"essential": pulumi.Bool(false),
		// As long as the worker has: it may need the sidecar to the end.
		"stopTimeout": pulumi.Int(stopTimeoutSeconds),
	}
	if own["logConfiguration"] == nil {
		name, _ := own["name"].(pulumi.String) // it was validated
		defaults["logConfiguration"] = b.awslogs(logGroup, string(name))
	}
	return defaults
}

// awslogs sends a container's output to the log group. It does not block the container
// where CloudWatch Logs cannot be reached: up to 25 MiB wait, and what comes on top is
// lost. Stated, since what AWS takes by default depends on the account's settings.
func (b *builder) awslogs(logGroup *cloudwatch.LogGroup, streamPrefix string) pulumi.Map {
	return pulumi.Map{
		"logDriver": pulumi.String("awslogs"),
		"options": pulumi.Map{
			"awslogs-group":         logGroup.Name,
			"awslogs-region":        pulumi.String(b.place.region),
			"awslogs-stream-prefix": pulumi.String(streamPrefix),
			"mode":                  pulumi.String("non-blocking"),
			"max-buffer-size":       pulumi.String("25m"),
		},
	}
}

// environment is what the component sets and what is added to it.
func (b *builder) environment(args TaskArgs, queue workQueue) pulumi.Input {
	own := pulumi.StringMap{
		"QUEUE_URL":            queue.url,
		"QUEUE_NAME":           queue.name,
		"STOP_TIMEOUT_SECONDS": pulumi.String(strconv.Itoa(stopTimeoutSeconds)),
		"HANDLER_TIMEOUT":      pulumi.String(fmt.Sprintf("%dm", args.HandlerTimeoutMinutes)),
		"CONCURRENCY":          pulumi.String(strconv.Itoa(args.Concurrency)),
	}
	if queue.maxReceiveCount > 0 {
		own["MAX_RECEIVE_COUNT"] = pulumi.String(strconv.Itoa(queue.maxReceiveCount))
	}
	if queue.deadLetter != nil {
		own["DLQ_URL"] = queue.deadLetter.url
	}
	if args.MaxAttempts > 0 {
		own["MAX_ATTEMPTS"] = pulumi.String(strconv.Itoa(args.MaxAttempts))
	}
	if args.Environment == nil {
		args.Environment = pulumi.StringMap{}
	}
	return pulumi.All(own, args.Environment.ToStringMapOutput()).ApplyT(func(both []any) ([]any, error) {
		vars, _ := both[0].(map[string]string)
		added, _ := both[1].(map[string]string)
		if err := Spell(checkEnvironment(slices.Collect(maps.Keys(added))), b.spelling); err != nil {
			return nil, err // only of an output; what is known was validated
		}
		maps.Copy(vars, added)
		return nameValues(vars, "value"), nil
	}).(pulumi.ArrayOutput)
}

// secrets are references to where secrets are.
func (b *builder) secrets(references pulumi.StringMapInput) pulumi.Input {
	return references.ToStringMapOutput().ApplyT(func(references map[string]string) []any {
		from := map[string]string{}
		for name, reference := range references {
			from[name] = parseSecretReference(reference, b.place).valueFrom
		}
		return nameValues(from, "valueFrom")
	}).(pulumi.ArrayOutput)
}

// nameValues lists variables as a container definition does, sorted.
func nameValues(vars map[string]string, valueKey string) []any {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, map[string]any{"name": name, valueKey: vars[name]})
	}
	return list
}

// merge puts the values of top over those of bottom, maps in maps included.
func merge(bottom, top pulumi.Map) pulumi.Map {
	merged := maps.Clone(bottom)
	for key, value := range top {
		below, isMap := merged[key].(pulumi.Map)
		if over, ok := value.(pulumi.Map); ok && isMap {
			value = merge(below, over)
		}
		merged[key] = value
	}
	return merged
}

// withoutEmptyLists leaves out lists with nothing in them. The AWS provider takes one
// inside a container's settings for a change of what ECS answers, and would replace the
// task definition at each update.
func withoutEmptyLists(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = withoutEmptyLists(item)
		}
		return list
	case map[string]any:
		kept := map[string]any{}
		for key, item := range value {
			if list, ok := item.([]any); ok && len(list) == 0 {
				continue
			}
			kept[key] = withoutEmptyLists(item)
		}
		return answeredCapabilities(kept)
	}
	return value
}

// answeredCapabilities are the capabilities as ECS answers them: given one of the lists,
// it adds the other, empty, and here the empty one has to stay.
func answeredCapabilities(settings map[string]any) map[string]any {
	capabilities, ok := settings["capabilities"].(map[string]any)
	if !ok || len(capabilities) == 0 {
		return settings
	}
	both := map[string]any{"add": []any{}, "drop": []any{}}
	maps.Copy(both, capabilities)
	settings["capabilities"] = both
	return settings
}
