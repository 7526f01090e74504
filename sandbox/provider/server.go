// Package provider is a Pulumi resource provider that puts aws:* and awsx:*
// resources on the sandbox's account. It behaves as the AWS provider does: names
// and ARNs are unknown in a preview, immutable fields replace, AWS's refusals fail
// the update; a type it does not know is an error.
package provider

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"fargate-queue-worker/sandbox/cloud"
)

// Ports are where the two providers listen on loopback.
type Ports struct {
	AWS, AWSX int
}

// Serve starts the providers aws and awsx. Images are built from folders relative to
// root; save is called after every change of the account, which is made under the lock. They stop
// when ctx does.
func Serve(
	ctx context.Context, account *cloud.Account, lock sync.Locker, root string, save func() error,
) (Ports, error) {
	shared := &sandbox{account: account, mu: lock, root: root, save: save}
	// The versions are those of the SDKs in go.mod; the engine compares them. The
	// engine keeps secrets for aws, but wants whoever constructs components to do so.
	awsPort, err := serve(ctx, &server{sandbox: shared, version: "6.83.4"})
	if err != nil {
		return Ports{}, err
	}
	awsxPort, err := serve(ctx, &server{sandbox: shared, version: "2.22.0", acceptSecrets: true})
	return Ports{AWS: awsPort, AWSX: awsxPort}, err
}

func serve(ctx context.Context, s *server) (port int, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("starting the sandbox's provider: %w", err)
	}
	const largestMessage = 64 << 20
	rpc := grpc.NewServer(grpc.MaxRecvMsgSize(largestMessage))
	pulumirpc.RegisterResourceProviderServer(rpc, s)
	go func() { _ = rpc.Serve(listener) }() // ends with the listener
	context.AfterFunc(ctx, rpc.Stop)
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// sandbox is what the providers have in common.
type sandbox struct {
	root string
	save func() error

	mu      sync.Locker
	account *cloud.Account
}

// server serves the provider protocol for one package.
type server struct {
	pulumirpc.UnimplementedResourceProviderServer
	*sandbox

	version       string
	acceptSecrets bool
	defaultTags   map[string]any
	engine        *grpc.ClientConn
}

// Handshake is the engine's first call.
func (s *server) Handshake(
	context.Context, *pulumirpc.ProviderHandshakeRequest,
) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{AcceptSecrets: s.acceptSecrets}, nil
}

// Attach says where the engine is, for components to register themselves.
func (s *server) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	engine, err := grpc.NewClient(req.GetAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connecting to the engine: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine = engine
	return &emptypb.Empty{}, nil
}

// GetPluginInfo implements the protocol.
func (s *server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.version}, nil
}

// CheckConfig takes any provider configuration.
func (s *server) CheckConfig(
	_ context.Context, req *pulumirpc.CheckRequest,
) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig replaces nothing.
func (s *server) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{}, nil
}

// Configure takes the region of the provider.
func (s *server) Configure(
	_ context.Context, req *pulumirpc.ConfigureRequest,
) (*pulumirpc.ConfigureResponse, error) {
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if region := args["region"]; region.IsString() {
		s.account.Region = region.StringValue()
	}
	if s.defaultTags, err = defaultTags(args); err != nil {
		return nil, err
	}
	return &pulumirpc.ConfigureResponse{SupportsPreview: true, AcceptSecrets: s.acceptSecrets}, nil
}

// Invoke answers a look-up.
func (s *server) Invoke(_ context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result, err := Call(s.account, req.GetTok(), args.Mappable())
	if err != nil {
		return nil, err
	}
	marshaled, err := marshal(resource.NewPropertyMapFromMap(result))
	return &pulumirpc.InvokeResponse{Return: marshaled}, err
}

// Check chooses a name where none is given, and keeps it from then on.
func (s *server) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	k, news, err := resourceOf(req.GetUrn(), req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	if err := autoName(k, resource.URN(req.GetUrn()), req.GetRandomSeed(), olds, news); err != nil {
		return nil, err
	}
	inputs, err := marshal(news)
	return &pulumirpc.CheckResponse{Inputs: inputs}, err
}

// Diff says which inputs changed and whether that takes a new resource.
func (s *server) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	k, news, err := resourceOf(req.GetUrn(), req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOldInputs())
	if err != nil {
		return nil, err
	}
	return diff(k, olds, news, req.GetIgnoreChanges()), nil
}

// Create makes a resource, or in a preview says what is known of it.
func (s *server) Create(_ context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	k, inputs, err := resourceOf(req.GetUrn(), req.GetProperties())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		planned := inputs.Copy()
		for _, output := range k.computed {
			planned[resource.PropertyKey(output)] = resource.MakeComputed(resource.NewProperty(""))
		}
		state, err := marshal(planned)
		return &pulumirpc.CreateResponse{Properties: state}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, made, err := k.create(s.account, s.tagged(inputs.Mappable()))
	if err != nil {
		return nil, err
	}
	state, err := marshal(overlay(inputs, s.untagged(made, inputs.Mappable())))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: state}, s.save()
}

// Read refreshes a resource from the account, or imports one that has no state yet; an empty id
// says that it is gone.
func (s *server) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	k, oldInputs, err := resourceOf(req.GetUrn(), req.GetInputs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := req.GetId()
	if imported := len(req.GetProperties().GetFields()) == 0; imported && k.importID != nil {
		id = k.importID(s.account, id)
	}
	found, ok, err := k.read(s.account, id)
	if err != nil || !ok {
		return &pulumirpc.ReadResponse{}, err
	}
	found = s.untagged(found, oldInputs.Mappable())
	current := resource.NewPropertyMapFromMap(found)
	inputs := oldInputs.Copy()
	for key := range oldInputs {
		if value, has := current[key]; has {
			inputs[key] = value
		}
	}
	state, err := marshal(overlay(inputs, found))
	if err != nil {
		return nil, err
	}
	marshaledInputs, err := marshal(inputs)
	return &pulumirpc.ReadResponse{Id: id, Properties: state, Inputs: marshaledInputs}, err
}

// Update changes a resource in place.
func (s *server) Update(_ context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	k, news, err := resourceOf(req.GetUrn(), req.GetNews())
	if err != nil {
		return nil, err
	}
	oldState, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		state, err := marshal(overlay(oldState, news))
		return &pulumirpc.UpdateResponse{Properties: state}, err
	}
	oldInputs, err := unmarshal(req.GetOldInputs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	updated, err := k.update(s.account, req.GetId(), s.tagged(news.Mappable()),
		changedKeys(oldInputs, news))
	if err != nil {
		return nil, err
	}
	state, err := marshal(overlay(news, s.untagged(updated, news.Mappable())))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: state}, s.save()
}

// Delete removes a resource.
func (s *server) Delete(_ context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	k, _, err := resourceOf(req.GetUrn(), nil)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := k.remove(s.account, req.GetId()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.save()
}

// Cancel has nothing to cancel: every call is short.
func (s *server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// resourceOf finds the kind of a resource and reads its inputs.
func resourceOf(urn string, inputs *structpb.Struct) (kind, resource.PropertyMap, error) {
	k, err := findKind(string(resource.URN(urn).Type()))
	if err != nil {
		return kind{}, nil, err
	}
	props, err := unmarshal(inputs)
	return k, props, err
}

// overlay puts the values of top over those of bottom.
func overlay[M resource.PropertyMap | properties](bottom resource.PropertyMap, top M) resource.PropertyMap {
	merged := bottom.Copy()
	var over resource.PropertyMap
	switch top := any(top).(type) {
	case resource.PropertyMap:
		over = top
	case properties:
		over = resource.NewPropertyMapFromMap(top)
	}
	for key, value := range over {
		merged[key] = value
	}
	return merged
}

func marshal(props resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(props, plugin.MarshalOptions{KeepUnknowns: true})
}

func unmarshal(props *structpb.Struct) (resource.PropertyMap, error) {
	if props == nil {
		return resource.PropertyMap{}, nil
	}
	return plugin.UnmarshalProperties(props, plugin.MarshalOptions{KeepUnknowns: true})
}
