package dlq

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Usage of the command.
const Usage = `usage: worker dlq list    [--group g] [--dlq url]
       worker dlq show id   [--dlq url]
       worker dlq redrive   [--group g] [--dlq url] [--queue url]

list     lists the messages of the dead-letter queue, oldest first, with the reasons
show     prints one message whole, as JSON
redrive  sends messages back to the queue, in order, and deletes them here

The queues are those of DLQ_URL and QUEUE_URL unless they are given.
`

// Command is a call of worker dlq.
type Command struct {
	// Client of SQS. Default: that of the SDK's configuration.
	Client SQS
	// Getenv reads the environment, as os.Getenv does.
	Getenv func(string) string
	// Output gets what was asked for, Notes what is to be known besides.
	Output, Notes io.Writer
}

// Run runs the command with its arguments, those after worker dlq.
func (c Command) Run(ctx context.Context, args []string) error {
	action, id := "", ""
	if len(args) > 0 {
		action, args = args[0], args[1:]
	}
	if action == "show" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		id, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("worker dlq "+action, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	deadLetters := flags.String("dlq", c.Getenv("DLQ_URL"), "")
	queueURL := flags.String("queue", c.Getenv("QUEUE_URL"), "")
	group := flags.String("group", "", "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp), action == "-help", action == "--help", action == "-h":
		_, err := io.WriteString(c.Output, Usage)
		return err
	case err != nil:
		return fmt.Errorf("%w\n\n%s", err, Usage)
	case flags.NArg() > 0:
		return fmt.Errorf("%q: not expected\n\n%s", flags.Arg(0), Usage)
	}
	if err := check(action, id, *deadLetters, *queueURL); err != nil {
		return err
	}
	if c.Client == nil {
		if c.Client, err = newClient(ctx, *deadLetters); err != nil {
			return err
		}
	}
	q := queue{Client: c.Client, URL: *deadLetters}
	switch action {
	case "list":
		return c.list(ctx, q, *group)
	case "show":
		return c.show(ctx, q, id)
	default:
		return c.redrive(ctx, q, *queueURL, *group)
	}
}

// check says what is missing.
func check(action, id, deadLetters, queueURL string) error {
	switch {
	case action != "list" && action != "show" && action != "redrive":
		return fmt.Errorf("%q: needs to be list, show or redrive\n\n%s", action, Usage)
	case deadLetters == "":
		return errors.New("--dlq: needs to be the URL of the dead-letter queue, or DLQ_URL has to be set: " +
			"export DLQ_URL=$(pulumi stack output deadLetterQueueUrl)")
	case action == "show" && id == "":
		return errors.New("worker dlq show needs the id of a message; worker dlq list has them")
	case action == "redrive" && queueURL == "":
		return errors.New("--queue: needs to be the URL of the queue, or QUEUE_URL has to be set: " +
			"export QUEUE_URL=$(pulumi stack output queueUrl)")
	case action == "redrive" && queueURL == deadLetters:
		return fmt.Errorf("--queue: %s: is the dead-letter queue itself; "+
			"needs to be the queue that the messages came from", queueURL)
	default:
		return nil
	}
}

// newClient is a client for the region of the queue, whatever the default is.
func newClient(ctx context.Context, queueURL string) (SQS, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("configuring the AWS SDK: %w", err)
	}
	if u, err := url.Parse(queueURL); err == nil {
		if labels := strings.Split(u.Hostname(), "."); len(labels) > 2 && labels[0] == "sqs" {
			c.Region = labels[1]
		}
	}
	return sqs.NewFromConfig(c), nil
}

// note writes a line of what is to be known besides.
func (c Command) note(format string, args ...any) { fmt.Fprintf(c.Notes, format+"\n", args...) }

func (c Command) list(ctx context.Context, q queue, group string) error {
	c.note("Hidden from other readers while this lists; if it is killed, for up to %s.", hidden)
	began := time.Now()
	list, err := q.list(ctx, group)
	table := tabwriter.NewWriter(c.Output, 0, 0, 2, ' ', 0)
	if len(list) > 0 {
		fmt.Fprintln(table, "ID\tGROUP\tSENT\tRECEIVED\tREASON")
	}
	for _, m := range list {
		sent, why := m.Sent.Format(time.RFC3339), oneLine(m.summary())
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", m.ID, m.GroupID, sent, m.ReceiveCount, why)
	}
	if failed := errors.Join(err, table.Flush()); failed != nil {
		return failed
	}
	c.note("%d listed; they were hidden for %s and are visible again, with a receive more.",
		len(list), time.Since(began).Round(time.Second))
	size, err := q.size(ctx)
	if err != nil {
		return err
	}
	if group == "" && size > len(list) {
		c.note("About %d are in the queue: of a group SQS shows what fits into one receive of ten, "+
			"and nothing from a message on that another reader has.", size)
	}
	return nil
}

// oneLine is the beginning of a text, for a table.
func oneLine(text string) string {
	const longest = 100
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}

func (c Command) show(ctx context.Context, q queue, id string) error {
	m, err := q.find(ctx, id)
	if m.ID == "" {
		return err
	}
	encoder := json.NewEncoder(c.Output)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return errors.Join(encoder.Encode(m), err)
}

func (c Command) redrive(ctx context.Context, q queue, queueURL, group string) error {
	c.note("Hidden from other readers meanwhile; if this is killed, for up to %s. "+
		"Run it again then: nothing is lost.", hidden)
	count := 0
	err := q.redrive(ctx, queueURL, group, func(m message, newID string) {
		count++
		fmt.Fprintf(c.Output, "%s of group %s is message %s now\n", m.ID, m.GroupID, newID)
	})
	c.note("%d sent back.", count)
	if err != nil {
		return err
	}
	size, err := q.size(ctx)
	if err == nil && size > 0 {
		c.note("About %d are left in the dead-letter queue.", size)
	}
	return err
}
