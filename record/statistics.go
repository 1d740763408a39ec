package record

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// Statistics are sums over results that can be merged, whoever has counted them;
// see messages.RecordStatistics. The zero value is empty.
type Statistics struct {
	Records, Errors, DeadLetters uint64
	Sum, Min, Max                uint64 // nanoseconds
	buckets                      []bucket
}

// bucket is one bucket of the histogram that has something in it. They are
// sorted by number.
type bucket struct {
	number uint32
	count  uint64
}

// bucketOf returns the bucket of a value: exact up to 7, then four to each power
// of two.
func bucketOf(v uint64) uint32 {
	if v < 8 {
		return uint32(v)
	}
	e := bits.Len64(v) - 1
	return uint32(4*e-4) + uint32(v>>(e-2))&3
}

// startOf returns the least value in a bucket.
func startOf(number uint32) uint64 {
	if number < 8 {
		return uint64(number)
	}
	e, m := (number+4)/4, (number+4)%4
	return uint64(4+m) << (e - 2)
}

// maxBuckets is how many buckets there can be: those of 64 bits.
const maxBuckets = 4*64 - 4

// Add counts n results that took so many nanoseconds each.
func (s *Statistics) Add(n, ns uint64) {
	if n == 0 {
		return
	}
	if s.Records == 0 || ns < s.Min {
		s.Min = ns
	}
	s.Max = max(s.Max, ns)
	s.Records += n
	s.Sum += n * ns
	s.fill(bucketOf(ns), n)
}

func (s *Statistics) fill(number uint32, n uint64) {
	i, found := slices.BinarySearchFunc(s.buckets, number, func(b bucket, number uint32) int { return cmp.Compare(b.number, number) })
	if !found {
		s.buckets = slices.Insert(s.buckets, i, bucket{number: number})
	}
	s.buckets[i].count += n
}

// Merge adds what another part has counted.
func (s *Statistics) Merge(t *Statistics) {
	if t.Records > 0 && (s.Records == 0 || t.Min < s.Min) {
		s.Min = t.Min
	}
	s.Max = max(s.Max, t.Max)
	s.Records += t.Records
	s.Errors += t.Errors
	s.DeadLetters += t.DeadLetters
	s.Sum += t.Sum
	for _, b := range t.buckets {
		s.fill(b.number, b.count)
	}
}

// Quantile returns a time that the share q (0 to 1) of the results did not
// exceed, to the histogram's resolution of a quarter of a power of two.
func (s *Statistics) Quantile(q float64) uint64 {
	var seen uint64
	rank := uint64(q * float64(s.Records))
	for _, b := range s.buckets {
		seen += b.count
		if seen > rank || seen == s.Records {
			return min(max(startOf(b.number+1)-1, s.Min), s.Max)
		}
	}
	return 0
}

// StatisticsOf reads a message that may be anybody's: a histogram whose parts do
// not match counts as far as they do.
func StatisticsOf(m *messages.RecordStatistics) Statistics {
	s := Statistics{
		Records: m.GetRecords(), Errors: m.GetErrors(), DeadLetters: m.GetDeadLetters(),
		Sum: m.GetSumNs(), Min: m.GetMinNs(), Max: m.GetMaxNs(),
	}
	counts := m.GetCounts()
	for i, number := range m.GetBuckets() {
		if i < len(counts) && number < maxBuckets {
			s.fill(number, counts[i])
		}
	}
	return s
}

// Message returns the statistics as they are stored.
func (s *Statistics) Message() *messages.RecordStatistics {
	m := &messages.RecordStatistics{
		Records: s.Records, Errors: s.Errors, DeadLetters: s.DeadLetters, SumNs: s.Sum, MinNs: s.Min, MaxNs: s.Max,
	}
	for _, b := range s.buckets {
		m.Buckets = append(m.Buckets, b.number)
		m.Counts = append(m.Counts, b.count)
	}
	return m
}
