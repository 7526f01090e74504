package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/settings"
)

var (
	kills    = flag.Int("kills", 20, "times that a worker is killed with -9")
	killSeed = flag.Uint64("killseed", 1, "seed of the moments; 0 draws one")
)

// journalVariable makes the test binary a worker, whose handler writes what it does
// to the file of that name.
const journalVariable = "TEST_WORKER_JOURNAL"

func TestMain(m *testing.M) {
	if journal := os.Getenv(journalVariable); journal != "" {
		os.Exit(journalingWorker(journal))
	}
	if os.Getenv(checkArguments) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func journalingWorker(journal string) int {
	file, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 1
	}
	handler := consumer.HandlerFunc(func(_ context.Context, m *consumer.Message) error {
		fmt.Fprintf(file, "start %s\n", m.Body)
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		fmt.Fprintf(file, "end %s\n", m.Body)
		return nil
	})
	s, err := settings.Read(env.ToMap(os.Environ()))
	if err == nil {
		err = consume(context.Background(), s, handler, slog.New(slog.NewTextHandler(io.Discard, nil)))
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// TestKilledMidMessage kills real worker processes with -9 at random moments, against
// a queue over real HTTP: nothing is lost, and the order of each group is kept.
//
//	go test ./worker -run TestKilledMidMessage -kills 200
func TestKilledMidMessage(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const groups = 4
	messages := 60 * *kills

	account := cloud.NewAccount("us-west-1")
	queue, err := account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true,
		ContentBasedDeduplication: true})
	require.NoError(t, err)
	server := awsapi.NewServer(account)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	server.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(queue.URL)
		require.NoError(t, err)
		for i := range messages {
			_, err := box.Send(now,
				cloud.Message{GroupID: fmt.Sprint(i % groups), Body: fmt.Sprintf("%d/%d", i%groups, i)})
			require.NoError(t, err)
		}
	})
	journal := filepath.Join(t.TempDir(), "journal")
	worker := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), journalVariable+"="+journal, "QUEUE_URL="+queue.URL,
			"AWS_ENDPOINT_URL="+listener.URL,
			"AWS_REGION=us-west-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret",
			"VISIBILITY_TIMEOUT=10s",
			"ECS_AGENT_URI=")
		said := &bytes.Buffer{}
		cmd.Stderr = said
		require.NoError(t, cmd.Start())
		return cmd, said
	}
	for range *kills {
		cmd, _ := worker()
		time.Sleep(time.Duration(50+random.IntN(250)) * time.Millisecond) // real processes live in real time
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()                // it was killed
		server.Skew(11 * time.Second) // what it held becomes visible
	}
	midway := remaining(t, server, queue.URL)
	assert.Positive(t, midway, "the kills have to hit work")
	assert.Less(t, midway, messages, "some of which gets done in between")
	last, said := worker()
	require.Eventually(t, func() bool {
		return remaining(t, server, queue.URL) == 0
	}, 2*time.Minute, 20*time.Millisecond, "%s", said)
	require.NoError(t, last.Process.Kill())
	_ = last.Wait() // it was killed
	checkJournal(t, journal, messages)
}

func remaining(t *testing.T, server *awsapi.Server, queueURL string) (n int) {
	t.Helper()
	server.Do(func(a *cloud.Account, _ time.Time) {
		box, err := a.Mailbox(queueURL)
		require.NoError(t, err)
		n = len(box.Messages())
	})
	return n
}

// checkJournal: each message ended, and once the next of its group had begun it was
// not begun again.
func checkJournal(t *testing.T, journal string, messages int) {
	t.Helper()
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	ended := map[string]bool{}
	newest := map[string]int{}
	starts := 0
	for line := range strings.Lines(string(text)) {
		var event string
		var group, number int
		if n, _ := fmt.Sscanf(line, "%s %d/%d\n", &event, &group, &number); n != 3 {
			continue // cut off by a kill
		}
		key := fmt.Sprint(group)
		if event == "end" {
			ended[fmt.Sprintf("%d/%d", group, number)] = true
			continue
		}
		starts++
		assert.GreaterOrEqual(t, number, newest[key], "message %d of group %d begins after message %d",
			number, group, newest[key])
		newest[key] = max(newest[key], number)
	}
	assert.Len(t, ended, messages, "nothing is lost")
	t.Logf("%d messages, %d starts", messages, starts)
}
