package provider

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

// Child is a resource that an awsx component makes inside itself. A reference to another
// child stands in its inputs as ${name.output}.
type Child struct {
	Type, Name string
	Inputs     map[string]any
}

// Packaged are the resources that awsx 2.22.0 makes inside a component, by its source: an
// engine shows them, mocks do not. stack is the name of the stack.
func Packaged(a *cloud.Account, token, name, stack string, inputs map[string]any) []Child {
	switch token {
	case "awsx:ec2:Vpc":
		return vpcChildren(a, name, inputs)
	case "awsx:ecr:Repository":
		return repositoryChildren(name, inputs)
	case "awsx:ecr:Image":
		return imageChildren(stack, inputs)
	}
	return nil
}

// vpcChildren is a VPC with a public subnet in each zone, as subnetStrategy Auto has it.
// Source: awsx/ec2/vpc.ts and subnetDistributorNew.ts.
func vpcChildren(a *cloud.Account, name string, inputs map[string]any) []Child {
	zones := zonesOf(a, inputs)
	cidr, _ := inputs["cidrBlock"].(string)
	if cidr == "" {
		cidr = "10.0.0.0/16"
	}
	tags := func(extra map[string]any) map[string]any {
		all := map[string]any{"Name": name}
		if own, ok := inputs["tags"].(map[string]any); ok {
			maps.Copy(all, own)
		}
		maps.Copy(all, extra)
		return all
	}
	vpcID := fmt.Sprintf("${%s.id}", name)
	children := []Child{
		{"aws:ec2/vpc:Vpc", name, map[string]any{"cidrBlock": cidr,
			"enableDnsHostnames": inputs["enableDnsHostnames"], "tags": tags(nil)}},
		{"aws:ec2/internetGateway:InternetGateway", name, map[string]any{"vpcId": vpcID, "tags": tags(nil)}},
	}
	for i, zone := range zones {
		subnet := fmt.Sprintf("%s-public-%d", name, i+1)
		own := tags(map[string]any{"Name": subnet, "SubnetType": "Public"})
		table := fmt.Sprintf("${%s.routeTableId}", subnet)
		children = append(children,
			Child{"aws:ec2/subnet:Subnet", subnet, map[string]any{
				"vpcId": vpcID, "availabilityZone": zone, "mapPublicIpOnLaunch": true,
				"cidrBlock": part(cidr, len(zones), i), "tags": own}},
			Child{"aws:ec2/routeTable:RouteTable", subnet, map[string]any{"vpcId": vpcID, "tags": own}},
			Child{"aws:ec2/routeTableAssociation:RouteTableAssociation", subnet, map[string]any{
				"routeTableId": table, "subnetId": fmt.Sprintf("${%s.id}", subnet)}},
			Child{"aws:ec2/route:Route", subnet, map[string]any{
				"routeTableId": table, "gatewayId": fmt.Sprintf("${%s.gatewayId}", name),
				"destinationCidrBlock": "0.0.0.0/0"}},
		)
	}
	return children
}

// zonesOf are the zones that are named, or the region's first.
func zonesOf(a *cloud.Account, inputs map[string]any) []string {
	var zones []string
	named, _ := inputs["availabilityZoneNames"].([]any)
	for _, zone := range named {
		zones = append(zones, text(zone))
	}
	count, _ := inputs["numberOfAvailabilityZones"].(float64)
	for i := range int(count) {
		zones = append(zones, a.Region+string(rune('a'+i)))
	}
	return zones
}

// part is one of n equal parts of a range, their number rounded up to a power of two.
func part(cidr string, n, i int) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || n == 0 {
		return ""
	}
	length := prefix.Bits() + bits.Len(uint(n-1))
	address := prefix.Addr().As4()
	whole := uint32(address[0])<<24 | uint32(address[1])<<16 | uint32(address[2])<<8 | uint32(address[3])
	whole += uint32(i) << (32 - length)
	return fmt.Sprintf("%d.%d.%d.%d/%d", whole>>24, whole>>16&255, whole>>8&255, whole&255, length)
}

// repositoryChildren is a repository with a lifecycle policy. Source: awsx/ecr/repository.ts.
func repositoryChildren(name string, inputs map[string]any) []Child {
	repository := maps.Clone(inputs)
	delete(repository, "lifecyclePolicy")
	lower := strings.ToLower(name)
	lifecycle, _ := inputs["lifecyclePolicy"].(map[string]any)
	rules, _ := lifecycle["rules"].([]any)
	var policy struct {
		Rules []map[string]any `json:"rules"`
	}
	for i, item := range rules {
		rule, _ := item.(map[string]any)
		policy.Rules = append(policy.Rules, map[string]any{
			"rulePriority": i + 1, "description": rule["description"],
			"action": map[string]any{"type": "expire"},
			"selection": map[string]any{"tagStatus": rule["tagStatus"], "countType": "imageCountMoreThan",
				"countNumber": rule["maximumNumberOfImages"]},
		})
	}
	document, _ := json.Marshal(policy) // it is made of texts and numbers
	return []Child{
		{"aws:ecr/repository:Repository", lower, repository},
		{"aws:ecr/lifecyclePolicy:LifecyclePolicy", lower,
			map[string]any{"repository": fmt.Sprintf("${%s.name}", lower), "policy": string(document)}},
	}
}

// imageChildren is an image that is built and pushed under one tag, with the registry's
// credentials among its inputs. Source: awsx/ecr/image.ts and auth.ts.
func imageChildren(stack string, inputs map[string]any) []Child {
	sum := sha1.Sum([]byte(text(inputs["context"]) + ";dockerfile=" + text(inputs["dockerfile"]) + stack))
	name := hex.EncodeToString(sum[:])[:8] + "-container"
	tag := text(inputs["repositoryUrl"]) + ":" + name
	return []Child{{"docker-build:index:Image", name, map[string]any{
		"tags": []any{tag}, "push": true,
		"context":    map[string]any{"location": inputs["context"]},
		"dockerfile": map[string]any{"location": inputs["dockerfile"]},
		"platforms":  []any{inputs["platform"]},
		"cacheFrom":  []any{map[string]any{"registry": map[string]any{"ref": tag}}},
		"cacheTo":    []any{map[string]any{"inline": map[string]any{}}},
		"registries": []any{map[string]any{
			"address": "${getCredentials.proxyEndpoint}", "username": "AWS",
			"password": "${getCredentials.authorizationToken}",
		}},
	}}}
}
