package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// deployment is a state as Pulumi exports it. What is not looked at here is kept as it is, so that a
// newer CLI gets back what it wrote.
type deployment map[string]json.RawMessage

// recorded is what is looked at of a resource in a state.
type recorded struct {
	URN    string         `json:"urn"`
	ID     string         `json:"id"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

// pendingCreate is a resource that the engine has begun to make.
type pendingCreate struct {
	recorded
	fields map[string]json.RawMessage // all of them
}

// adopt puts what a run began to make when it was killed among the resources of the state. Before it
// makes something the engine writes down that it begins; what AWS calls it, it knows only at the end,
// and if it does not get there, neither refreshing nor destroying looks for it. Whether it was made
// after all, the refresh that comes next finds out.
func (s *pulumiStack) adopt(ctx context.Context) error {
	exported, err := s.stack.Export(ctx)
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	state := deployment{}
	if err := json.Unmarshal(exported.Deployment, &state); err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	known, err := state.resources()
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	s.exists = len(known) > 0
	pending, err := state.pendingCreates()
	if err != nil || len(pending) == 0 {
		return err
	}
	if err := s.identifyAll(ctx, state, known, pending); err != nil {
		return err
	}
	if exported.Deployment, err = json.Marshal(state); err != nil {
		return err
	}
	if err := s.stack.Import(ctx, exported); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

// identifyAll makes resources of what was pending and may exist.
func (s *pulumiStack) identifyAll(
	ctx context.Context, state deployment, known []recorded, pending []pendingCreate,
) error {
	arns, err := s.taggedFor(ctx, pending, known)
	if err != nil {
		return err
	}
	var adopted []pendingCreate
	for _, p := range pending {
		p.ID = s.importID(p.recorded)
		if p.ID == "" {
			p.ID, arns = taggedID(p.recorded, arns)
		}
		if p.ID == "" {
			continue // it goes with another, or was not made
		}
		fmt.Fprintf(s.output, "an earlier run was killed while it made %s\n", p.URN)
		adopted = append(adopted, p)
	}
	return state.add(adopted, known)
}

func (d deployment) resources() (all []recorded, err error) {
	if d["resources"] == nil {
		return nil, nil
	}
	return all, json.Unmarshal(d["resources"], &all)
}

func (d deployment) pendingCreates() (pending []pendingCreate, err error) {
	var operations []struct {
		Type     string          `json:"type"`
		Resource json.RawMessage `json:"resource"`
	}
	if d["pending_operations"] == nil {
		return nil, nil
	}
	if err := json.Unmarshal(d["pending_operations"], &operations); err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	for _, o := range operations {
		if o.Type != "creating" {
			continue // the rest is in the state, and is refreshed
		}
		var p pendingCreate
		if err := json.Unmarshal(o.Resource, &p.recorded); err != nil {
			return nil, fmt.Errorf("reading the state: %w", err)
		}
		if err := json.Unmarshal(o.Resource, &p.fields); err != nil {
			return nil, fmt.Errorf("reading the state: %w", err)
		}
		pending = append(pending, p)
	}
	return pending, nil
}

// add resources, in place of what is pending. They have no outputs, so that the provider reads them
// as if they were imported.
func (d deployment) add(adopted []pendingCreate, known []recorded) (err error) {
	var all []json.RawMessage
	if d["resources"] != nil {
		if err := json.Unmarshal(d["resources"], &all); err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
	}
	for _, p := range adopted {
		delete(p.fields, "outputs")
		if p.fields["id"], err = json.Marshal(p.ID); err != nil {
			return err
		}
		// One that was to replace another has its URN, which only one may have that is to stay.
		if slices.ContainsFunc(known, func(r recorded) bool { return r.URN == p.URN }) {
			p.fields["delete"] = json.RawMessage("true")
		}
		text, err := json.Marshal(p.fields)
		if err != nil {
			return err
		}
		all = append(all, text)
	}
	delete(d, "pending_operations")
	d["resources"], err = json.Marshal(all)
	return err
}

// importID is what the AWS provider finds a resource by whose name Pulumi chose; "" if AWS chose it,
// or if the resource is a part of another, with which it goes.
func (s *pulumiStack) importID(r recorded) string {
	input := func(name string) string {
		text, _ := r.Inputs[name].(string)
		return text
	}
	switch r.Type {
	case "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/logGroup:LogGroup",
		"aws:cloudwatch/metricAlarm:MetricAlarm", "aws:ecr/repository:Repository",
		"aws:ecs/cluster:Cluster", "aws:iam/role:Role":
		return input("name")
	case "aws:cloudwatch/dashboard:Dashboard":
		return input("dashboardName")
	case "aws:iam/rolePolicy:RolePolicy":
		return input("role") + ":" + input("name")
	case "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
		return input("role") + "/" + input("policyArn")
	case "aws:sqs/queue:Queue":
		return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", s.region, s.account, input("name"))
	case "aws:sfn/stateMachine:StateMachine":
		return fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", s.region, s.account, input("name"))
	case "aws:scheduler/schedule:Schedule":
		return "default/" + input("name")
	case "aws:ecs/service:Service":
		return idOf(input("cluster")) + "/" + input("name")
	case "aws:appautoscaling/target:Target":
		return strings.Join(
			[]string{input("serviceNamespace"), input("resourceId"), input("scalableDimension")}, "/")
	}
	return ""
}

// taggedKinds are those whose ids AWS chooses, as ARNs call them.
var taggedKinds = map[string]string{
	"aws:ec2/internetGateway:InternetGateway": ":internet-gateway/",
	"aws:ec2/routeTable:RouteTable":           ":route-table/",
	"aws:ec2/securityGroup:SecurityGroup":     ":security-group/",
	"aws:ec2/subnet:Subnet":                   ":subnet/",
	"aws:ec2/vpc:Vpc":                         ":vpc/",
}

// taggedID is the id of a resource of a kind, and the ARNs without it. Which of several it is does not
// matter, since all of them are removed.
func taggedID(r recorded, arns []string) (id string, rest []string) {
	kind, ok := taggedKinds[r.Type]
	if !ok {
		return "", arns
	}
	i := slices.IndexFunc(arns, func(arn string) bool { return strings.Contains(arn, kind) })
	if i < 0 {
		return "", arns
	}
	return idOf(arns[i]), slices.Delete(slices.Clone(arns), i, i+1)
}

// taggedFor are the ARNs with the stack's tag that the state does not know. The index of tags is some
// seconds late, so it waits for as many as are pending, for a while.
func (s *pulumiStack) taggedFor(
	ctx context.Context, pending []pendingCreate, known []recorded,
) (arns []string, err error) {
	const patience, pause = 30 * time.Second, 3 * time.Second
	for began := time.Now(); ; {
		if arns, err = s.tagged(ctx); err != nil {
			return nil, fmt.Errorf("looking for what an earlier run made: %w", err)
		}
		arns = slices.DeleteFunc(arns, func(arn string) bool {
			return doubtful(arn, pending) ||
				slices.ContainsFunc(known, func(r recorded) bool { return r.ID == idOf(arn) })
		})
		if allTagged(pending, arns) || time.Since(began) > patience {
			return arns, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// doubtful says whether an ARN may be that of a VPC's default group, which cannot be deleted: nothing
// tells it from another while both are pending. Such are listed at the end, for a person to remove.
func doubtful(arn string, pending []pendingCreate) bool {
	const group, byDefault = ":security-group/", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
	return strings.Contains(arn, group) &&
		slices.ContainsFunc(pending, func(p pendingCreate) bool { return p.Type == byDefault })
}

// allTagged says whether each that is found by its tag is.
func allTagged(pending []pendingCreate, arns []string) bool {
	for _, p := range pending {
		var id string
		if id, arns = taggedID(p.recorded, arns); id == "" && taggedKinds[p.Type] != "" {
			return false
		}
	}
	return true
}
