package plan

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plan is faults in the order in which they begin.
type Plan []Fault

// maxFaults bounds what is read.
const maxFaults = 100_000

// String is the plan as [Parse] reads it.
func (p Plan) String() string {
	var b strings.Builder
	for _, f := range p {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// sort puts faults in order; those of one moment keep theirs.
func (p Plan) sort() {
	slices.SortStableFunc(p, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
}

// End is when the last fault is over.
func (p Plan) End() (end time.Duration) {
	for _, f := range p {
		end = max(end, f.Until())
	}
	return end
}

// Count is how many faults of a kind happen to a party.
func (p Plan) Count(kind Kind, party Party) (n int) {
	for _, f := range p {
		if f.Kind == kind && f.Party == party {
			n++
		}
	}
	return n
}

// Parse reads a plan, as the package comment describes it.
func Parse(r io.Reader) (Plan, error) {
	var p Plan
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err == nil {
			err = f.Validate()
		}
		if err != nil {
			return nil, fmt.Errorf("plan, line %d: %w", n, err)
		}
		if p = append(p, f); len(p) > maxFaults {
			return nil, fmt.Errorf("plan, line %d: more than %d faults", n, maxFaults)
		}
	}
	p.sort()
	return p, lines.Err()
}

// parseFault reads the words of a line: time, kind, party, number, for cuts side
// and way, and "for" a time.
func parseFault(words []string) (f Fault, err error) {
	if len(words) < 4 {
		return f, fmt.Errorf("%q is no fault; it is like \"12s kill server 1 for 2s\"", strings.Join(words, " "))
	}
	if f.At, err = time.ParseDuration(words[0]); err != nil {
		return f, err
	}
	f.Kind, f.Party = Kind(words[1]), Party(words[2])
	if f.Number, err = strconv.Atoi(words[3]); err != nil {
		return f, fmt.Errorf("%q is no number of a %s", words[3], f.Party)
	}
	rest := words[4:]
	if f.Kind == Cut {
		if len(rest) < 2 {
			return f, fmt.Errorf("a cut needs a side and a way, like \"cut server 1 both reset for 2s\"")
		}
		f.Side, f.Way, rest = Side(rest[0]), Way(rest[1]), rest[2:]
	}
	if f.Kind != Start {
		if len(rest) < 2 || rest[0] != "for" {
			return f, fmt.Errorf("%q does not say for how long", strings.Join(words, " "))
		}
		if f.For, err = time.ParseDuration(rest[1]); err != nil {
			return f, err
		}
		rest = rest[2:]
	}
	if len(rest) > 0 {
		return f, fmt.Errorf("%q has no meaning here", strings.Join(rest, " "))
	}
	return f, nil
}
