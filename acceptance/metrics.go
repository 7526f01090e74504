package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// points of a metric or an expression, the oldest first.
type points struct {
	times  []time.Time
	values []float64
}

// query asks for a metric of a service.
func query(id, namespace, name, stat, dimension, value string) types.MetricDataQuery {
	metric := types.Metric{
		Namespace: &namespace, MetricName: &name,
		Dimensions: []types.Dimension{{Name: &dimension, Value: &value}},
	}
	return types.MetricDataQuery{
		Id: &id, ReturnData: aws.Bool(true),
		MetricStat: &types.MetricStat{Metric: &metric, Stat: &stat, Period: aws.Int32(60)},
	}
}

// ofQueue is a metric of the stack's queue.
func (b *Bench) ofQueue(id, name string) types.MetricDataQuery {
	return query(id, "AWS/SQS", name, "Maximum", "QueueName", b.QueueName)
}

// data of queries over a span, a point a minute, by id.
func (b *Bench) data(
	ctx context.Context, span period, queries ...types.MetricDataQuery,
) (map[string]points, error) {
	got, err := b.cloudwatch.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: &span.began, EndTime: &span.ended, MetricDataQueries: queries,
		ScanBy: types.ScanByTimestampAscending,
	})
	if err != nil {
		return nil, err
	}
	found := map[string]points{}
	for _, r := range got.MetricDataResults {
		found[*r.Id] = points{r.Timestamps, r.Values}
		b.note("%s, %d points: %s", *r.Id, len(r.Values), written(points{r.Timestamps, r.Values}))
	}
	return found, nil
}

// written are points in a line.
func written(p points) (line string) {
	for i, at := range p.times {
		line += fmt.Sprintf(" %s=%g", at.UTC().Format("15:04:05"), p.values[i])
	}
	return line
}

// firstAbove0 is the number of minutes after a time of the first point that is above 0, -1 without one.
func (p points) firstAbove0(since time.Time, minute time.Duration) int {
	for i, v := range p.values {
		if v > 0 {
			return int(p.times[i].Sub(since) / minute)
		}
	}
	return -1
}

const (
	// workMinutes is how long the job of a work period lasts, emptyMinutes how long the queue is
	// empty after it.
	workMinutes, emptyMinutes = 5, 3
	// lateMinutes is how late a metric may be.
	lateMinutes = 3
)

// workPeriod is a time in which a group was in flight, and then none, and whose metrics are all
// there. Cases share it.
func (b *Bench) workPeriod(ctx context.Context) (period, error) {
	if b.work != nil {
		return *b.work, nil
	}
	id, err := b.send(ctx, b.QueueURL, "metrics", b.lasting(workMinutes))
	if err != nil {
		return period{}, err
	}
	if err := b.until(ctx, "the message is in flight", func() (bool, error) {
		_, inFlight, err := b.counts(ctx, b.QueueURL)
		return inFlight > 0, err
	}); err != nil {
		return period{}, err
	}
	began := time.Now()
	if _, err := b.untilDone(ctx, id); err != nil {
		return period{}, err
	}
	if err := b.sleep(ctx, b.minutes(emptyMinutes)); err != nil {
		return period{}, err
	}
	ended := time.Now()
	b.work = &period{began, ended}
	return *b.work, b.sleep(ctx, b.minutes(lateMinutes))
}
