package awsapi

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"fargate-queue-worker/sandbox/cloud"
)

// protocol is how a service's answers are written. Source: Smithy, "AWS protocols".
type protocol interface {
	answer(c apiCall, result any) (reply, error)
	refuse(c apiCall, refusal *cloud.Error) reply
}

const requestID = "00000000-0000-0000-0000-000000000000"

func newReply(status int, contentType string, body []byte) reply {
	return reply{status: status, body: body, header: http.Header{
		"Content-Type": {contentType}, "X-Amzn-Requestid": {requestID},
	}}
}

// jsonProtocol is AWS's JSON, version 1.0 or 1.1; without a version it is that of services with paths.
type jsonProtocol struct{ version string }

func (p jsonProtocol) contentType() string {
	if p.version == "" {
		return "application/json"
	}
	return "application/x-amz-json-" + p.version
}

func (p jsonProtocol) answer(_ apiCall, result any) (reply, error) {
	text, err := json.Marshal(plain(result, func(t time.Time) any { return toSeconds(t) }))
	return newReply(http.StatusOK, p.contentType(), text), err
}

func (p jsonProtocol) refuse(_ apiCall, refusal *cloud.Error) reply {
	text, _ := json.Marshal(
		map[string]string{"__type": refusal.Code, "message": refusal.Message},
	) // two texts
	r := newReply(http.StatusBadRequest, p.contentType(), text)
	r.header.Set("X-Amzn-Errortype", refusal.Code)
	return r
}

// cborProtocol is Smithy's RPC v2 in CBOR.
type cborProtocol struct{}

func (cborProtocol) reply(status int, value cbor.Value) reply {
	r := newReply(status, "application/cbor", cbor.Encode(value))
	r.header.Set("Smithy-Protocol", "rpc-v2-cbor")
	return r
}

func (p cborProtocol) answer(_ apiCall, result any) (reply, error) {
	return p.reply(http.StatusOK, toCBOR(plain(result, func(t time.Time) any { return t }))), nil
}

func (p cborProtocol) refuse(_ apiCall, refusal *cloud.Error) reply {
	return p.reply(
		http.StatusBadRequest,
		cbor.Map{"__type": cbor.String(refusal.Code), "message": cbor.String(refusal.Message)},
	)
}

const cborTime = 1 // the tag of seconds since 1970

func toCBOR(v any) cbor.Value {
	switch v := v.(type) {
	case map[string]any:
		m := cbor.Map{}
		for key, value := range v {
			m[key] = toCBOR(value)
		}
		return m
	case []any:
		list := make(cbor.List, len(v))
		for i, value := range v {
			list[i] = toCBOR(value)
		}
		return list
	case time.Time:
		return &cbor.Tag{ID: cborTime, Value: cbor.Float64(toSeconds(v))}
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case int:
		if v < 0 {
			return cbor.NegInt(-v)
		}
		return cbor.Uint(v)
	case float64:
		return cbor.Float64(v)
	}
	return &cbor.Nil{}
}

// cborToJSON reads a request, of which times become seconds.
func cborToJSON(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return nil, err
	}
	tree, err := fromCBOR(value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

func fromCBOR(value cbor.Value) (any, error) {
	switch v := value.(type) {
	case cbor.Map:
		m := map[string]any{}
		for key, member := range v {
			var err error
			if m[key], err = fromCBOR(member); err != nil {
				return nil, err
			}
		}
		return m, nil
	case cbor.List:
		list := make([]any, len(v))
		for i, member := range v {
			var err error
			if list[i], err = fromCBOR(member); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *cbor.Tag:
		return fromCBOR(v.Value)
	case *cbor.Nil:
		return nil, nil
	case cbor.NegInt:
		return -float64(v), nil
	}
	switch value.(type) {
	case cbor.String, cbor.Bool, cbor.Uint, cbor.Float32, cbor.Float64:
		return value, nil // they are texts, booleans and numbers in JSON, too
	}
	return nil, fmt.Errorf("a value of the type %T", value)
}

// queryProtocol is AWS's oldest: forms in, XML out.
type queryProtocol struct{}

func (queryProtocol) answer(c apiCall, result any) (reply, error) {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		`<%sResponse xmlns="%s"><%[1]sResult>`,
		c.action,
		"https://sandbox/doc/"+c.service.version+"/",
	)
	writeXML(&b, plain(result, func(t time.Time) any { return t.UTC().Format("2006-01-02T15:04:05.000Z") }))
	fmt.Fprintf(
		&b,
		`</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%[1]sResponse>`,
		c.action,
		requestID,
	)
	return newReply(http.StatusOK, "text/xml", []byte(b.String())), nil
}

func (queryProtocol) refuse(_ apiCall, refusal *cloud.Error) reply {
	var b strings.Builder
	b.WriteString("<ErrorResponse><Error><Type>Sender</Type>")
	writeXML(&b, map[string]any{"Code": refusal.Code, "Message": refusal.Message})
	b.WriteString("</Error><RequestId>" + requestID + "</RequestId></ErrorResponse>")
	return newReply(http.StatusBadRequest, "text/xml", []byte(b.String()))
}

// writeXML has an element for each member of a structure, and one called member for each of a list.
func writeXML(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString("<" + key + ">")
			writeXML(b, v[key])
			b.WriteString("</" + key + ">")
		}
	case []any:
		for _, member := range v {
			b.WriteString("<member>")
			writeXML(b, member)
			b.WriteString("</member>")
		}
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v)) // a strings.Builder takes everything
	}
}

// queryToJSON reads a form, whose keys are paths such as Dimensions.member.1.Name.
func queryToJSON(body []byte) (action, version string, document []byte, err error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", "", nil, err
	}
	root := map[string]any{}
	for key, values := range form {
		put(root, strings.Split(key, "."), values[0])
	}
	document, err = json.Marshal(lists(root))
	return form.Get("Action"), form.Get("Version"), document, err
}

func put(into map[string]any, path []string, value string) {
	if len(path) == 1 {
		into[path[0]] = value
		return
	}
	inner, ok := into[path[0]].(map[string]any)
	if !ok {
		inner = map[string]any{}
		into[path[0]] = inner
	}
	put(inner, path[1:], value)
}

// lists makes lists of the structures that have nothing but members by number.
func lists(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if members, ok := m["member"].(map[string]any); ok && len(m) == 1 {
		list := make([]any, 0, len(members))
		for i := 1; members[strconv.Itoa(i)] != nil; i++ {
			list = append(list, lists(members[strconv.Itoa(i)]))
		}
		return list
	}
	for key, value := range m {
		m[key] = lists(value)
	}
	return m
}

// plain is an answer in maps, lists, texts, numbers and booleans; times are the protocol's.
func plain(v any, timed func(time.Time) any) any {
	switch v := v.(type) {
	case object:
		m := map[string]any{}
		for key, value := range v {
			if value != nil {
				m[key] = plain(value, timed)
			}
		}
		return m
	case []object:
		return plainList(v, timed)
	case []string:
		return plainList(v, timed)
	case []float64:
		return plainList(v, timed)
	case []time.Time:
		return plainList(v, timed)
	case time.Time:
		return timed(v)
	case nil:
		return map[string]any{}
	}
	return v
}

func plainList[T any](members []T, timed func(time.Time) any) []any {
	list := make([]any, len(members))
	for i, member := range members {
		list[i] = plain(member, timed)
	}
	return list
}
