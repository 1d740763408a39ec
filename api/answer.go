package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a NaN in the statistics, say
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// problem is the body of every answer that is an error.
type problem struct {
	Error string `json:"error"`
}

func fail(w http.ResponseWriter, status int, message string) {
	answer(w, status, problem{message})
}

// failAsking answers for an actor that did not. An error that wraps
// context.DeadlineExceeded took too long.
func (h *handler) failAsking(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrUnknownDataType):
		fail(w, http.StatusNotFound, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		h.Log.Warn("the actors did not answer a query in time", "path", r.URL.Path, "err", err)
		fail(w, http.StatusGatewayTimeout, "the actors did not answer within "+h.RequestTimeout.String())
	default:
		h.Log.Warn("the actors did not answer a query", "path", r.URL.Path, "err", err)
		fail(w, http.StatusServiceUnavailable, "the actors did not answer: "+err.Error())
	}
}

// routes is the answer of the root, for people.
var routes = []string{
	"/state", "/state/{dataType}", "/models", "/statistics", "/statistics/{dataType}", "/metrics", "/livez", "/readyz", "/startupz", "/version",
	"/processors", "/stats", "/state/instances", "/state/{store}/value",
}

func (h *handler) index(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string][]string{"paths": routes})
}

func (h *handler) version(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.Version)
}
