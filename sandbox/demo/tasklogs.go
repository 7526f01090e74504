package demo

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// taskLogs reads what the tasks write, as it comes: what the handlers print, what failed,
// and until when it waits.
type taskLogs struct {
	folder string
	files  map[string]int64 // read so far, by path

	said     []Line // of handlers, by message id; the latest
	failures []failedCall
	waiting  map[string]failedCall // by message id
	workers  []string              // what workers said at last that are in trouble
}

// failedCall is a Failure before its message has a name.
type failedCall struct {
	at      time.Time
	message string // id
	attempt int
	how     string
	stderr  string
	wait    time.Duration
}

// keptLines are as many as anybody shows.
const keptLines = 20

// record is a line of a worker's log.
type record struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Text    string    `json:"msg"`
	Stream  string    `json:"stream"`
	Message string    `json:"message"`
	Attempt int       `json:"attempt"`
	Wait    string    `json:"wait"`
	Error   string    `json:"error"`
	Details struct {
		Stderr string `json:"stderr"`
	} `json:"details"`
}

// look takes in what was written since it was called last.
func (l *taskLogs) look() error {
	files, err := filepath.Glob(filepath.Join(l.folder, "*.log"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := l.read(file); err != nil {
			return err
		}
	}
	return nil
}

func (l *taskLogs) read(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	if _, err := file.Seek(l.files[path], io.SeekStart); err != nil {
		return err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1 // the rest is not written yet
	if l.files == nil {
		l.files = map[string]int64{}
	}
	l.files[path] += int64(whole)
	for line := range bytes.Lines(text[:whole]) {
		l.note(line)
	}
	return nil
}

func (l *taskLogs) note(line []byte) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		l.inTrouble(strings.TrimSpace(string(line))) // it crashed
		return
	}
	switch {
	case r.Stream != "":
		l.said = lastOf(append(l.said, Line{r.Message, r.Text}))
	case r.Message != "" && r.Attempt > 0: // the handler failed
		wait, _ := time.ParseDuration(r.Wait) // the worker wrote it
		call := failedCall{r.Time, r.Message, r.Attempt, r.Error, r.Details.Stderr, wait}
		l.failures = append(l.failures, call)
		if l.waiting == nil {
			l.waiting = map[string]failedCall{}
		}
		delete(l.waiting, r.Message)
		if wait > 0 {
			l.waiting[r.Message] = call
		}
	case r.Message == "" && r.Level == "ERROR":
		l.inTrouble(r.Text + ": " + r.Error)
	}
}

// inTrouble notes what a worker says that cannot work, once for all that say it.
func (l *taskLogs) inTrouble(text string) {
	if !slices.Contains(l.workers, text) {
		l.workers = lastOf(append(l.workers, text))
	}
}

// retries are the messages that still wait, the next one first.
func (l *taskLogs) retries(now time.Time) []failedCall {
	var list []failedCall
	for id, call := range l.waiting {
		if !now.Before(call.due()) {
			delete(l.waiting, id)
			continue
		}
		list = append(list, call)
	}
	slices.SortFunc(list, func(a, b failedCall) int { return a.due().Compare(b.due()) })
	return list
}

func (c failedCall) due() time.Time { return c.at.Add(c.wait) }

func lastOf[T any](list []T) []T { return list[max(0, len(list)-keptLines):] }
