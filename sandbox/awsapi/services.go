package awsapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// service is a service of AWS other than SQS, and what the sandbox does of it. All of them
// read the model of a running account, and change it where their action does; none has a
// state of its own.
type service struct {
	name string
	// prefix of its actions in the JSON and CBOR protocols; "" if it has neither.
	prefix string
	// version names it in the query protocol, scope in the signature of a request.
	version, scope string
	actions        map[string]func(request) (any, error)
}

// services are those that are answered for, besides SQS.
func services() []service {
	return []service{
		ecsService,
		cloudWatchService,
		autoScalingService,
		logsService,
		stepFunctionsService,
		schedulerService,
		taggingService,
		stsService,
	}
}

// request is an action of a service, on the account while no other request is.
type request struct {
	ctx     context.Context
	account *cloud.Account
	control *cloud.Control
	now     time.Time
	logs    func(group string) []LogEvent
	body    []byte // JSON, whatever the protocol was
}

// into reads what the request asks for.
func (r request) into(v any) error {
	if len(bytes.TrimSpace(r.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return &cloud.Error{Code: "SerializationException", Message: err.Error()}
	}
	return nil
}

// object is a structure of an answer; fields that are nil are left out.
type object map[string]any

// later is an answer that is waited for while others go on.
type later <-chan any

// perform carries out an action of a service and encodes the answer.
func (s *Server) perform(ctx context.Context, c apiCall) (reply, error) {
	result, err := s.act(ctx, c)
	if waited, ok := result.(later); ok && err == nil {
		select {
		case result = <-waited:
		case <-ctx.Done():
			return reply{}, ctx.Err()
		}
	}
	if err != nil {
		return c.protocol.refuse(c, refusalOf(err)), nil
	}
	return c.protocol.answer(c, result)
}

func (s *Server) act(ctx context.Context, c apiCall) (any, error) {
	do, ok := c.service.actions[c.action]
	if !ok {
		return nil, &cloud.Error{Code: "UnknownOperationException", Message: fmt.Sprintf(
			"the sandbox does not do %s of %s", c.action, c.service.name)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.control == nil {
		return nil, &cloud.Error{
			Code:    "ServiceUnavailable",
			Message: c.service.name + " answers while the stack runs: up --keep",
		}
	}
	defer s.servePolls()
	now := s.now()
	s.account.MoveMessages(now)
	return do(request{ctx: ctx, account: s.account, control: s.control, now: now, logs: s.logs, body: c.body})
}

// refusalOf an error that may be another's.
func refusalOf(err error) *cloud.Error {
	var refusal *cloud.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return &cloud.Error{Code: "ValidationException", Message: err.Error()}
}

// apiCall is what a request asks of which service, in which protocol.
type apiCall struct {
	protocol protocol
	service  service
	action   string
	body     []byte // JSON
}

// callOf reads a request. The names of its service and action are where its protocol has
// them. Source: Smithy, "AWS protocols".
func callOf(req *http.Request, body []byte) (apiCall, error) {
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		prefix, action, _ := strings.Cut(target, ".")
		version := "1.1"
		if strings.HasSuffix(req.Header.Get("Content-Type"), "1.0") {
			version = "1.0"
		}
		return find(
			apiCall{protocol: jsonProtocol{version}, action: action, body: body},
			prefix,
			func(s service) bool { return s.prefix == prefix },
		)
	}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if len(parts) == 4 && parts[0] == "service" && parts[2] == "operation" {
		document, err := cborToJSON(body)
		c := apiCall{protocol: cborProtocol{}, action: parts[3], body: document}
		if err != nil {
			return c, &cloud.Error{Code: "SerializationException", Message: err.Error()}
		}
		return find(c, parts[1], func(s service) bool { return s.prefix == parts[1] })
	}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		action, version, document, err := queryToJSON(body)
		c := apiCall{protocol: queryProtocol{}, action: action, body: document}
		if err != nil {
			return c, &cloud.Error{Code: "MalformedQueryString", Message: err.Error()}
		}
		return find(c, scopeOf(req), func(s service) bool { return s.version != "" && s.version == version })
	}
	return restCall(req, parts, body)
}

// find completes a call with its service.
func find(c apiCall, named string, is func(service) bool) (apiCall, error) {
	all := services()
	if i := slices.IndexFunc(all, is); i >= 0 {
		c.service = all[i]
		return c, nil
	}
	names := []string{"SQS"}
	for _, s := range all {
		names = append(names, s.name)
	}
	return c, &cloud.Error{Code: "UnknownOperationException", Message: fmt.Sprintf(
		"the sandbox does not answer for the service %q (%s); it does for %s",
		named,
		c.action,
		strings.Join(names, ", "),
	)}
}

// scopeOf is the service that a request was signed for.
func scopeOf(req *http.Request) string {
	_, credential, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	if parts := strings.Split(credential, "/"); len(parts) == 5 {
		return parts[3]
	}
	return "unknown"
}

// number is a number that the query protocol has as text.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = number(v)
	return err
}

// flag is a boolean that the query protocol has as text.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseBool(strings.Trim(string(text), `"`))
	*f = flag(v)
	return err
}

// moment is a time: seconds since 1970, or text in the query protocol.
type moment struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (m *moment) UnmarshalJSON(text []byte) (err error) {
	if bytes.HasPrefix(text, []byte(`"`)) {
		m.Time, err = time.Parse(time.RFC3339Nano, strings.Trim(string(text), `"`))
		return err
	}
	seconds, err := strconv.ParseFloat(string(text), 64)
	m.Time = fromSeconds(seconds)
	return err
}

func fromSeconds(s float64) time.Time { return time.UnixMicro(int64(s * 1e6)) }

func toSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// timeOf leaves out a time that is zero.
func timeOf(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// textOf leaves out a text that is empty.
func textOf(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// tagsOf are tags as most services have them, in the order of their keys.
func tagsOf(tags map[string]string, key, value string) []object {
	list := make([]object, 0, len(tags))
	for name, text := range tags {
		list = append(list, object{key: name, value: text})
	}
	slices.SortFunc(list, func(a, b object) int { return strings.Compare(a[key].(string), b[key].(string)) })
	return list
}
