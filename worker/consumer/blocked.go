package consumer

import (
	"sync"
	"time"
)

// blockedGroups are the groups whose head failed and waits to be tried again.
type blockedGroups struct {
	mu     sync.Mutex
	groups map[string]blockedGroup
}

type blockedGroup struct {
	since time.Time // of the first failure in a row
	due   time.Time // of its next attempt
}

// forgetAfter is how long after its time a head that did not come back, once its lease
// had ended, is taken to be with another task.
const forgetAfter = 10 * time.Minute

func (b *blockedGroups) add(groupID string, now time.Time, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.groups == nil {
		b.groups = map[string]blockedGroup{}
	}
	since := now
	if before, ok := b.groups[groupID]; ok {
		since = before.since
	}
	b.groups[groupID] = blockedGroup{since: since, due: now.Add(wait)}
}

func (b *blockedGroups) remove(groupID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.groups, groupID)
}

// count says how many groups are blocked, and for how long the oldest is. Groups
// that another task must have taken are forgotten.
func (b *blockedGroups) count(now time.Time) (groups int, oldest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, g := range b.groups {
		if now.Sub(g.due) > forgetAfter {
			delete(b.groups, id)
			continue
		}
		groups++
		oldest = max(oldest, now.Sub(g.since))
	}
	return groups, oldest
}
