package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Function is what a function learns about itself.
type Function struct {
	Name, ARN           string
	MemoryMB            int // for one process
	LogGroup, LogStream string
}

// FunctionOf describes the function that consumes a queue in this task: named after the
// queue, with an even share of the task's memory, and the log of the task. A name given
// as AWS_LAMBDA_FUNCTION_NAME wins. What the task's metadata does not say has a default.
func FunctionOf(ctx context.Context, q Queue, processes int) Function {
	const smallest = 128 // as Lambda's default
	f := Function{Name: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), MemoryMB: smallest}
	if f.Name == "" {
		f.Name = strings.TrimSuffix(q.Name(), ".fifo")
	}
	f.ARN = fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s",
		partition(q.Region), q.Region, q.account(), f.Name)
	f.LogGroup, f.LogStream = "/aws/lambda/"+f.Name, f.Name
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
	endpoint := os.Getenv("ECS_CONTAINER_METADATA_URI_V4")
	var container struct{ LogOptions map[string]string }
	if metadata(ctx, endpoint, &container) && container.LogOptions["awslogs-group"] != "" {
		f.LogGroup = container.LogOptions["awslogs-group"]
		f.LogStream = container.LogOptions["awslogs-stream"]
	}
	var task struct{ Limits struct{ Memory int } }
	if metadata(ctx, endpoint+"/task", &task) {
		f.MemoryMB = max(task.Limits.Memory/processes, smallest)
	}
	return f
}

// metadata reads a page of the task's metadata, and reports whether it is there.
func metadata(ctx context.Context, page string, into any) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(into) == nil
}

// environment of a process: the worker's, with what Lambda sets
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). Of that, what
// is there already stays, such as LAMBDA_TASK_ROOT of AWS's base images.
func (c Config) environment(own []string, api string) []string {
	directory, _ := os.Getwd() // "" is none
	always := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":         api,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
	}
	unlessSet := map[string]string{
		"_HANDLER":                        c.Args[len(c.Args)-1],
		"LAMBDA_TASK_ROOT":                directory,
		"AWS_LAMBDA_FUNCTION_NAME":        c.Function.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.Function.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       c.Function.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      c.Function.LogStream,
		"AWS_REGION":                      c.Queue.Region,
		"AWS_DEFAULT_REGION":              c.Queue.Region,
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
	}
	// By these, runtime clients choose to handle several events at once, and what ECS says
	// of itself is not a runtime's name.
	never := map[string]bool{"AWS_LAMBDA_MAX_CONCURRENCY": true, "AWS_EXECUTION_ENV": true}
	var list []string
	for _, variable := range own {
		name, value, _ := strings.Cut(variable, "=")
		if _, set := always[name]; set || never[name] {
			continue
		}
		if value != "" {
			delete(unlessSet, name)
		}
		list = append(list, variable)
	}
	for name, value := range always {
		list = append(list, name+"="+value)
	}
	for name, value := range unlessSet {
		list = append(list, name+"="+value)
	}
	return list
}
