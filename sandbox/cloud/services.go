package cloud

import "slices"

// Service is an ECS service.
type Service struct {
	ARN                             string                     `json:"arn"`
	Name                            string                     `json:"name"`
	Cluster                         string                     `json:"cluster"` // name or ARN
	TaskDefinition                  string                     `json:"taskDefinition"`
	DesiredCount                    int                        `json:"desiredCount"`
	LaunchType                      string                     `json:"launchType,omitempty"`
	CapacityProviderStrategies      []CapacityProviderStrategy `json:"capacityProviderStrategies,omitempty"`
	NetworkConfiguration            NetworkConfiguration       `json:"networkConfiguration"`
	DeploymentMinimumHealthyPercent int                        `json:"deploymentMinimumHealthyPercent"`
	DeploymentMaximumPercent        int                        `json:"deploymentMaximumPercent"`
	DeploymentCircuitBreaker        *CircuitBreaker            `json:"deploymentCircuitBreaker,omitempty"`
	AvailabilityZoneRebalancing     string                     `json:"availabilityZoneRebalancing,omitempty"`
	EnableExecuteCommand            bool                       `json:"enableExecuteCommand"`
	EnableECSManagedTags            bool                       `json:"enableEcsManagedTags"`
	ForceNewDeployment              bool                       `json:"forceNewDeployment,omitempty"`
	PropagateTags                   string                     `json:"propagateTags,omitempty"`
	Tags                            map[string]string          `json:"tags,omitempty"`

	forced int // deployments without a change, so far
}

// CapacityProviderStrategy is a share of a service's tasks.
type CapacityProviderStrategy struct {
	CapacityProvider string `json:"capacityProvider"`
	Base             int    `json:"base,omitempty"`
	Weight           int    `json:"weight"`
}

// NetworkConfiguration is where a service's tasks run.
type NetworkConfiguration struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
	AssignPublicIP bool     `json:"assignPublicIp"`
}

// CircuitBreaker stops a deployment whose tasks do not start.
type CircuitBreaker struct {
	Enable   bool `json:"enable"`
	Rollback bool `json:"rollback"`
}

// ClusterName is the name of the service's cluster.
func (s *Service) ClusterName() string { return lastPart(s.Cluster) }

// ResourceID names the service as Application Auto Scaling does.
func (s *Service) ResourceID() string { return "service/" + s.ClusterName() + "/" + s.Name }

// CreateService makes a service.
func (a *Account) CreateService(s Service) (*Service, error) {
	cluster, err := a.cluster(s.Cluster)
	if err != nil {
		return nil, err
	}
	s.ARN = a.ARN("ecs", "service/"+cluster.Name+"/"+s.Name)
	if _, taken := a.Services[s.ARN]; taken {
		return nil, refuse("InvalidParameterException",
			"Creation of service was not idempotent: %s exists already", s.Name)
	}
	if err := a.checkService(s); err != nil {
		return nil, err
	}
	a.Services[s.ARN] = &s
	return &s, nil
}

// UpdateService changes a service. The desired count is changed only on request,
// since it belongs to auto scaling.
func (a *Account) UpdateService(arn string, s Service, changeDesiredCount bool) (*Service, error) {
	old, ok := a.Services[arn]
	if !ok {
		return nil, refuse("ServiceNotFoundException", "the service %s does not exist", arn)
	}
	s.ARN, s.forced = arn, old.forced
	if !changeDesiredCount {
		s.DesiredCount = old.DesiredCount
	}
	if err := a.checkService(s); err != nil {
		return nil, err
	}
	*old = s
	return old, nil
}

// Redeploy replaces a service's tasks though nothing has changed.
func (s *Service) Redeploy() { s.forced++ }

// DeleteService stops a service's tasks and removes it.
func (a *Account) DeleteService(arn string) error { return remove(a.Services, arn) }

func (a *Account) checkService(s Service) error {
	if _, ok := a.TaskDefinitions[s.TaskDefinition]; !ok {
		return refuse("ClientException", "the task definition %s does not exist", s.TaskDefinition)
	}
	if len(s.NetworkConfiguration.Subnets) == 0 {
		return refuse("InvalidParameterException", "networkMode awsvpc needs subnets")
	}
	if s.DesiredCount < 0 {
		return refuse("InvalidParameterException", "desiredCount is %d; it has to be 0 or more",
			s.DesiredCount)
	}
	if s.DeploymentMaximumPercent <= s.DeploymentMinimumHealthyPercent {
		return refuse("InvalidParameterException",
			"deploymentMaximumPercent %d leaves no room above deploymentMinimumHealthyPercent %d",
			s.DeploymentMaximumPercent, s.DeploymentMinimumHealthyPercent)
	}
	if (s.LaunchType == "") == (len(s.CapacityProviderStrategies) == 0) {
		return refuse("InvalidParameterException",
			"a service has a launch type or capacity provider strategies, one of them")
	}
	return a.checkStrategies(s)
}

func (a *Account) checkStrategies(s Service) error {
	var associated []string
	if p, ok := a.CapacityProviders[s.ClusterName()]; ok {
		associated = p.CapacityProviders
	}
	for _, strategy := range s.CapacityProviderStrategies {
		if !slices.Contains(associated, strategy.CapacityProvider) {
			return refuse("InvalidParameterException",
				"the capacity provider %s is not associated with the cluster %s",
				strategy.CapacityProvider, s.ClusterName())
		}
	}
	return nil
}

// serviceByResourceID finds a service as Application Auto Scaling names it.
func (a *Account) serviceByResourceID(id string) *Service {
	for _, s := range a.Services {
		if s.ResourceID() == id {
			return s
		}
	}
	return nil
}
