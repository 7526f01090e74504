package lambda

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQueueOf(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		url, region string
		want        Queue
	}{
		"AWS": {
			"https://sqs.us-west-1.amazonaws.com/123456789012/jobs.fifo",
			"",
			Queue{"arn:aws:sqs:us-west-1:123456789012:jobs.fifo", "us-west-1"},
		},
		"China": {
			"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs.fifo",
			"",
			Queue{"arn:aws-cn:sqs:cn-north-1:123456789012:jobs.fifo", "cn-north-1"},
		},
		"GovCloud": {
			"https://sqs.us-gov-west-1.amazonaws.com/123456789012/jobs.fifo",
			"us-gov-west-1",
			Queue{"arn:aws-us-gov:sqs:us-gov-west-1:123456789012:jobs.fifo", "us-gov-west-1"},
		},
		"an emulator": {
			"http://localhost:9324/000000000000/jobs.fifo",
			"elasticmq",
			Queue{"arn:aws:sqs:elasticmq:000000000000:jobs.fifo", "elasticmq"},
		},
		"a name": {"jobs.fifo", "us-west-1", Queue{"arn:aws:sqs:us-west-1::jobs.fifo", "us-west-1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, QueueOf(tc.url, tc.region))
		})
	}
}
