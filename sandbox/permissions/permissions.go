// Package permissions says what whoever deploys a stack has to be allowed, from the stack's
// plan and a table of the calls that each resource takes.
package permissions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/plan"
)

const (
	passRole          = "iam:PassRole"
	serviceLinkedRole = "iam:CreateServiceLinkedRole"

	// Longest is how many characters a managed policy has, blanks not counted. Source: IAM
	// user guide, "IAM and AWS STS quotas".
	Longest = 6144
)

// statement of an IAM policy.
type statement struct {
	Sid, Effect string
	Action      []string
	Resource    []string
	Condition   map[string]map[string][]string `json:",omitempty"`
}

// Deploy is the policy of whoever deploys a plan, Read of whoever previews or refreshes it.
func Deploy(p *plan.Plan) (string, error) { return document(p, true) }

// Read is the part of Deploy that only looks.
func Read(p *plan.Plan) (string, error) { return document(p, false) }

func document(p *plan.Plan, write bool) (string, error) {
	actions, err := actionsOf(p, write)
	if err != nil {
		return "", err
	}
	made, joined := rolesOf(p)
	passed := slices.Concat(made, joined)
	slices.Sort(passed)
	var statements []statement
	add := func(sid string, resources []string, condition map[string]map[string][]string,
		is func(action string) bool) {
		s := statement{Sid: sid, Effect: "Allow", Resource: resources, Condition: condition}
		for _, action := range actions {
			if is(action) {
				s.Action = append(s.Action, action)
			}
		}
		if len(s.Action) > 0 {
			statements = append(statements, s)
		}
	}
	special := func(action string) bool { return action == passRole || action == serviceLinkedRole }
	isIAM := func(action string) bool { return strings.HasPrefix(action, "iam:") && !special(action) }
	add("Stack", []string{"*"}, nil, func(action string) bool { return !isIAM(action) && !special(action) })
	add("Roles", made, nil, isIAM)
	add("PassRoles", passed, map[string]map[string][]string{
		"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com", "scheduler.amazonaws.com"}},
	}, func(action string) bool { return action == passRole })
	add("ServiceLinkedRoles", []string{"arn:aws:iam::*:role/aws-service-role/*"},
		map[string]map[string][]string{
			"StringEquals": {"iam:AWSServiceName": {"ecs.amazonaws.com",
				"ecs.application-autoscaling.amazonaws.com"}},
		}, func(action string) bool { return action == serviceLinkedRole })
	text, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": statements}, "",
		"  ")
	return string(text) + "\n", err
}

// actionsOf are the actions of everything in a plan, sorted.
func actionsOf(p *plan.Plan, write bool) ([]string, error) {
	var actions []string
	functions := slices.Clone(p.Calls)
	for _, r := range p.Resources {
		if function, ok := inside[r.Type]; ok {
			functions = append(functions, function)
		}
		made, known := byType[r.Type]
		if !known {
			if !slices.ContainsFunc(without, func(prefix string) bool {
				return strings.HasPrefix(r.Type, prefix)
			}) {
				return nil, fmt.Errorf("what %s takes is not in the table; add its calls", r.Type)
			}
			continue
		}
		actions = append(actions, made.read...)
		if write {
			actions = append(actions, made.write...)
		}
	}
	for _, function := range functions {
		made, known := byFunction[function]
		if !known {
			return nil, fmt.Errorf("what %s takes is not in the table; add its calls", function)
		}
		actions = append(actions, made...)
	}
	if write {
		actions = append(actions, check...)
	}
	slices.Sort(actions)
	return slices.Compact(actions), nil
}

// rolesOf are the roles of a plan: those that it makes, with the digits that Pulumi adds, and
// those that are there, which whoever deploys hands on and leaves alone.
func rolesOf(p *plan.Plan) (made, joined []string) {
	own := map[string]bool{}
	for _, r := range p.Resources {
		if r.Type == "aws:iam/role:Role" {
			own[r.Name] = true
			path, _ := r.Inputs["path"].(string)
			made = append(made, "arn:aws:iam::*:role/"+strings.TrimPrefix(path, "/")+r.Name+"-*")
		}
	}
	for _, r := range p.Resources {
		if r.Type != "aws:ecs/taskDefinition:TaskDefinition" {
			continue
		}
		for _, key := range []string{"taskRoleArn", "executionRoleArn"} {
			if arn, _ := r.Inputs[key].(string); !own[arn[strings.LastIndex(arn, "/")+1:]] {
				joined = append(joined, arn)
			}
		}
	}
	slices.Sort(made)
	slices.Sort(joined)
	return made, slices.Compact(joined)
}

// Size is how many characters of a document count.
func Size(document string) int { return len(strings.Join(strings.Fields(document), "")) }
