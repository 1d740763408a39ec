package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/modelstream/modelserver/messages"
)

// dataTypeState is what is known of one data type.
type dataTypeState struct {
	DataType    string       `json:"dataType"`
	Node        string       `json:"node"`
	Current     *generation  `json:"current"` // null: nothing serves yet
	Statistics  statistics   `json:"statistics"`
	Generations []generation `json:"generations"` // newest first, the current one among them
	HeldBatches uint64       `json:"heldBatches,omitempty"`
	Passive     bool         `json:"passive,omitempty"` // no record came for a while: nothing is loaded until one does
}

// statistics are since the data type was first served. Times are a batch's stay
// in the model divided by its records, in microseconds.
type statistics struct {
	Records      uint64  `json:"records"`
	Batches      uint64  `json:"batches"`
	RecordErrors uint64  `json:"recordErrors"`
	BatchErrors  uint64  `json:"batchErrors"`
	MeanMicros   float64 `json:"meanMicros"`
	MinMicros    float64 `json:"minMicros"`
	MaxMicros    float64 `json:"maxMicros"`
}

type generation struct {
	Number      uint64            `json:"number"`
	Phase       string            `json:"phase"`
	Reason      string            `json:"reason,omitempty"` // why it was rejected or demoted
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Version     string            `json:"version,omitempty"`
	Type        string            `json:"type"`
	SHA256      string            `json:"sha256,omitempty"`
	Location    string            `json:"location,omitempty"`
	Options     map[string]string `json:"options,omitempty"`
	Source      *source           `json:"source,omitempty"` // on the models topic
	Accepted    string            `json:"accepted"`
	Effective   string            `json:"effectiveFrom,omitempty"` // the record timestamp of its switch
	Since       string            `json:"since,omitempty"`         // when it was last promoted
	SizeBytes   int64             `json:"sizeBytes,omitempty"`
	Signature   string            `json:"signature,omitempty"`
}

type source struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// servingModel is a line of /models.
type servingModel struct {
	DataType string `json:"dataType"`
	Name     string `json:"name,omitempty"`
	Version  string `json:"version,omitempty"`
	Type     string `json:"type,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	Number   uint64 `json:"number,omitempty"`
	Since    string `json:"since,omitempty"`
	Records  uint64 `json:"records"`
	Rejected int    `json:"rejected"` // generations that are remembered as such
}

func (h *handler) states(w http.ResponseWriter, r *http.Request) {
	all, err := h.Models.States(r.Context())
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	list := make([]dataTypeState, 0, len(all.GetModels()))
	for _, s := range all.GetModels() {
		list = append(list, stateOf(s))
	}
	answer(w, http.StatusOK, map[string][]dataTypeState{"dataTypes": list})
}

func (h *handler) state(w http.ResponseWriter, r *http.Request) {
	s, err := h.Models.State(r.Context(), r.PathValue("dataType"))
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	answer(w, http.StatusOK, stateOf(s))
}

func (h *handler) models(w http.ResponseWriter, r *http.Request) {
	all, err := h.Models.States(r.Context())
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	list := make([]servingModel, 0, len(all.GetModels()))
	for _, s := range all.GetModels() {
		m := servingModel{DataType: s.GetDataType(), Records: s.GetStatistics().GetRecords()}
		if g := s.GetCurrent(); g != nil {
			a := g.GetModel()
			m.Name, m.Version, m.Type, m.SHA256 = a.GetName(), a.GetVersion(), a.GetType(), a.GetSha256()
			m.Number, m.Since = a.GetNumber(), timestamp(g.GetServingSinceMs())
		}
		for _, g := range s.GetGenerations() {
			if g.GetPhase() == messages.GenerationState_REJECTED {
				m.Rejected++
			}
		}
		list = append(list, m)
	}
	answer(w, http.StatusOK, map[string][]servingModel{"models": list})
}

func stateOf(s *messages.ModelState) dataTypeState {
	d := dataTypeState{
		DataType: s.GetDataType(), Node: s.GetNode(), Statistics: statisticsOf(s.GetStatistics()),
		HeldBatches: s.GetHeldBatches(), Passive: s.GetPassive(), Generations: make([]generation, 0, len(s.GetGenerations())),
	}
	if c := s.GetCurrent(); c != nil {
		g := generationOf(c)
		d.Current = &g
	}
	for _, g := range slices.Backward(s.GetGenerations()) {
		d.Generations = append(d.Generations, generationOf(g))
	}
	return d
}

func statisticsOf(s *messages.Statistics) statistics {
	return statistics{
		Records: s.GetRecords(), Batches: s.GetBatches(),
		RecordErrors: s.GetRecordErrors(), BatchErrors: s.GetBatchErrors(),
		MeanMicros: mean(s), MinMicros: s.GetMinUs(), MaxMicros: s.GetMaxUs(),
	}
}

func mean(s *messages.Statistics) float64 {
	if s.GetRecords() == 0 {
		return 0
	}
	return s.GetTotalUs() / float64(s.GetRecords())
}

func generationOf(g *messages.GenerationState) generation {
	m := g.GetModel()
	out := generation{
		Number: m.GetNumber(), Phase: strings.ToLower(g.GetPhase().String()), Reason: g.GetReason(),
		Name: m.GetName(), Description: m.GetDescription(), Version: m.GetVersion(), Type: m.GetType(),
		SHA256: m.GetSha256(), Location: m.GetLocation(), Options: m.GetOptions(),
		Accepted: timestamp(m.GetAcceptedTimeMs()), Effective: timestamp(m.GetEffectiveFromMs()), Since: timestamp(g.GetServingSinceMs()),
		SizeBytes: g.GetSizeBytes(), Signature: g.GetSignature(),
	}
	if s := m.GetSource(); s != nil {
		out.Source = &source{Topic: s.GetTopic(), Partition: s.GetPartition(), Offset: s.GetOffset()}
	}
	return out
}

// timestamp writes milliseconds since the Unix epoch as RFC 3339, or nothing
// for 0.
func timestamp(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
