package provider

import (
	"cmp"
	"fmt"

	"fargate-queue-worker/sandbox/cloud"
)

func init() {
	register(
		define(kind{
			token:      "aws:sqs/queue:Queue",
			nameSuffix: fifoSuffix,
			immutable:  []string{"name", "fifoQueue"},
			computed:   []string{"arn", "url"},
		}, model[cloud.Queue]{
			id: func(q *cloud.Queue) string { return q.URL },
			create: func(a *cloud.Account, q cloud.Queue) (*cloud.Queue, error) {
				if err := sizeMessages(&q); err != nil {
					return nil, err
				}
				return a.CreateQueue(q)
			},
			find: lookUp(func(a *cloud.Account) map[string]*cloud.Queue { return a.Queues }),
			update: func(a *cloud.Account, url string, q cloud.Queue, _ []string) (*cloud.Queue, error) {
				if err := sizeMessages(&q); err != nil {
					return nil, err
				}
				return a.UpdateQueue(url, q)
			},
			remove: (*cloud.Account).DeleteQueue,
		}),
		define(kind{token: "aws:sqs/queuePolicy:QueuePolicy", immutable: []string{"queueUrl"}},
			model[cloud.QueuePolicy]{
				id: func(p *cloud.QueuePolicy) string { return p.QueueURL },
				create: func(a *cloud.Account, p cloud.QueuePolicy) (*cloud.QueuePolicy, error) {
					return &p, a.PutQueuePolicy(p)
				},
				find: func(a *cloud.Account, url string) (*cloud.QueuePolicy, bool) {
					q, ok := a.Queues[url]
					if !ok || q.Policy == "" {
						return nil, false
					}
					return &cloud.QueuePolicy{QueueURL: url, Policy: q.Policy}, true
				},
				remove: func(a *cloud.Account, url string) error {
					return a.PutQueuePolicy(cloud.QueuePolicy{QueueURL: url})
				},
			}),
		define(kind{token: "aws:sqs/redrivePolicy:RedrivePolicy", immutable: []string{"queueUrl"}},
			model[cloud.QueueRedrivePolicy]{
				id: func(p *cloud.QueueRedrivePolicy) string { return p.QueueURL },
				create: func(a *cloud.Account,
					p cloud.QueueRedrivePolicy) (*cloud.QueueRedrivePolicy, error) {
					return &p, a.PutRedrivePolicy(p)
				},
				find: func(a *cloud.Account, url string) (*cloud.QueueRedrivePolicy, bool) {
					q, ok := a.Queues[url]
					if !ok || q.RedrivePolicy == "" {
						return nil, false
					}
					return &cloud.QueueRedrivePolicy{QueueURL: url, RedrivePolicy: q.RedrivePolicy}, true
				},
				remove: func(a *cloud.Account, url string) error {
					return a.PutRedrivePolicy(cloud.QueueRedrivePolicy{QueueURL: url})
				},
			}),
		define(kind{token: "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", immutable: []string{"queueUrl"}},
			model[cloud.RedriveAllowPolicy]{
				id: func(p *cloud.RedriveAllowPolicy) string { return p.QueueURL },
				create: func(a *cloud.Account,
					p cloud.RedriveAllowPolicy) (*cloud.RedriveAllowPolicy, error) {
					return &p, a.PutRedriveAllowPolicy(p)
				},
				find: func(a *cloud.Account, url string) (*cloud.RedriveAllowPolicy, bool) {
					q, ok := a.Queues[url]
					if !ok || q.RedriveAllowPolicy == "" {
						return nil, false
					}
					return &cloud.RedriveAllowPolicy{QueueURL: url, RedriveAllowPolicy: q.RedriveAllowPolicy},
						true
				},
				remove: func(a *cloud.Account, url string) error {
					return a.PutRedriveAllowPolicy(cloud.RedriveAllowPolicy{QueueURL: url})
				},
			}),
	)
}

// sizeMessages: version 6 of the provider sends 256 KiB where a program sets no
// maxMessageSize, though SQS's own default is 1 MiB, and takes no more.
func sizeMessages(q *cloud.Queue) error {
	const most = 256 << 10
	if q.MaxMessageSize > most {
		return fmt.Errorf("expected max_message_size to be in the range (1024 - %d), got %d", most,
			q.MaxMessageSize)
	}
	q.MaxMessageSize = cmp.Or(q.MaxMessageSize, most)
	return nil
}

// fifoSuffix: the provider ends a chosen name in .fifo when the queue is FIFO.
func fifoSuffix(inputs properties) string {
	if fifo, _ := inputs["fifoQueue"].(bool); fifo {
		return ".fifo"
	}
	return ""
}
