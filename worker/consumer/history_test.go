package consumer

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var historyFile = flag.String("history", "",
	"a history that TestScenarios has written, for TestHistory to judge again")

// happening is something that happened in a scenario. All that judges a scenario is in
// its happenings, so that a file of them can be judged again.
type happening struct {
	At    time.Duration `json:"at"` // since the scenario began
	Actor string        `json:"actor"`
	What  string        `json:"what"`
	// Message is the body, which is a message's name, and Group its group.
	Message string `json:"message,omitempty"`
	Group   string `json:"group,omitempty"`
	// Ahead are the messages before it in its group that are in the queue as it starts;
	// Gone, that it is not there itself; Unprotected, that its task is not protected.
	Ahead       []string `json:"ahead,omitempty"`
	Gone        bool     `json:"gone,omitempty"`
	Unprotected bool     `json:"unprotected,omitempty"`
	Detail      string   `json:"detail,omitempty"`
}

// What happens.
const (
	sent         = "sent"
	started      = "started"
	succeeded    = "succeeded"
	failedItself = "failed"      // the handler's own error
	interrupted  = "interrupted" // its lease is lost
	cutShort     = "cut short"   // by the end of its worker's time to stop, a kill that is announced
	killed       = "killed"      // a worker
	buried       = "buried"      // received by a poll that outlived its worker, which nobody can help
	deadLettered = "dead-lettered"
	request      = "request"
	note         = "note"
	jumped       = "jumped" // SQS's clock
	broken       = "broken" // something that may not happen at all
)

// history is what happened in a scenario.
type history struct {
	began time.Time
	mu    sync.Mutex
	list  []happening
}

func (h *history) add(e happening) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.At = time.Since(h.began)
	h.list = append(h.list, e)
}

// happenings are those so far. A handler that ignored its cancellation may still add some.
func (h *history) happenings() []happening {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// judge says which promises were broken.
func judge(list []happening) []string {
	var wrong []string
	violation := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	live := map[string]string{} // by worker and group: the message at work
	// By message: the worker whose handler runs, or ended well. A kill may hit its delete.
	atWork := map[string]string{}
	done, aside, guilty := map[string]bool{}, map[string]bool{}, map[string]bool{}
	jumps := slices.ContainsFunc(list, func(e happening) bool { return e.What == jumped })
	for _, e := range list {
		place := e.Actor + " " + e.Group
		switch e.What {
		case started:
			if len(e.Ahead) > 0 {
				violation("%s starts %s while %v are in the queue", e.Actor, e.Message, e.Ahead)
			}
			if e.Gone && !jumps { // a jump takes the lease before the worker can know
				violation("%s starts %s, which is gone already", e.Actor, e.Message)
			}
			if e.Unprotected {
				violation("%s starts %s unprotected", e.Actor, e.Message)
			}
			if other, busy := live[place]; busy {
				violation("%s starts %s while it works on %s", e.Actor, e.Message, other)
			}
			live[place], atWork[e.Message] = e.Message, e.Actor
		case succeeded, failedItself, interrupted, cutShort:
			delete(live, place)
			if e.What != succeeded {
				delete(atWork, e.Message)
			}
			done[e.Message] = done[e.Message] || e.What == succeeded
			guilty[e.Message] = guilty[e.Message] || e.What == failedItself || e.What == cutShort
		case killed:
			for message, worker := range atWork {
				if worker == e.Actor {
					guilty[message] = true
				}
			}
		case buried:
			guilty[e.Message] = true
		case deadLettered:
			aside[e.Message] = true
			if !guilty[e.Message] {
				violation("%s was dead-lettered, though it never failed and no kill hit it", e.Message)
			}
		case broken:
			violation("%s: %s", e.Actor, e.Detail)
		}
	}
	for _, e := range list {
		if e.What == sent && !done[e.Message] && !aside[e.Message] {
			violation("%s was neither done nor put aside", e.Message)
		}
	}
	return wrong
}

// write writes the history as JSON lines, and returns the file's name.
func (h *history) write(t *testing.T, folder string, seed uint64) string {
	t.Helper()
	name := filepath.Join(folder, fmt.Sprintf("scenario-%d.jsonl", seed))
	file, err := os.Create(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	lines := json.NewEncoder(file)
	for _, e := range h.happenings() {
		require.NoError(t, lines.Encode(e))
	}
	return name
}

func readHistory(t *testing.T, name string) []happening {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	var list []happening
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e happening
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		list = append(list, e)
	}
	return list
}

// TestHistory judges a history again, and one that is all right, and each broken promise
// in it.
//
//	go test ./worker/consumer -run TestHistory -history /tmp/scenario-42.jsonl
func TestHistory(t *testing.T) {
	t.Parallel()
	if *historyFile != "" {
		assert.Empty(t, judge(readHistory(t, *historyFile)))
		return
	}
	good := func() []happening {
		return []happening{
			{Actor: "w1", What: sent, Message: "a/1", Group: "a"},
			{Actor: "w1", What: sent, Message: "a/2", Group: "a"},
			{Actor: "w1", What: started, Message: "a/1", Group: "a"},
			{Actor: "w1", What: failedItself, Message: "a/1", Group: "a"},
			{Actor: "w1", What: started, Message: "a/2", Group: "a"},
			{Actor: "w1", What: succeeded, Message: "a/2", Group: "a"},
			{Actor: "queue", What: deadLettered, Message: "a/1", Group: "a"},
		}
	}
	cases := map[string]struct {
		change func(list []happening) []happening
		want   string
	}{
		"kept": {func(list []happening) []happening { return list }, ""},
		"lost": {func(list []happening) []happening {
			return list[:6]
		}, "a/1 was neither done nor put aside"},
		"order": {func(list []happening) []happening {
			list[4].Ahead = []string{"a/1"}
			return list
		}, "w1 starts a/2 while [a/1]"},
		"gone": {func(list []happening) []happening {
			list[4].Gone = true
			return list
		}, "a/2, which is gone"},
		"unprotected": {func(list []happening) []happening {
			list[2].Unprotected = true
			return list
		}, "a/1 unprotected"},
		"two at once": {func(list []happening) []happening {
			return slices.Delete(list, 3, 4)
		}, "a/2 while it works on a/1"},
		"innocent": {func(list []happening) []happening {
			list[3].What = interrupted
			return list
		}, "a/1 was dead-lettered, though"},
		"killed in its delete": {func(list []happening) []happening {
			list[3].What = succeeded
			return slices.Insert(list, 4, happening{Actor: "w1", What: killed})
		}, ""},
		"broken": {func(list []happening) []happening {
			list[3] = happening{What: broken, Detail: "x"}
			return list
		}, ": x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &history{list: tc.change(good())}
			list := readHistory(t, h.write(t, t.TempDir(), 1))
			if tc.want == "" {
				assert.Empty(t, judge(list))
				return
			}
			assert.Contains(t, strings.Join(judge(list), "\n"), tc.want)
		})
	}
}
