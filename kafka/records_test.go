package kafka

import (
	"slices"
	"testing"
)

func TestResultsKeepTheOrderOfEachPartition(t *testing.T) {
	w := newWorld(t)
	for p := range int32(testPartitions) {
		for i := range 50 { // data types change within the partition
			w.produce(p, []string{"wine", "beer", "tea"}[i%3], numbers(i*10, i*10+10)...)
		}
	}
	in := w.start()
	got := values(w.read("out", testPartitions*500))
	for p := range int32(testPartitions) {
		if !slices.Equal(got[p], numbers(0, 500)) {
			t.Errorf("partition %d: results out of order: %v", p, got[p])
		}
	}
	in.drain(t)
	for p := range int32(testPartitions) {
		if at := w.committed(p); at != 500 {
			t.Errorf("partition %d: committed %d, want 500", p, at)
		}
	}
}
