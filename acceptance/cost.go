package main

import "time"

// Prices of us-east-1 in dollars. Sources: the pricing pages of Fargate (ARM), CloudWatch, VPC and ECR.
const (
	vcpuHour    = 0.03238
	gibHour     = 0.00356
	addressHour = 0.005      // a public IPv4 address of a task
	alarmHour   = 0.10 / 730 // an alarm's metric
	// The dev stack: a task has half a vCPU and 1 GiB; its alarms look at four metrics.
	taskHour  = vcpuHour/2 + gibHour + addressHour
	stackHour = 4 * alarmHour
	// mostTasks that run at once in a case, while a deployment replaces one.
	mostTasks = 2
	// fixed is the image's storage and its transfer, and all requests and executions.
	fixed = 0.02
)

// dollarsOf is what a span costs at most.
func dollarsOf(span time.Duration) float64 { return span.Hours() * (mostTasks*taskHour + stackHour) }

// estimate is how long cases take, deployment included, and what they cost at most.
func estimate(cases []Case) (span time.Duration, dollars float64) {
	const deploying = 8 // minutes, of up and destroy
	minutes, worked := deploying, false
	for _, c := range cases {
		if !c.SharesWork || !worked {
			minutes += c.Minutes
		}
		worked = worked || c.SharesWork
	}
	span = time.Duration(minutes) * time.Minute
	return span, fixed + dollarsOf(span)
}
