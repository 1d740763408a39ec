package api

import "net/http"

// condition is the answer of a probe.
type condition struct {
	Status string  `json:"status"` // ok, or what is not
	Reason string  `json:"reason,omitempty"`
	Checks []check `json:"checks,omitempty"`
}

type check struct {
	Part  string `json:"part"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func (h *handler) live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, condition{Status: "ok"})
}

func (h *handler) startup(w http.ResponseWriter, _ *http.Request) {
	if err := h.Health.Started(); err != nil {
		answer(w, http.StatusServiceUnavailable, condition{Status: "starting", Reason: err.Error()})
		return
	}
	answer(w, http.StatusOK, condition{Status: "ok"})
}

func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	status, c := http.StatusOK, condition{Status: "ok"}
	for _, part := range h.Health.Ready() {
		shown := check{Part: part.Part, OK: part.Err == nil}
		if part.Err != nil {
			shown.Error = part.Err.Error()
			status, c.Status = http.StatusServiceUnavailable, "not ready"
		}
		c.Checks = append(c.Checks, shown)
	}
	answer(w, status, c)
}
