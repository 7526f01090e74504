package demo

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/awsapi"
	"fargate-queue-worker/sandbox/cloud"
)

// TestASeedReplaysThePlan: what is sent, in which order, and when; another seed sends other work.
func TestASeedReplaysThePlan(t *testing.T) {
	t.Parallel()
	plan := func(seed uint64) (jobs []job) {
		w := Workload{Messages: 50, Groups: 7, Seconds: 2, Spread: true, Rate: 40, Seed: seed}
		for _, j := range w.plan() {
			jobs = append(jobs, j)
		}
		return jobs
	}
	first := plan(7)
	require.Len(t, first, 50)
	assert.Equal(t, first, plan(7))
	assert.NotEqual(t, first, plan(8))
	assert.Equal(t, 25*time.Millisecond, first[1].at)
	assert.Equal(t, "group-0", first[7].group)
	assert.Equal(t, 2, first[7].number)
}

// TestThePlanIsWhatTheQueueGets, message by message.
func TestThePlanIsWhatTheQueueGets(t *testing.T) {
	t.Parallel()
	w := Workload{Messages: 20, Groups: 3, Seconds: 2, Spread: true, Seed: 7}
	a := account(t, "dev")
	s, err := stackOf(a)
	require.NoError(t, err)
	sqs := awsapi.NewServer(a)
	server := httptest.NewServer(sqs)
	t.Cleanup(server.Close)
	t.Cleanup(sqs.Close)
	var reported []string
	err = w.send(t.Context(), server.URL, a.Region, s.Queue.URL, func(m sent) {
		reported = append(reported, fmt.Sprint(m.id, m.group, m.number))
	})
	require.NoError(t, err)
	got := messagesIn(a, s.Queue)
	require.Len(t, got, w.Messages)
	for i, j := range w.plan() {
		m := got[slices.IndexFunc(got, func(m *cloud.Message) bool {
			return m.DeduplicationID == fmt.Sprint(i)
		})]
		assert.Equal(t, j.group, m.GroupID)
		assert.Equal(t, fmt.Sprintf(`{"job": %d, "group": %q}`, i+1, j.group), m.Body)
		assert.Equal(t, fmt.Sprintf("%.3f", j.work), m.Attributes[secondsAttribute].StringValue)
		assert.Equal(t, fmt.Sprint(m.ID, j.group, j.number), reported[i])
	}
}
