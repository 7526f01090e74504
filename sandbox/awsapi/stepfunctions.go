package awsapi

import (
	"cmp"
	"fmt"

	"fargate-queue-worker/sandbox/cloud"
)

var stepFunctionsService = service{
	name: "Step Functions", prefix: "AWSStepFunctions", scope: "states",
	actions: map[string]func(request) (any, error){
		"StartExecution":     request.startExecution,
		"StartSyncExecution": request.startSyncExecution,
	},
}

// executionAsked names a state machine and what it gets.
type executionAsked struct{ StateMachineArn, Name, Input string }

func (r request) startExecution() (any, error) {
	var asked executionAsked
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	if err := r.control.StartExecution(r.now, asked.StateMachineArn, cmp.Or(asked.Input, "{}")); err != nil {
		return nil, err
	}
	name := cmp.Or(asked.Name, fmt.Sprint(r.now.UnixNano()))
	return object{
		"executionArn": r.account.ARN("states", "express:"+lastName(asked.StateMachineArn)+":"+name),
		"startDate":    r.now,
	}, nil
}

func (r request) startSyncExecution() (any, error) {
	var asked executionAsked
	if err := r.into(&asked); err != nil {
		return nil, err
	}
	ended := make(chan any, 1)
	err := r.control.StartSyncExecution(
		r.now,
		asked.StateMachineArn,
		cmp.Or(asked.Input, "{}"),
		func(e cloud.Execution) {
			ended <- object{
				"executionArn": e.ARN, "stateMachineArn": asked.StateMachineArn,
				"startDate": e.Began, "stopDate": e.Ended,
				"status": e.Status, "error": textOf(e.Error), "cause": textOf(e.Cause),
				"input": cmp.Or(asked.Input, "{}"),
			}
		},
	)
	return later(ended), err
}
