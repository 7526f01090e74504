package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asCommand makes the test binary the sandbox's command.
const asCommand = "TEST_SANDBOX_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	if os.Getenv(asStandIn) != "" {
		if err := standIn(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// symptom is an entry of the runbook.
type symptom struct {
	title, command string
	shows          []string
}

var codeBlock = regexp.MustCompile("(?s)```(sh|text)\n(.*?)```")

func symptoms(t *testing.T) []symptom {
	t.Helper()
	text, err := os.ReadFile("../docs/runbook.md")
	require.NoError(t, err)
	var list []symptom
	for _, entry := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(entry, "\n")
		blocks := codeBlock.FindAllStringSubmatch(body, 2)
		require.Len(t, blocks, 2, "%s begins with a command and what it shows", title)
		command, ok := strings.CutPrefix(strings.TrimSpace(blocks[0][2]), "go run ./sandbox ")
		require.True(t, ok, title)
		list = append(list, symptom{title, command, strings.Split(strings.TrimSpace(blocks[1][2]), "\n")})
	}
	return list
}

// output is what a command has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// missing are the texts that it has not printed, as whole words and numbers.
func (o *output) missing(texts []string) (list []string) {
	printed := o.String()
	for _, text := range texts {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(text) + `\b`).MatchString(printed) {
			list = append(list, text)
		}
	}
	return list
}

// running says whether a command has not ended.
func running(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// TestRunbook runs the command of each entry, as it is written there, until it shows
// what the entry says.
func TestRunbook(t *testing.T) {
	t.Parallel()
	for _, s := range symptoms(t) {
		t.Run(s.title, func(t *testing.T) {
			t.Parallel()
			var printed output
			command := exec.Command("sh", "-c", `exec "$0" `+s.command, os.Args[0])
			command.Env = append(os.Environ(), asCommand+"=yes")
			command.Stdout, command.Stderr = &printed, &printed
			require.NoError(t, command.Start())
			ended := make(chan struct{})
			go func() {
				_ = command.Wait() // most of them end with an error: that is the symptom
				close(ended)
			}()
			const patience = 15 * time.Minute // the first one may have to build the CLI
			for deadline := time.Now().Add(patience); len(printed.missing(s.shows)) > 0 && running(ended) &&
				time.Now().Before(deadline); {
				time.Sleep(100 * time.Millisecond)
			}
			if left := printed.missing(s.shows); len(left) > 0 {
				t.Errorf("%q is not in the output of %s:\n%s", left, s.command, &printed)
			}
			for range 2 { // the second one kills what works
				_ = command.Process.Signal(syscall.SIGINT) // it may have ended by itself
				time.Sleep(200 * time.Millisecond)
			}
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("it does not stop")
				_ = command.Process.Kill()
			}
		})
	}
}
