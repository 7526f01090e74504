package cloud

import "strings"

// Cluster is an ECS cluster.
type Cluster struct {
	ARN  string            `json:"arn"`
	Name string            `json:"name"`
	Tags map[string]string `json:"tags,omitempty"`
}

// ClusterCapacityProviders associates a cluster with capacity providers.
type ClusterCapacityProviders struct {
	ClusterName       string   `json:"clusterName"`
	CapacityProviders []string `json:"capacityProviders"`
}

// PutCluster makes or changes a cluster.
func (a *Account) PutCluster(c Cluster) (*Cluster, error) {
	c.ARN = a.ARN("ecs", "cluster/"+c.Name)
	a.Clusters[c.Name] = &c
	return &c, nil
}

// DeleteCluster removes a cluster without services.
func (a *Account) DeleteCluster(name string) error {
	for _, s := range a.Services {
		if s.ClusterName() == name {
			return refuse("ClusterContainsServicesException", "cluster %s still has the service %s",
				name, s.Name)
		}
	}
	delete(a.CapacityProviders, name)
	return remove(a.Clusters, name)
}

// PutClusterCapacityProviders replaces the capacity providers of a cluster.
func (a *Account) PutClusterCapacityProviders(p ClusterCapacityProviders) (*ClusterCapacityProviders, error) {
	if _, err := a.cluster(p.ClusterName); err != nil {
		return nil, err
	}
	a.CapacityProviders[p.ClusterName] = &p
	return &p, nil
}

// cluster finds a cluster by name or ARN.
func (a *Account) cluster(nameOrARN string) (*Cluster, error) {
	c, ok := a.Clusters[lastPart(nameOrARN)]
	if !ok {
		return nil, refuse("ClusterNotFoundException", "the cluster %s does not exist", nameOrARN)
	}
	return c, nil
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
