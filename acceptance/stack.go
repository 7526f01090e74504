package main

import "context"

// Stack is what cases are run on.
type Stack interface {
	// Up deploys it and returns its outputs.
	Up(ctx context.Context) (Outputs, error)
	// Preview says what another Up would change.
	Preview(ctx context.Context) (changes []string, err error)
	// Destroy removes it.
	Destroy(ctx context.Context) error
}
