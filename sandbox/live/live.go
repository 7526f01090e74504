// Package live runs an account in real time: it answers on loopback as AWS does, and its
// services run tasks as processes of this machine, scaled by the same control plane
// that the simulator runs in virtual time.
package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/fargate"
)

// Options of Start.
type Options struct {
	// Worker is the path of the worker's binary; see BuildWorker.
	Worker string
	// Handler is the program to run for each message. Default: the command that the
	// task definition declares.
	Handler []string
	// Port to listen on. Default: any that is free.
	Port int
	// Folder gets logs and the journal of the handlers.
	Folder string
	// Control says how fast time goes and how AWS is read. Its Phases are the seed's.
	Control cloud.ControlOptions
	// Seed of when, within each minute, metrics are sampled, alarms evaluated and schedules fired.
	Seed uint64
	// WithoutProtection gives tasks no ECS agent, so that none is ever protected.
	WithoutProtection bool
	// TaskStopping, if not nil, is called before a task gets SIGTERM, while nothing
	// else happens to the account.
	TaskStopping func(t *cloud.Task)
	// TaskEnded, if not nil, is called when the process of a task has exited.
	TaskEnded func(t *cloud.Task, err error)
}

// Region is an account that lives.
type Region struct {
	// URL is the endpoint of the sandbox's AWS.
	URL     string
	Control *cloud.Control
	Host    *fargate.Host

	o      Options
	server *awsapi.Server
	http   *http.Server
	ticks  sync.WaitGroup
	stop   context.CancelFunc

	mu     sync.Mutex
	agents map[string]http.Handler // by task id
}

// tick is how often the control plane is asked to go on.
const tick = 20 * time.Millisecond

// Start begins to run an account.
func Start(ctx context.Context, account *cloud.Account, o Options) (*Region, error) {
	logs := filepath.Join(o.Folder, "logs")
	if err := errors.Join(os.RemoveAll(logs), os.MkdirAll(logs, 0o755)); err != nil { // of the run before
		return nil, fmt.Errorf("making a folder for the tasks' logs: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
	if err != nil {
		return nil, fmt.Errorf("port %d cannot be listened on; choose another with --port, or 0 for any: %w",
			o.Port, err)
	}
	account.SeedMessageIDs(randomSeed())
	r := &Region{
		URL: "http://" + listener.Addr().String(), o: o, server: awsapi.NewServer(account),
		agents: map[string]http.Handler{},
	}
	r.server.Minute = o.Control.Minute
	r.Host, err = fargate.NewHost(account, fargate.Options{
		Worker: o.Worker, Handler: o.Handler, Endpoint: r.URL, AgentURI: r.agentURI, Minute: o.Control.Minute,
		Folder: o.Folder, Log: r.openLog, Stopping: o.TaskStopping, Ended: r.taskEnded,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	o.Control.Phases = phases(o.Seed)
	r.Control = cloud.NewControl(account, time.Now(), r.Host, o.Control)
	r.server.Run(r.Control, func(group string) []awsapi.LogEvent {
		return logEvents(account, o.Folder, group)
	})
	r.http = &http.Server{Handler: http.HandlerFunc(r.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = r.http.Serve(listener) }() // ends when the region does
	ticking, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.ticks.Go(func() { r.run(ticking) })
	return r, nil
}

// randomSeed makes the ids of messages those of this run alone, as AWS's are: handlers
// may use them as keys of idempotency.
func randomSeed() (seed [32]byte) {
	_, _ = rand.Read(seed[:]) // it never fails
	return seed
}

// run lets time pass.
func (r *Region) run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.Do(func(_ *cloud.Account, now time.Time) { r.Control.Advance(now) })
		case <-ctx.Done():
			return
		}
	}
}

// Do runs a function on the account while nothing else does.
func (r *Region) Do(f func(a *cloud.Account, now time.Time)) { r.server.Do(f) }

const agentPath = "/agent/"

// serve answers the ECS agent's clients, and those of AWS.
func (r *Region) serve(w http.ResponseWriter, req *http.Request) {
	path, isAgent := strings.CutPrefix(req.URL.Path, agentPath)
	if !isAgent {
		r.server.ServeHTTP(w, req)
		return
	}
	id, _, _ := strings.Cut(path, "/")
	r.mu.Lock()
	agent, ok := r.agents[id]
	r.mu.Unlock()
	if !ok {
		http.NotFound(w, req)
		return
	}
	http.StripPrefix(agentPath+id, agent).ServeHTTP(w, req)
}

// agentURI gives a task an agent of its own.
func (r *Region) agentURI(t *cloud.Task) string {
	if r.o.WithoutProtection {
		return ""
	}
	answer := func(protect bool, lease time.Duration) (answer awsapi.AgentAnswer) {
		r.Do(func(_ *cloud.Account, now time.Time) {
			answer.Failure = r.Control.Protect(now, t, protect, lease)
		})
		return answer
	}
	agent := &awsapi.Agent{TaskARN: t.ARN, Answer: answer}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agents[t.ID()] = agent
	return r.URL + agentPath + t.ID()
}

// LogFolder has a file for each task, with its output.
func (r *Region) LogFolder() string { return filepath.Join(r.o.Folder, "logs") }

// logFile is where a task's output goes.
func (r *Region) logFile(id string) string { return filepath.Join(r.LogFolder(), id+".log") }

// openLog makes a task's log.
func (r *Region) openLog(t *cloud.Task) (io.WriteCloser, error) {
	file, err := os.Create(r.logFile(t.ID()))
	if err != nil {
		return nil, fmt.Errorf("making the log of a task: %w", err)
	}
	return file, nil
}

func (r *Region) taskEnded(t *cloud.Task, err error) {
	r.Do(func(_ *cloud.Account, now time.Time) { r.Control.TaskEnded(now, t) })
	r.mu.Lock()
	delete(r.agents, t.ID())
	r.mu.Unlock()
	if r.o.TaskEnded != nil {
		r.o.TaskEnded(t, err)
	}
}

// Drain stops all tasks, protected ones included, and waits until they have finished
// their work, or until abandon is closed.
func (r *Region) Drain(abandon <-chan struct{}) {
	r.Do(func(*cloud.Account, time.Time) { r.Control.Drain() })
	drained := make(chan struct{})
	go func() {
		r.Host.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-abandon:
	}
}

// Close ends everything that still runs.
func (r *Region) Close() error {
	r.stop()
	r.ticks.Wait()
	r.Host.KillAll()
	r.server.Close()
	return errors.Join(r.http.Close(), r.Host.Close())
}

// BuildWorker compiles the worker into a folder and returns its path.
func BuildWorker(ctx context.Context, root, folder string) (string, error) {
	binary := filepath.Join(folder, "worker")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./worker")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the worker: %w\n%s", err, said)
	}
	return binary, nil
}
