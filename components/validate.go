package components

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Validate reports everything that is wrong with the arguments, as *FieldError
// joined into one error. Values that come from resources are not known yet and
// pass; they are checked when they become known.
func (args *QueueWorkerArgs) Validate() error {
	return args.withDefaults().validate()
}

// validate checks complete arguments.
func (args QueueWorkerArgs) validate() error {
	var found FieldErrors
	for _, check := range args.checks() {
		check.now(&found)
	}
	if args.Queue.Existing != nil {
		validateExistingQueue(&found, args.Queue)
	} else {
		validateQueue(&found, args.Queue)
	}
	validateTask(&found, args.Task)
	validateContainers(&found, args.Task)
	validateVolumes(&found, args.Task)
	validateIdentity(&found, args.Identity)
	validateService(&found, args.Service)
	validateScaling(&found, args.Scaling)
	validateOperations(&found, args.Operations)
	validateLabels(&found, args.AlarmLabels)
	if args.Task.ReadonlyRootFilesystem && args.Service.EnableExecuteCommand {
		found.Add("Task.ReadonlyRootFilesystem", true,
			"ECS Exec writes to the root file system; set {Service.EnableExecuteCommand} or this to false")
	}
	return found.Err()
}

// checks are those of the arguments that may come from a resource.
func (args *QueueWorkerArgs) checks() []inputCheck {
	checks := []inputCheck{
		{field: "Queue.KMSKeyARN", text: &args.Queue.KMSKeyARN, check: isKMSKey},
		{field: "Queue.PreviousKMSKeyARNs", list: &args.Queue.PreviousKMSKeyARNs, check: isKMSKey},
		{field: "Queue.ProducerTopicARNs", list: &args.Queue.ProducerTopicARNs, check: all(isARN("sns", ""),
			hasSuffix(".fifo",
				"only an SNS FIFO topic, whose name ends in .fifo, can send to a FIFO queue"))},
		{field: "Task.Image", text: &args.Task.Image, check: isImage},
		{field: "Task.RepositoryARN", text: &args.Task.RepositoryARN,
			check: optionally(isARN("ecr", "repository/"))},
		{field: "Task.RegistryCredentialsARN", text: &args.Task.RegistryCredentialsARN, check: isWholeSecret},
		{field: "Task.KMSKeyARN", text: &args.Task.KMSKeyARN, check: isKMSKey},
		{field: "Task.LogKMSKeyARN", text: &args.Task.LogKMSKeyARN, check: isKMSKey},
		{field: "Task.Secrets", values: &args.Task.Secrets, check: isSecret},
		{field: "Identity.TaskRoleARN", text: &args.Identity.TaskRoleARN, check: isARN("iam", "role/")},
		{field: "Identity.ExecutionRoleARN", text: &args.Identity.ExecutionRoleARN,
			check: isARN("iam", "role/")},
		{field: "Identity.PermissionsBoundaryARN", text: &args.Identity.PermissionsBoundaryARN,
			check: isPolicyARN},
		{field: "Service.ClusterName", text: &args.Service.ClusterName, check: isClusterName},
		{field: "Service.SubnetIDs", list: &args.Service.SubnetIDs, check: isSubnetID},
		{field: "Service.SecurityGroupIDs", list: &args.Service.SecurityGroupIDs, check: isSecurityGroupID},
		{field: "Operations.TopicARN", text: &args.Operations.TopicARN, check: isAlarmTopic},
	}
	if q := args.Queue.Existing; q != nil {
		checks = append(checks, q.checks()...)
	}
	for i := range args.Identity.TaskPolicyARNs {
		checks = append(checks, inputCheck{
			field: fmt.Sprintf("Identity.TaskPolicyARNs[%d]", i), text: &args.Identity.TaskPolicyARNs[i],
			check: isPolicyARN,
		})
	}
	for i := range args.Identity.ExecutionPolicyARNs {
		checks = append(checks, inputCheck{
			field: fmt.Sprintf("Identity.ExecutionPolicyARNs[%d]", i),
			text:  &args.Identity.ExecutionPolicyARNs[i], check: isPolicyARN,
		})
	}
	for i := range args.Identity.TaskPolicyStatements {
		checks = append(checks, inputCheck{
			field: fmt.Sprintf("Identity.TaskPolicyStatements[%d].Resources", i),
			list:  &args.Identity.TaskPolicyStatements[i].Resources, check: isResource,
		})
	}
	return append(checks, volumeChecks(args.Task.Volumes)...)
}

func validateIdentity(found *FieldErrors, i IdentityArgs) {
	if i.Path != "" && !rolePath.MatchString(i.Path) {
		found.Add("Identity.Path", i.Path, "needs to begin and end with /, such as /workers/")
	}
	if i.TaskRoleARN != nil {
		if len(i.TaskPolicyStatements) > 0 {
			found.Add("Identity.TaskPolicyStatements",
				fmt.Sprintf("%d statements", len(i.TaskPolicyStatements)),
				"are not attached to the existing {Identity.TaskRoleARN}; attach them where it is made")
		}
		if len(i.TaskPolicyARNs) > 0 {
			found.Add("Identity.TaskPolicyARNs", fmt.Sprintf("%d policies", len(i.TaskPolicyARNs)),
				"are not attached to the existing {Identity.TaskRoleARN}; attach them where it is made")
		}
	}
	if i.ExecutionRoleARN != nil && len(i.ExecutionPolicyARNs) > 0 {
		found.Add("Identity.ExecutionPolicyARNs", fmt.Sprintf("%d policies", len(i.ExecutionPolicyARNs)),
			"are not attached to the existing {Identity.ExecutionRoleARN}; attach them where it is made")
	}
	for n, s := range i.TaskPolicyStatements {
		validateStatement(found, fmt.Sprintf("Identity.TaskPolicyStatements[%d]", n), s)
	}
}

func validateStatement(found *FieldErrors, field string, s PolicyStatement) {
	checkOneOf(found, field+".Effect", s.Effect, "", "Allow", "Deny")
	if len(s.Actions) == 0 {
		found.Add(field+".Actions", s.Actions, "needs at least one action, such as s3:GetObject")
	}
	for _, action := range s.Actions {
		if !iamAction.MatchString(action) {
			found.Add(field+".Actions", action,
				"is not an IAM action; write service:Action, such as s3:GetObject")
		}
	}
	if isEmpty(s.Resources) {
		found.Add(field+".Resources", "", "needs at least one ARN")
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Conditions)) {
		if !conditionOperator.MatchString(operator) {
			found.Add(field+".Conditions", operator,
				"is not a condition operator of IAM; write one such as StringEquals or ArnLike")
		}
		for _, key := range slices.Sorted(maps.Keys(s.Conditions[operator])) {
			if !strings.Contains(key, ":") || len(s.Conditions[operator][key]) == 0 {
				found.Add(field+".Conditions", key,
					"needs to be a condition key with values, such as aws:RequestedRegion: [eu-west-1]")
			}
		}
	}
}

func validateOperations(found *FieldErrors, o OperationsArgs) {
	const day, week = "a day, the longest an alarm looks back", "a week, the longest an alarm looks back"
	for _, span := range []struct {
		field       string
		length      *int
		least, most int
		what        string
	}{
		{"OldestMessageMinutes", o.OldestMessageMinutes, 1, 20160, "14 days, the longest a message is kept"},
		{"NotStartingMinutes", o.NotStartingMinutes, guardedMinutes, 1440, day},
		{"StuckMinutes", o.StuckMinutes, guardedMinutes, 1440, day},
		{"NeverStoppingHours", o.NeverStoppingHours, 1, 168, week},
		{"AtMaximumMinutes", o.AtMaximumMinutes, guardedMinutes, 1440, day},
	} {
		if *span.length != 0 {
			checkRange(found, "Operations."+span.field, *span.length, span.least, span.most,
				span.what+", or 0 for no such alarm")
		}
	}
}

func validateLabels(found *FieldErrors, labels map[string]AlarmLabel) {
	owner := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		label := labels[key]
		name, description := fmt.Sprintf("AlarmLabels[%s].Name",
			key), fmt.Sprintf("AlarmLabels[%s].Description", key)
		if !slices.Contains(AlarmKeys, key) {
			found.Add(fmt.Sprintf("AlarmLabels[%s]", key), key, "is not an alarm; there are %s",
				strings.Join(AlarmKeys, ", "))
		}
		if len(label.Name) > 255 {
			found.Add(name, label.Name, "has %d bytes; CloudWatch takes 255", len(label.Name))
		}
		if len(label.Description) > 1024 {
			found.Add(description, string([]rune(label.Description)[:40])+"...",
				"has %d bytes; the AWS provider takes 1024", len(label.Description))
		}
		if label.Name == "" {
			continue
		}
		if other, taken := owner[label.Name]; taken {
			found.Add(name, label.Name,
				"is also the name of the %s alarm; one would overwrite the other", other)
		}
		owner[label.Name] = key
	}
}

var (
	rolePath          = regexp.MustCompile(`^/([!-~]{0,510}/)?$`)
	iamAction         = regexp.MustCompile(`^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)
	conditionOperator = regexp.MustCompile(`^(For(AllValues|AnyValue):)?` +
		`(String|Numeric|Date|Bool|Binary|IpAddress|NotIpAddress|Arn|Null)[A-Za-z]*$`)
	policyARN = regexp.MustCompile(`^arn:[a-z-]+:iam::(aws|\d{12}):policy/.+$`)

	isPolicyARN = matches(policyARN,
		"needs to be the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary")
)

// isResource checks what a statement is about.
func isResource(arn string) string {
	if arn != "*" && !strings.HasPrefix(arn, "arn:") {
		return "needs to be an ARN, such as arn:aws:s3:::bucket/*"
	}
	return ""
}

// isAlarmTopic checks a topic that alarms publish to.
func isAlarmTopic(arn string) string {
	if want := isARN("sns", "")(arn); want != "" {
		return want
	}
	switch {
	case strings.Count(arn, ":") > arnParts-1:
		return "needs to be the ARN of a topic, not of a subscription to it"
	case strings.HasSuffix(arn, ".fifo"):
		return "alarms cannot publish to an SNS FIFO topic; name one without .fifo"
	}
	return ""
}

// hasSuffix checks how a text ends.
func hasSuffix(suffix, want string) textCheck {
	return func(text string) string {
		if strings.HasSuffix(text, suffix) {
			return ""
		}
		return want
	}
}

// optionally lets an empty text pass.
func optionally(check textCheck) textCheck {
	return func(text string) string {
		if text == "" {
			return ""
		}
		return check(text)
	}
}

func checkRange(found *FieldErrors, field string, value, least, most int, what string) {
	if value < least || value > most {
		found.Add(field, value, "needs to be %d to %d (%s)", least, most, what)
	}
}

func checkOneOf[T comparable](found *FieldErrors, field string, value T, allowed ...T) {
	if slices.Contains(allowed, value) {
		return
	}
	texts := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if text := fmt.Sprint(a); text != "" {
			texts = append(texts, text)
		}
	}
	found.Add(field, fmt.Sprint(value), "needs to be one of %s", strings.Join(texts, ", "))
}
