package actors_test

import (
	"testing"
	"time"

	"github.com/modelstream/modelserver/record"
)

const (
	benchRows     = 512
	benchInFlight = 4 // batches of a data type, as the ingestion has them
)

// scoreBatches sends batches, some at a time, and reports the time of one. The
// model is one addition: what is measured is the way to it and back.
func scoreBatches(b *testing.B, bench *bench, batch func() *record.Batch) {
	b.Helper()
	batches := make([]*record.Batch, benchInFlight)
	for i := range batches {
		batches[i] = batch()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range batches {
		next := *batches[0]
		bench.models.Score(&next, bench.inbox)
	}
	for i := range b.N {
		s := <-bench.scored
		if s.Err != nil {
			b.Fatal(s.Err)
		}
		s.Release()
		next := *batches[i%benchInFlight]
		bench.models.Score(&next, bench.inbox)
	}
	for range batches {
		<-bench.scored
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/record")
}

// BenchmarkScore is a data type as most are: one model at arrival.
func BenchmarkScore(b *testing.B) {
	bench := newBench(b)
	bench.mustServe("add 1")
	scoreBatches(b, bench, func() *record.Batch {
		batch := bench.batch("wine", make([]float64, benchRows)...)
		batch.Deadline = time.Now().Add(time.Hour)
		return batch
	})
}

// BenchmarkScoreByTime has two generations by record time: the records of a batch
// need one of them, or both, half and half or in turn.
func BenchmarkScoreByTime(b *testing.B) {
	for _, c := range []struct {
		name string
		time func(row int) int64
	}{
		{"one", func(int) int64 { return 150_000 }},
		{"halves", func(row int) int64 { return int64(row) * 200_000 / benchRows }},
		{"in-turn", func(row int) int64 { return 50_000 + 100_000*int64(row%2) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			bench := newBench(b)
			bench.mustServe("add 1")
			bench.mustAccept("add 2", 100_000)
			scoreBatches(b, bench, func() *record.Batch {
				batch := bench.batch("wine", make([]float64, benchRows)...)
				batch.Deadline = time.Now().Add(time.Hour)
				for row := range batch.Records {
					batch.Records[row].TimeMS = c.time(row)
				}
				return batch
			})
		})
	}
}
