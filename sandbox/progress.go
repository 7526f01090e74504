package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// progress of a simulation, in one line of a terminal that is written over.
type progress struct {
	terminal io.Writer // nil for none
	width    int       // of what is shown
}

// newProgress shows nothing unless the file is a terminal.
func newProgress(file *os.File) *progress {
	if !isatty.IsTerminal(file.Fd()) {
		return &progress{}
	}
	return &progress{terminal: file}
}

// show how far it is.
func (p *progress) show(format string, values ...any) {
	if p.terminal == nil {
		return
	}
	text := fmt.Sprintf(format, values...)
	fmt.Fprintf(p.terminal, "\r%s%s", text, strings.Repeat(" ", max(0, p.width-len(text))))
	p.width = len(text)
}

// clear the line, so that what follows has it to itself.
func (p *progress) clear() {
	if p.terminal != nil && p.width > 0 {
		fmt.Fprintf(p.terminal, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}
