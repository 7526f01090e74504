package permissions

import "strings"

// calls are those that the AWS provider makes for a resource, by its source
// (terraform-provider-aws 5.100, internal/service/*). Read is made in every operation but
// the first, write in those that change something.
type calls struct {
	read, write []string
}

// of lists actions of a service.
func of(service, actions string) []string {
	var list []string
	for _, action := range strings.Fields(actions) {
		list = append(list, service+":"+action)
	}
	return list
}

var (
	queueAttributes = calls{of("sqs", "GetQueueAttributes"), of("sqs", "SetQueueAttributes")}
	tagged          = "ListTagsForResource"
	tags            = " TagResource UntagResource"
)

// byType is what each resource type takes. passes says that a role is handed on.
var byType = map[string]calls{
	"aws:sqs/queue:Queue": {of("sqs", "GetQueueAttributes ListQueueTags"),
		of("sqs", "CreateQueue SetQueueAttributes DeleteQueue TagQueue UntagQueue")},
	"aws:sqs/queuePolicy:QueuePolicy":               queueAttributes,
	"aws:sqs/redrivePolicy:RedrivePolicy":           queueAttributes,
	"aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": queueAttributes,

	"aws:cloudwatch/logGroup:LogGroup": {of("logs", "DescribeLogGroups "+tagged),
		of("logs", "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey "+
			"DisassociateKmsKey"+tags)},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {of("cloudwatch", "DescribeAlarms "+tagged),
		of("cloudwatch", "PutMetricAlarm DeleteAlarms"+tags)},
	"aws:cloudwatch/dashboard:Dashboard": {of("cloudwatch", "GetDashboard"),
		of("cloudwatch", "PutDashboard DeleteDashboards")},
	"aws:cloudwatch/eventRule:EventRule": {of("events", "DescribeRule "+tagged),
		of("events", "PutRule DeleteRule"+tags)},

	// The provider reads the deprecated attributes of a role, too: its inline and attached
	// policies.
	"aws:iam/role:Role": {of("iam", "GetRole ListRolePolicies ListAttachedRolePolicies"),
		of("iam", "CreateRole DeleteRole UpdateRole UpdateAssumeRolePolicy TagRole UntagRole "+
			"ListInstanceProfilesForRole PutRolePermissionsBoundary DeleteRolePermissionsBoundary")},
	"aws:iam/rolePolicy:RolePolicy": {of("iam", "GetRolePolicy"),
		of("iam", "PutRolePolicy DeleteRolePolicy")},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {of("iam", "ListAttachedRolePolicies"),
		of("iam", "AttachRolePolicy DetachRolePolicy")},

	"aws:scheduler/schedule:Schedule": {of("scheduler", "GetSchedule"),
		append(of("scheduler", "CreateSchedule UpdateSchedule DeleteSchedule"), passRole)},

	// The provider asks Step Functions itself whether a definition is valid, in previews, too.
	"aws:sfn/stateMachine:StateMachine": {of("states",
		"DescribeStateMachine ListStateMachineVersions ValidateStateMachineDefinition "+tagged),
		append(of("states", "CreateStateMachine UpdateStateMachine DeleteStateMachine"+tags), passRole)},

	"aws:ecs/cluster:Cluster": {of("ecs", "DescribeClusters "+tagged),
		of("ecs", "CreateCluster UpdateCluster DeleteCluster"+tags)},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {of("ecs", "DescribeClusters"),
		of("ecs", "PutClusterCapacityProviders")},
	"aws:ecs/taskDefinition:TaskDefinition": {of("ecs", "DescribeTaskDefinition "+tagged),
		append(of("ecs", "RegisterTaskDefinition DeregisterTaskDefinition"+tags), passRole)},
	"aws:ecs/service:Service": {of("ecs", "DescribeServices "+tagged),
		append(of("ecs", "CreateService UpdateService DeleteService"+tags), serviceLinkedRole)},

	// Application Auto Scaling acts with the caller's rights while it registers.
	"aws:appautoscaling/target:Target": {of("application-autoscaling", "DescribeScalableTargets "+tagged),
		append(append(of("application-autoscaling", "RegisterScalableTarget DeregisterScalableTarget"+tags),
			of("ecs", "DescribeServices UpdateService")...), serviceLinkedRole)},
	"aws:appautoscaling/policy:Policy": {of("application-autoscaling", "DescribeScalingPolicies"),
		of("application-autoscaling", "PutScalingPolicy DeleteScalingPolicy")},

	"aws:ec2/vpc:Vpc": {of("ec2",
		"DescribeVpcs DescribeVpcAttribute DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups"),
		of("ec2", "CreateVpc ModifyVpcAttribute DeleteVpc CreateTags DeleteTags")},
	"aws:ec2/internetGateway:InternetGateway": {of("ec2", "DescribeInternetGateways"),
		of("ec2", "CreateInternetGateway AttachInternetGateway DetachInternetGateway DeleteInternetGateway "+
			"CreateTags DeleteTags")},
	"aws:ec2/subnet:Subnet": {of("ec2", "DescribeSubnets"),
		of("ec2", "CreateSubnet ModifySubnetAttribute DeleteSubnet DescribeNetworkInterfaces CreateTags "+
			"DeleteTags")},
	"aws:ec2/routeTable:RouteTable": {of("ec2", "DescribeRouteTables"),
		of("ec2", "CreateRouteTable DeleteRouteTable CreateTags DeleteTags")},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {of("ec2", "DescribeRouteTables"),
		of("ec2", "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation")},
	"aws:ec2/route:Route": {of("ec2", "DescribeRouteTables"),
		of("ec2", "CreateRoute ReplaceRoute DeleteRoute")},
	"aws:ec2/securityGroup:SecurityGroup": {of("ec2", "DescribeSecurityGroups"),
		of("ec2", "CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupEgress "+
			"RevokeSecurityGroupEgress DescribeNetworkInterfaces CreateTags DeleteTags")},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {of("ec2", "DescribeSecurityGroups"),
		of("ec2", "DescribeSecurityGroupRules RevokeSecurityGroupIngress RevokeSecurityGroupEgress "+
			"CreateTags DeleteTags")},

	"aws:ecr/repository:Repository": {of("ecr", "DescribeRepositories "+tagged),
		of("ecr", "CreateRepository DeleteRepository PutImageScanningConfiguration "+
			"PutImageTagMutability"+tags)},
	"aws:ecr/lifecyclePolicy:LifecyclePolicy": {of("ecr", "GetLifecyclePolicy"),
		of("ecr", "PutLifecyclePolicy DeleteLifecyclePolicy")},
	// Docker's, to push and to take the layers that are there.
	"docker-build:index:Image": {of("ecr", "GetAuthorizationToken BatchGetImage"),
		of("ecr", "BatchCheckLayerAvailability GetDownloadUrlForLayer InitiateLayerUpload UploadLayerPart "+
			"CompleteLayerUpload PutImage")},
}

// components make nothing themselves; providers ask who they are, which everybody may.
var without = []string{"fargate-queue-worker:", "awsx:", "pulumi:"}

// byFunction is what each look-up takes.
var byFunction = map[string][]string{
	"aws:index/getPartition:getPartition":           nil,
	"aws:index/getRegion:getRegion":                 nil,
	"aws:index/getCallerIdentity:getCallerIdentity": of("sts", "GetCallerIdentity"),
	"aws:ec2/getSubnets:getSubnets":                 of("ec2", "DescribeSubnets"),
	"aws:ecs/getCluster:getCluster":                 of("ecs", "DescribeClusters"),
	"aws:ecr/getRepository:getRepository":           of("ecr", "DescribeRepositories ListTagsForResource"),
	"aws:ecr/getImage:getImage":                     of("ecr", "DescribeImages"),
	// awsx's own, in its VPC and its image.
	"aws:index/getAvailabilityZones:getAvailabilityZones": of("ec2", "DescribeAvailabilityZones"),
	"aws:ecr/getCredentials:getCredentials":               of("ecr", "GetAuthorizationToken"),
}

// inside are the look-ups of awsx's components.
var inside = map[string]string{
	"awsx:ec2:Vpc":   "aws:index/getAvailabilityZones:getAvailabilityZones",
	"awsx:ecr:Image": "aws:ecr/getCredentials:getCredentials",
}

// check is what the deploy workflow does after an update: a task of the new revision that
// looks whether it could work.
var check = append(of("ecs", "RunTask DescribeTasks"), passRole)
