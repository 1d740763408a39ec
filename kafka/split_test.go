package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/record"
)

// TestSplit: whatever a poll brings, each record goes to exactly one place, in
// order, and batches keep to their size and their data type.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batchMax := rapid.IntRange(1, 8).Draw(t, "batch records")
		var topics []Topic
		for i := range 2 {
			topics = append(topics, Topic{Config: TopicConfig{Topic: fmt.Sprint("t", i), DataType: DataTypeRule{From: FromKey}}, Format: record.JSON()})
		}
		s, err := newSplitter(topics, batchMax)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "polls") {
			checkSplit(t, s.split(drawFetches(t)), batchMax)
		}
	})
}

func drawFetches(t *rapid.T) kgo.Fetches {
	var fetches kgo.Fetches
	for range rapid.IntRange(1, 2).Draw(t, "brokers") {
		var f kgo.Fetch
		for topic := range 2 {
			ft := kgo.FetchTopic{Topic: fmt.Sprint("t", topic)}
			for partition := range rapid.Int32Range(0, 3).Draw(t, "partitions") {
				fp := kgo.FetchPartition{Partition: partition}
				offset := rapid.Int64Range(0, 9).Draw(t, "offset")
				for range rapid.IntRange(0, 12).Draw(t, "records") {
					fp.Records = append(fp.Records, &kgo.Record{
						Topic: ft.Topic, Partition: partition, Offset: offset,
						Key:   []byte(rapid.SampledFrom([]string{"", "wine", "beer", "\xff"}).Draw(t, "key")),
						Value: []byte(rapid.SampledFrom([]string{"", "x"}).Draw(t, "value")),
					})
					offset += rapid.Int64Range(1, 2).Draw(t, "gap")
				}
				ft.Partitions = append(ft.Partitions, fp)
			}
			f.Topics = append(f.Topics, ft)
		}
		fetches = append(fetches, f)
	}
	return fetches
}

func checkSplit(t *rapid.T, p *polled, batchMax int) {
	filled := map[*flight]int{}
	total := 0
	for _, c := range p.chunks {
		next := 0
		waits := map[*flight]bool{}
		for _, r := range c.runs {
			if r.from != next {
				t.Fatalf("a run begins at record %d, want %d", r.from, next)
			}
			next += r.n
			for i := r.from; i < r.from+r.n; i++ {
				in := c.records[i]
				scorable := len(in.Value) > 0 && (string(in.Key) == "wine" || string(in.Key) == "beer")
				if scorable != (r.flight != nil) || scorable == (r.rejected != nil) {
					t.Fatalf("record with key %q and value %q: flight %v, rejection %v", in.Key, in.Value, r.flight != nil, r.rejected)
				}
				if !scorable {
					continue
				}
				raw := r.flight.records[r.row+i-r.from]
				if raw.Offset != in.Offset || raw.Partition != in.Partition || r.flight.dataType.name != string(in.Key) || r.flight.source.Topic != in.Topic {
					t.Fatalf("record %s/%d/%d is row %+v of a batch of %s", in.Topic, in.Partition, in.Offset, raw, r.flight.dataType.name)
				}
			}
			if r.flight != nil {
				waits[r.flight] = true
				filled[r.flight] += r.n
			}
		}
		if next != len(c.records) || c.unscored != len(waits) {
			t.Fatalf("%d of %d records have a place; the chunk waits for %d of %d batches", next, len(c.records), c.unscored, len(waits))
		}
		if c.first != c.records[0].Offset || c.end != c.records[len(c.records)-1].Offset+1 {
			t.Fatalf("the chunk spans [%d, %d)", c.first, c.end)
		}
		total += next
	}
	if total != p.records {
		t.Fatalf("%d records in chunks, %d counted", total, p.records)
	}
	for _, f := range p.flights {
		if n := len(f.records); n == 0 || n > batchMax || filled[f] != n || f.dataType.open != nil {
			t.Fatalf("a batch of %d records, %d of them filled, at most %d allowed", n, filled[f], batchMax)
		}
		delete(filled, f)
	}
	if len(filled) > 0 {
		t.Fatal("rows of a batch that is not sent")
	}
}
