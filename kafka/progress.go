package kafka

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// entry is the progress of one data type in one partition: which generation has
// scored last, and sums over the records that are done. Its message goes to the
// progress topic with the partition's offset, and the partition's next owner
// goes on from it.
type entry struct {
	part     *partition
	dataType string
	newest   record.Place // of the generations whose results were sent
	counted  int64        // offset after the last record in stats
	stats    statistics
	changed  bool // since it was last written

	pass  uint64 // over a chunk's runs, in which ahead holds
	ahead record.Place
}

// statistics are sums that can be merged; see [messages.RecordStatistics].
type statistics struct {
	records, errors, deadLetters uint64
	sum, min, max                uint64
	histogram                    []bucket // by number
}

// bucket is one bucket of a histogram that has something in it.
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

// add counts n results that took so many nanoseconds each.
func (s *statistics) add(n, ns uint64) {
	if n == 0 {
		return
	}
	if s.records == 0 || ns < s.min {
		s.min = ns
	}
	s.max = max(s.max, ns)
	s.records += n
	s.sum += n * ns
	s.fill(bucketOf(ns), n)
}

func (s *statistics) fill(number uint32, n uint64) {
	i, found := slices.BinarySearchFunc(s.histogram, number, func(b bucket, number uint32) int { return cmp.Compare(b.number, number) })
	if !found {
		s.histogram = slices.Insert(s.histogram, i, bucket{number: number})
	}
	s.histogram[i].count += n
}

// MergeStatistics adds the statistics of one part to those of another.
func MergeStatistics(into, from *messages.RecordStatistics) {
	s, t := statisticsOf(into), statisticsOf(from)
	if t.records > 0 && (s.records == 0 || t.min < s.min) {
		s.min = t.min
	}
	s.max = max(s.max, t.max)
	s.records += t.records
	s.errors += t.errors
	s.deadLetters += t.deadLetters
	s.sum += t.sum
	for _, b := range t.histogram {
		s.fill(b.number, b.count)
	}
	s.fillMessage(into)
}

// statisticsOf reads a message that may be anybody's: a histogram whose parts do
// not match counts as far as they do.
func statisticsOf(m *messages.RecordStatistics) statistics {
	s := statistics{
		records: m.GetRecords(), errors: m.GetErrors(), deadLetters: m.GetDeadLetters(),
		sum: m.GetSumNs(), min: m.GetMinNs(), max: m.GetMaxNs(),
	}
	counts := m.GetCounts()
	for i, number := range m.GetBuckets() {
		if i < len(counts) && number < maxBuckets {
			s.fill(number, counts[i])
		}
	}
	return s
}

// maxBuckets is how many buckets there can be: those of 64 bits.
const maxBuckets = 4*64 - 4

func (s *statistics) fillMessage(m *messages.RecordStatistics) {
	m.Records, m.Errors, m.DeadLetters = s.records, s.errors, s.deadLetters
	m.SumNs, m.MinNs, m.MaxNs = s.sum, s.min, s.max
	m.Buckets, m.Counts = m.Buckets[:0], m.Counts[:0]
	for _, b := range s.histogram {
		m.Buckets = append(m.Buckets, b.number)
		m.Counts = append(m.Counts, b.count)
	}
}

// progressKey is the key of an entry's message.
func progressKey(group string, id partitionID, dataType string) []byte {
	key := make([]byte, 0, len(group)+len(id.topic)+len(dataType)+16)
	key = append(key, group...)
	key = append(key, 0)
	key = append(key, id.topic...)
	key = append(key, 0)
	key = strconv.AppendInt(key, int64(id.partition), 10)
	key = append(key, 0)
	return append(key, dataType...)
}

// message returns an entry as it is stored.
func (e *entry) message(group string) *messages.Progress {
	m := &messages.Progress{
		Group: group, DataType: e.dataType, Statistics: &messages.RecordStatistics{},
		Source: &messages.Source{Topic: e.part.topic, Partition: e.part.partition, Offset: e.counted},
	}
	if e.newest.End != 0 {
		m.Newest = &messages.Generation{Partition: e.newest.Partition, Offset: e.newest.End - 1}
	}
	e.stats.fillMessage(m.Statistics)
	return m
}

func (e *entry) encode(group string) ([]byte, error) { return proto.Marshal(e.message(group)) }

// restore takes over what the partition's last owner has left.
func (p *partition) restore(stored []*messages.Progress) {
	for _, m := range stored {
		e := p.entryOf(m.GetDataType())
		if g := m.GetNewest(); g != nil {
			e.newest = record.Place{Partition: g.GetPartition(), End: g.GetOffset() + 1}
		}
		e.counted = m.GetSource().GetOffset()
		e.stats = statisticsOf(m.GetStatistics())
	}
}

func (p *partition) entryOf(dataType string) *entry {
	e := p.entries[dataType]
	if e == nil {
		e = &entry{part: p, dataType: dataType}
		p.entries[dataType] = e
	}
	return e
}

// entry returns the progress of a data type in a partition. It is remembered
// with the data type, since most calls follow one for the same two.
func (p *partition) entry(dt *dataType) *entry {
	if dt == nil { // the record has none
		return p.entryOf("")
	}
	for int(p.partition) >= len(dt.entries) {
		dt.entries = append(dt.entries, nil)
	}
	e := dt.entries[p.partition]
	if e == nil || e.part != p {
		e = p.entryOf(dt.name)
		dt.entries[p.partition] = e
	}
	return e
}

// count adds a chunk that is done to the statistics of its data types.
func (p *partition) count(c *chunk) {
	for i := range c.runs {
		run := &c.runs[i]
		var dt *dataType
		if run.flight != nil {
			dt = run.flight.dataType
		}
		if run.results == 0 && run.dead == 0 {
			continue // dropped
		}
		p.entry(dt).count(c, run)
	}
}

// count adds a run. Records that are counted already were read again, because
// their offset was not committed when this was.
func (e *entry) count(c *chunk, run *run) {
	last := c.records[run.from+run.n-1].Offset
	if last < e.counted {
		return
	}
	e.changed = true
	var parts []record.Part
	if run.flight != nil && run.flight.answer != nil {
		parts = run.flight.answer.Parts
	}
	if c.records[run.from].Offset >= e.counted && len(parts) <= 1 {
		e.stats.errors += uint64(run.errors)
		e.stats.deadLetters += uint64(run.dead)
		e.stats.add(uint64(run.results), nsOf(parts, 0))
	} else {
		e.countEach(c, run, parts)
	}
	e.counted = last + 1
}

// countEach counts record by record.
func (e *entry) countEach(c *chunk, run *run, parts []record.Part) {
	f := run.flight
	for k := range run.n {
		if c.records[run.from+k].Offset < e.counted {
			continue
		}
		row := run.row + k
		if f == nil || f.answer == nil || len(f.answer.Result(row)) == 0 || slices.Contains(run.refused, int32(run.from+k)) {
			e.stats.deadLetters++
			continue
		}
		e.stats.add(1, nsOf(parts, row))
		if len(f.failuresFrom(row, row+1)) > 0 {
			e.stats.errors++
		}
	}
}

// nsOf returns the scoring time of a row.
func nsOf(parts []record.Part, row int) uint64 {
	for _, p := range parts {
		if row < p.End {
			return p.NS
		}
	}
	return 0
}
