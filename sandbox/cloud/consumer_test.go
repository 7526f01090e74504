package cloud

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQueueConsumer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.account.QueueConsumer()
	require.ErrorContains(t, err, "the container worker has no QUEUE_URL of a queue that exists")
	w.account.TaskDefinitions[w.service.TaskDefinition].ContainerDefinitions =
		`[{"name": "worker", "image": "worker", "environment": [{"name": "QUEUE_URL", "value": "` +
			w.queue.URL + `"}]}]`
	consumer, err := w.account.QueueConsumer()
	require.NoError(t, err)
	assert.Same(t, w.queue, consumer.Queue)
	assert.Same(t, w.service, consumer.Service)
	assert.Nil(t, consumer.DeadLetters)
	require.NoError(t, w.account.DeleteService(w.service.ARN))
	_, err = w.account.QueueConsumer()
	require.ErrorContains(t, err, "the stack has 0 services")
}
