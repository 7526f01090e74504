package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	demoFolder = "demo-"
	// logsKept is for how long the logs of a demo are kept.
	logsKept = 24 * time.Hour
)

// makeDemoFolder makes a folder for a demo, and removes those of demos that are long over:
// their logs would pile up.
func makeDemoFolder(sandbox string) (string, error) {
	if err := os.MkdirAll(sandbox, 0o755); err != nil {
		return "", fmt.Errorf("making the sandbox's folder: %w", err)
	}
	folders, err := filepath.Glob(filepath.Join(sandbox, demoFolder+"*"))
	for _, folder := range folders {
		if info, gone := os.Stat(folder); gone == nil && time.Since(info.ModTime()) > logsKept {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err != nil {
		return "", fmt.Errorf("removing the logs of earlier demos: %w", err)
	}
	folder, err := os.MkdirTemp(sandbox, demoFolder)
	if err != nil {
		return "", fmt.Errorf("making a folder for the demo: %w", err)
	}
	return folder, nil
}
