package awsapi

import (
	"encoding/json"

	"fargate-queue-worker/sandbox/cloud"
)

func (c call) startMessageMoveTask() (any, error) {
	var request struct {
		SourceArn, DestinationArn    string
		MaxNumberOfMessagesPerSecond *int
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, err
	}
	task := cloud.MessageMoveTask{SourceARN: request.SourceArn, DestinationARN: request.DestinationArn}
	if rate := request.MaxNumberOfMessagesPerSecond; rate != nil {
		if err := cloud.CheckMoveRate(*rate); err != nil {
			return nil, err
		}
		task.Rate = *rate
	}
	started, err := c.account.StartMessageMoveTask(c.now, task)
	if err != nil {
		return nil, err
	}
	return map[string]string{"TaskHandle": started.Handle}, nil
}

// moveTask is an entry of ListMessageMoveTasks.
type moveTask struct {
	TaskHandle                        string `json:",omitempty"` // of a task that runs
	Status, SourceArn                 string
	DestinationArn                    string `json:",omitempty"`
	MaxNumberOfMessagesPerSecond      int    `json:",omitempty"`
	ApproximateNumberOfMessagesMoved  int
	ApproximateNumberOfMessagesToMove int
	FailureReason                     string `json:",omitempty"`
	StartedTimestamp                  int64
}

func (c call) listMessageMoveTasks() (any, error) {
	var request struct {
		SourceArn  string
		MaxResults *int
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, err
	}
	most := 1
	if request.MaxResults != nil {
		most = *request.MaxResults
	}
	tasks, err := c.account.MessageMoveTasks(request.SourceArn, most)
	if err != nil {
		return nil, err
	}
	results := make([]moveTask, len(tasks))
	for i, t := range tasks {
		results[i] = moveTask{
			Status: t.Status, SourceArn: t.SourceARN, DestinationArn: t.DestinationARN,
			MaxNumberOfMessagesPerSecond:      t.Rate,
			ApproximateNumberOfMessagesMoved:  t.Moved,
			ApproximateNumberOfMessagesToMove: t.ToMove,
			FailureReason:                     t.FailureReason,
			StartedTimestamp:                  t.Started.UnixMilli(),
		}
		if t.Status == cloud.MoveRunning {
			results[i].TaskHandle = t.Handle
		}
	}
	return map[string]any{"Results": results}, nil
}

func (c call) cancelMessageMoveTask() (any, error) {
	var request struct{ TaskHandle string }
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, err
	}
	task, err := c.account.CancelMessageMoveTask(request.TaskHandle)
	if err != nil {
		return nil, err
	}
	return map[string]int{"ApproximateNumberOfMessagesMoved": task.Moved}, nil
}
