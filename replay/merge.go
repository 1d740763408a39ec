package replay

import (
	"context"
	"errors"
	"io"
)

// merge joins records with results that lie in the records' order. It holds a
// window of results: those of the record at hand and of later ones.
type merge struct {
	results   Results
	rng       Range
	size      int
	dataTypes map[string]bool

	fetched []Result // and not yet looked at
	over    bool     // there are no more results
	window  map[int64][]Result
	held    int   // results in the window
	beyond  int   // results seen that belong to records after the range
	next    int64 // the least offset that may still be asked for

	late, unreadable, orphans int64
}

func newMerge(results Results, rng Range, size int, dataTypes map[string]bool) *merge {
	return &merge{
		results: results, rng: rng, size: size, dataTypes: dataTypes,
		window: map[int64][]Result{}, next: rng.From,
	}
}

// take returns the results of a record, in their order. Offsets must increase.
func (m *merge) take(ctx context.Context, offset int64) ([]Result, error) {
	m.pass(offset)
	if err := m.fill(ctx); err != nil {
		return nil, err
	}
	found := m.window[offset]
	delete(m.window, offset)
	m.held -= len(found)
	m.next = offset + 1
	return found, nil
}

// pass drops what belongs to offsets below this one that had no record.
func (m *merge) pass(offset int64) {
	if offset-m.next > int64(len(m.window)) {
		for at := range m.window {
			if at < offset {
				m.drop(at)
			}
		}
	}
	for at := max(m.next, offset-int64(len(m.window))); at < offset; at++ {
		m.drop(at)
	}
	m.next = max(m.next, offset)
}

func (m *merge) drop(offset int64) {
	for _, r := range m.window[offset] {
		if wanted(m.dataTypes, r) {
			m.orphans++
		}
	}
	m.held -= len(m.window[offset])
	delete(m.window, offset)
}

// fill reads results until the window is full, or so many beyond the range were
// seen.
func (m *merge) fill(ctx context.Context) error {
	for !m.over && m.held < m.size && m.beyond < m.size {
		if len(m.fetched) == 0 {
			got, err := m.results.Next(ctx)
			if errors.Is(err, io.EOF) {
				m.over = true
				return nil
			}
			if err != nil {
				return err
			}
			m.fetched = got
			continue
		}
		m.put(m.fetched[0])
		m.fetched = m.fetched[1:]
	}
	return nil
}

func (m *merge) put(r Result) {
	if r.Err != nil {
		m.unreadable++
		return
	}
	source := r.Result.GetSource()
	if source.GetTopic() != m.rng.Source.Topic || source.GetPartition() != m.rng.Partition {
		return
	}
	switch at := source.GetOffset(); {
	case at < m.rng.From:
	case at >= m.rng.To:
		m.beyond++
	case at < m.next:
		if wanted(m.dataTypes, r) {
			m.late++
		}
	default:
		m.window[at] = append(m.window[at], r)
		m.held++
	}
}

// end counts the results that no record has claimed.
func (m *merge) end(ctx context.Context, s *Summary, cut bool) error {
	if !cut {
		m.pass(m.rng.To)
		for !m.over && m.beyond < m.size {
			if err := m.fill(ctx); err != nil {
				return err
			}
		}
	}
	s.Late += m.late
	s.Orphans += m.orphans
	s.Unreadable += m.unreadable
	return nil
}

// wanted says that a result's data type is among those that are replayed.
func wanted(dataTypes map[string]bool, r Result) bool {
	return len(dataTypes) == 0 || dataTypes[r.Result.GetDataType()]
}
