package process

import (
	"bytes"
	"strings"
	"sync"
)

const (
	// longestLine is where a line of output is cut: a log event takes 256 KiB.
	longestLine = 64 << 10
	// tailLines and tailBytes bound the end of the output that is kept.
	tailLines = 20
	tailBytes = 4 << 10
)

// Output is a writer for what a program prints: each line goes on as it is complete, and
// the last ones are kept. It is safe for concurrent use.
type Output struct {
	mu      sync.Mutex
	line    func(string)
	partial []byte
	tail    []string
	size    int // bytes of the tail
}

// NewOutput is an Output that hands on its lines, without their ends.
func NewOutput(line func(string)) *Output { return &Output{line: line} }

// Write implements io.Writer; it never fails. A line longer than 64 KiB is cut.
func (o *Output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	written := len(data)
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		room := longestLine - len(o.partial)
		switch {
		case end >= 0 && end <= room:
			o.partial = append(o.partial, data[:end]...)
			data = data[end+1:]
			o.complete()
		case len(data) >= room:
			o.partial = append(o.partial, data[:room]...)
			data = data[room:]
			o.complete()
		default:
			o.partial = append(o.partial, data...)
			data = nil
		}
	}
	return written, nil
}

// Flush hands on a last line that has no end.
func (o *Output) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.complete()
	}
}

// complete ends the current line; the caller holds the lock.
func (o *Output) complete() {
	text := string(bytes.TrimSuffix(o.partial, []byte("\r")))
	o.partial = o.partial[:0]
	o.line(text)
	kept := text[max(0, len(text)-tailBytes):]
	o.tail = append(o.tail, kept)
	o.size += len(kept) + 1
	for len(o.tail) > 1 && (len(o.tail) > tailLines || o.size > tailBytes) {
		o.size -= len(o.tail[0]) + 1
		o.tail = o.tail[1:]
	}
}

// Tail is the end of the output since the last Reset: at most 20 lines and 4 KiB.
func (o *Output) Tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(strings.Join(o.tail, "\n"), "\uFFFD")
}

// Reset forgets the tail.
func (o *Output) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail, o.size = nil, 0
}
