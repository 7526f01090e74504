package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// longestResponse is the largest response that Lambda takes: 6 MB, as its error of type
// Function.ResponseSizeTooLarge names it.
const longestResponse = 6291556

// api is the Runtime API, version 2018-06-01, for one process.
func (i *instance) api() http.Handler {
	const runtime = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtime+"/invocation/next", i.next)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/response", i.response)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/error", i.functionError)
	mux.HandleFunc("POST "+runtime+"/init/error", i.initFailure)
	return mux
}

// next answers with an event, when there is one.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	busy, repeated := i.current != nil, i.waiting
	i.waiting = !busy
	i.mu.Unlock()
	if busy {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the event before has no answer yet")
		return
	}
	if !repeated { // not the same question on another connection
		i.asked <- struct{}{}
	}
	select {
	case v := <-i.invocations:
		i.deliver(w, v)
	case <-r.Context().Done():
	}
}

func (i *instance) deliver(w http.ResponseWriter, v *invocation) {
	i.stderr.Reset()
	i.mu.Lock()
	i.waiting, i.current, i.latest = false, v, v
	i.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(v.event)))
	h.Set("Lambda-Runtime-Aws-Request-Id", v.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(v.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Trace-Id", traceHeader(v.message))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", i.pool.config.Function.ARN)
	_, _ = w.Write(v.event) // a process that is gone is seen by its exit
}

// response takes the answer of a function that has succeeded.
func (i *instance) response(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	keep := io.Writer(&body)
	if !i.pool.config.ReportBatchItemFailures {
		keep = io.Discard
	}
	_, err := io.Copy(keep, http.MaxBytesReader(w, r.Body, longestResponse))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return // the connection broke: the process sends it again, or dies
	}
	v := i.answered(w, r)
	switch {
	case v == nil:
	case tooLarge != nil:
		const message = "the response is larger than 6 MB"
		v.result <- &functionError{Type: "Function.ResponseSizeTooLarge", Message: message}
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", message)
	case r.Trailer.Get(errorTypeHeader) != "": // a stream that ended with an error
		body := r.Trailer.Get("Lambda-Runtime-Function-Error-Body")
		text, _ := base64.StdEncoding.DecodeString(body) // without it, the type is enough
		v.result <- newFunctionError(r.Trailer.Get(errorTypeHeader), text)
		accept(w)
	case i.pool.config.ReportBatchItemFailures:
		v.result <- batchItemFailure(body.Bytes(), v.message.ID)
		accept(w)
	default:
		v.result <- nil
		accept(w)
	}
}

// functionError takes the error of a function.
func (i *instance) functionError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestResponse))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return // the connection broke: the process sends it again, or dies
	}
	if v := i.answered(w, r); v != nil {
		v.result <- newFunctionError(r.Header.Get(errorTypeHeader), body)
		accept(w)
	}
}

// answered is the invocation that a request answers; nil if it is not the current one.
func (i *instance) answered(w http.ResponseWriter, r *http.Request) *invocation {
	i.mu.Lock()
	defer i.mu.Unlock()
	v := i.current
	if v == nil || v.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "there is no event of this id without an answer")
		return nil
	}
	i.current = nil
	return v
}

// initFailure takes the error of a runtime that cannot initialise.
func (i *instance) initFailure(w http.ResponseWriter, r *http.Request) {
	// A part of it is better than nothing.
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, longestResponse))
	select {
	case i.initFailed <- newFunctionError(r.Header.Get(errorTypeHeader), body):
	default: // it has said so before
	}
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // a process that is gone is seen by its exit
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": errorType, "errorMessage": message})
}
