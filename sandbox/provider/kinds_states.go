package provider

import "fargate-queue-worker/sandbox/cloud"

func init() {
	register(define(kind{
		token: "aws:sfn/stateMachine:StateMachine", nameSuffix: noSuffix,
		immutable: []string{"name", "type"}, computed: []string{"arn"},
	}, model[cloud.StateMachine]{
		id:     func(m *cloud.StateMachine) string { return m.ARN },
		create: (*cloud.Account).PutStateMachine,
		find:   lookUp(func(a *cloud.Account) map[string]*cloud.StateMachine { return a.StateMachines }),
		remove: (*cloud.Account).DeleteStateMachine,
	}))
}
