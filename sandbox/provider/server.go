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

// Server serves the provider protocol for the packages aws and awsx.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	// Root is the folder that the context of an image is relative to.
	root string
	// save is called after every change of the account.
	save func() error

	mu      sync.Mutex
	account *cloud.Account
	engine  *grpc.ClientConn
}

// Serve starts a provider on loopback and returns its port. It stops when ctx does.
func Serve(ctx context.Context, account *cloud.Account, root string, save func() error) (port int, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("starting the sandbox's provider: %w", err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	pulumirpc.RegisterResourceProviderServer(server, &Server{account: account, root: root, save: save})
	go func() { _ = server.Serve(listener) }() // ends with the listener
	context.AfterFunc(ctx, server.Stop)
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Handshake is the engine's first call.
func (s *Server) Handshake(context.Context, *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{}, nil
}

// Attach says where the engine is, for components to register themselves.
func (s *Server) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
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
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "0.0.1"}, nil
}

// CheckConfig takes any provider configuration.
func (s *Server) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig replaces nothing.
func (s *Server) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{}, nil
}

// Configure takes the region of the provider.
func (s *Server) Configure(_ context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if region := args["region"]; region.IsString() {
		s.account.Region = region.StringValue()
	}
	return &pulumirpc.ConfigureResponse{SupportsPreview: true}, nil
}

// Invoke answers a look-up.
func (s *Server) Invoke(_ context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
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
func (s *Server) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
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
func (s *Server) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	k, news, err := resourceOf(req.GetUrn(), req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOldInputs())
	if err != nil {
		return nil, err
	}
	return diff(k, olds, news), nil
}

// Create makes a resource, or in a preview says what is known of it.
func (s *Server) Create(_ context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
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
	id, made, err := k.create(s.account, inputs.Mappable())
	if err != nil {
		return nil, err
	}
	state, err := marshal(overlay(inputs, made))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: state}, s.save()
}

// Read refreshes a resource from the account; an empty id says that it is gone.
func (s *Server) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	k, oldInputs, err := resourceOf(req.GetUrn(), req.GetInputs())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok, err := k.read(s.account, req.GetId())
	if err != nil || !ok {
		return &pulumirpc.ReadResponse{}, err
	}
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
	return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: state, Inputs: marshaledInputs}, err
}

// Update changes a resource in place.
func (s *Server) Update(_ context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
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
	updated, err := k.update(s.account, req.GetId(), news.Mappable(), changedKeys(oldInputs, news))
	if err != nil {
		return nil, err
	}
	state, err := marshal(overlay(news, updated))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: state}, s.save()
}

// Delete removes a resource.
func (s *Server) Delete(_ context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
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
func (s *Server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
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
