package fargate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Names of the variables that the observing script reads.
const (
	journalVariable = "SANDBOX_JOURNAL"
	taskVariable    = "SANDBOX_TASK"
)

// observingScript runs a program and writes when it began and how it ended, so that
// what happened to a message is known from outside the worker. It outlives SIGTERM,
// to tell the end of a program that was told to stop.
const observingScript = `trap : TERM
echo "start $SANDBOX_TASK $MESSAGE_ID $MESSAGE_RECEIVE_COUNT $$" >>"$SANDBOX_JOURNAL"
"$@"
code=$?
echo "end $SANDBOX_TASK $MESSAGE_ID $code" >>"$SANDBOX_JOURNAL"
exit $code`

func observed(program []string) []string {
	return append([]string{"/bin/sh", "-c", observingScript, "sh"}, program...)
}

// Event is the start or the end of a handler.
type Event struct {
	Start bool
	// Task is the id of the task, Message that of the message.
	Task, Message string
	// ReceiveCount, at a start.
	ReceiveCount int
	// ExitCode, at an end; 128 and the number of the signal that ended the program.
	ExitCode int

	group int // process group of the handler, at a start
}

// Journal is what handlers did, as they wrote it themselves.
type Journal struct {
	file string

	mu     sync.Mutex
	offset int64
	events []Event            // not taken yet
	open   map[handlerKey]int // process groups of the handlers at work
}

type handlerKey struct{ task, message string }

func newJournal(file string) (*Journal, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the journal of the handlers: %w", err)
	}
	return &Journal{file: file, open: map[handlerKey]int{}}, f.Close()
}

// Take returns the events since it was called last.
func (j *Journal) Take() ([]Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.read()
	list := j.events
	j.events = nil
	return list, err
}

// openGroups are the process groups of a task's handlers at work.
func (j *Journal) openGroups(task string) []int {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.read() // an error shows in Take
	var groups []int
	for key, group := range j.open {
		if key.task == task {
			groups = append(groups, group)
		}
	}
	return groups
}

// read takes in the lines that were written whole since it was called last. A handler
// that was killed wrote no last line: if its process group was gone before the
// reading, and it has not said how it ended by then, it was.
func (j *Journal) read() error {
	gone := j.gone()
	before := len(j.events)
	err := j.readLines()
	var killed []Event
	for _, key := range gone {
		if _, open := j.open[key]; open && err == nil {
			delete(j.open, key)
			killed = append(killed,
				Event{Task: key.task, Message: key.message, ExitCode: 128 + int(syscall.SIGKILL)})
		}
	}
	j.events = slices.Insert(j.events, before, killed...)
	return err
}

// gone are the handlers at work whose process group has no living process any more.
func (j *Journal) gone() []handlerKey {
	var list []handlerKey
	for key, group := range j.open {
		leader, all := syscall.Kill(group, 0), syscall.Kill(-group, 0)
		if errors.Is(all, syscall.ESRCH) || errors.Is(leader, syscall.ESRCH) && onlyZombies(group) {
			list = append(list, key)
		}
	}
	slices.SortFunc(list, func(a, b handlerKey) int {
		return strings.Compare(a.task+a.message, b.task+b.message)
	})
	return list
}

func (j *Journal) readLines() error {
	f, err := os.Open(j.file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	if _, err := f.Seek(j.offset, io.SeekStart); err != nil {
		return err
	}
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // the rest is not written yet
		}
		j.offset += int64(len(line))
		j.note(line)
	}
}

func (j *Journal) note(line string) {
	var e Event
	fields := strings.Fields(line)
	switch {
	case len(fields) == 5 && fields[0] == "start":
		e = Event{
			Start: true, Task: fields[1], Message: fields[2],
			ReceiveCount: number(fields[3]), group: number(fields[4]),
		}
		j.open[handlerKey{e.Task, e.Message}] = e.group
	case len(fields) == 4 && fields[0] == "end":
		e = Event{Task: fields[1], Message: fields[2], ExitCode: number(fields[3])}
		delete(j.open, handlerKey{e.Task, e.Message})
	default:
		return // not a line of the script's
	}
	j.events = append(j.events, e)
}

func number(text string) (n int) {
	_, _ = fmt.Sscan(text, &n) // the script writes numbers
	return n
}
