package components

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/spelling"
)

// containerKeys are the settings of a container definition. Source: Amazon ECS API
// reference, "ContainerDefinition".
var containerKeys = strings.Fields(`
	command cpu credentialSpecs dependsOn disableNetworking dnsSearchDomains dnsServers
	dockerLabels dockerSecurityOptions entryPoint environment environmentFiles essential
	extraHosts firelensConfiguration healthCheck hostname image interactive links
	linuxParameters logConfiguration memory memoryReservation mountPoints name portMappings
	privileged pseudoTerminal readonlyRootFilesystem repositoryCredentials
	resourceRequirements restartPolicy secrets startTimeout stopTimeout systemControls ulimits
	user versionConsistency volumesFrom workingDirectory`)

// closed are the settings of the worker's container that an override may not touch, and
// why: they have an argument of their own, or what the component promises rests on them.
var closed = map[string]string{
	"name":        "is " + ContainerName + "; logs and ECS Exec go by it",
	"image":       "has an argument of its own, {Task.Image}",
	"command":     "has an argument of its own, {Task.Command}",
	"environment": "has an argument of its own, {Task.Environment}",
	"secrets": "has an argument of its own, {Task.Secrets}, from which the execution role's " +
		"rights follow",
	"logConfiguration":       "has an argument of its own, {Task.LogConfiguration}",
	"mountPoints":            "has an argument of its own, {Task.MountPoints}",
	"healthCheck":            "has an argument of its own, {Task.HealthCheck}",
	"readonlyRootFilesystem": "has an argument of its own, {Task.ReadonlyRootFilesystem}",
	"repositoryCredentials":  "has an argument of its own, {Task.RegistryCredentialsARN}",
	"essential":              "is true: a task without its worker would run for nothing",
	"stopTimeout": "is 120, the most that Fargate offers: a worker with less could not hand " +
		"back what it has",
	"restartPolicy": "would keep a worker that has left, to make room for a deployment, in its task",
	"environmentFiles": "may set anew what the component sets; use {Task.Environment} or " +
		"{Task.Secrets}",
	"privileged": "is something that Fargate does not offer",
}

func validateContainers(found *FieldErrors, t TaskArgs) {
	for _, key := range slices.Sorted(maps.Keys(t.ContainerOverrides)) {
		field := fmt.Sprintf("Task.ContainerOverrides[%s]", key)
		if why, isClosed := closed[key]; isClosed {
			found.Add(field, show(t.ContainerOverrides[key]), "%s", why)
		} else {
			checkContainerKey(found, field, key)
		}
	}
	if parameters, ok := t.ContainerOverrides["linuxParameters"].(pulumi.Map); ok &&
		parameters["initProcessEnabled"] != nil {
		found.Add("Task.ContainerOverrides[linuxParameters]", show(parameters["initProcessEnabled"]),
			"initProcessEnabled is true: without an init, what a handler leaves behind stays a zombie")
	}
	names := map[string]bool{ContainerName: true}
	for i, sidecar := range t.Sidecars {
		validateSidecar(found, fmt.Sprintf("Task.Sidecars[%d]", i), sidecar, names)
	}
	validateDependencies(found, t)
	validateLogDriver(found, t)
}

func validateSidecar(found *FieldErrors, field string, sidecar pulumi.Map, names map[string]bool) {
	for _, key := range slices.Sorted(maps.Keys(sidecar)) {
		checkContainerKey(found, fmt.Sprintf("%s[%s]", field, key), key)
	}
	name, known := sidecar["name"].(pulumi.String)
	switch {
	case !known:
		found.Add(field+"[name]", show(sidecar["name"]), "is required, as a text")
	case isVolumeName(string(name)) != "":
		found.Add(field+"[name]", string(name), "%s", isVolumeName(string(name)))
	case names[string(name)]:
		found.Add(field+"[name]", string(name), "is the name of another container, too")
	}
	names[string(name)] = true
	if sidecar["image"] == nil {
		found.Add(field+"[image]", "",
			"is required, such as public.ecr.aws/aws-observability/aws-otel-collector:v0.43.0")
	} else if image, known := sidecar["image"].(pulumi.String); known {
		if want := isImage(string(image)); want != "" {
			found.Add(field+"[image]", string(image), "%s", want)
		}
	}
}

// validateLogDriver checks what Fargate offers.
func validateLogDriver(found *FieldErrors, t TaskArgs) {
	if t.LogConfiguration == nil {
		return
	}
	driver, known := t.LogConfiguration["logDriver"].(pulumi.String)
	if !known {
		found.Add("Task.LogConfiguration[logDriver]", show(t.LogConfiguration["logDriver"]),
			"is required, such as awsfirelens")
		return
	}
	checkOneOf(found, "Task.LogConfiguration[logDriver]", string(driver), "awslogs", "awsfirelens", "splunk")
	routes := slices.ContainsFunc(t.Sidecars, func(sidecar pulumi.Map) bool {
		return sidecar["firelensConfiguration"] != nil
	})
	if driver == "awsfirelens" && !routes {
		found.Add("Task.LogConfiguration[logDriver]", string(driver),
			"needs a log router: one of {Task.Sidecars} with a firelensConfiguration")
	}
}

func checkContainerKey(found *FieldErrors, field, key string) {
	if !slices.Contains(containerKeys, key) {
		found.Add(field, key, "is not a setting of a container%s", spelling.DidYouMean(key, containerKeys))
	}
}

// show is an input as an error shows it.
func show(in pulumi.Input) any {
	switch in := in.(type) {
	case nil:
		return ""
	case pulumi.Output:
		return "(from a resource)"
	case pulumi.String:
		return string(in)
	default:
		return fmt.Sprintf("%v", in)
	}
}
