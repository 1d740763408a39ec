package faults

import (
	"time"

	"github.com/modelstream/modelserver/faults/check"
)

// Gap is how long no result of a partition was appended.
type Gap struct {
	Partition check.Place // without an offset
	From, To  time.Time
}

// Length is the gap's.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// gaps are the times between consecutive results of each input partition.
type gaps map[check.Place][]time.Time

func gapsOf(in *check.Input) gaps {
	g := gaps{}
	for i := range in.Results {
		r := &in.Results[i]
		from := check.Place{Topic: r.GetSource().GetTopic(), Partition: r.GetSource().GetPartition()}
		g[from] = append(g[from], r.Appended)
	}
	return g
}

// longest returns the longest gap of all partitions that overlaps a time. The
// times of one partition only grow: brokers give them.
func (g gaps) longest(from, to time.Time) (longest Gap) {
	for partition, times := range g {
		for i := 1; i < len(times); i++ {
			if times[i].Before(from) || times[i-1].After(to) {
				continue
			}
			if gap := (Gap{partition, times[i-1], times[i]}); gap.Length() > longest.Length() {
				longest = gap
			}
		}
	}
	return longest
}
