package cloud

import "fmt"

// QueueConsumer is a service whose container learns from its environment which queue
// it consumes: by QUEUE_URL and, for messages that can never succeed, DLQ_URL.
type QueueConsumer struct {
	Service    *Service
	Definition *TaskDefinition
	Container  Container
	Queue      *Queue
	// DeadLetters is nil if there is no dead-letter queue.
	DeadLetters *Queue
}

// QueueConsumer finds the one service of the account, and its queues.
func (a *Account) QueueConsumer() (QueueConsumer, error) {
	var c QueueConsumer
	if len(a.Services) != 1 {
		return c, fmt.Errorf("the stack has %d services; the sandbox runs one", len(a.Services))
	}
	for _, c.Service = range a.Services {
	}
	c.Definition = a.TaskDefinitions[c.Service.TaskDefinition]
	containers, err := c.Definition.Containers()
	if err != nil {
		return c, err
	}
	c.Container = containers[0]
	for _, v := range c.Container.Environment {
		switch v.Name {
		case "QUEUE_URL":
			c.Queue = a.Queues[v.Value]
		case "DLQ_URL":
			c.DeadLetters = a.Queues[v.Value]
		}
	}
	if c.Queue == nil {
		return c, fmt.Errorf("the container %s has no QUEUE_URL of a queue that exists", c.Container.Name)
	}
	return c, nil
}
