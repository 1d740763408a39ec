package kafka

import (
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
	stats    record.Statistics
	changed  bool // since it was last written

	pass  uint64 // over a chunk's runs, in which ahead holds
	ahead record.Place
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
		Group: group, DataType: e.dataType, Statistics: e.stats.Message(),
		Source: &messages.Source{Topic: e.part.topic, Partition: e.part.partition, Offset: e.counted},
	}
	if e.newest.End != 0 {
		m.Newest = &messages.Generation{Partition: e.newest.Partition, Offset: e.newest.End - 1}
	}
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
		e.stats = record.StatisticsOf(m.GetStatistics())
	}
}

// changed appends the entries that have changed since they were last written.
func (p *partition) changed(to []*entry) []*entry {
	for _, e := range p.entries {
		if e.changed {
			to = append(to, e)
		}
	}
	return to
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
		e.stats.Errors += uint64(run.errors)
		e.stats.DeadLetters += uint64(run.dead)
		e.stats.Add(uint64(run.results), partOf(parts, 0).NS)
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
		if slices.Contains(run.dropped, int32(run.from+k)) {
			continue
		}
		if f == nil || f.answer == nil || len(f.answer.Result(row)) == 0 || slices.Contains(run.refused, int32(run.from+k)) {
			e.stats.DeadLetters++
			continue
		}
		e.stats.Add(1, partOf(parts, row).NS)
		if len(f.failuresFrom(row, row+1)) > 0 {
			e.stats.Errors++
		}
	}
}
