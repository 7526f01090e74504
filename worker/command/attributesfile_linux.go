package command

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"fargate-queue-worker/worker/consumer"
)

// attributesFile is a message's attributes as JSON, in memory: a task may have a
// read-only root, and nothing is left behind by a worker that is killed.
type attributesFile struct {
	file *os.File
	path string
}

func newAttributesFile(m *consumer.Message) (attributesFile, error) {
	content, err := attributesJSON(m.Attributes)
	if err != nil {
		return attributesFile{}, err
	}
	fd, err := unix.MemfdCreate("message-attributes", unix.MFD_CLOEXEC)
	if err != nil {
		return attributesFile{}, fmt.Errorf("making the file of the message's attributes: %w", err)
	}
	// A path by the worker's id, which holds for what the program starts as well.
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	f := attributesFile{os.NewFile(uintptr(fd), path), path}
	if _, err := f.file.Write(content); err != nil {
		f.remove()
		return attributesFile{}, fmt.Errorf("writing the file of the message's attributes: %w", err)
	}
	return f, nil
}

// remove ends the file, which exists as long as it is open.
func (f attributesFile) remove() { _ = f.file.Close() }
