// Package declared makes the account that a stack declares, by the real program under
// Pulumi's mocks: in milliseconds, without an engine.
package declared

import (
	"errors"
	"fmt"
	"strings"

	"fargate-queue-worker/program"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/plan"
	"fargate-queue-worker/sandbox/stackfile"
)

// Stack is what a program declares.
type Stack struct {
	Account *cloud.Account
	// Resources is how many there are, components and the insides of packaged ones not
	// counted.
	Resources int
	// Warnings of the program.
	Warnings []string
}

// Account is an account with the resources of a stack of the project in root, whose
// configuration overrides, as key=value, change.
func Account(root, stack string, overrides ...string) (*cloud.Account, error) {
	s, err := Load(root, root, stack, overrides...)
	return s.Account, err
}

// Load is Account of a stack whose file is in another folder than Pulumi.yaml, with what
// else the program said.
func Load(root, folder, stack string, overrides ...string) (Stack, error) {
	settings, err := stackfile.LoadFrom(root, folder, stack, overrides...)
	if err != nil {
		return Stack{}, err
	}
	values, err := settings.Values()
	if err != nil {
		return Stack{}, err
	}
	account := cloud.NewAccount(values["aws:region"])
	if err := settings.PutExisting(account); err != nil {
		return Stack{}, err
	}
	p, err := plan.Of(program.Declare(root), plan.Options{
		Project: settings.Project.Name.String(), Stack: stack, Config: values, Account: account,
	})
	if err != nil {
		return Stack{}, fmt.Errorf("stack %s: %w", stack, unwrapped(err))
	}
	s := Stack{Account: account, Warnings: p.Warnings}
	for _, r := range p.Resources {
		if strings.HasPrefix(r.Type, "aws:") && r.Inside == "" {
			s.Resources++
		}
	}
	return s, nil
}

// unwrapped is the one error that Pulumi put into a list.
func unwrapped(err error) error {
	var list interface{ WrappedErrors() []error }
	if errors.As(err, &list) {
		return errors.Join(list.WrappedErrors()...)
	}
	return err
}
