package provider

import (
	"context"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"fargate-queue-worker/sandbox/cloud"
)

const queueURN = "urn:pulumi:test::project::aws:sqs/queue:Queue::jobs"

func testServer() *server {
	return &server{sandbox: &sandbox{
		mu: &sync.Mutex{}, account: cloud.NewAccount("us-west-1"), save: func() error { return nil },
	}}
}

func props(t *testing.T, values map[string]any) resource.PropertyMap {
	t.Helper()
	return resource.NewPropertyMapFromMap(values)
}

// check runs Check on the inputs of a queue.
func check(t *testing.T, s *server, olds, news map[string]any) resource.PropertyMap {
	t.Helper()
	marshaledOlds, err := marshal(props(t, olds))
	require.NoError(t, err)
	marshaledNews, err := marshal(props(t, news))
	require.NoError(t, err)
	response, err := s.Check(t.Context(), &pulumirpc.CheckRequest{Urn: queueURN, Olds: marshaledOlds,
		News: marshaledNews, RandomSeed: []byte("seed of 32 bytes, or any number..")})
	require.NoError(t, err)
	inputs, err := unmarshal(response.GetInputs())
	require.NoError(t, err)
	return inputs
}

func TestAutoNaming(t *testing.T) {
	t.Parallel()
	s := testServer()
	fifo := check(t, s, nil, map[string]any{"fifoQueue": true})
	assert.Regexp(t, `^jobs-[0-9a-f]{7}\.fifo$`, fifo["name"].StringValue())
	assert.Regexp(t, `^jobs-[0-9a-f]{7}$`, check(t, s, nil, nil)["name"].StringValue())

	kept := check(t, s, fifo.Mappable(), map[string]any{"fifoQueue": true})
	assert.Equal(t, fifo["name"], kept["name"], "a chosen name is kept")

	given := check(t, s, fifo.Mappable(), map[string]any{"fifoQueue": true, "name": "mine.fifo"})
	assert.Equal(t, "mine.fifo", given["name"].StringValue())

	back := check(t, s, map[string]any{"fifoQueue": true, "name": "mine.fifo"},
		map[string]any{"fifoQueue": true})
	assert.NotEqual(t, "mine.fifo", back["name"].StringValue(), "a name that is no longer given is not kept")
}

func TestDiff(t *testing.T) {
	t.Parallel()
	k, err := findKind("aws:sqs/queue:Queue")
	require.NoError(t, err)
	chosenName := map[string]any{"name": "a.fifo", "fifoQueue": true, defaultsKey: []any{"name"}}
	cases := map[string]struct {
		olds, news          map[string]any
		changes             pulumirpc.DiffResponse_DiffChanges
		diffs, replaces     []string
		deleteBeforeReplace bool
	}{
		"nothing": {chosenName, chosenName, pulumirpc.DiffResponse_DIFF_NONE, nil, nil, false},
		"in place": {
			map[string]any{"name": "a.fifo", "delaySeconds": 1},
			map[string]any{"name": "a.fifo", "delaySeconds": 2},
			pulumirpc.DiffResponse_DIFF_SOME, []string{"delaySeconds"}, nil, false,
		},
		"added": {
			map[string]any{"name": "a.fifo"}, map[string]any{"name": "a.fifo", "delaySeconds": 2},
			pulumirpc.DiffResponse_DIFF_SOME, []string{"delaySeconds"}, nil, false,
		},
		"removed": {
			map[string]any{"name": "a.fifo", "delaySeconds": 2}, map[string]any{"name": "a.fifo"},
			pulumirpc.DiffResponse_DIFF_SOME, []string{"delaySeconds"}, nil, false,
		},
		"another type of the same name": {
			map[string]any{"name": "a.fifo", "fifoQueue": true},
			map[string]any{"name": "a.fifo", "fifoQueue": false},
			pulumirpc.DiffResponse_DIFF_SOME, []string{"fifoQueue"}, []string{"fifoQueue"}, true,
		},
		"another name": {
			map[string]any{"name": "a.fifo"}, map[string]any{"name": "b.fifo"},
			pulumirpc.DiffResponse_DIFF_SOME, []string{"name"}, []string{"name"}, false,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := diff(k, props(t, tc.olds), props(t, tc.news), nil)
			assert.Equal(t, tc.changes, got.GetChanges())
			assert.Equal(t, tc.diffs, got.GetDiffs())
			assert.Equal(t, tc.replaces, got.GetReplaces())
			assert.Equal(t, tc.deleteBeforeReplace, got.GetDeleteBeforeReplace())
		})
	}
}

func TestCreateInAPreviewMakesNothing(t *testing.T) {
	t.Parallel()
	s := testServer()
	inputs, err := marshal(props(t, map[string]any{"name": "jobs.fifo", "fifoQueue": true}))
	require.NoError(t, err)
	response, err := s.Create(t.Context(),
		&pulumirpc.CreateRequest{Urn: queueURN, Properties: inputs, Preview: true})
	require.NoError(t, err)
	planned, err := unmarshal(response.GetProperties())
	require.NoError(t, err)
	assert.Equal(t, "jobs.fifo", planned["name"].StringValue())
	assert.True(t, planned["arn"].IsComputed())
	assert.True(t, planned["url"].IsComputed())
	assert.Empty(t, s.account.Queues)
}

func TestUnknownTypesAreRefused(t *testing.T) {
	t.Parallel()
	s, ctx := testServer(), context.Background()
	const urn = "urn:pulumi:test::project::aws:s3/bucket:Bucket::b"
	_, err := s.Check(ctx, &pulumirpc.CheckRequest{Urn: urn})
	require.ErrorContains(t, err, "the sandbox has no resources of type aws:s3/bucket:Bucket")
	_, err = s.Create(ctx, &pulumirpc.CreateRequest{Urn: urn})
	require.Error(t, err)
	_, err = s.Invoke(ctx, &pulumirpc.InvokeRequest{Tok: "aws:s3/getBucket:getBucket"})
	require.ErrorContains(t, err, "the sandbox has no function aws:s3/getBucket:getBucket")
	_, err = s.Construct(ctx, &pulumirpc.ConstructRequest{Type: "awsx:ec2:Vpc", Name: "vpc"})
	require.ErrorContains(t, err, "awsx:ec2:Vpc vpc got no aws provider")
}

func TestReadFindsDriftAndLoss(t *testing.T) {
	t.Parallel()
	s := testServer()
	q, err := s.account.CreateQueue(cloud.Queue{Name: "jobs.fifo", FIFO: true})
	require.NoError(t, err)
	q.DelaySeconds = 7
	inputs, err := marshal(props(t,
		map[string]any{"name": "jobs.fifo", "fifoQueue": true, "delaySeconds": 3}))
	require.NoError(t, err)
	response, err := s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: queueURN, Id: q.URL, Inputs: inputs})
	require.NoError(t, err)
	got, err := unmarshal(response.GetInputs())
	require.NoError(t, err)
	assert.Equal(t, 7.0, got["delaySeconds"].NumberValue())

	response, err = s.Read(t.Context(),
		&pulumirpc.ReadRequest{Urn: queueURN, Id: "https://gone", Inputs: inputs})
	require.NoError(t, err)
	assert.Empty(t, response.GetId(), "what is gone has no id")
}

// TestMaxMessageSize: provider documentation of aws:sqs/queue:Queue, maxMessageSize.
func TestMaxMessageSize(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		why   string
		given any
		want  int
		says  string
	}{
		"not given":   {"the provider's default, not SQS's", nil, 256 << 10, ""},
		"given":       {"", 2048, 2048, ""},
		"beyond":      {"the provider's limit, not SQS's", 1 << 20, 0, "range (1024 - 262144), got 1048576"},
		"too little":  {"SQS's limit", 1023, 0, "it has to be 1024 to"},
		"the highest": {"", 256 << 10, 256 << 10, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := cloud.NewAccount("us-west-1")
			inputs := properties{"name": "jobs.fifo", "fifoQueue": true}
			if tc.given != nil {
				inputs["maxMessageSize"] = tc.given
			}
			_, _, err := Create(a, "aws:sqs/queue:Queue", "jobs", inputs)
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says, tc.why)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, a.Queues[a.QueueURL("jobs.fifo")].MaximumMessageSize(), tc.why)
		})
	}
}

// TestImport: a resource without a state is found by the id that the AWS provider imports it by.
func TestImport(t *testing.T) {
	t.Parallel()
	s := testServer()
	_, cluster, err := Create(s.account, "aws:ecs/cluster:Cluster", "c", properties{})
	require.NoError(t, err)
	for imported, want := range map[string]any{"c": cluster["arn"], "gone": ""} {
		response, err := s.Read(t.Context(), &pulumirpc.ReadRequest{
			Urn: "urn:pulumi:test::project::aws:ecs/cluster:Cluster::c", Id: imported,
		})
		require.NoError(t, err)
		assert.Equal(t, want, response.GetId(), imported)
	}
	target, err := findKind("aws:appautoscaling/target:Target")
	require.NoError(t, err)
	assert.Equal(t, "service/c/s", target.importID(s.account, "ecs/service/c/s/ecs:service:DesiredCount"))
	service, err := findKind("aws:ecs/service:Service")
	require.NoError(t, err)
	assert.Equal(t, s.account.ARN("ecs", "service/c/s"), service.importID(s.account, "c/s"))
}

// TestDefaultTags are on what is made, below its own, and are no drift.
func TestDefaultTags(t *testing.T) {
	t.Parallel()
	s := testServer()
	args, err := marshal(props(t, map[string]any{"defaultTags": `{"tags":{"a":"default","b":"default"}}`}))
	require.NoError(t, err)
	_, err = s.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: args})
	require.NoError(t, err)
	own := map[string]any{"b": "own"}
	inputs, err := marshal(props(t, map[string]any{"name": "q.fifo", "fifoQueue": true, "tags": own}))
	require.NoError(t, err)
	made, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: queueURN, Properties: inputs})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "default", "b": "own"}, s.account.Queues[made.GetId()].Tags)
	read, err := s.Read(t.Context(), &pulumirpc.ReadRequest{
		Urn: queueURN, Id: made.GetId(), Inputs: inputs, Properties: made.GetProperties(),
	})
	require.NoError(t, err)
	found, err := unmarshal(read.GetInputs())
	require.NoError(t, err)
	assert.Equal(t, own, found["tags"].Mappable())
}
