package components

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Validate reports everything that is wrong with the arguments, as *FieldError
// joined into one error. Values that come from resources are not known yet and
// pass.
func (args *QueueWorkerArgs) Validate() error {
	complete := args.withDefaults()
	var found FieldErrors
	if complete.Queue.Existing != nil {
		validateExistingQueue(&found, args.Queue)
	} else {
		validateQueue(&found, complete.Queue)
	}
	validateTask(&found, complete.Task)
	validateService(&found, complete.Service)
	validateScaling(&found, complete.Scaling)
	validateStatements(&found, complete.TaskPolicyStatements)
	validateOperations(&found, complete.Operations)
	if complete.Task.ReadonlyRootFilesystem && complete.Service.EnableExecuteCommand {
		found.Add("readonlyRootFilesystem", true, "ECS Exec writes to the root file system; set enableExecuteCommand or this to false")
	}
	return found.Err()
}

func validateQueue(found *FieldErrors, q QueueArgs) {
	if q.Name != "" {
		found.AddError(checkQueueName("queueName", q.Name))
	}
	checkRange(found, "visibilityTimeoutSeconds", q.VisibilityTimeoutSeconds, 1, 43200, "12 hours, the most SQS allows")
	checkRange(found, "messageRetentionSeconds", q.MessageRetentionSeconds, 60, 1209600, "14 days, the most SQS allows")
	if q.MessageRetentionSeconds < q.VisibilityTimeoutSeconds {
		found.Add("messageRetentionSeconds", q.MessageRetentionSeconds,
			"below visibilityTimeoutSeconds (%d); a message would expire while it is worked on", q.VisibilityTimeoutSeconds)
	}
	checkRange(found, "maxReceiveCount", q.MaxReceiveCount, 1, 1000, "the most SQS allows")
	checkARN(found, "queueKmsKeyArn", q.KMSKeyARN, "kms", "key/")
	if topics, ok := q.ProducerTopicARNs.(pulumi.StringArray); ok {
		for i, topic := range topics {
			key := fmt.Sprintf("producerTopicArns[%d]", i)
			checkARN(found, key, topic, "sns", "")
			if arn, known := plain(topic); known && !strings.HasSuffix(arn, ".fifo") {
				found.Add(key, arn, "only an SNS FIFO topic, whose name ends in .fifo, can send to a FIFO queue")
			}
		}
	}
	for i, id := range q.ProducerAccountIDs {
		if !accountID.MatchString(id) {
			found.Add(fmt.Sprintf("producerAccountIds[%d]", i), id, "needs to be an AWS account id of 12 digits, quoted")
		}
	}
}

// validateExistingQueue takes the arguments without defaults: with a queue that is
// there already, nothing else about it can be chosen.
func validateExistingQueue(found *FieldErrors, q QueueArgs) {
	existing := q.Existing
	q.Existing = nil
	if !isZeroQueue(q) {
		found.Add("existingQueue", describe(existing.ARN), "is used as it is; no other setting of the queue may be given with it")
	}
	if existing.URL == nil || existing.ARN == nil || existing.Name == nil {
		found.Add("existingQueue", describe(existing.ARN), "needs the URL, the ARN and the name of the queue")
	}
	checkARN(found, "existingQueue.arn", existing.ARN, "sqs", "")
	if name, known := plain(existing.Name); known {
		found.AddError(checkQueueName("existingQueue.name", name))
	}
	if (existing.DeadLetterQueueURL == nil) != (existing.DeadLetterQueueARN == nil) {
		found.Add("existingQueue.deadLetterQueueArn", describe(existing.DeadLetterQueueARN), "needs both the URL and the ARN of the dead-letter queue, or neither")
	}
	checkARN(found, "existingQueue.deadLetterQueueArn", existing.DeadLetterQueueARN, "sqs", "")
	checkARN(found, "existingQueue.kmsKeyArn", existing.KMSKeyARN, "kms", "key/")
	checkARN(found, "existingQueue.deadLetterQueueKmsKeyArn", existing.DeadLetterQueueKMSKeyARN, "kms", "key/")
	if existing.DeadLetterQueueARN == nil && existing.DeadLetterQueueKMSKeyARN != nil {
		found.Add("existingQueue.deadLetterQueueKmsKeyArn", describe(existing.DeadLetterQueueKMSKeyARN), "is the key of a dead-letter queue; name that, too")
	}
	checkFIFOARN(found, "existingQueue.arn", existing.ARN)
	checkFIFOARN(found, "existingQueue.deadLetterQueueArn", existing.DeadLetterQueueARN)
}

func checkFIFOARN(found *FieldErrors, key string, in pulumi.StringInput) {
	if arn, known := plain(in); known && arnService(arn) == "sqs" && !strings.HasSuffix(arn, ".fifo") {
		found.Add(key, arn, "needs to be a FIFO queue, whose name ends in .fifo")
	}
}

func isZeroQueue(q QueueArgs) bool {
	return q.Name == "" && q.VisibilityTimeoutSeconds == 0 && q.MessageRetentionSeconds == 0 &&
		q.ContentBasedDeduplication == nil && !q.HighThroughput && q.MaxReceiveCount == 0 &&
		!q.Protect && q.KMSKeyARN == nil && q.ProducerTopicARNs == nil && len(q.ProducerAccountIDs) == 0
}

func validateTask(found *FieldErrors, t TaskArgs) {
	if t.Image == nil {
		found.Add("image", "", "is required, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs:v1")
	} else if image, known := plain(t.Image); known {
		found.AddError(checkImage(image))
	}
	checkARN(found, "repositoryArn", t.RepositoryARN, "ecr", "repository/")
	validateSize(found, t.CPU, t.MemoryMiB)
	checkOneOf(found, "architecture", t.Architecture, X8664, ARM64)
	validateVariables(found, t)
	checkARN(found, "kmsKeyArn", t.KMSKeyARN, "kms", "key/")
	if t.EphemeralStorageGiB != 0 {
		checkRange(found, "ephemeralStorageGiB", t.EphemeralStorageGiB, 21, 200, "or leave it out for 20, which cost nothing")
	}
	checkOneOf(found, "logRetentionDays", t.LogRetentionDays, logRetentions...)
	checkARN(found, "logKmsKeyArn", t.LogKMSKeyARN, "kms", "key/")
}

func validateSize(found *FieldErrors, cpu, memoryMiB int) {
	size, ok := findFargateSize(cpu)
	if !ok {
		found.Add("cpu", cpu, "Fargate has 256, 512, 1024, 2048, 4096, 8192 and 16384 units (1024 is one vCPU)")
		return
	}
	if !size.offers(memoryMiB) {
		found.Add("memory", memoryMiB, "with cpu %d Fargate offers %d to %d MiB in steps of %d%s",
			cpu, size.leastMiB, size.mostMiB, size.stepMiB, map[bool]string{true: ", without 1536"}[cpu == 256])
	}
}

func validateVariables(found *FieldErrors, t TaskArgs) {
	for _, name := range slices.Sorted(maps.Keys(t.Environment)) {
		checkVariable(found, "environment", name)
		if _, both := t.Secrets[name]; both {
			found.Add("environment."+name, name, "is also in secrets; keep one of them")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Secrets)) {
		checkVariable(found, "secrets", name)
		if reference, known := plain(t.Secrets[name]); known {
			found.AddError(checkSecret("secrets."+name, reference))
		}
	}
}

func checkVariable(found *FieldErrors, key, name string) {
	if !variableName.MatchString(name) {
		found.Add(key+"."+name, name, "is no name of an environment variable; use letters, digits and _, not starting with a digit")
	}
	if slices.Contains(ownEnvironment, name) {
		found.Add(key+"."+name, name, "is set by the component; choose another name")
	}
}

func checkSecret(key, reference string) error {
	wrong := func(want string) error { return &FieldError{Key: key, Value: reference, Want: want} }
	switch service := arnService(reference); {
	case service == "ssm" && !strings.Contains(reference, ":parameter/"):
		return wrong("needs to be the ARN of a parameter, arn:aws:ssm:<region>:<account>:parameter/<name>")
	case service == "secretsmanager" && !strings.Contains(reference, ":secret:"):
		return wrong("needs to be the ARN of a secret, arn:aws:secretsmanager:<region>:<account>:secret:<name>")
	case service == "ssm", service == "secretsmanager":
		return nil
	case strings.HasPrefix(reference, "arn:"):
		return wrong("needs to be the ARN of an SSM parameter or a Secrets Manager secret, or the name of a parameter")
	case !parameterName.MatchString(reference):
		return wrong("is no name of an SSM parameter; use letters, digits and _ . - /")
	}
	return nil
}

func validateService(found *FieldErrors, s ServiceArgs) {
	if s.ClusterName == nil {
		found.Add("clusterName", "", "is required")
	} else if name, known := plain(s.ClusterName); known && !clusterName.MatchString(name) {
		found.Add("clusterName", name, "needs to be the name of a cluster, not its ARN: 1 to 255 letters, digits, - and _")
	}
	checkIDs(found, "subnetIds", s.SubnetIDs, subnetID, "a subnet id such as subnet-0123456789abcdef0")
	checkIDs(found, "securityGroupIds", s.SecurityGroupIDs, securityGroupID, "a security group id such as sg-0123456789abcdef0")
	checkRange(found, "spotPercent", s.SpotPercent, 0, 100, "percent of the tasks on Fargate Spot")
	checkRange(found, "onDemandBase", s.OnDemandBase, 0, 100000, "tasks on Fargate before Spot")
	if s.OnDemandBase > 0 && s.SpotPercent == 0 {
		found.Add("onDemandBase", s.OnDemandBase, "means nothing without spotPercent; all tasks are on demand")
	}
	if s.OnDemandBase > 0 && s.SpotPercent == 100 {
		found.Add("onDemandBase", s.OnDemandBase, "does not go with spotPercent 100, which gives Fargate a weight of 0; use 99")
	}
	least, most := *s.DeploymentMinimumHealthyPercent, *s.DeploymentMaximumPercent
	checkRange(found, "deploymentMinimumHealthyPercent", least, 0, 100, "percent of the desired tasks")
	checkRange(found, "deploymentMaximumPercent", most, 100, 200, "percent of the desired tasks")
	if least == 100 && most == 100 {
		found.Add("deploymentMaximumPercent", most,
			"together with deploymentMinimumHealthyPercent 100 no task may start or stop in a deployment; use up to 200, or a lower minimum")
	}
}

func validateScaling(found *FieldErrors, s ScalingArgs) {
	checkRange(found, "minCapacity", s.MinCapacity, 0, 5000, "the most tasks of a service")
	checkRange(found, "maxCapacity", s.MaxCapacity, 1, 5000, "the most tasks of a service")
	if s.MinCapacity > s.MaxCapacity {
		found.Add("minCapacity", s.MinCapacity, "is above maxCapacity (%d); lower it or raise maxCapacity", s.MaxCapacity)
	}
	checkOneOf(found, "adjustmentType", s.AdjustmentType, ChangeInCapacity, ExactCapacity, PercentChangeInCapacity)
	validateMagnitude(found, s)
	steps, err := TranslateSteps(s.Steps, s.AdjustmentType)
	found.AddError(err)
	if err == nil && s.AdjustmentType == ExactCapacity && steps.ScaleIn != nil {
		least := steps.ScaleIn.Adjustments[len(steps.ScaleIn.Adjustments)-1].Change
		if least > s.MinCapacity {
			found.Add("scalingSteps", s.Steps, "an empty queue keeps %d tasks, above minCapacity (%d), and the service never goes idle; set 0 there", least, s.MinCapacity)
		}
	}
	checkRange(found, "scaleOutCooldownSeconds", s.ScaleOutCooldownSeconds, 1, 3600, "seconds")
	checkRange(found, "scaleInCooldownSeconds", s.ScaleInCooldownSeconds, 1, 3600, "seconds")
	checkOneOf(found, "wakeIntervalSeconds", *s.WakeIntervalSeconds, wakeIntervals...)
	validateIdle(found, s.Idle)
	validateLabels(found, s)
}

func validateMagnitude(found *FieldErrors, s ScalingArgs) {
	switch {
	case s.MinAdjustmentMagnitude < 0:
		found.Add("minAdjustmentMagnitude", s.MinAdjustmentMagnitude, "needs to be 1 task or more")
	case s.AdjustmentType != PercentChangeInCapacity && s.MinAdjustmentMagnitude > 0:
		found.Add("minAdjustmentMagnitude", s.MinAdjustmentMagnitude, "goes only with adjustmentType PercentChangeInCapacity, not %s", s.AdjustmentType)
	case s.AdjustmentType == PercentChangeInCapacity && s.MinCapacity == 0 && s.MinAdjustmentMagnitude == 0:
		found.Add("minAdjustmentMagnitude", s.MinAdjustmentMagnitude, "a percentage of zero tasks is zero, so nothing would ever start; use 1 or more, or minCapacity 1")
	}
}

func validateIdle(found *FieldErrors, idle IdleArgs) {
	if !(idle.CPUPercent > 0 && idle.CPUPercent <= 100) { // also refuses NaN
		found.Add("idleCpuPercent", idle.CPUPercent, "needs to be above 0 and at most 100, in percent of the reserved CPU")
	}
	if idle.Unguarded {
		checkRange(found, "idleMinutes", idle.Minutes, 1, 1440, "the longest period of an alarm is a day")
		return
	}
	if idle.Minutes < guardedMinutes {
		found.Add("idleMinutes", idle.Minutes,
			"needs to be at least %d minutes with the guard, since in-flight messages that are reported late read as none", guardedMinutes)
	}
	if idle.Minutes > 1440 {
		found.Add("idleMinutes", idle.Minutes, "needs to be at most 1440; an alarm looks back one day at most")
	}
}

func validateLabels(found *FieldErrors, s ScalingArgs) {
	labels := map[string]AlarmLabel{"scaleOut": s.ScaleOutAlarm, "scaleIn": s.ScaleInAlarm, "idle": s.Idle.Alarm}
	owner := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		label := labels[key]
		if len(label.Name) > 255 {
			found.Add("alarmNames."+key, label.Name, "has %d characters; CloudWatch takes 255", len(label.Name))
		}
		if len(label.Description) > 1024 {
			found.Add("alarmDescriptions."+key, label.Description[:40]+"...", "has %d characters; CloudWatch takes 1024", len(label.Description))
		}
		if label.Name == "" {
			continue
		}
		if other, taken := owner[label.Name]; taken {
			found.Add("alarmNames."+key, label.Name, "is also the name of the %s alarm; one would overwrite the other", other)
		}
		owner[label.Name] = key
	}
}

func validateStatements(found *FieldErrors, statements []PolicyStatement) {
	for i, s := range statements {
		key := fmt.Sprintf("taskPolicyStatements[%d]", i)
		checkOneOf(found, key+".effect", s.Effect, "", "Allow", "Deny")
		if len(s.Actions) == 0 {
			found.Add(key+".actions", s.Actions, "needs at least one action, such as s3:GetObject")
		}
		for _, action := range s.Actions {
			if !iamAction.MatchString(action) {
				found.Add(key+".actions", action, "is no IAM action; write service:Action, such as s3:GetObject")
			}
		}
		resources, known := s.Resources.(pulumi.StringArray)
		if s.Resources == nil || known && len(resources) == 0 {
			found.Add(key+".resources", resources, "needs at least one ARN")
		}
		for _, resource := range resources {
			if arn, known := plain(resource); known && arn != "*" && !strings.HasPrefix(arn, "arn:") {
				found.Add(key+".resources", arn, "needs to be an ARN, such as arn:aws:s3:::bucket/*")
			}
		}
	}
}

func validateOperations(found *FieldErrors, o OperationsArgs) {
	checkARN(found, "alarmTopicArn", o.TopicARN, "sns", "")
	if arn, known := plain(o.TopicARN); known && strings.Count(arn, ":") > 5 {
		found.Add("alarmTopicArn", arn, "needs to be the ARN of a topic, not of a subscription to it")
	}
	if arn, known := plain(o.TopicARN); known && strings.HasSuffix(arn, ".fifo") {
		found.Add("alarmTopicArn", arn, "alarms cannot publish to an SNS FIFO topic; name one without .fifo")
	}
	for _, span := range []struct {
		key         string
		minutes     *int
		least, most int
		what        string
	}{
		{"oldestMessageMinutes", o.OldestMessageMinutes, 1, 20160, "14 days, the longest a message is kept"},
		{"notStartingMinutes", o.NotStartingMinutes, guardedMinutes, 1440, "a day, the longest an alarm looks back"},
		{"stuckMinutes", o.StuckMinutes, guardedMinutes, 1440, "a day, the longest an alarm looks back"},
		{"atMaximumMinutes", o.AtMaximumMinutes, guardedMinutes, 1440, "a day, the longest an alarm looks back"},
	} {
		if *span.minutes != 0 {
			checkRange(found, span.key, *span.minutes, span.least, span.most, span.what+", or 0 for no such alarm")
		}
	}
}

var (
	accountID       = regexp.MustCompile(`^\d{12}$`)
	queueName       = regexp.MustCompile(`^[A-Za-z0-9_-]+\.fifo$`)
	variableName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	parameterName   = regexp.MustCompile(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	clusterName     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	subnetID        = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	securityGroupID = regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`)
	iamAction       = regexp.MustCompile(`^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)
	digest          = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	tag             = regexp.MustCompile(`:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// logRetentions are the spans in days that CloudWatch Logs offers.
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func checkQueueName(key, name string) error {
	const longest = 80 // with the suffix
	if !queueName.MatchString(name) || len(name) > longest {
		return &FieldError{Key: key, Value: name,
			Want: fmt.Sprintf("the name of a FIFO queue ends in .fifo and has at most %d letters, digits, - and _, such as jobs.fifo", longest)}
	}
	return nil
}

// checkImage: an image without tag or digest would be whatever is newest when a
// task starts.
func checkImage(image string) error {
	lastPart := image[strings.LastIndex(image, "/")+1:]
	if digest.MatchString(image) || !strings.Contains(image, "@") && tag.MatchString(lastPart) {
		return nil
	}
	return &FieldError{Key: "image", Value: image, Want: "needs a tag (repository:v1) or a digest (repository@sha256: and 64 hex digits)"}
}

func checkRange(found *FieldErrors, key string, value, least, most int, what string) {
	if value < least || value > most {
		found.Add(key, value, "needs to be %d to %d (%s)", least, most, what)
	}
}

func checkOneOf[T comparable](found *FieldErrors, key string, value T, allowed ...T) {
	if slices.Contains(allowed, value) {
		return
	}
	texts := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if text := fmt.Sprint(a); text != "" {
			texts = append(texts, text)
		}
	}
	found.Add(key, fmt.Sprint(value), "needs to be one of %s", strings.Join(texts, ", "))
}

// checkARN checks a plain ARN's service and the start of its resource.
func checkARN(found *FieldErrors, key string, in pulumi.StringInput, service, resourcePrefix string) {
	arn, known := plain(in)
	if !known {
		return
	}
	parts := strings.SplitN(arn, ":", 6)
	if arnService(arn) != service || !accountID.MatchString(parts[4]) || !strings.HasPrefix(parts[5], resourcePrefix) || len(parts[5]) == len(resourcePrefix) {
		found.Add(key, arn, "needs to be an ARN of the form arn:aws:%s:<region>:<account>:%s<name>", service, resourcePrefix)
	}
}

func checkIDs(found *FieldErrors, key string, in pulumi.StringArrayInput, pattern *regexp.Regexp, what string) {
	ids, known := in.(pulumi.StringArray)
	if in == nil || known && len(ids) == 0 {
		found.Add(key, ids, "needs at least one, %s", what)
	}
	for i, item := range ids {
		if id, known := plain(item); known && !pattern.MatchString(id) {
			found.Add(fmt.Sprintf("%s[%d]", key, i), id, "needs to be %s", what)
		}
	}
}

// plain is the value of an input that is no output of a resource.
func plain(in pulumi.StringInput) (string, bool) {
	s, ok := in.(pulumi.String)
	return string(s), ok
}

// describe is an input as an error shows it.
func describe(in pulumi.StringInput) string {
	if s, known := plain(in); known {
		return s
	}
	return "(from a resource)"
}
