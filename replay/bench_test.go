package replay_test

import (
	"testing"

	"github.com/modelstream/modelserver/replay"
)

// BenchmarkRun replays and compares records of one partition, JSON in and
// protobuf out, by a model that costs nothing. One operation is a record.
func BenchmarkRun(b *testing.B) {
	w := newWorld()
	d := w.publish("a", "1", 0, 0)
	for range 10_000 {
		w.result(w.record("a", "1", 1), d, "2")
	}
	b.ReportAllocs()
	for done := 0; done < b.N; done += len(w.records) {
		o := w.run(b, func(c *replay.Config, _ *replay.Loading) {
			c.Batch, c.Window, c.Sink = 1024, 16<<10, nil
			c.Limit = int64(min(len(w.records), b.N-done))
		})
		if o.Findings() != 0 {
			b.Fatal("differences")
		}
	}
}
