package cloud

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	draw := func(seed ...byte) (ids []string) {
		a := NewAccount("us-west-1")
		if len(seed) > 0 {
			a.SeedMessageIDs([32]byte{seed[0]})
		}
		for _, name := range []string{"a.fifo", "b.fifo"} {
			q, err := a.CreateQueue(Queue{Name: name, FIFO: true, ContentBasedDeduplication: true})
			require.NoError(t, err)
			box, err := a.Mailbox(q.URL)
			require.NoError(t, err)
			for _, m := range put(t, box, dawn, "a", "1", "2", "3") {
				assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
					m.ID)
				ids = append(ids, m.ID)
			}
		}
		return ids
	}
	assert.Equal(t, draw(1), draw(1), "a seed replays")
	assert.Equal(t, draw(), draw(), "so does no seed")
	seen := map[string]bool{}
	for _, id := range append(draw(1), draw(2)...) {
		assert.False(t, seen[id], "unique across queues and seeds")
		seen[id] = true
	}
}

func TestADeadLetteredMessageKeepsItsID(t *testing.T) {
	t.Parallel()
	b, failed := fifo(t)
	sent := put(t, b, dawn, "a", "a1")[0]
	for i := range 4 {
		b.Receive(dawn.Add(time.Duration(i)*hidden), 1, hidden, "", failed)
	}
	require.Len(t, failed.Messages(), 1)
	moved := failed.Messages()[0]
	assert.Equal(t, sent.ID, moved.ID)
	assert.Equal(t, b.Queue().ARN, moved.DeadLetterSource)
}
