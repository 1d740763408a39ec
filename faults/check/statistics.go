package check

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/messages"
)

// sums are the statistics of a stream, or of several.
type sums struct {
	records, errors, letters uint64
	sum, least, most         uint64
	counts                   map[uint32]uint64
	newest                   int64 // offset of the newest generation
	end                      int64 // after the last record
}

// result counts one.
func (s *sums) result(r *Result) {
	ns := r.GetScoringNs()
	if s.records == 0 || ns < s.least {
		s.least = ns
	}
	s.most = max(s.most, ns)
	s.records++
	s.sum += ns
	if r.GetError() != nil {
		s.errors++
	}
	s.counts[bucket(ns)]++
	s.newest = max(s.newest, r.GetGeneration().GetOffset())
}

// bucket is where RecordStatistics counts a time: itself up to 7, from there on
// a quarter of a power of two.
func bucket(ns uint64) uint32 {
	if ns < 8 {
		return uint32(ns)
	}
	e := bits.Len64(ns) - 1
	return uint32(4*e-4) + uint32(ns>>(e-2)&3)
}

// statistics compares what the servers counted with the results, for each
// stream and summed up over all.
func (c *checker) statistics() {
	if c.in.Progress == nil {
		return
	}
	want := c.counted()
	got := map[stream]*messages.Progress{}
	for _, p := range c.in.Progress {
		key := stream{Place{Topic: p.GetSource().GetTopic(), Partition: p.GetSource().GetPartition()}, p.GetDataType()}
		if got[key] != nil {
			c.report.add(WrongStatistics, "%v of %s has two messages", key.partition, key.dataType)
		}
		got[key] = p
	}
	all := &sums{counts: map[uint32]uint64{}}
	merged := &sums{counts: map[uint32]uint64{}}
	for _, key := range sorted(want, compareStreams) {
		all.merge(want[key])
		p := got[key]
		if p == nil {
			c.report.add(WrongStatistics, "%v of %s has no progress message and %d records", key.partition, key.dataType, want[key].records)
			continue
		}
		delete(got, key)
		c.report.Statistics++
		s := sumsOf(p)
		merged.merge(s)
		if diff := want[key].differ(s); diff != "" {
			c.report.add(WrongStatistics, "%v of %s: %s", key.partition, key.dataType, diff)
		}
	}
	for _, key := range sorted(got, compareStreams) {
		c.report.add(WrongStatistics, "%v of %s has a progress message and no outcomes", key.partition, key.dataType)
	}
	if diff := all.differ(merged); diff != "" {
		c.report.add(WrongStatistics, "all together: %s", diff)
	}
}

func compareStreams(a, b stream) int {
	return cmp.Or(cmp.Compare(a.partition.Topic, b.partition.Topic), cmp.Compare(a.partition.Partition, b.partition.Partition),
		cmp.Compare(a.dataType, b.dataType))
}

// counted makes the statistics anew from the results and dead letters.
func (c *checker) counted() map[stream]*sums {
	want := map[stream]*sums{}
	for i := range c.in.Records {
		rec := c.records[c.in.Records[i].Place]
		key := stream{rec.partition(), rec.DataType}
		if want[key] == nil {
			want[key] = &sums{counts: map[uint32]uint64{}, newest: -1}
		}
		s := want[key]
		switch {
		case rec.result != nil:
			s.result(rec.result)
		case rec.letters > 0:
			s.letters++
		}
		s.end = max(s.end, rec.Offset+1)
	}
	return want
}

// sumsOf reads a progress message.
func sumsOf(p *messages.Progress) *sums {
	st := p.GetStatistics()
	s := &sums{
		records: st.GetRecords(), errors: st.GetErrors(), letters: st.GetDeadLetters(),
		sum: st.GetSumNs(), least: st.GetMinNs(), most: st.GetMaxNs(), counts: map[uint32]uint64{},
		newest: -1, end: p.GetSource().GetOffset(),
	}
	if p.GetNewest() != nil {
		s.newest = p.GetNewest().GetOffset()
	}
	for i, b := range st.GetBuckets() {
		if i < len(st.GetCounts()) {
			s.counts[b] += st.GetCounts()[i]
		}
	}
	return s
}

func (s *sums) merge(o *sums) {
	if s.records == 0 || o.records > 0 && o.least < s.least {
		s.least = o.least
	}
	s.records += o.records
	s.errors += o.errors
	s.letters += o.letters
	s.sum += o.sum
	s.most = max(s.most, o.most)
	for b, n := range o.counts {
		s.counts[b] += n
	}
}

// differ says how other differs from what was counted, or "".
func (s *sums) differ(other *sums) string {
	var diff []string
	note := func(what string, want, got any) {
		diff = append(diff, fmt.Sprintf("%s is %v, not %v", what, got, want))
	}
	for _, f := range []struct {
		what      string
		want, got uint64
	}{
		{"records", s.records, other.records},
		{"errors", s.errors, other.errors},
		{"dead_letters", s.letters, other.letters},
		{"sum_ns", s.sum, other.sum},
		{"min_ns", s.least, other.least},
		{"max_ns", s.most, other.most},
	} {
		if f.want != f.got {
			note(f.what, f.want, f.got)
		}
	}
	if s.newest != other.newest {
		note("the newest generation's offset", s.newest, other.newest)
	}
	if other.end < s.end {
		note("the offset", s.end, other.end)
	}
	if !maps.Equal(s.counts, other.counts) {
		note("the histogram", s.histogram(), other.histogram())
	}
	return strings.Join(diff, "; ")
}

func (s *sums) histogram() string {
	text := ""
	for _, b := range slices.Sorted(maps.Keys(s.counts)) {
		text += fmt.Sprintf(" %d:%d", b, s.counts[b])
	}
	return "[" + text + " ]"
}
