// Package declared makes the account that a stack declares, by the real program under
// Pulumi's mocks: in milliseconds, without an engine.
package declared

import (
	"fmt"

	"fargate-queue-worker/program"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

// Account is an account with the resources of a stack of the project in root, whose
// configuration overrides, as key=value, change.
func Account(root, stack string, overrides ...string) (*cloud.Account, error) {
	settings, err := stackfile.Load(root, stack, overrides...)
	if err != nil {
		return nil, err
	}
	values, err := settings.Values()
	if err != nil {
		return nil, err
	}
	account := cloud.NewAccount(values["aws:region"])
	if err := settings.PutExisting(account); err != nil {
		return nil, err
	}
	_, err = plan.Of(program.Declare(root), plan.Options{Project: settings.Project.Name.String(), Stack: stack, Config: values, Account: account})
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", stack, err)
	}
	return account, nil
}
