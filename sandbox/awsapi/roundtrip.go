package awsapi

import (
	"net/http"
	"net/http/httptest"
)

// roundTrip answers a request with a handler, without a network. A handler that
// gives up because the request's context ended answers with that error.
func roundTrip(handler http.Handler, req *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}
