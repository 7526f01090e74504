package live

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// logEvents are the lines of all tasks, those of earlier runs included, if they log to a group. It may
// not use the region's lock: whoever asks has it.
func logEvents(account *cloud.Account, folder, group string) (events []awsapi.LogEvent) {
	container, logs := loggingContainer(account, group)
	if !logs {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(folder, "logs", "*.log")) // the pattern is a good one
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			continue // it was removed meanwhile
		}
		stream := "worker/" + container + "/" + strings.TrimSuffix(filepath.Base(name), ".log")
		events = append(events, linesOf(file, stream)...)
		_ = file.Close() // it was only read
	}
	return events
}

// linesOf a task. A line that does not say when it was written has the time of the one before it, or of
// the file.
func linesOf(file *os.File, stream string) (events []awsapi.LogEvent) {
	var at time.Time
	if info, err := file.Stat(); err == nil {
		at = info.ModTime()
	}
	const longestLine = 256 << 10 // the quota of an event
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var written struct{ Time time.Time }
		if json.Unmarshal(lines.Bytes(), &written) == nil && !written.Time.IsZero() {
			at = written.Time
		}
		events = append(events, awsapi.LogEvent{At: at, Stream: stream, Message: lines.Text()})
	}
	return events
}

// loggingContainer is a container whose output goes to a group.
func loggingContainer(account *cloud.Account, group string) (name string, found bool) {
	for _, definition := range account.TaskDefinitions {
		containers, _ := definition.Containers() // it was checked when it was registered
		i := slices.IndexFunc(containers, func(c cloud.Container) bool {
			return c.LogConfiguration != nil && c.LogConfiguration.Options["awslogs-group"] == group
		})
		if i >= 0 {
			return containers[i].Name, true
		}
	}
	return "", false
}
