package record

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
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
		b := bucketOf(v)
		if v < startOf(b) || b < maxBuckets-1 && v >= startOf(b+1) {
			t.Errorf("%d is in bucket %d, from %d to %d", v, b, startOf(b), startOf(b+1))
		}
	})
}

// TestStatisticsMerge: what is counted in parts and merged, or stored and
// restored in between, equals what is counted in one.
func TestStatisticsMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole, merged Statistics
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			var part Statistics
			for _, v := range rapid.SliceOf(rapid.Uint64Max(1<<40)).Draw(t, "values") {
				n := rapid.Uint64Range(0, 3).Draw(t, "times")
				whole.Add(n, v)
				part.Add(n, v)
			}
			restored := StatisticsOf(part.Message())
			merged.Merge(&restored)
		}
		if !proto.Equal(merged.Message(), whole.Message()) {
			t.Errorf("merged %v, want %v", merged.Message(), whole.Message())
		}
	})
}

// TestQuantile: at least the share lies at or below it, and no more than the
// resolution of the histogram too high.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 1, 100).Draw(t, "values")
		var s Statistics
		for _, v := range values {
			s.Add(1, v)
		}
		slices.Sort(values)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		exact := values[min(len(values)-1, int(q*float64(len(values))))]
		if got := s.Quantile(q); got < exact || got > exact+exact/4+1 {
			t.Errorf("quantile %v is %d, exactly %d", q, got, exact)
		}
	})
}
