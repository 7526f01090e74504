package live

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"fargate-queue-worker/sandbox/cloud"
)

// TestPhasesAreThoseOfTheSeed, whatever digits Pulumi gave the names, and the simulator's.
func TestPhasesAreThoseOfTheSeed(t *testing.T) {
	t.Parallel()
	cases := map[string][2]string{ // as declared, as deployed
		"alarm": {"alarm worker-idle-alarm", "alarm worker-idle-alarm-90947df"},
		"queue": {"queue https://sqs.us-west-1.amazonaws.com/123456789012/worker-queue.fifo",
			"queue https://sqs.us-west-1.amazonaws.com/123456789012/worker-queue-2d1d3e5.fifo"},
		"service": {"service arn:aws:ecs:us-west-1:123456789012:service/worker-cluster/worker-service",
			"service " +
				"arn:aws:ecs:us-west-1:123456789012:service/worker-cluster-b5d93b6/worker-service-e342a47"},
	}
	for kind, names := range cases {
		for day := range 3 {
			want := cloud.SeededPhases(7)(names[0], day)
			assert.InDelta(t, want, phases(7)(names[0], day), 0, kind)
			assert.InDelta(t, want, phases(7)(names[1], day), 0, kind)
			assert.NotEqual(t, want, phases(8)(names[1], day), kind)
		}
	}
}
