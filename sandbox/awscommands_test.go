package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/declared"
	"fargate-queue-worker/sandbox/live"
)

// pagesOfCommands are those with commands of the AWS CLI that the sandbox answers.
var pagesOfCommands = []string{"../docs/runbook.md", "../docs/operations.md", "../docs/on-aws.md"}

// answers are what the output of each command of the AWS CLI has, by how the command begins. It holds for
// what --query leaves of the answer, and for the whole answer.
var answers = map[string]string{
	"aws application-autoscaling describe-scaling-activities": `Setting desired count to \d`,
	"aws application-autoscaling describe-scalable-targets":   `MinCapacity|ScalingInSuspended|\b0\b`,
	"aws cloudwatch describe-alarms":                          `worker-(scale-out|idle)-alarm`,
	"aws cloudwatch get-metric-statistics":                    `"?Sum"?: \d|"Sum":\d|"Datapoints": ?\[`,
	"aws cloudwatch set-alarm-state":                          ``,
	"aws ecs describe-services":                               `has started 1 tasks|PRIMARY`,
	"aws ecs describe-tasks":                                  `Essential container in task exited`,
	"aws ecs execute-command": `execute command was not ` +
		`enabled|SessionManagerPlugin is not found`,
	"aws ecs update-service":                 `"desiredCount": ?1|"DesiredCount":1`,
	"aws ecs update-task-protection":         `"[pP]rotectionEnabled": ?false`,
	"aws logs tail":                          `"level":"(INFO|WARN)"`,
	"aws scheduler list-schedules":           `ENABLED`,
	"aws sqs start-message-move-task":        `TaskHandle`,
	"aws sqs list-message-move-tasks":        `Results`,
	"aws sqs purge-queue":                    ``,
	"aws sqs send-message":                   `MessageId`,
	"aws stepfunctions start-sync-execution": `SUCCEEDED`,
}

var (
	inlineCommand = regexp.MustCompile("(?s)`(aws [a-z-]+ [^`]*--[^`]*)`")
	commandName   = regexp.MustCompile(`\baws [a-z0-9-]+ [a-z-]+`)
	// notAWS are lines of a block for other programs.
	notAWS = regexp.MustCompile(`(?m)^(go run|pulumi|source|#).*\n?`)
)

// scriptsOf a page are its blocks and its commands within the text that call the AWS CLI, in order.
func scriptsOf(t *testing.T, page string) (scripts []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	type found struct {
		at     int
		script string
	}
	var all []found
	for _, at := range codeBlock.FindAllSubmatchIndex(text, -1) {
		if script := notAWS.ReplaceAllString(string(text[at[4]:at[5]]), ""); commandName.MatchString(script) {
			all = append(all, found{at[0], script})
		}
	}
	outside := codeBlock.ReplaceAllFunc(
		text,
		func(block []byte) []byte { return []byte(strings.Repeat(" ", len(block))) },
	)
	for _, at := range inlineCommand.FindAllSubmatchIndex(outside, -1) {
		all = append(all, found{at[0], strings.ReplaceAll(string(outside[at[2]:at[3]]), "\n", " ")})
	}
	slices.SortFunc(all, func(a, b found) int { return a.at - b.at })
	for _, f := range all {
		// Indented blocks belong to lists.
		scripts = append(scripts, regexp.MustCompile(`(?m)^ {3}`).ReplaceAllString(f.script, ""))
	}
	return scripts
}

// exports are those of the runbook that the other commands rest on.
const exports = `
export QUEUE_URL=$(pulumi stack output queueUrl) DLQ_URL=$(pulumi stack output deadLetterQueueUrl)
export DLQ_ARN=$(pulumi stack output deadLetterQueueArn) LOGS=$(pulumi stack output logGroupName)
export CLUSTER=$(pulumi stack output clusterName) SERVICE=$(pulumi stack output serviceName)
export WAKE_ARN=$(pulumi stack output wakeArn)
`

// outputsOf the stack, as pulumi stack output names them.
func outputsOf(a *cloud.Account) map[string]string {
	outputs := map[string]string{}
	for url, q := range a.Queues {
		if q.RedrivePolicy == "" {
			outputs["deadLetterQueueUrl"], outputs["deadLetterQueueArn"] = url, q.ARN
		} else {
			outputs["queueUrl"], outputs["queueArn"] = url, q.ARN
		}
	}
	for _, s := range a.Services {
		outputs["clusterName"], outputs["serviceName"] = s.ClusterName(), s.Name
	}
	for name := range a.LogGroups {
		outputs["logGroupName"] = name
	}
	for arn := range a.StateMachines {
		outputs["wakeArn"] = arn
	}
	return outputs
}

// onCall is a stack that runs, and a shell with the AWS CLI and Pulumi.
type onCall struct {
	region *live.Region
	env    []string
}

func newOnCall(t *testing.T, cli string) *onCall {
	t.Helper()
	account, err := declared.Account("..", "dev")
	require.NoError(t, err)
	folder := t.TempDir()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	worker, err := live.BuildWorker(t.Context(), root, folder)
	require.NoError(t, err)
	run := runFlags{
		minute:  2 * time.Second,
		handler: `case $MESSAGE_GROUP_ID in bad) exit 65;; esac; sleep 600`,
	}
	region, err := live.Start(t.Context(), account, run.options(worker, folder))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, region.Close()) })
	bin, outputs := t.TempDir(), t.TempDir()
	for name, value := range outputsOf(account) {
		require.NoError(t, os.WriteFile(filepath.Join(outputs, name), []byte(value), 0o600))
	}
	for name, script := range map[string]string{
		"pulumi": `cat "` + outputs + `/$3"`,
		"aws":    fmt.Sprintf("%s exec %q \"$@\"", standInUnless(cli), os.Args[0]),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	}
	return &onCall{region: region, env: append(
		os.Environ(),
		"PATH="+bin+":"+os.Getenv(
			"PATH",
		),
		asStandIn+"=yes",
		"AWS_ENDPOINT_URL="+region.URL,
		"AWS_REGION="+account.Region,
		"AWS_DEFAULT_REGION="+account.Region,
		"AWS_ACCESS_KEY_ID=any",
		"AWS_SECRET_ACCESS_KEY=any",
		"AWS_SESSION_TOKEN=",
		"AWS_DISABLE_HOST_PREFIX_INJECTION=true",
		"AWS_PAGER=",
		"AWS_CONFIG_FILE=/dev/null",
	)}
}

// standInUnless runs the AWS CLI if there is one. Version 1 has no logs tail, and takes the endpoint of
// SQS from an option only.
func standInUnless(cli string) string {
	if cli == "" {
		return ""
	}
	return fmt.Sprintf(
		`case "$1 $2" in "logs tail") ;; *) exec %q --endpoint-url "$AWS_ENDPOINT_URL" "$@";; esac;`,
		cli,
	)
}

// shell runs a script and returns what it prints.
func (o *onCall) shell(t *testing.T, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-c", "set -eu\n"+exports+script)
	command.Env = o.env
	said, err := command.CombinedOutput()
	return string(said), err
}

// send a message, that a handler takes long for or, in the group bad, refuses.
func (o *onCall) send(t *testing.T, group string) {
	t.Helper()
	said, err := o.shell(
		t,
		"aws sqs send-message --queue-url $QUEUE_URL --message-body x --message-group-id "+group+
			" --message-deduplication-id "+group,
	)
	require.NoError(t, err, said)
}

// eventually waits for what the account shows.
func (o *onCall) eventually(t *testing.T, shows func(a *cloud.Account, now time.Time) bool, what string) {
	t.Helper()
	require.Eventually(t, func() (yes bool) {
		o.region.Do(func(a *cloud.Account, now time.Time) { yes = shows(a, now) })
		return yes
	}, 2*time.Minute, 100*time.Millisecond, what)
}

// trouble is what the commands are to find: a message in the dead-letter queue, a task that has ended, one
// that works, and scaling.
func (o *onCall) trouble(t *testing.T) {
	t.Helper()
	o.send(t, "bad")
	o.eventually(t, func(a *cloud.Account, now time.Time) bool {
		box, err := a.Mailbox(outputsOf(a)["deadLetterQueueUrl"])
		return err == nil && box.Counts(now).Visible == 1
	}, "a dead letter")
	o.send(t, "first")
	var first *cloud.Task
	working := func(_ *cloud.Account, now time.Time) bool {
		for _, task := range o.region.Control.Tasks() {
			if task.ProtectedAt(now) && task.State == cloud.Running {
				first = task
			}
		}
		return first != nil
	}
	o.eventually(t, working, "a task that works")
	o.region.Do(func(a *cloud.Account, now time.Time) {
		box, err := a.Mailbox(outputsOf(a)["queueUrl"])
		require.NoError(t, err)
		for i := range 30 { // more than one task is for
			_, err := box.Send(
				now,
				cloud.Message{GroupID: fmt.Sprint(i), Body: "x", DeduplicationID: fmt.Sprint(i)},
			)
			require.NoError(t, err)
		}
	})
	o.region.Host.Kill(first)
	first = nil
	o.eventually(t, func(a *cloud.Account, now time.Time) bool {
		scaled := slices.ContainsFunc(
			o.region.Control.Activities(),
			func(a cloud.Activity) bool { return a.Policy != "" && a.Scaled() },
		)
		return scaled && len(o.region.Control.StoppedTasks()) > 0 && working(a, now)
	}, "another task that works, and scaling")
}

// TestTheSandboxAnswersTheCommandsOfThePages, with the AWS CLI where it is installed, and always with AWS's
// SDK for Go.
func TestTheSandboxAnswersTheCommandsOfThePages(t *testing.T) {
	t.Parallel()
	clients := map[string]string{"SDK for Go": ""}
	if cli, err := exec.LookPath("aws"); err == nil {
		clients["AWS CLI"] = cli
	}
	for name, cli := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOnCall(t, cli)
			o.trouble(t)
			for _, page := range pagesOfCommands {
				for _, script := range scriptsOf(t, page) {
					said, err := o.shell(t, script)
					calls := commandName.FindAllString(script, -1)
					want, known := answers[calls[0]]
					require.True(t, known, "what should the sandbox answer to %s?", calls[0])
					if calls[0] != "aws ecs execute-command" { // of which the sandbox has no sessions
						assert.NoError(t, err, "%s: %s\n%s", page, script, said)
					}
					assert.Regexp(t, want, said, "%s: %s", page, script)
				}
			}
		})
	}
}
