package api

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/modelstream/modelserver/messages"
)

// The paths and shapes of the book's servers, for what was written for them.

// modelToServeStats is the book's answer for one model. Times are milliseconds:
// duration is the sum over all records, since is of the Unix epoch.
type modelToServeStats struct {
	Name        string  `json:"name"`
	Description string  `json:"description"`
	ModelType   int32   `json:"modelType"` // the book's enum; -1 for a type outside of it
	Since       int64   `json:"since"`
	Usage       uint64  `json:"usage"`
	Duration    float64 `json:"duration"`
	Min         float64 `json:"min"`
	Max         float64 `json:"max"`
}

// hostStoreInfo is the book's answer for one instance.
type hostStoreInfo struct {
	Host       string   `json:"host"`
	Port       int      `json:"port"`
	StoreNames []string `json:"storeNames"`
}

// processors lists the data types.
func (h *handler) processors(w http.ResponseWriter, r *http.Request) {
	names, err := h.dataTypes(r)
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	answer(w, http.StatusOK, map[string][]string{"models": names})
}

// stats answers for the data type that the query names, or for the only one.
func (h *handler) stats(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("dataType")
	if name == "" {
		names, err := h.dataTypes(r)
		switch {
		case err != nil:
			h.failAsking(w, r, err)
			return
		case len(names) == 0:
			fail(w, http.StatusNotFound, "no model was published yet")
			return
		case len(names) > 1:
			fail(w, http.StatusBadRequest, fmt.Sprintf("there are several data types (%s): add ?dataType=", strings.Join(names, ", ")))
			return
		}
		name = names[0]
	}
	h.bookStats(w, r, name)
}

// value answers for a data type, which the book calls a store here.
func (h *handler) value(w http.ResponseWriter, r *http.Request) {
	h.bookStats(w, r, r.PathValue("dataType"))
}

func (h *handler) bookStats(w http.ResponseWriter, r *http.Request, dataType string) {
	s, err := h.Models.State(r.Context(), dataType)
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	m, n := s.GetCurrent().GetModel(), s.GetStatistics()
	answer(w, http.StatusOK, modelToServeStats{
		Name: m.GetName(), Description: m.GetDescription(), ModelType: bookType(m.GetType()),
		Since: s.GetCurrent().GetServingSinceMs(), Usage: n.GetRecords(),
		Duration: n.GetTotalUs() / 1e3, Min: n.GetMinUs() / 1e3, Max: n.GetMaxUs() / 1e3,
	})
}

func bookType(name string) int32 {
	switch name {
	case "tensorflow":
		return int32(messages.ModelDescriptor_TENSORFLOW)
	case "tensorflow-saved":
		return int32(messages.ModelDescriptor_TENSORFLOWSAVED)
	case "pmml":
		return int32(messages.ModelDescriptor_PMML)
	}
	return -1
}

// instances lists this server with the data types that it has.
func (h *handler) instances(w http.ResponseWriter, r *http.Request) {
	names, err := h.dataTypes(r)
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	number, _ := strconv.Atoi(port) // 0 where the client sent nonsense
	answer(w, http.StatusOK, []hostStoreInfo{{Host: host, Port: number, StoreNames: names}})
}

func (h *handler) dataTypes(r *http.Request) ([]string, error) {
	all, err := h.Models.States(r.Context())
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(all.GetModels()))
	for _, s := range all.GetModels() {
		names = append(names, s.GetDataType())
	}
	return names, nil
}
