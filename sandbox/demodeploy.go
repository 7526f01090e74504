package main

import (
	"fmt"
	"strconv"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/sandbox/deploy"
)

// optionalBool is a flag that is true, false, or not given.
type optionalBool struct{ given, value bool }

// String implements pflag.Value.
func (b *optionalBool) String() string {
	if !b.given {
		return ""
	}
	return strconv.FormatBool(b.value)
}

// Set implements pflag.Value.
func (b *optionalBool) Set(text string) (err error) {
	b.given = true
	if b.value, err = strconv.ParseBool(text); err != nil {
		return fmt.Errorf("needs to be true or false")
	}
	return nil
}

// Type implements pflag.Value.
func (*optionalBool) Type() string { return "bool" }

// deploy makes the stack's resources: with the Pulumi CLI, or by the program alone, which
// makes the same.
func (d *demoCommand) deploy(c common, folder string) (*cloud.Account, error) {
	if d.pulumi.value || !d.pulumi.given && deploy.CLIOnPath() {
		return deployWithPulumi(c, folder)
	}
	return d.deployAlone(c)
}

func deployWithPulumi(c common, folder string) (*cloud.Account, error) {
	stack, err := deploy.Open(c, deploy.Options{
		Root: c.root, Folder: folder, CLIFolder: c.folder(), Stack: c.stack, Config: c.config,
		Output: c.output, Brief: true,
	})
	if err != nil {
		return nil, err
	}
	_, err = stack.Up(c)
	return stack.Account, err
}

// deployAlone runs the program without an engine, and says so.
func (d *demoCommand) deployAlone(c common) (*cloud.Account, error) {
	stack, err := declared.Load(c.root, c.root, c.stack, c.config...)
	if err != nil {
		return nil, err
	}
	for _, warning := range stack.Warnings {
		fmt.Fprintln(c.output, "warning:", warning)
	}
	why := ""
	if !d.pulumi.given {
		why = ", since\nno pulumi is on the PATH"
	}
	fmt.Fprintf(c.output, `Stack %s: %d resources on the model of AWS, made by the program alone%s.
Pulumi's engine makes the same ones, and its CLI is built first, once, in minutes:

  go run ./sandbox --pulumi

`, c.stack, stack.Resources, why)
	return stack.Account, nil
}
