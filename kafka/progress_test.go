package kafka

import (
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		value uint64
		want  uint32
	}{
		{0, 0}, {1, 1}, {7, 7}, {8, 8}, {9, 8}, {10, 9}, {15, 11}, {16, 12}, {19, 12}, {20, 13}, {1 << 20, 76}, {math.MaxUint64, maxBuckets - 1},
	} {
		if got := bucketOf(c.value); got != c.want {
			t.Errorf("bucket of %d is %d, want %d", c.value, got, c.want)
		}
	}
}

// TestBucketBounds: a bucket begins where the schema says.
func TestBucketBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64().Draw(t, "value")
		start := func(b uint32) uint64 {
			if b < 8 {
				return uint64(b)
			}
			e, m := (b+4)/4, (b+4)%4
			return uint64(4+m) << (e - 2)
		}
		b := bucketOf(v)
		if v < start(b) || b < maxBuckets-1 && v >= start(b+1) {
			t.Errorf("%d is in bucket %d, from %d to %d", v, b, start(b), start(b+1))
		}
	})
}

// TestStatisticsMerge: what is counted in parts and merged, or stored and
// restored in between, equals what is counted in one.
func TestStatisticsMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole statistics
		merged := &messages.RecordStatistics{}
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			var part statistics
			for _, v := range rapid.SliceOf(rapid.Uint64Max(1<<40)).Draw(t, "values") {
				n := rapid.Uint64Range(0, 3).Draw(t, "times")
				whole.add(n, v)
				part.add(n, v)
			}
			stored := &messages.RecordStatistics{}
			part.fillMessage(stored)
			MergeStatistics(merged, stored)
		}
		want := &messages.RecordStatistics{}
		whole.fillMessage(want)
		if !proto.Equal(merged, want) {
			t.Errorf("merged %v, want %v", merged, want)
		}
	})
}

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
		var want statistics
		for i, kind := range kinds {
			switch kind {
			case "malformed":
				want.deadLetters++
				continue
			case "error":
				want.errors++
			}
			want.add(1, ns[i])
		}
		got := part.entries["wine"].stats
		if !slices.Equal(got.histogram, want.histogram) || got.records != want.records || got.errors != want.errors ||
			got.deadLetters != want.deadLetters || got.sum != want.sum || got.min != want.min || got.max != want.max {
			t.Errorf("counted %+v\nwant    %+v", got, want)
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
