package stackfile

import "fargate-queue-worker/sandbox/cloud"

// Region is that of the stack.
func (s *Stack) Region() (string, error) {
	values, err := s.Values()
	return values["aws:region"], err
}

// PutExisting puts into an account what the stack's configuration says is there
// already: cluster, repository and VPC.
func (s *Stack) PutExisting(account *cloud.Account) error {
	values, err := s.Values()
	if err != nil {
		return err
	}
	value := func(key string) string { return values[s.Project.Name.String()+":"+key] }
	if name := value("clusterName"); name != "" {
		if _, err := account.PutCluster(cloud.Cluster{Name: name}); err != nil {
			return err
		}
		_, err := account.PutClusterCapacityProviders(cloud.ClusterCapacityProviders{
			ClusterName: name, CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
		})
		if err != nil {
			return err
		}
	}
	if name := value("repositoryName"); name != "" {
		account.PushImage(name, value("imageTag"))
	}
	if id := value("vpcId"); id != "" {
		account.VPCs[id] = &cloud.VPC{
			PublicSubnetIDs:  []string{"subnet-0000000000000000a", "subnet-0000000000000000b"},
			PrivateSubnetIDs: []string{"subnet-0000000000000000c", "subnet-0000000000000000d"},
		}
	}
	return nil
}
