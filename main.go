// fargate-queue-worker deploys an SQS FIFO queue that is consumed by ECS Fargate
// tasks, from none to as many as it takes and back, in one `pulumi up`.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"fargate-queue-worker/program"
)

func main() {
	pulumi.Run(program.Deploy)
}
