package replay

import (
	"cmp"
	"maps"
	"slices"

	"github.com/modelstream/modelserver/messages"
)

// MaxLines bounds the lines of a summary: data types are what strangers write.
// What has no line of its own is counted under [OtherLines].
const MaxLines = 1000

// OtherLines is the data type of the line of everything that has none.
const OtherLines = "(others)"

// Summary is what came of a replay.
type Summary struct {
	Records    int64 // replayed
	Results    int64 // made
	ByResult   int64 // records whose generation their earlier result names
	ByTimeline int64 // records whose generation the timeline gives
	ByModel    int64 // records of the given model

	Doubled    int64 // records with more than one earlier result
	Late       int64 // earlier results too far from the others to be joined
	Orphans    int64 // earlier results whose record is not there any more
	Unreadable int64 // messages of the results topic that are no results

	lines map[lineKey]*Line
}

// Line is the records of one data type with one generation then and now.
type Line struct {
	DataType  string
	Then, Now *messages.Generation // nil: none
	Records   int64
	Verdicts  [verdicts]int64
	Doubled   int64
}

// Of returns how many records have a verdict.
func (l *Line) Of(v Verdict) int64 { return l.Verdicts[v] }

// lineKey is what makes a line. Servers count generations each for itself, so
// numbers do not.
type lineKey struct {
	dataType  string
	then, now generationKey
}

type generationKey struct {
	known bool
	Place
	sha256 string
}

func keyOf(g *messages.Generation) generationKey {
	if g == nil {
		return generationKey{}
	}
	return generationKey{true, Place{g.GetPartition(), g.GetOffset()}, g.GetSha256()}
}

func newSummary() *Summary { return &Summary{lines: map[lineKey]*Line{}} }

func (s *Summary) count(f *Finding, by AsOf) {
	switch by {
	case AsOfResults:
		s.ByResult++
	case AsOfTimeline:
		s.ByTimeline++
	case AsOfModel:
		s.ByModel++
	}
	key := lineKey{f.DataType, keyOf(f.Then), keyOf(f.Now)}
	l := s.lines[key]
	if l == nil {
		if len(s.lines) >= MaxLines {
			key = lineKey{dataType: OtherLines}
		}
		if l = s.lines[key]; l == nil {
			l = &Line{DataType: key.dataType}
			if key.dataType == f.DataType {
				l.Then, l.Now = f.Then, f.Now
			}
			s.lines[key] = l
		}
	}
	l.Records++
	l.Verdicts[f.Verdict]++
	if f.Doubled > 0 {
		l.Doubled++
		s.Doubled++
	}
}

// Of returns how many records have a verdict.
func (s *Summary) Of(v Verdict) int64 {
	n := int64(0)
	for _, l := range s.lines {
		n += l.Verdicts[v]
	}
	return n
}

// Findings is the number of records whose result is not the one that was given,
// or could not be compared, without those whose only fault is to have several.
func (s *Summary) Findings() int64 {
	n := int64(0)
	for v := Different; v < verdicts; v++ {
		n += s.Of(v)
	}
	return n
}

// Lines returns the lines, by data type and then in the order of the models.
func (s *Summary) Lines() []*Line {
	lines := slices.Collect(maps.Values(s.lines))
	slices.SortFunc(lines, func(a, b *Line) int {
		return cmp.Or(cmp.Compare(a.DataType, b.DataType), compare(a.Then, b.Then), compare(a.Now, b.Now))
	})
	return lines
}

func compare(a, b *messages.Generation) int {
	x, y := keyOf(a), keyOf(b)
	switch {
	case x.known != y.known:
		if x.known {
			return 1
		}
		return -1
	case x.Partition != y.Partition:
		return cmp.Compare(x.Partition, y.Partition)
	}
	return cmp.Or(cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.sha256, y.sha256))
}
