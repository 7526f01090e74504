package main

import (
	"slices"
	"strings"
)

// removalCommands are AWS's commands that remove a resource, by its service and how its ARN begins
// behind the account, in an order that AWS takes. {name} is the rest of the ARN, and {arn} all of it.
var removalCommands = []struct{ arn, command string }{
	{"ecs:service/", "aws ecs delete-service --force --cluster {cluster} --service {service}"},
	{"ecs:cluster/", "aws ecs delete-cluster --cluster {name}"},
	{"events:rule/", "aws events delete-rule --name {name}"},
	{"cloudwatch:alarm:", "aws cloudwatch delete-alarms --alarm-names {name}"},
	{"logs:log-group:", "aws logs delete-log-group --log-group-name {name}"},
	{"states:stateMachine:", "aws stepfunctions delete-state-machine --state-machine-arn {arn}"},
	{"ecr:repository/", "aws ecr delete-repository --force --repository-name {name}"},
	{"sqs:", "aws sqs delete-queue --queue-url $(aws sqs get-queue-url --queue-name {name} --output text)"},
	{"ec2:security-group/", "aws ec2 delete-security-group --group-id {name}"},
	{"ec2:subnet/", "aws ec2 delete-subnet --subnet-id {name}"},
	{"ec2:route-table/", "aws ec2 delete-route-table --route-table-id {name}"},
	{"ec2:internet-gateway/", "aws ec2 detach-internet-gateway --internet-gateway-id {name}" +
		" --vpc-id $(aws ec2 describe-internet-gateways --internet-gateway-ids {name}" +
		" --query 'InternetGateways[].Attachments[].VpcId' --output text);" +
		" aws ec2 delete-internet-gateway --internet-gateway-id {name}"},
	{"ec2:vpc/", "aws ec2 delete-vpc --vpc-id {name}"},
}

// removals are the commands that remove resources, in an order that AWS takes; of those that no
// command is known of, the ARNs.
func removals(arns []string) (lines []string) {
	left := slices.Clone(arns)
	for _, c := range removalCommands {
		left = slices.DeleteFunc(left, func(arn string) bool {
			name, ok := nameIn(arn, c.arn)
			if ok {
				lines = append(lines, removal(c.command, arn, name))
			}
			return ok
		})
	}
	return append(lines, left...)
}

// nameIn is what an ARN of a kind says behind the kind.
func nameIn(arn, kind string) (name string, ok bool) {
	const parts = 6 // arn:aws:service:region:account:resource
	fields := strings.SplitN(arn, ":", parts)
	if len(fields) < parts {
		return "", false
	}
	return strings.CutPrefix(fields[2]+":"+fields[5], kind)
}

func removal(command, arn, name string) string {
	name = strings.TrimSuffix(name, ":*") // as CloudWatch Logs ends its ARNs
	cluster, service, _ := strings.Cut(name, "/")
	return strings.NewReplacer(
		"{name}", name, "{arn}", arn, "{cluster}", cluster, "{service}", service,
	).Replace(command)
}
