package program

import (
	"maps"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keys are the configuration keys of the components' arguments. A part of an argument,
// such as an item of a list, has the key of the argument and the rest of its path.
var keys = map[string]string{
	"Network.VPCID":             "vpcId",
	"Network.SubnetIDs":         "subnetIds",
	"Network.SecurityGroupIDs":  "securityGroupIds",
	"Network.PublicIPs":         "assignPublicIp",
	"Network.AvailabilityZones": "availabilityZones",
	"Network.CIDR":              "vpcCidr",
	"Cluster.Existing":          "clusterName",
	"Image.Reference":           "image",
	"Image.Repository":          "repositoryName",
	"Image.Tag":                 "imageTag",
	"Image.Digest":              "imageDigest",
	"Image.Dockerfile":          "dockerfile",
	"Image.Context":             "imageContext",

	"Queue.Existing":                 "existingQueue",
	"Queue.Name":                     "queueName",
	"Queue.DeadLetterQueueName":      "deadLetterQueueName",
	"Queue.VisibilityTimeoutSeconds": "visibilityTimeoutSeconds",
	"Queue.MessageRetentionSeconds":  "messageRetentionSeconds",
	"Queue.MaxReceiveCount":          "maxReceiveCount",
	"Queue.KMSKeyARN":                "queueKmsKeyArn",
	"Queue.PreviousKMSKeyARNs":       "previousQueueKmsKeyArns",
	"Queue.ProducerTopicARNs":        "producerTopicArns",
	"Queue.ProducerAccountIDs":       "producerAccountIds",

	"Task.Image":                  "image",
	"Task.RegistryCredentialsARN": "registryCredentialsArn",
	"Task.CPU":                    "cpu",
	"Task.MemoryMiB":              "memory",
	"Task.Architecture":           "architecture",
	"Task.HandlerTimeoutMinutes":  "handlerTimeoutMinutes",
	"Task.Concurrency":            "concurrency",
	"Task.MaxAttempts":            "maxAttempts",
	"Task.Command":                "command",
	"Task.Environment":            "environment",
	"Task.Secrets":                "secrets",
	"Task.KMSKeyARN":              "kmsKeyArn",
	"Task.EphemeralStorageGiB":    "ephemeralStorageGiB",
	"Task.ReadonlyRootFilesystem": "readonlyRootFilesystem",
	"Task.Volumes":                "volumes",
	"Task.MountPoints":            "mountPoints",
	"Task.HealthCheck":            "healthCheck",
	"Task.Sidecars":               "sidecars",
	"Task.LogConfiguration":       "logConfiguration",
	"Task.ContainerOverrides":     "containerOverrides",
	"Task.LogRetentionDays":       "logRetentionDays",
	"Task.LogKMSKeyARN":           "logKmsKeyArn",

	"Identity.TaskRoleARN":            "taskRoleArn",
	"Identity.ExecutionRoleARN":       "executionRoleArn",
	"Identity.Path":                   "rolePath",
	"Identity.PermissionsBoundaryARN": "permissionsBoundaryArn",
	"Identity.TaskPolicyStatements":   "taskPolicyStatements",
	"Identity.TaskPolicyARNs":         "taskPolicyArns",
	"Identity.ExecutionPolicyARNs":    "executionPolicyArns",

	"Service.Name":                            "serviceName",
	"Service.ClusterName":                     "clusterName",
	"Service.SubnetIDs":                       "subnetIds",
	"Service.SecurityGroupIDs":                "securityGroupIds",
	"Service.SpotPercent":                     "spotPercent",
	"Service.OnDemandBase":                    "onDemandBase",
	"Service.DeploymentMinimumHealthyPercent": "deploymentMinimumHealthyPercent",
	"Service.DeploymentMaximumPercent":        "deploymentMaximumPercent",
	"Service.EnableExecuteCommand":            "enableExecuteCommand",

	"Scaling.WakeIntervalSeconds":     "wakeIntervalSeconds",
	"Scaling.MinCapacity":             "minCapacity",
	"Scaling.MaxCapacity":             "maxCapacity",
	"Scaling.Steps":                   "scalingSteps",
	"Scaling.AdjustmentType":          "adjustmentType",
	"Scaling.MinAdjustmentMagnitude":  "minAdjustmentMagnitude",
	"Scaling.ScaleOutCooldownSeconds": "scaleOutCooldownSeconds",
	"Scaling.ScaleInCooldownSeconds":  "scaleInCooldownSeconds",
	"Scaling.Idle.CPUPercent":         "idleCpuPercent",
	"Scaling.Idle.Minutes":            "idleMinutes",
	"Scaling.Idle.Unguarded":          "idleUnguarded",

	"Operations.TopicARN":             "alarmTopicArn",
	"Operations.OldestMessageMinutes": "oldestMessageMinutes",
	"Operations.NotStartingMinutes":   "notStartingMinutes",
	"Operations.StuckMinutes":         "stuckMinutes",
	"Operations.NeverStoppingHours":   "neverStoppingHours",
	"Operations.AtMaximumMinutes":     "atMaximumMinutes",
	"AlarmLabels":                     "alarmNames",
}

// alarmLabel is an argument that two keys stand for.
var alarmLabel = regexp.MustCompile(`^AlarmLabels\[(\w+)\](?:\.(Name|Description))?$`)

// keyOf names an argument of the worker by its key.
func keyOf(path string) string {
	if parts := alarmLabel.FindStringSubmatch(path); parts != nil {
		if parts[2] == "Description" {
			return "alarmDescriptions." + parts[1]
		}
		return "alarmNames." + parts[1]
	}
	var argument string
	for candidate := range maps.Keys(keys) {
		if len(candidate) > len(argument) && (path == candidate || strings.HasPrefix(path, candidate+".") ||
			strings.HasPrefix(path, candidate+"[")) {
			argument = candidate
		}
	}
	if argument == "" {
		return path
	}
	return keys[argument] + rest(path[len(argument):])
}

// keyOfComponent names an argument of another component by its key.
func keyOfComponent(component string) func(path string) string {
	return func(path string) string { return keyOf(component + "." + path) }
}

var pathPart = regexp.MustCompile(`\.[A-Za-z]+|\[[^\]]*\]`)

// rest writes what follows an argument as a configuration has it: a field by its JSON
// name, an item by its number, a map's value by its name.
func rest(path string) string {
	return pathPart.ReplaceAllStringFunc(path, func(part string) string {
		name := strings.Trim(part, ".[]")
		switch {
		case part[0] == '.':
			return "." + jsonName(name)
		case strings.Trim(name, "0123456789") == "":
			return part
		default:
			return "." + name
		}
	})
}

// jsonName is a Go field's name in a configuration: EFS.FileSystemID is efs.fileSystemId,
// and the units that ECS's own vocabulary leaves out are left out.
func jsonName(field string) string {
	field = strings.TrimSuffix(field, "Seconds")
	for _, acronym := range []string{"EFS", "ID", "ARN", "URL", "KMS"} {
		field = strings.ReplaceAll(field, acronym, acronym[:1]+strings.ToLower(acronym[1:]))
	}
	first, size := utf8.DecodeRuneInString(field)
	return string(unicode.ToLower(first)) + field[size:]
}
