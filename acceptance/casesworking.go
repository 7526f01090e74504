package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// idleWindow is how many minutes the idle alarm looks back by default.
const idleWindow = 3

var workingCases = []Case{
	{
		Name:    "protected-at-work",
		Assumed: "a worker protects its task while it works",
		IfNot: "A task may be stopped at work. The worker's log says why the agent refused;" +
			" ecs:UpdateTaskProtection has to be in the task's role, see the output taskPolicy.",
		Minutes: 5, run: protectedAtWork,
	},
	{
		Name: "long-job",
		Assumed: "a job that takes longer than the idle window is neither stopped nor outlived by the" +
			" desired count",
		IfNot: "Something takes a busy queue for an idle one: look at the idle alarm's reason data. Set" +
			" suspendScaleIn: true until it is found.",
		Minutes: 9, run: longJob,
	},
	{
		Name: "idle-stop",
		Assumed: "the desired count is 0 within 7 minutes after the last message is done, and no sooner" +
			" than the idle window",
		IfNot: "Is the CPU of an idle task above idleCpuPercent? The alarm's reason data has the numbers:" +
			" raise the threshold above it.",
		Minutes: 7, run: idleStop,
	},
	{
		Name:    "no-flapping",
		Assumed: "once it has scaled to 0, a stack without messages stays there",
		IfNot: "An alarm or the machine acts on counts that are older than assumed: raise idleMinutes, and" +
			" send us the service's events.",
		Minutes: 12, run: noFlapping,
	},
	{
		Name: "protection-refused",
		Assumed: "a task that is asked to be protected beyond the desired count is refused with" +
			" DEPLOYMENT_BLOCKED",
		IfNot: "A worker would not learn that it is not wanted, and would go on receiving. Tell us what ECS" +
			" answers: worker/protection has to take it for a refusal.",
		Minutes: 6, run: protectionRefused,
	},
	{
		Name:    "zero-spares-protected",
		Assumed: "a desired count of 0 leaves a protected task alone until it ends its work",
		IfNot: "The idle alarm could kill work that it is wrong about. Set suspendScaleIn: true, and scale" +
			" in by hand when the queue is empty.",
		Minutes: 8, run: zeroSparesProtected,
	},
	{
		Name:    "rolling-deployment",
		Assumed: "a deployment leaves a protected task alone until it ends its work",
		IfNot:   "Deploy only while no task works: paused: true, wait, deploy, paused: false.",
		Minutes: 8, run: rollingDeployment,
	},
}

func protectedAtWork(ctx context.Context, b *Bench) (Finding, error) {
	id, err := b.send(ctx, b.QueueURL, "protected", b.lasting(2))
	if err != nil {
		return Finding{}, err
	}
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	protected := make(chan string, 1)
	go func() {
		arn, _ := b.protectedTask(looking) // an error is that it was not
		protected <- arn
	}()
	line, err := b.untilDone(ctx, id)
	cancel()
	arn := <-protected
	if err != nil {
		return Finding{}, err
	}
	if arn == "" {
		return refuted("the message was done at %s, and no task was protected before", line.Time), nil
	}
	return Finding{true, "task " + idOf(arn) + " was protected while it worked"}, nil
}

func longJob(ctx context.Context, b *Bench) (Finding, error) {
	const minutes = idleWindow + 4
	id, err := b.send(ctx, b.QueueURL, "long", b.lasting(minutes))
	if err != nil {
		return Finding{}, err
	}
	var line *doneLine
	wanted, fell := false, time.Time{}
	err = b.until(ctx, "the job is done", func() (bool, error) {
		s, err := b.service(ctx)
		if err != nil {
			return false, err
		}
		if wanted && s.DesiredCount == 0 && fell.IsZero() {
			fell = time.Now()
			b.note("the desired count fell to 0")
		}
		wanted = wanted || s.DesiredCount > 0
		line, err = b.done(ctx, id)
		return line != nil, err
	})
	switch {
	case err != nil:
		return Finding{}, err
	case !fell.IsZero() && fell.Before(line.Time):
		early := line.Time.Sub(fell).Round(time.Second)
		return refuted("the desired count fell to 0 %s before the job was done", early), nil
	case line.ReceiveCount > 1:
		return refuted("the job was done at its receive number %d", line.ReceiveCount), nil
	}
	return Finding{
		AsAssumed: true,
		Seen: fmt.Sprintf("a job of %d minutes was done at its first receive, and a task was wanted"+
			" all the time", minutes),
	}, nil
}

// shortJob sends a job of a second, and waits until it is done.
func (b *Bench) shortJob(ctx context.Context, group string) (*doneLine, error) {
	id, err := b.send(ctx, b.QueueURL, group, job{Seconds: 1})
	if err != nil {
		return nil, err
	}
	return b.untilDone(ctx, id)
}

func idleStop(ctx context.Context, b *Bench) (Finding, error) {
	line, err := b.shortJob(ctx, "idle")
	if err != nil {
		return Finding{}, err
	}
	const latest = 7
	for time.Since(line.Time) < b.minutes(latest)+b.Poll {
		s, err := b.service(ctx)
		if err != nil {
			return Finding{}, err
		}
		if s.DesiredCount == 0 {
			took := time.Since(line.Time)
			b.note("the desired count is 0")
			return Finding{
				AsAssumed: took >= b.minutes(idleWindow-1),
				Seen:      fmt.Sprintf("it was 0 %s after the message was done", took.Round(time.Second)),
			}, nil
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return Finding{}, err
		}
	}
	return refuted("a task was wanted %d minutes after the message was done", latest), nil
}

func noFlapping(ctx context.Context, b *Bench) (Finding, error) {
	if _, err := b.shortJob(ctx, "flap"); err != nil {
		return Finding{}, err
	}
	if err := b.settle(ctx); err != nil {
		return Finding{}, err
	}
	settled := time.Now()
	const watched = 6
	for time.Since(settled) < b.minutes(watched) {
		s, err := b.service(ctx)
		if err != nil {
			return Finding{}, err
		}
		if s.DesiredCount > 0 {
			return refuted("%d tasks were wanted %s after it had scaled to 0, without a message",
				s.DesiredCount, time.Since(settled).Round(time.Second)), nil
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return Finding{}, err
		}
	}
	return Finding{true, fmt.Sprintf("none was wanted for %d minutes", watched)}, nil
}

// unwanted has a task at work that the desired count has no room for. restore makes room again.
func (b *Bench) unwanted(
	ctx context.Context, group string, minutes float64,
) (id, task string, restore func() error, err error) {
	id, err = b.send(ctx, b.QueueURL, group, b.lasting(minutes))
	if err != nil {
		return "", "", nil, err
	}
	if task, err = b.protectedTask(ctx); err != nil {
		return "", "", nil, err
	}
	restore = func() error { return b.setDesired(context.WithoutCancel(ctx), 1) }
	return id, task, restore, b.setDesired(ctx, 0)
}

func protectionRefused(ctx context.Context, b *Bench) (Finding, error) {
	id, task, restore, err := b.unwanted(ctx, "refused", 3)
	if err != nil {
		return Finding{}, err
	}
	got, err := b.ecs.UpdateTaskProtection(ctx, &ecs.UpdateTaskProtectionInput{
		Cluster: &b.Cluster, Tasks: []string{task}, ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(60),
	})
	if err != nil {
		return Finding{}, err
	}
	if err := restore(); err != nil {
		return Finding{}, err
	}
	seen := "it was granted"
	if len(got.Failures) == 1 {
		seen = "refused: " + aws.ToString(got.Failures[0].Reason)
	}
	b.note("%s", seen)
	_, err = b.untilDone(ctx, id)
	return Finding{AsAssumed: seen == "refused: DEPLOYMENT_BLOCKED", Seen: seen}, err
}

func zeroSparesProtected(ctx context.Context, b *Bench) (Finding, error) {
	id, task, restore, err := b.unwanted(ctx, "spared", 5)
	if err != nil {
		return Finding{}, err
	}
	began := time.Now()
	const watched = 3
	for time.Since(began) < b.minutes(watched) {
		runs, err := b.runs(ctx, task)
		if err != nil {
			return Finding{}, err
		}
		if !runs {
			after := time.Since(began).Round(time.Second)
			b.note("task %s does not run any more", idOf(task))
			return refuted("it was stopped %s after the desired count was 0", after), restore()
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return Finding{}, err
		}
	}
	if err := restore(); err != nil {
		return Finding{}, err
	}
	line, err := b.untilDone(ctx, id)
	if err != nil {
		return Finding{}, err
	}
	return Finding{
		AsAssumed: line.ReceiveCount == 1,
		Seen: fmt.Sprintf("it ran on for %d minutes, and its job was done at receive number %d",
			watched, line.ReceiveCount),
	}, nil
}

func rollingDeployment(ctx context.Context, b *Bench) (Finding, error) {
	id, err := b.send(ctx, b.QueueURL, "rolling", b.lasting(5))
	if err != nil {
		return Finding{}, err
	}
	task, err := b.protectedTask(ctx)
	if err != nil {
		return Finding{}, err
	}
	if _, err := b.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &b.Cluster, Service: &b.Service, ForceNewDeployment: true,
	}); err != nil {
		return Finding{}, err
	}
	b.note("a new deployment begins while task %s works", idOf(task))
	var line *doneLine
	for line == nil {
		runs, err := b.runs(ctx, task)
		if err != nil {
			return Finding{}, err
		}
		if line, err = b.done(ctx, id); err != nil {
			return Finding{}, err
		}
		if line == nil && !runs {
			b.note("task %s does not run any more", idOf(task))
			_, err := b.untilDone(ctx, id)
			return refuted("the task was stopped before its job was done"), err
		}
		if err := b.sleep(ctx, b.Poll); err != nil {
			return Finding{}, err
		}
	}
	return Finding{
		AsAssumed: line.ReceiveCount == 1,
		Seen:      fmt.Sprintf("it ran until its job was done, at receive number %d", line.ReceiveCount),
	}, nil
}
