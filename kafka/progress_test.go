package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// TestCountingIsExact: however the records of a partition are cut into chunks,
// batches and parts, and however often its owner starts again from an earlier
// offset, each record counts once.
func TestCountingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 40
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"good", "error", "malformed"}), n, n).Draw(t, "kinds")
		ns := rapid.SliceOfN(rapid.Uint64Range(1, 100), n, n).Draw(t, "ns")
		dt := &dataType{name: "wine"}
		part := &partition{partitionID: partitionID{"in", 2}, entries: map[string]*entry{}}
		for at := 0; at < n; {
			size := rapid.IntRange(1, n-at).Draw(t, "size")
			part.count(chunkOf(dt, at, kinds[at:at+size], ns[at:at+size]))
			at += size
			if back := rapid.IntRange(0, 2).Draw(t, "owner"); back > 0 {
				stored := part.entries["wine"].message("group")
				part = &partition{partitionID: part.partitionID, entries: map[string]*entry{}}
				part.restore([]*messages.Progress{stored})
				at = max(0, at-rapid.IntRange(0, 10).Draw(t, "back"))
			}
		}
		var want record.Statistics
		for i, kind := range kinds {
			switch kind {
			case "malformed":
				want.DeadLetters++
				continue
			case "error":
				want.Errors++
			}
			want.Add(1, ns[i])
		}
		if got := part.entries["wine"].stats; !proto.Equal(got.Message(), want.Message()) {
			t.Errorf("counted %v\nwant    %v", got.Message(), want.Message())
		}
	})
}

// chunkOf returns a chunk of consecutive records that is scored, as collect
// leaves it. Neighbours with the same time are a part.
func chunkOf(dt *dataType, from int, kinds []string, ns []uint64) *chunk {
	answer := &record.Scored{Payloads: make([]byte, len(kinds))}
	f := &flight{dataType: dt, count: len(kinds)}
	r := run{flight: f, n: len(kinds)}
	c := &chunk{}
	end := int32(0)
	for i, kind := range kinds {
		c.records = append(c.records, &kgo.Record{Offset: int64(from + i)})
		if kind != "good" {
			answer.Failures = append(answer.Failures, model.RowError{Row: i, Err: &model.RecordError{}})
		}
		switch kind {
		case "malformed":
			r.dead++
		case "error":
			r.errors++
			fallthrough
		case "good":
			r.results++
			end++
		}
		answer.Ends = append(answer.Ends, end)
		if k := len(answer.Parts); k > 0 && answer.Parts[k-1].NS == ns[i] {
			answer.Parts[k-1].End = i + 1
		} else {
			answer.Parts = append(answer.Parts, record.Part{End: i + 1, NS: ns[i]})
		}
	}
	f.settle(answer)
	c.runs, c.flights = []run{r}, []*flight{f}
	return c
}
