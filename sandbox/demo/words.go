package demo

import (
	"fmt"
	"regexp"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// seconds of the machine that the demo runs on.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// onAWS is what a time of the demo would be there.
func onAWS(d, minute time.Duration) string {
	s := int(d.Seconds() * time.Minute.Seconds() / minute.Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d min", s/3600, s/60%60)
}

func (f Frame) aws(d time.Duration) string { return onAWS(d, f.Minute) }

// pulumiDigits are what Pulumi adds to a name: seven digits.
var pulumiDigits = regexp.MustCompile(`-[0-9a-f]{7}(\.fifo)?$`)

// alarmNoun ends an alarm's name, and the worker's name begins it.
var alarmNoun = regexp.MustCompile(`^(?:worker-)?(.+?)(?:-alarm)?$`)

// alarmName is what distinguishes an alarm from the others.
func alarmName(name string) string {
	return alarmNoun.ReplaceAllString(pulumiDigits.ReplaceAllString(name, ""), "$1")
}

// messages in words: failures and dead letters if there are any.
func (f Frame) messages() string {
	text := fmt.Sprintf("%d waiting, %d in flight, %d done", f.Counts.Visible, f.Counts.InFlight, f.Handled)
	if f.Counts.Delayed > 0 {
		text += fmt.Sprintf(", %d delayed", f.Counts.Delayed)
	}
	if f.Failed > 0 {
		text += ", " + count(f.Failed, "failure")
	}
	if f.Dead > 0 {
		text += ", " + count(f.Dead, "dead letter")
	}
	return text
}

// tasks in words: how many run, start and stop, and how many are desired.
func (f Frame) tasks() string {
	text := fmt.Sprintf("%d running, %d desired", f.count(cloud.Running), f.Desired)
	if n := f.count(cloud.Pending); n > 0 {
		text += fmt.Sprintf(", %d starting", n)
	}
	if n := f.count(cloud.Stopping); n > 0 {
		text += fmt.Sprintf(", %d stopping", n)
	}
	return text
}

// asks in words: how often the queue was asked itself, and what came of it.
func (f Frame) asks() string {
	text := fmt.Sprintf("asked SQS %s, last answer: %d waiting", times(f.Machine.Asks), f.Machine.Answered)
	if f.Machine.Failed > 0 {
		text += "; " + count(f.Machine.Failed, "execution") + " failed"
	}
	return text
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// String is the change in words.
func (c Change) String() string {
	if c.From == c.To {
		return fmt.Sprintf("%s leaves %s: %s", c.By, count(c.From, "task"), c.Why)
	}
	return fmt.Sprintf("%s: %d -> %s (%s)", c.By, c.From, count(c.To, "task"), c.Why)
}

// reading is the value that an alarm was decided on, with its unit.
func (a AlarmView) reading() string {
	switch {
	case a.Value == nil:
		return "no data"
	case a.Watches == idleWatches && *a.Value == 100:
		return "there is work"
	case a.Watches == idleWatches:
		return fmt.Sprintf("%.2g %% CPU, no work", *a.Value)
	}
	return fmt.Sprintf("%s: %.4g", a.Watches, *a.Value)
}

// idleWatches is the label of the idle alarm's expression, which is 100 while there is work.
const idleWatches = "CPU while there is no work, else 100"

// String is the failure in words, with the last thing that the handler said.
func (f Failure) String() string {
	text := fmt.Sprintf("%s failed (attempt %d, %s)", f.Message, f.Attempt, f.How)
	if last := lastLine(f.Stderr); last != "" {
		text += ": " + last
	}
	return text
}
