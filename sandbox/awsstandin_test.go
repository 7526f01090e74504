package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// asStandIn makes the test binary a stand-in of the AWS CLI on machines that have none.
const asStandIn = "TEST_AWS_STAND_IN"

// standIn calls what a command line of the AWS CLI calls, with AWS's SDK for Go, and prints the whole
// answer as JSON, or the names that another command is given: it leaves other uses of --query to the CLI.
func standIn(args []string) error {
	if len(args) < 2 {
		return errors.New("aws <service> <operation>")
	}
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if args[0] == "logs" && args[1] == "tail" {
		return tail(ctx, cloudwatchlogs.NewFromConfig(cfg), args[2:])
	}
	client, ok := map[string]any{
		"application-autoscaling": applicationautoscaling.NewFromConfig(cfg),
		"cloudwatch":              cloudwatch.NewFromConfig(cfg),
		"ecs":                     ecs.NewFromConfig(cfg),
		"logs":                    cloudwatchlogs.NewFromConfig(cfg),
		"scheduler":               scheduler.NewFromConfig(cfg),
		"sqs":                     sqs.NewFromConfig(cfg),
		"stepfunctions": sfn.NewFromConfig(cfg, func(o *sfn.Options) {
			o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
				return stack.Initialize.Add(withoutHostPrefix, middleware.Before)
			})
		}),
	}[args[0]]
	if !ok {
		return fmt.Errorf("the stand-in has no service %s", args[0])
	}
	method := reflect.ValueOf(client).MethodByName(pascal(args[1]))
	if !method.IsValid() {
		return fmt.Errorf("%s has no operation %s", args[0], args[1])
	}
	input := reflect.New(method.Type().In(1).Elem())
	if err := fill(input.Elem(), args[2:]); err != nil {
		return err
	}
	result := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	if err, _ := result[1].Interface().(error); err != nil {
		return err
	}
	if tasks, ok := result[0].Interface().(*ecs.ListTasksOutput); ok { // options of another command
		arns := tasks.TaskArns
		if slices.Contains(args, "taskArns[0]") {
			arns = arns[:1]
		}
		fmt.Println(strings.Join(arns, "\t"))
		return nil
	}
	alarms, ok := result[0].Interface().(*cloudwatch.DescribeAlarmsOutput)
	if ok && slices.Contains(args, "MetricAlarms[0].AlarmName") {
		fmt.Println(*alarms.MetricAlarms[0].AlarmName)
		return nil
	}
	return json.NewEncoder(os.Stdout).Encode(result[0].Interface())
}

// withoutHostPrefix keeps calls at the endpoint's own host, as AWS_DISABLE_HOST_PREFIX_INJECTION has the
// CLI do.
var withoutHostPrefix = middleware.InitializeMiddlewareFunc(
	"withoutHostPrefix",
	func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error,
	) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	},
)

// pascal is the name of a member or an operation that the CLI writes with hyphens.
func pascal(kebab string) string {
	var b strings.Builder
	for _, word := range strings.Split(kebab, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// fill sets the members of an input that options name.
func fill(input reflect.Value, args []string) error {
	for len(args) > 0 {
		option := strings.TrimPrefix(args[0], "--")
		n := 1
		for n < len(args) && !strings.HasPrefix(args[n], "--") {
			n++
		}
		values := args[1:n]
		args = args[n:]
		switch option {
		case "query", "output", "max-items": // the CLI's own
			continue
		}
		if positive, negated := strings.CutPrefix(option, "no-"); negated {
			option, values = positive, []string{"false"}
		}
		field := input.FieldByNameFunc(
			func(name string) bool { return strings.EqualFold(name, pascal(option)) },
		)
		if !field.IsValid() {
			return fmt.Errorf("there is no option --%s", option)
		}
		if err := set(field, values); err != nil {
			return fmt.Errorf("--%s: %w", option, err)
		}
	}
	return nil
}

func set(field reflect.Value, values []string) error {
	switch {
	case field.Kind() == reflect.Pointer && field.Type() != reflect.TypeFor[*time.Time]():
		field.Set(reflect.New(field.Type().Elem()))
		return set(field.Elem(), values)
	case field.Kind() == reflect.Slice:
		for _, value := range values {
			member := reflect.New(field.Type().Elem()).Elem()
			if err := set(member, []string{value}); err != nil {
				return err
			}
			field.Set(reflect.Append(field, member))
		}
		return nil
	case field.Kind() == reflect.Struct: // Key=value,Key=value
		for _, pair := range strings.Split(values[0], ",") {
			key, value, _ := strings.Cut(pair, "=")
			if err := set(field.FieldByName(key), []string{value}); err != nil {
				return err
			}
		}
		return nil
	case field.Kind() == reflect.Bool:
		field.SetBool(len(values) == 0 || values[0] == "true")
		return nil
	}
	if len(values) != 1 {
		return fmt.Errorf("%q is not one value", values)
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(values[0])
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(values[0], 10, 32)
		field.SetInt(n)
		return err
	default: // a time
		at, err := time.Parse(time.RFC3339, values[0])
		field.Set(reflect.ValueOf(&at))
		return err
	}
	return nil
}

// tail is the one operation that only the CLI has, and version 2 of it.
func tail(ctx context.Context, logs *cloudwatchlogs.Client, args []string) error {
	input := cloudwatchlogs.FilterLogEventsInput{LogGroupName: &args[0]}
	for i := 1; i+1 < len(args); i += 2 {
		switch args[i] {
		case "--filter-pattern":
			input.FilterPattern = &args[i+1]
		case "--since":
			input.StartTime = new(time.Now().Add(-24 * time.Hour).UnixMilli()) // all that a test has
		default:
			return fmt.Errorf("aws logs tail has no option %s", args[i])
		}
	}
	found, err := logs.FilterLogEvents(ctx, &input)
	if err != nil {
		return err
	}
	for _, event := range found.Events {
		fmt.Println(*event.Message)
	}
	return nil
}
