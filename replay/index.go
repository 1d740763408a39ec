package replay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/modelstream/modelserver/record"
)

// Index finds earlier results wherever they lie. It holds the encoded results of
// the ranges, up to a limit.
type Index struct {
	parts      map[partition]*indexed
	format     record.ResultFormat
	Held       int64 // bytes
	unreadable int64
}

type partition struct {
	topic  string
	number int32
}

// indexed is the results of a range by the offset of their record.
type indexed struct {
	rng     Range
	entries map[int64][]entry
}

// entry is a result as it lies on its topic.
type entry struct {
	partition int32
	offset    int64
	payload   []byte
}

// entryBytes is what an entry costs besides its payload.
const entryBytes = 120

// IndexFullError says that the results of the ranges do not fit into the index.
type IndexFullError struct {
	Limit   int64 // bytes
	Results int64 // that were indexed
}

func (e *IndexFullError) Error() string {
	return fmt.Sprintf("the earlier results of these ranges take more than %d bytes (%d results were indexed): replay a smaller range or fewer partitions, or raise the limit",
		e.Limit, e.Results)
}

// Encoded is a result that is not decoded.
type Encoded struct {
	Partition int32
	Offset    int64
	Payload   []byte // kept
}

// NewIndex reads results until next returns io.EOF and keeps those of the ranges.
// limit is in bytes.
func NewIndex(ctx context.Context, format record.ResultFormat, ranges []Range, limit int64, next func(context.Context) ([]Encoded, error)) (*Index, error) {
	x := &Index{parts: map[partition]*indexed{}, format: format}
	for _, r := range ranges {
		x.parts[partition{r.Source.Topic, r.Partition}] = &indexed{rng: r, entries: map[int64][]entry{}}
	}
	kept := int64(0)
	for {
		got, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return x, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range got {
			if x.put(r) {
				kept++
			}
			if x.Held > limit {
				return nil, &IndexFullError{Limit: limit, Results: kept}
			}
		}
	}
}

func (x *Index) put(r Encoded) bool {
	decoded, err := record.DecodeResult(x.format, r.Payload)
	if err != nil {
		x.unreadable++
		return false
	}
	s := decoded.GetSource()
	p := x.parts[partition{s.GetTopic(), s.GetPartition()}]
	if p == nil || s.GetOffset() < p.rng.From || s.GetOffset() >= p.rng.To {
		return false
	}
	p.entries[s.GetOffset()] = append(p.entries[s.GetOffset()], entry{r.Partition, r.Offset, r.Payload})
	x.Held += entryBytes + int64(len(r.Payload))
	return true
}

// of returns what joins the records of a range.
func (x *Index) of(rng Range, dataTypes map[string]bool) *lookup {
	p := x.parts[partition{rng.Source.Topic, rng.Partition}]
	if p == nil {
		p = &indexed{}
	}
	return &lookup{index: x, part: p, dataTypes: dataTypes}
}

// lookup joins records with an index.
type lookup struct {
	index     *Index
	part      *indexed
	dataTypes map[string]bool
}

func (l *lookup) take(_ context.Context, offset int64) ([]Result, error) {
	entries := l.part.entries[offset]
	delete(l.part.entries, offset) // what is left belongs to no record
	return l.decode(entries)
}

func (l *lookup) decode(entries []entry) ([]Result, error) {
	var found []Result
	for _, e := range entries {
		r, err := record.DecodeResult(l.index.format, e.payload)
		if err != nil {
			return nil, err // it was decoded before
		}
		found = append(found, Result{Partition: e.partition, Offset: e.offset, Result: r})
	}
	return found, nil
}

func (l *lookup) end(_ context.Context, s *Summary, cut bool) error {
	s.Unreadable += l.index.unreadable
	l.index.unreadable = 0 // is counted once
	if cut {
		return nil
	}
	for _, entries := range l.part.entries {
		left, err := l.decode(entries)
		if err != nil {
			return err
		}
		for _, r := range left {
			if wanted(l.dataTypes, r) {
				s.Orphans++
			}
		}
	}
	return nil
}
