package provider

import (
	"fmt"
	"slices"

	"fargate-queue-worker/sandbox/cloud"
)

// functions are the aws:* look-ups the sandbox answers.
var functions = map[string]func(a *cloud.Account, args properties) (properties, error){
	"aws:index/getPartition:getPartition": func(*cloud.Account, properties) (properties, error) {
		return properties{"id": cloud.Partition, "partition": cloud.Partition, "dnsSuffix": "amazonaws.com"},
			nil
	},
	"aws:index/getRegion:getRegion": func(a *cloud.Account, _ properties) (properties, error) {
		return properties{"id": a.Region, "name": a.Region, "description": a.Region, "endpoint": "ec2." +
			a.Region + ".amazonaws.com"}, nil
	},
	"aws:index/getCallerIdentity:getCallerIdentity": func(a *cloud.Account,
		_ properties) (properties, error) {
		return properties{"id": cloud.AccountID, "accountId": cloud.AccountID, "userId": "sandbox",
			"arn": a.ARN("sts", "assumed-role/sandbox/sandbox")}, nil
	},
	"aws:ec2/getSubnets:getSubnets":       getSubnets,
	"aws:ecs/getCluster:getCluster":       getCluster,
	"aws:ecr/getRepository:getRepository": getRepository,
	"aws:ecr/getImage:getImage":           getImage,
}

// Call answers a look-up.
func Call(a *cloud.Account, token string, args properties) (properties, error) {
	function, ok := functions[token]
	if !ok {
		return nil, fmt.Errorf("the sandbox has no function %s", token)
	}
	return function(a, args)
}

func getSubnets(a *cloud.Account, args properties) (properties, error) {
	filters, err := decode[struct {
		Filters []struct {
			Name   string   `json:"name"`
			Values []string `json:"values"`
		} `json:"filters"`
	}](args)
	if err != nil {
		return nil, err
	}
	vpcID, public := "", false
	for _, f := range filters.Filters {
		switch f.Name {
		case "vpc-id":
			vpcID = f.Values[0]
		case "map-public-ip-on-launch":
			public = slices.Contains(f.Values, "true")
		default:
			return nil, fmt.Errorf("the sandbox does not filter subnets by %s", f.Name)
		}
	}
	ids := []any{}
	for _, id := range a.SubnetIDs(vpcID, public) {
		ids = append(ids, id)
	}
	return properties{"id": a.Region, "ids": ids}, nil
}

func getCluster(a *cloud.Account, args properties) (properties, error) {
	name, _ := args["clusterName"].(string)
	c, ok := a.Clusters[name]
	if !ok {
		return nil, fmt.Errorf("reading ECS Cluster (%s): couldn't find resource", name)
	}
	return properties{"id": c.ARN, "arn": c.ARN, "clusterName": c.Name, "status": "ACTIVE"}, nil
}

func getRepository(a *cloud.Account, args properties) (properties, error) {
	name, _ := args["name"].(string)
	if _, ok := a.Repositories[name]; !ok {
		return nil, fmt.Errorf("ECR Repository (%s) not found", name)
	}
	return properties{
		"id": name, "name": name,
		"arn":           a.ARN("ecr", "repository/"+name),
		"repositoryUrl": a.RepositoryURL(name),
	}, nil
}

func getImage(a *cloud.Account, args properties) (properties, error) {
	repository, tag := text(args["repositoryName"]), text(args["imageTag"])
	digest, err := a.Image(repository, tag)
	if err != nil {
		return nil, fmt.Errorf("reading ECR Images: %w", err)
	}
	return properties{
		"id": digest, "imageDigest": digest, "imageTag": tag, "imageTags": []any{tag},
		"repositoryName": repository, "registryId": cloud.AccountID,
		"imageUri": a.RepositoryURL(repository) + "@" + digest,
	}, nil
}
