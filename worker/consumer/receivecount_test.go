package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWaitingMessagesSpendNoReceives where the queue allows few of them: two workers end
// while they work on the first message of a group.
func TestWaitingMessagesSpendNoReceives(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		maxReceiveCount int
		want            []string
	}{
		"few, so one by one":           {3, []string{"m0 3", "m1 1", "m2 1"}},
		"the least that is not few":    {DefaultMaxReceiveCount, []string{"m0 3", "m1 3", "m2 3"}},
		"the most that is still a few": {DefaultMaxReceiveCount - 1, []string{"m0 3", "m1 1", "m2 1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.maxReceiveCount)
				w.send("a", "m0", "m1", "m2")
				config := w.config()
				config.MaxReceiveCount = tc.maxReceiveCount
				for range 2 {
					stop := w.run(config, func(ctx context.Context, _ *Message) error {
						<-ctx.Done()
						return ctx.Err()
					})
					time.Sleep(time.Minute)
					require.NoError(t, stop())
				}
				var calls record
				stop := w.run(config, func(_ context.Context, m *Message) error {
					calls.add("%s %d", m.Body, m.ReceiveCount)
					return nil
				})
				time.Sleep(time.Minute)
				require.NoError(t, stop())
				assert.Equal(t, tc.want, calls.all())
				assert.Empty(t, w.bodies(w.failed))
			})
		})
	}
}
