package main

import (
	"errors"
	"fmt"

	"github.com/modelstream/modelserver/kafka/kafkatest"
	"github.com/modelstream/modelserver/record"
)

// reading collects what the result topic shows.
type reading struct {
	results     []result
	newest      []uint64         // generation of each partition's last result
	swaps       map[uint64]int64 // when a generation's first result was appended, ms
	regressions int              // results of an older generation after a newer one
	err         error
}

type result struct {
	appended int64 // ms
	latency  int32 // ms
}

func newReading(partitions int) *reading {
	return &reading{newest: make([]uint64, partitions), swaps: map[uint64]int64{}}
}

// add takes a result and returns how many there were.
func (r *reading) add(k kafkatest.Record) int {
	res, err := record.DecodeResult(record.ResultProtobuf, k.Value)
	if err == nil && res.GetError() != nil {
		err = errors.New(res.GetError().GetMessage())
	}
	if err != nil {
		r.err = fmt.Errorf("a result: %w", err)
	}
	appended, g := k.Time.UnixMilli(), res.GetGeneration().GetNumber()
	if g < r.newest[k.Partition] {
		r.regressions++
	}
	r.newest[k.Partition] = max(g, r.newest[k.Partition])
	if first, ok := r.swaps[g]; !ok || appended < first {
		r.swaps[g] = appended
	}
	r.results = append(r.results, result{appended: appended, latency: int32(appended - res.GetRecordTimeMs())})
	return len(r.results)
}

// split parts the latencies into those within half a second of a swap and the
// others. The first generation's start and the first second are left out.
func (r *reading) split() (around, between []int32) {
	begin := r.swaps[1] + 1000
	delete(r.swaps, 1)
	for _, x := range r.results {
		if x.appended < begin {
			continue
		}
		near := false
		for _, at := range r.swaps {
			near = near || (x.appended > at-500 && x.appended < at+500)
		}
		if near {
			around = append(around, x.latency)
		} else {
			between = append(between, x.latency)
		}
	}
	return around, between
}
