package demo

import (
	"fmt"
	"io"
	"math"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// Summary is what came of a run.
type Summary struct {
	verdict
	// Stopped says that it ended before all was done.
	Stopped    bool
	Took       time.Duration
	FirstTask  time.Duration // from the start to the first task that ran
	Started    int           // tasks
	Most       int           // tasks at once
	TaskTime   time.Duration
	CPULimit   string        // how much CPU a task gets, or why that is not limited
	Minute     time.Duration // of CloudWatch
	Said       []Line        // the handlers' last lines
	Activities []cloud.Activity
}

func (d *demo) summary() Summary {
	remaining, dead := map[string]bool{}, map[string]bool{}
	var s Summary
	d.region.Do(func(a *cloud.Account, _ time.Time) {
		for _, m := range messagesIn(a, d.stack.Queue) {
			remaining[m.ID] = true
		}
		for _, m := range messagesIn(a, d.stack.DeadLetters) {
			dead[m.DeduplicationID] = true // the id that it had
		}
		s.Activities = d.region.Control.Activities()
	})
	s.verdict = d.referee.judge(remaining, dead)
	r := d.recorder
	s.Took, s.FirstTask, s.Most, s.TaskTime = r.last, r.first, r.most, r.used
	const lastLines = 5
	for _, line := range d.recorder.logs.said[max(0, len(d.recorder.logs.said)-lastLines):] {
		s.Said = append(s.Said, Line{d.referee.name(line.Message), line.Text})
	}
	s.Minute = d.o.Live.Control.Minute
	s.Started, s.CPULimit = d.region.Host.Started(), d.region.Host.CPULimit(d.stack.Definition)
	return s
}

func messagesIn(a *cloud.Account, q *cloud.Queue) []*cloud.Message {
	if q == nil {
		return nil
	}
	box, err := a.Mailbox(q.URL)
	if err != nil {
		return nil // none without a queue
	}
	return box.Messages()
}

// Print writes the summary for a person.
func (s Summary) Print(w io.Writer) {
	always := time.Duration(s.Most) * s.Took
	saved := 0.0
	if always > 0 {
		saved = 100 * (1 - float64(s.TaskTime)/float64(always))
	}
	first := "none ran"
	if s.FirstTask > 0 {
		first = fmt.Sprintf("%s (%s on AWS)", seconds(s.FirstTask), onAWS(s.FirstTask, s.Minute))
	}
	took := "all done and back to none    "
	if s.Stopped {
		took = "stopped after                "
	}
	fmt.Fprintf(w, `
  first message to first task   %s
  %s %s
  tasks                         %d started, %d at once at most
  messages                      %d sent, %d done, %s
                                %d delivered again
  lost, out of order            %d, %d
  busy tasks killed             %d
  CPU limit                     %s
  task-seconds                  %.0f; %d always on: %.0f (%.0f %% saved)
`, first, took, seconds(s.Took), s.Started, s.Most,
		s.sent, s.done, count(s.deadLettered, "dead letter"), s.redelivered,
		len(s.lost), len(s.outOfOrder), len(s.busyKills), s.CPULimit,
		s.TaskTime.Seconds(), s.Most, always.Seconds(), math.Max(saved, 0))
	if s.Stopped || s.deadLettered > 0 {
		return // the error has the last failure
	}
	for i, line := range s.Said {
		heading := "the handler's last lines"
		if i > 0 {
			heading = ""
		}
		fmt.Fprintf(w, "  %-29s %s: %s\n", heading, line.Message, printable(line.Text))
	}
}
