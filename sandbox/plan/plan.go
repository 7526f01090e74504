// Package plan runs a Pulumi program without an engine and says what it would
// register.
package plan

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"fargate-queue-worker/sandbox/cloud"
	"fargate-queue-worker/sandbox/provider"
)

// Options of Of.
type Options struct {
	Project, Stack string
	// Config by full key; lists and maps as JSON.
	Config map[string]string
	// SecretKeys are the keys of Config that count as encrypted.
	SecretKeys []string
	// Preview leaves unknown what AWS would choose.
	Preview bool
	// Account answers look-ups. Default: an empty one in us-west-1.
	Account *cloud.Account
	// FailCalls are the tokens of look-ups that fail.
	FailCalls []string
}

// Plan is what a program registered, in order of registration.
type Plan struct {
	Resources []Resource
	// Calls are the tokens of the look-ups that it made.
	Calls []string
	// Warnings are what it warned of.
	Warnings []string
}

// Resource is a registration.
type Resource struct {
	Type, Name string
	// Inputs as JSON has them, secrets unwrapped; in a preview without those that
	// are unknown.
	Inputs map[string]any
	// RPC is the registration itself, with dependencies and options; nil for a resource
	// inside an awsx component.
	RPC *pulumirpc.RegisterResourceRequest
	// Inside is the awsx component that makes the resource, by type and name; "" for the
	// program's own.
	Inside string
}

// Of runs a program.
func Of(program pulumi.RunFunc, o Options) (*Plan, error) {
	if o.Account == nil {
		o.Account = cloud.NewAccount("us-west-1")
	}
	log := &warnings{}
	r := &recorder{account: o.Account, stack: o.Stack, preview: o.Preview, failCalls: o.FailCalls}
	warning := func(ctx *pulumi.Context) error {
		ctx.Log = log // the mocks' own engine drops what is logged
		return program(ctx)
	}
	err := pulumi.RunErr(warning, pulumi.WithMocks(o.Project, o.Stack, r), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys, info.DryRun = o.Config, o.SecretKeys, o.Preview
	})
	return &Plan{Resources: r.registered, Calls: r.calls, Warnings: log.texts}, err
}

// warnings is a log that keeps what is warned of.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// Warn implements pulumi.Log.
func (w *warnings) Warn(text string, _ *pulumi.LogArgs) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
	return nil
}

// Debug implements pulumi.Log.
func (*warnings) Debug(string, *pulumi.LogArgs) error { return nil }

// Info implements pulumi.Log.
func (*warnings) Info(string, *pulumi.LogArgs) error { return nil }

// Error implements pulumi.Log: the program returns its errors.
func (*warnings) Error(string, *pulumi.LogArgs) error { return nil }

// recorder stands in for engine and provider. It makes the resources in the
// account, so that what AWS would refuse fails here, too.
type recorder struct {
	preview   bool
	stack     string
	failCalls []string

	mu         sync.Mutex
	account    *cloud.Account
	registered []Resource
	calls      []string
}

// Call answers a look-up.
func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if slices.Contains(r.failCalls, args.Token) {
		return nil, fmt.Errorf("%s fails as asked", args.Token)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, args.Token)
	result, err := provider.Call(r.account, args.Token, args.Args.Mappable())
	return resource.NewPropertyMapFromMap(result), err
}

// NewResource records a registration. In a preview it leaves the outputs unknown.
func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	inputs := plain(args.Inputs)
	r.registered = append(r.registered, Resource{Type: args.TypeToken, Name: args.Name, Inputs: inputs,
		RPC: args.RegisterRPC})
	switch {
	case strings.HasPrefix(args.TypeToken, "pulumi:"):
		return args.Name, nil, nil
	case args.RegisterRPC.GetRemote():
		for _, child := range provider.Packaged(r.account, args.TypeToken, args.Name, r.stack, inputs) {
			r.registered = append(r.registered, Resource{
				Type: child.Type, Name: child.Name, Inputs: child.Inputs, Inside: args.TypeToken + " " +
					args.Name,
			})
		}
		outputs, err := packagedOutputs(r.account, args.TypeToken, args.Name)
		if r.preview {
			outputs = nil
		}
		return "", outputs, err
	case !args.Custom:
		return "", nil, nil
	}
	if r.preview {
		return "", nil, provider.Known(args.TypeToken)
	}
	id, state, err := provider.Create(r.account, args.TypeToken, args.Name, inputs)
	if err != nil {
		return "", nil, fmt.Errorf("%s %s: %w", args.TypeToken, args.Name, err)
	}
	return id, resource.NewPropertyMapFromMap(state), nil
}

// packagedOutputs are what the program reads of the awsx components.
func packagedOutputs(a *cloud.Account, token, name string) (resource.PropertyMap, error) {
	outputs := map[string]map[string]any{
		"awsx:ec2:Vpc": {"vpcId": "vpc-00000000000000001",
			"publicSubnetIds": []any{"subnet-0000000000000000a", "subnet-0000000000000000b"}},
		"awsx:ecr:Repository": {"url": a.RepositoryURL(name)},
		"awsx:ecr:Image":      {"imageUri": a.RepositoryURL(name) + "@sha256:" + strings.Repeat("0", 64)},
	}
	found, ok := outputs[token]
	if !ok {
		return nil, fmt.Errorf("no outputs are known of components of type %s", token)
	}
	return resource.NewPropertyMapFromMap(found), nil
}

// plain unwraps secrets.
func plain(props resource.PropertyMap) map[string]any {
	return props.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsSecret() {
			return v.SecretValue().Element.MapRepl(nil, nil), true
		}
		return nil, false
	})
}

// Find returns the one resource of a type and name.
func (p *Plan) Find(typ, name string) (Resource, bool) {
	i := slices.IndexFunc(p.Resources, func(r Resource) bool { return r.Type == typ && r.Name == name })
	if i < 0 {
		return Resource{}, false
	}
	return p.Resources[i], true
}

// Sorted returns the resources by type and name; the order of registration varies.
func (p *Plan) Sorted() []Resource {
	sorted := slices.Clone(p.Resources)
	slices.SortFunc(sorted, func(a, b Resource) int { return strings.Compare(a.Type+a.Name, b.Type+b.Name) })
	return sorted
}

// Types counts the resources by type.
func (p *Plan) Types() map[string]int {
	counts := map[string]int{}
	for _, r := range p.Resources {
		counts[r.Type]++
	}
	return counts
}
