package cli

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/node"
	"github.com/modelstream/modelserver/replay"
)

// replayReport prints what a replay finds: differences and the table where they
// were asked for, progress to standard error.
type replayReport struct {
	out, errOut io.Writer
	show, shown int
	told        time.Time
}

// progress tells each second how far a replay has come; a short one says nothing.
func (r *replayReport) progress(p node.ReplayProgress) {
	now := time.Now()
	if r.told.IsZero() {
		r.told = now
	}
	if now.Sub(r.told) < time.Second {
		return
	}
	r.told = now
	line := p.Doing
	if p.Total > 0 {
		line += fmt.Sprintf(", %d %% of %d offsets", 100*p.Done/p.Total, p.Total)
	}
	fmt.Fprintf(r.errOut, "replay: %s, %d records, %d findings\n", line, p.Records, p.Findings)
}

// finding prints one of the first differences.
func (r *replayReport) finding(f *replay.Finding) {
	if r.shown++; r.shown > r.show {
		if r.shown == r.show+1 {
			fmt.Fprintln(r.out, "… more are counted below (--show)")
		}
		return
	}
	what := f.Verdict.String()
	switch {
	case f.Doubled > 0 && f.Verdict < replay.Different:
		what = fmt.Sprintf("doubled: %d results, %s", f.Doubled+1, what)
	case f.Doubled > 0:
		what += fmt.Sprintf(" (and %d results)", f.Doubled+1)
	}
	var details []string
	for i, c := range f.Outputs {
		if i == 8 {
			details = append(details, fmt.Sprintf("… %d more", len(f.Outputs)-i))
			break
		}
		details = append(details, fmt.Sprintf("%s %s → %s", c.Output, exactText(c.Old), exactText(c.New)))
	}
	if f.Reason != "" {
		details = append(details, f.Reason)
	}
	line := fmt.Sprintf("%s/%d@%d %s %s: %s  [%s]", f.Topic, f.Partition, f.Offset,
		cmp.Or(f.DataType, "(no data type)"), what, strings.Join(details, ", "), generations(f.Then, f.Now))
	fmt.Fprintln(r.out, printable(line))
}

// exactText shows a value with all its digits.
func exactText(v *messages.Value) string {
	exact := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	switch k := v.GetKind().(type) {
	case *messages.Value_Number:
		return exact(k.Number)
	case *messages.Value_Numbers:
		var parts []string
		for i, f := range k.Numbers.GetValues() {
			if i == 16 {
				parts = append(parts, "…")
				break
			}
			parts = append(parts, exact(f))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *messages.Value_Label:
		return strconv.Quote(k.Label)
	}
	return valueText(v)
}

// generations shows which generations were compared, once if they are the same.
func generations(then, now *messages.Generation) string {
	a, b := cmp.Or(replay.Label(then), "none"), cmp.Or(replay.Label(now), "none")
	if a == b {
		return a
	}
	return a + " → " + b
}

// summary prints the table and what there is to know besides.
func (r *replayReport) summary(s *replay.Summary, diff bool) {
	if r.shown > 0 {
		fmt.Fprintln(r.out)
	}
	const row = "%-16s  %-40s  %9v  %9v  %9v  %9v  %9v  %9v  %9v  %9v\n"
	if diff {
		fmt.Fprintf(r.out, row, "DATA TYPE", "GENERATION THEN → NOW", "RECORDS", "EQUAL", "DIFFERENT", "ERR NOW", "ERR THEN", "MISSING", "DOUBLED", "NEITHER")
		for _, l := range s.Lines() {
			fmt.Fprintf(r.out, row, printable(cmp.Or(l.DataType, "(none)")), printable(generations(l.Then, l.Now)), l.Records,
				l.Of(replay.Equal), l.Of(replay.Different), l.Of(replay.ErrorNow), l.Of(replay.ErrorThen), l.Of(replay.MissingThen),
				l.Doubled, l.Of(replay.Neither))
		}
	}
	fmt.Fprintf(r.out, "%d records, %d results; generations: %d by their results, %d by the timeline, %d as given\n",
		s.Records, s.Results, s.ByResult, s.ByTimeline, s.ByModel)
	for _, note := range []struct {
		n    int64
		text string
	}{
		{s.Of(replay.Unavailable), "records could not be scored again: their generation cannot be had any more"},
		{s.Orphans, "earlier results have no record any more"},
		{s.Late, "earlier results lie too far from the others to be compared: their records count as missing, or are doubled; try --index"},
		{s.Unreadable, "messages of the results topic are no results"},
	} {
		if note.n > 0 {
			fmt.Fprintf(r.out, "%d %s\n", note.n, note.text)
		}
	}
	if bad := s.Findings(); diff && bad == 0 && s.Records > 0 {
		fmt.Fprintln(r.out, "no differences")
	}
}
