package consumer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLingeringPolls is the consumer where SQS goes on serving a long poll whose client
// hung up, which is what emulators do and users report of AWS. It cuts none of its polls.
func TestLingeringPolls(t *testing.T) {
	t.Parallel()
	t.Run("the message after an idle worker is received at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newLingeringWorld(t, 10)
			stop := w.run(w.config(), func(context.Context, *Message) error { return nil })
			time.Sleep(5 * time.Second)
			require.NoError(t, stop())
			sent := time.Now()
			w.send("a", "a1")
			var waited record
			stop = w.run(w.config(), func(_ context.Context, m *Message) error {
				waited.add("%v, receive %d", time.Since(sent).Round(time.Second), m.ReceiveCount)
				return nil
			})
			time.Sleep(2 * time.Minute)
			require.NoError(t, stop())
			assert.Equal(t, []string{"0s, receive 1"}, waited.all())
		})
	})
	t.Run("one failure dead-letters none of the nine messages behind it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newLingeringWorld(t, 3)
			var bodies []string
			for i := range 10 {
				bodies = append(bodies, fmt.Sprint("m", i))
			}
			w.send("a", bodies...)
			config := w.config()
			config.MaxAttempts, config.Concurrency = 1, 20 // so that the next poll has ten free slots, too
			var tried record
			stop := w.run(config, func(_ context.Context, m *Message) error {
				tried.add("%s", m.Body)
				if m.Body == "m0" {
					return errors.New("as asked")
				}
				return nil
			})
			time.Sleep(time.Hour)
			require.NoError(t, stop())
			assert.Equal(t, bodies[:1], w.bodies(w.failed))
			assert.Equal(t, bodies, tried.all())
		})
	})
}
