package api

import (
	"context"
	"net/http"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// Progress is what the API asks of the ingestion.
type Progress interface {
	// Progress returns what the whole group has come to, by partition, then by
	// data type: the committed work of all its servers.
	Progress(ctx context.Context) ([]*messages.Progress, error)
}

// groupStatistics are those of a data type, over all partitions and servers.
// Times are of decoding and scoring, per record, in nanoseconds; quantiles are
// exact to a quarter of a power of two.
type groupStatistics struct {
	DataType    string              `json:"dataType"` // "": records that do not say theirs
	Records     uint64              `json:"records"`  // that have a result
	Errors      uint64              `json:"errors"`   // of these, results that carry an error
	DeadLetters uint64              `json:"deadLetters"`
	MeanNanos   float64             `json:"meanNanos"`
	MinNanos    uint64              `json:"minNanos"`
	MaxNanos    uint64              `json:"maxNanos"`
	P50Nanos    uint64              `json:"p50Nanos"`
	P99Nanos    uint64              `json:"p99Nanos"`
	Partitions  []partitionProgress `json:"partitions"`
}

// partitionProgress is how far a partition is for a data type.
type partitionProgress struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`         // after the last record that is counted
	Newest    *int64 `json:"newestModel"`    // the models topic's offset of the newest generation that has scored here
	Records   uint64 `json:"records"`        // that have a result
	Letters   uint64 `json:"deadLetters"`    // records that only have a dead letter
	Errors    uint64 `json:"errors"`         // results that carry an error
	SumNanos  uint64 `json:"sumNanos"`       // of the times of all results
	MaxNanos  uint64 `json:"maxNanos"`       // the greatest of them
	Group     string `json:"group,omitzero"` // the consumer group
}

// statistics answers with exact statistics of the whole group: they are written
// together with the offsets, so no fault counts twice or not at all.
func (h *handler) statistics(w http.ResponseWriter, r *http.Request) {
	all, err := h.Config.Progress.Progress(r.Context())
	if err != nil {
		h.failAsking(w, r, err)
		return
	}
	name, one := r.PathValue("dataType"), r.PathValue("dataType") != ""
	list := mergeProgress(all, func(dataType string) bool { return !one || dataType == name })
	switch {
	case !one:
		answer(w, http.StatusOK, map[string][]groupStatistics{"dataTypes": list})
	case len(list) == 0:
		fail(w, http.StatusNotFound, "no record of this data type was scored yet")
	default:
		answer(w, http.StatusOK, list[0])
	}
}

// mergeProgress sums up over partitions. Data types come in the order in which
// they are first met: sorted, as partitions have them sorted.
func mergeProgress(all []*messages.Progress, wanted func(dataType string) bool) []groupStatistics {
	list := []groupStatistics{}
	var sums []record.Statistics
	at := map[string]int{}
	for _, p := range all {
		if !wanted(p.GetDataType()) {
			continue
		}
		i, known := at[p.GetDataType()]
		if !known {
			i = len(list)
			at[p.GetDataType()] = i
			list = append(list, groupStatistics{DataType: p.GetDataType()})
			sums = append(sums, record.Statistics{})
		}
		s := record.StatisticsOf(p.GetStatistics())
		sums[i].Merge(&s)
		part := partitionProgress{
			Topic: p.GetSource().GetTopic(), Partition: p.GetSource().GetPartition(), Offset: p.GetSource().GetOffset(),
			Records: s.Records, Letters: s.DeadLetters, Errors: s.Errors, SumNanos: s.Sum, MaxNanos: s.Max, Group: p.GetGroup(),
		}
		if g := p.GetNewest(); g != nil {
			offset := g.GetOffset()
			part.Newest = &offset
		}
		list[i].Partitions = append(list[i].Partitions, part)
	}
	for i := range list {
		s, d := &sums[i], &list[i]
		d.Records, d.Errors, d.DeadLetters, d.MinNanos, d.MaxNanos = s.Records, s.Errors, s.DeadLetters, s.Min, s.Max
		d.P50Nanos, d.P99Nanos = s.Quantile(0.5), s.Quantile(0.99)
		if s.Records > 0 {
			d.MeanNanos = float64(s.Sum) / float64(s.Records)
		}
	}
	return list
}
