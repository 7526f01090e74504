package components

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func validateTask(found *FieldErrors, t TaskArgs) {
	if t.Image == nil {
		found.Add("Task.Image", "",
			"is required, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:v1")
	}
	validateSize(found, t.CPU, t.MemoryMiB)
	checkOneOf(found, "Task.Architecture", t.Architecture, X8664, ARM64)
	checkRange(found, "Task.HandlerTimeoutMinutes", t.HandlerTimeoutMinutes, 1, 718,
		"two minutes less than the twelve hours that SQS hides a message")
	checkRange(found, "Task.Concurrency", t.Concurrency, 1, 1000, "message groups at once")
	if t.MaxAttempts != 0 {
		checkRange(found, "Task.MaxAttempts", t.MaxAttempts, 1, 1000, "tries of a message")
	}
	validateVariables(found, t)
	if t.EphemeralStorageGiB != 0 {
		checkRange(found, "Task.EphemeralStorageGiB", t.EphemeralStorageGiB, 21, 200,
			"or leave it out for 20, which cost nothing")
	}
	checkOneOf(found, "Task.LogRetentionDays", t.LogRetentionDays, logRetentions...)
	validateHealthCheck(found, t.HealthCheck)
}

func validateSize(found *FieldErrors, cpu, memoryMiB int) {
	size, ok := findFargateSize(cpu)
	if !ok {
		found.Add("Task.CPU", cpu,
			"Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384 units (1024 is one vCPU)")
		return
	}
	if !size.offers(memoryMiB) {
		found.Add("Task.MemoryMiB", memoryMiB,
			"with {Task.CPU} %d Fargate offers %d to %d MiB in steps of %d%s",
			cpu, size.leastMiB, size.mostMiB, size.stepMiB, map[bool]string{
				true: ", without 1536",
			}[cpu == 256])
	}
}

// validateVariables checks the names of variables that are known; those of an output are
// checked when it is.
func validateVariables(found *FieldErrors, t TaskArgs) {
	environment, _ := t.Environment.(pulumi.StringMap)
	secrets, _ := t.Secrets.(pulumi.StringMap)
	found.AddError(checkEnvironment(slices.Collect(maps.Keys(environment))))
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if _, both := secrets[name]; both {
			found.Add(fmt.Sprintf("Task.Environment[%s]", name), name,
				"is also in {Task.Secrets}; keep one of them")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		checkVariable(found, fmt.Sprintf("Task.Secrets[%s]", name), name)
	}
}

// checkEnvironment checks the names of variables that are added.
func checkEnvironment(names []string) error {
	var found FieldErrors
	for _, name := range slices.Sorted(slices.Values(names)) {
		checkVariable(&found, fmt.Sprintf("Task.Environment[%s]", name), name)
	}
	return found.Err()
}

func checkVariable(found *FieldErrors, field, name string) {
	if !variableName.MatchString(name) {
		found.Add(field, name,
			"is not a valid name of an environment variable; use letters, digits and _, not starting with "+
				"a digit")
	}
	switch argument, own := ownEnvironment[name]; {
	case argument != "":
		found.Add(field, name, "is set from {%s}; use that", argument)
	case own:
		found.Add(field, name, "is set by the component; choose another name")
	}
}

var (
	variableName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	parameterName = regexp.MustCompile(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	// wholeSecret has the six characters that Secrets Manager puts behind a name: a policy
	// without them allows nothing.
	wholeSecret = regexp.MustCompile(`:secret:.+-[A-Za-z0-9]{6}$`)
	// Source: the grammar of references in github.com/distribution/reference.
	imageReference = regexp.MustCompile(`^(?:[A-Za-z0-9.-]+(?::\d+)?/)?` +
		`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*` +
		`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	volumeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	// mountPath is absolute and not the root.
	mountPath = regexp.MustCompile(`^/[^:]+$`)

	isVolumeName = matches(volumeName, "needs to be 1 to 255 letters, digits, - and _")
	isMountPath  = matches(mountPath, "needs to be an absolute path below /, such as /tmp")
)

// volumeChecks are those of the arguments that may come from a resource.
func volumeChecks(volumes []Volume) []inputCheck {
	isFileSystem := matches(regexp.MustCompile(`^fs-[0-9a-f]{8,40}$`),
		"needs to be the id of a file system, such as fs-0123456789abcdef0")
	isAccessPoint := matches(regexp.MustCompile(`^fsap-[0-9a-f]{8,40}$`),
		"needs to be the id of an access point, such as fsap-0123456789abcdef0")
	var checks []inputCheck
	for i, v := range volumes {
		if v.EFS != nil {
			field := fmt.Sprintf("Task.Volumes[%d].EFS.", i)
			checks = append(checks,
				inputCheck{field: field + "FileSystemID", text: &v.EFS.FileSystemID, check: isFileSystem},
				inputCheck{field: field + "AccessPointID", text: &v.EFS.AccessPointID, check: isAccessPoint})
		}
	}
	return checks
}

// isSecret checks a reference to an SSM parameter or a Secrets Manager secret.
func isSecret(reference string) string {
	switch service := arnService(reference); {
	case service == "ssm" && !strings.Contains(reference, ":parameter/"):
		return "needs to be the ARN of a parameter, arn:aws:ssm:<region>:<account>:parameter/<name>"
	case service == "secretsmanager":
		return isWholeSecret(reference)
	case service == "ssm":
		return ""
	case strings.HasPrefix(reference, "arn:"):
		return "needs to be the ARN of an SSM parameter or a Secrets Manager secret, or the name of a " +
			"parameter"
	case !parameterName.MatchString(reference):
		return "is not a valid name of an SSM parameter; use letters, digits and _ . - /"
	}
	return ""
}

// isWholeSecret checks the ARN of a secret, whatever selects a part of it.
func isWholeSecret(reference string) string {
	secret := parseSecretReference(reference, place{}).resourceARN
	if arnService(reference) != "secretsmanager" || !strings.Contains(reference, ":secret:") {
		return "needs to be the ARN of a secret, " +
			"arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"
	}
	if !wholeSecret.MatchString(secret) {
		return "needs to be the whole ARN, with the six characters that Secrets Manager puts behind the " +
			"name, such as -AbCdEf"
	}
	return ""
}

// isImage: an image without tag or digest would be whatever is newest when a task starts.
func isImage(image string) string {
	parts := imageReference.FindStringSubmatch(image)
	if parts == nil {
		return "needs to name an image, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:v1: " +
			"a repository in lower case, and a tag or a digest (@sha256: and 64 hex digits)"
	}
	if parts[1] == "" && parts[2] == "" {
		return "needs a tag (repository:v1) or a digest (repository@sha256: and 64 hex digits)"
	}
	return ""
}

// logRetentions are the spans in days that CloudWatch Logs offers.
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
	2557, 2922, 3288, 3653}
