package stackfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

// Region is that of the stack.
func (s *Stack) Region() (string, error) {
	values, err := s.Values()
	return values["aws:region"], err
}

// PutExisting puts into an account what the stack's configuration says is there
// already: cluster, repository, VPC, roles and queues.
func (s *Stack) PutExisting(account *cloud.Account) error {
	values, err := s.Values()
	if err != nil {
		return err
	}
	value := func(key string) string { return values[s.Project.Name.String()+":"+key] }
	if name := value("clusterName"); name != "" {
		if err := putCluster(account, name); err != nil {
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
	for _, key := range []string{"taskRoleArn", "executionRoleArn"} {
		if arn := value(key); arn != "" {
			name := arn[strings.LastIndex(arn, "/")+1:]
			account.Roles[name] = &cloud.Role{ARN: arn, Name: name}
		}
	}
	return putQueues(account, value("existingQueue"))
}

func putCluster(account *cloud.Account, name string) error {
	if _, err := account.PutCluster(cloud.Cluster{Name: name}); err != nil {
		return err
	}
	_, err := account.PutClusterCapacityProviders(cloud.ClusterCapacityProviders{
		ClusterName: name, CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
	})
	return err
}

// putQueues makes an existing queue and its dead-letter queue, unless they are there. What
// is not the name of one is left to the program, which says so.
func putQueues(account *cloud.Account, existing string) error {
	var queue struct{ ARN, DeadLetterQueueARN string }
	if existing != "" {
		if err := json.Unmarshal([]byte(existing), &queue); err != nil {
			return fmt.Errorf("existingQueue: %w", err)
		}
	}
	for _, arn := range []string{queue.ARN, queue.DeadLetterQueueARN} {
		name := arn[strings.LastIndex(arn, ":")+1:]
		if !strings.HasSuffix(name, ".fifo") ||
			slices.ContainsFunc(slices.Collect(maps.Values(account.Queues)), func(q *cloud.Queue) bool {
				return q.Name == name
			}) {
			continue
		}
		if _, err := account.CreateQueue(cloud.Queue{Name: name, FIFO: true}); err != nil {
			return err
		}
	}
	return nil
}
