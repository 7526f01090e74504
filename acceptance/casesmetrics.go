package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

const (
	visibleMetric  = "ApproximateNumberOfMessagesVisible"
	inFlightMetric = "ApproximateNumberOfMessagesNotVisible"
	delayedMetric  = "ApproximateNumberOfMessagesDelayed"
	groupsMetric   = "ApproximateNumberOfGroupsWithInflightMessages"
)

var metricCases = []Case{
	{
		Name:    "groups-each-minute",
		Assumed: groupsMetric + " has a point each minute in which the queue is active, 0 included",
		IfNot: "The idle alarm never sees an idle queue, and tasks run on. Set minCapacity and scale in by" +
			" hand, and tell us: the alarm's expression in components/scalingalarms.go has to take a" +
			" missing count for 0.",
		Minutes: 13, SharesWork: true, run: groupsEachMinute,
	},
	{
		Name:    "groups-not-late",
		Assumed: "a group in flight is reported no later than its messages are",
		IfNot: "A step that scales in may count too few messages for a minute. Three such minutes in a row" +
			" stop the tasks: raise idleMinutes by as many minutes as the metric is late.",
		Minutes: 13, SharesWork: true, run: groupsNotLate,
	},
	{
		Name:    "missing-plus-number",
		Assumed: "in metric math a missing value plus a number is the number",
		IfNot: "Nothing: the alarms hold in both readings. Give the simulator --reading" +
			" missing-stays-missing, and tell us which it is, so that the model can lose the other.",
		Minutes: 13, SharesWork: true, run: missingPlusNumber,
	},
}

// groupsEachMinute counts the minutes without a point, in which a group was in flight and in which none was.
func groupsEachMinute(ctx context.Context, b *Bench) (Finding, error) {
	span, err := b.workPeriod(ctx)
	if err != nil {
		return Finding{}, err
	}
	got, err := b.data(ctx, span, b.ofQueue("groups", groupsMetric), b.ofQueue("visible", visibleMetric))
	if err != nil {
		return Finding{}, err
	}
	if len(got["visible"].values) == 0 {
		return Finding{}, errNoPoints
	}
	zeros := 0
	for _, v := range got["groups"].values {
		if v == 0 {
			zeros++
		}
	}
	reported := len(got["groups"].values)
	minutes := span.ended.Sub(span.began).Seconds() / b.Minute.Seconds()
	const atTheEdges = 2 // the minutes that have not begun or not ended
	all := reported >= int(math.Floor(minutes))-atTheEdges
	return Finding{
		AsAssumed: all && zeros > 0,
		Seen:      fmt.Sprintf("%d points in %.0f minutes, %d of them 0", reported, minutes, zeros),
	}, nil
}

func groupsNotLate(ctx context.Context, b *Bench) (Finding, error) {
	span, err := b.workPeriod(ctx)
	if err != nil {
		return Finding{}, err
	}
	got, err := b.data(ctx, span, b.ofQueue("groups", groupsMetric), b.ofQueue("inflight", inFlightMetric))
	if err != nil {
		return Finding{}, err
	}
	groups := got["groups"].firstAbove0(span.began, b.Minute)
	messages := got["inflight"].firstAbove0(span.began, b.Minute)
	if messages < 0 {
		return Finding{}, errors.New(inFlightMetric + " has no point above 0, though a message was in flight")
	}
	return Finding{
		AsAssumed: groups >= 0 && groups <= messages,
		Seen: fmt.Sprintf("the group after %d minutes, its message after %d (-1 is never)",
			groups, messages),
	}, nil
}

// missingPlusNumber adds the delayed messages, which are not reported since there are none, to
// those that wait.
func missingPlusNumber(ctx context.Context, b *Bench) (Finding, error) {
	span, err := b.workPeriod(ctx)
	if err != nil {
		return Finding{}, err
	}
	got, err := b.data(ctx, span, b.ofQueue("visible", visibleMetric), b.ofQueue("delayed", delayedMetric),
		types.MetricDataQuery{Id: aws.String("sum"), Expression: aws.String("visible + delayed")})
	if err != nil {
		return Finding{}, err
	}
	visible, delayed, sum := len(got["visible"].values), len(got["delayed"].values), len(got["sum"].values)
	switch {
	case visible == 0:
		return Finding{}, errNoPoints
	case delayed > 0:
		return Finding{}, errors.New(delayedMetric +
			" is reported though no message is delayed, so that nothing is missing")
	}
	return Finding{
		AsAssumed: sum == visible,
		Seen:      fmt.Sprintf("%d points of the sum of %d points and none", sum, visible),
	}, nil
}
