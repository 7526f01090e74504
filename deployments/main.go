// Command deployments tells Pulumi Deployments how to run the stacks of the project
// above: what is pushed is deployed, pull requests are previewed, drift is reported.
package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() {
	pulumi.Run(declare)
}
