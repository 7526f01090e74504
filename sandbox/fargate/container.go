package fargate

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/worker/consumer"
	"fargate-queue-worker/worker/protection"
)

// mainContainer is the one container that the worker runs in.
func mainContainer(definition *cloud.TaskDefinition) (cloud.Container, error) {
	containers, err := definition.Containers()
	if err != nil {
		return cloud.Container{}, err
	}
	if len(containers) != 1 {
		return cloud.Container{}, fmt.Errorf("the task definition %s has %d containers; the sandbox runs one",
			definition.Family, len(containers))
	}
	return containers[0], nil
}

func vcpus(definition *cloud.TaskDefinition) float64 {
	units, _ := strconv.Atoi(definition.CPU) // checked when it was registered
	const unitsPerVCPU = 1024
	return float64(units) / unitsPerVCPU
}

// passedOn are the variables of this machine that a program needs to run at all.
var passedOn = []string{"PATH", "HOME", "TMPDIR", "LANG"}

// shrunk are the times of a worker that shrink with the minute, and its defaults: what it
// measures against CloudWatch's minutes, and what a person would wait for.
var shrunk = map[string]time.Duration{
	"PROTECTION_HOLD_DOWN": protection.DefaultHoldDown,
	"BACKOFF":              consumer.DefaultBackoff,
	"MAX_BACKOFF":          consumer.DefaultMaxBackoff,
}

// environment of a task: what its definition declares, and what Fargate adds. Nobody's
// own AWS credentials are in it; the access key is the task's id.
func (h *Host) environment(t *cloud.Task, container cloud.Container) []string {
	vars := map[string]string{}
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok {
			vars[name] = value
		}
	}
	for _, v := range container.Environment {
		vars[v.Name] = v.Value
	}
	for _, secret := range container.Secrets {
		vars[secret.Name] = "the sandbox's value of " + secret.ValueFrom
	}
	for name, byDefault := range shrunk {
		vars[name] = h.shortened(vars[name], byDefault)
	}
	for name, value := range map[string]string{
		"AWS_REGION": h.account.Region, "AWS_ENDPOINT_URL": h.o.Endpoint, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": t.ID(), "AWS_SECRET_ACCESS_KEY": "sandbox",
		"ECS_AGENT_URI": h.o.AgentURI(t),
		journalVariable: h.journal.file, taskVariable: t.ID(),
	} {
		vars[name] = value
	}
	list := make([]string, 0, len(vars))
	for name, value := range vars {
		list = append(list, name+"="+value)
	}
	return list
}

// shortened is a time in the sandbox's minutes. What is not a time is left as it is: the worker
// says what is wrong with it.
func (h *Host) shortened(declared string, byDefault time.Duration) string {
	d, err := time.ParseDuration(declared)
	switch {
	case declared == "":
		d = byDefault
	case err != nil || d <= 0:
		return declared
	}
	return max(time.Duration(float64(d)*float64(h.o.Minute)/float64(time.Minute)), 1).String()
}
