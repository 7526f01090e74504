//go:build !linux

package command

import (
	"fmt"
	"os"

	"fargate-queue-worker/worker/consumer"
)

// attributesFile is a message's attributes as JSON, readable by the worker's user.
type attributesFile struct{ path string }

func newAttributesFile(m *consumer.Message) (attributesFile, error) {
	content, err := attributesJSON(m.Attributes)
	if err != nil {
		return attributesFile{}, err
	}
	file, err := os.CreateTemp("", "message-attributes-*.json")
	if err != nil {
		return attributesFile{}, fmt.Errorf("making the file of the message's attributes: %w", err)
	}
	f := attributesFile{file.Name()}
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		f.remove()
		return attributesFile{}, fmt.Errorf("writing the file of the message's attributes: %w", err)
	}
	return f, nil
}

func (f attributesFile) remove() { _ = os.Remove(f.path) }
