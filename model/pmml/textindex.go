package pmml

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// textExpr counts a term in a text (DMG 4.4, Text Index). The text of a row is
// normalized and split once, however many terms ask for it.
type textExpr struct {
	id        int // of the frame's cache
	field     expr
	term      expr
	rules     []textRules
	split     *regexp.Regexp // what separates words; or
	match     *regexp.Regexp // what a word is
	weights   string
	exactCase bool
	distance  int
	best      bool
	whole     bool // the text is one word, and the term likewise
}

// textRules is a TextIndexNormalization.
type textRules struct {
	replace   []textRule
	recursive bool
}

type textRule struct {
	pattern *regexp.Regexp
	with    string
}

// maxRewrites bounds a recursive normalization, which need not end.
const maxRewrites = 100

// tokens is a row's text in the frame's cache.
type tokens struct {
	text  string
	words []string
	set   bool
}

func (s *scope) textIndex(e *document.TextIndex, p params) expr {
	t := &textExpr{
		id: s.c.plan.texts, field: s.operand(e.TextField, e, p), term: s.expr(e.Expression, p),
		weights: e.LocalTermWeights, exactCase: e.IsCaseSensitive, distance: e.MaxLevenshteinDistance,
		best: e.CountHits == "bestHits", whole: !e.Tokenize,
	}
	s.c.plan.texts++
	if e.MaxLevenshteinDistance < 0 || e.MaxLevenshteinDistance > 100 {
		s.c.refuseAttr(e, "maxLevenshteinDistance", "%d is not between 0 and 100", e.MaxLevenshteinDistance)
	}
	if e.WordRE.Set {
		t.match = s.pattern(e, e.WordRE.V, true)
	} else {
		t.split = s.pattern(e, e.WordSeparatorCharacters, true)
	}
	for _, n := range e.Normalizations {
		t.rules = append(t.rules, s.textRules(e, n))
	}
	return t
}

func (s *scope) pattern(at document.Located, p string, exactCase bool) *regexp.Regexp {
	if !exactCase {
		p = "(?i)" + p
	}
	return s.c.pattern(at, p)
}

func (s *scope) textRules(e *document.TextIndex, n *document.TextIndexNormalization) textRules {
	if n.MaxLevenshteinDistance.Or(0) != 0 {
		s.c.refuseAttr(n, "maxLevenshteinDistance", "only 0 is supported: the standard leaves open what of the text is replaced")
	}
	exactCase := n.IsCaseSensitive.Or(e.IsCaseSensitive)
	rules := textRules{recursive: n.Recursive}
	for i := range n.Table.Rows {
		row := &n.Table.Rows[i]
		at := document.Pos{Element: "row", Line: row.Line}
		in, ok := row.Get(n.InField)
		if !ok {
			s.c.refuse(at, "column %q is missing", n.InField)
		}
		out, ok := row.Get(n.OutField)
		if !ok {
			s.c.refuse(at, "column %q is missing", n.OutField)
		}
		if isRegex, _ := row.TrimmedGet(n.RegexField); !strings.EqualFold(isRegex, "true") {
			in = regexp.QuoteMeta(in)
		}
		rules.replace = append(rules.replace, textRule{s.pattern(at, in, exactCase), replacement(out)})
	}
	return rules
}

func (e *textExpr) typ() dataType {
	if e.weights == "termFrequency" || e.weights == "binary" {
		return tInteger
	}
	return tDouble
}

func (e *textExpr) eval(f *frame, row int32) value {
	doc, term := e.field.eval(f, row), e.term.eval(f, row)
	switch {
	case doc.isFailed():
		return doc
	case term.isFailed():
		return term
	case doc.isMissing() || term.isMissing():
		return missing
	}
	words, wrong := e.words(f, row, doc.format())
	if wrong.isFailed() {
		return wrong
	}
	hits := e.count(words, e.terms(f, term.format()))
	switch e.weights {
	case "binary":
		return integer(math.Min(1, float64(hits)))
	case "logarithmic":
		return number(math.Log10(1 + float64(hits)))
	case "augmentedNormalizedTermFrequency":
		if hits == 0 {
			return number(0)
		}
		return number(0.5 * (1 + float64(hits)/float64(mostFrequent(words))))
	}
	return integer(float64(hits))
}

func mostFrequent(words []string) int {
	counts := map[string]int{}
	most := 1
	for _, w := range words {
		counts[w]++
		most = max(most, counts[w])
	}
	return most
}

// words splits a row's text, or finds it in the cache. A text that cannot be
// normalized is a failure.
func (e *textExpr) words(f *frame, row int32, s string) (words []string, wrong value) {
	c := &f.texts[e.id][row]
	if !c.set || c.text != s {
		normal := s
		for i := range e.rules {
			if normal, wrong = e.rules[i].apply(normal); wrong.isFailed() {
				return nil, wrong
			}
		}
		*c = tokens{text: strings.Clone(s), words: e.tokenize(normal), set: true}
	}
	return c.words, missing
}

// terms splits a term; terms are few and come again and again.
func (e *textExpr) terms(f *frame, s string) []string {
	cache := f.terms[e.id]
	t, ok := cache[s]
	if !ok {
		t = e.tokenize(s)
		if cache == nil {
			cache = map[string][]string{}
			f.terms[e.id] = cache
		}
		if len(cache) < 100_000 {
			cache[strings.Clone(s)] = t
		}
	}
	return t
}

// apply rewrites a text, a recursive one until nothing changes.
func (r *textRules) apply(s string) (rewritten string, wrong value) {
	for range maxRewrites {
		before := s
		var ok bool
		for i := range r.replace {
			if s, ok = replaceAll(r.replace[i].pattern, s, r.replace[i].with); !ok {
				return "", tooLong
			}
		}
		if !r.recursive || s == before {
			return s, missing
		}
	}
	return "", failure("text: is still not normal after " + strconv.Itoa(maxRewrites) + " rounds of a recursive normalization")
}

func (e *textExpr) tokenize(s string) []string {
	if !e.exactCase {
		s = strings.ToLower(s)
	}
	if e.whole {
		return []string{s}
	}
	if e.match != nil {
		return e.match.FindAllString(s, -1)
	}
	var words []string
	for _, w := range e.split.Split(s, -1) {
		if w = strings.TrimFunc(w, unicode.IsPunct); w != "" {
			words = append(words, w)
		}
	}
	return words
}

// count counts the places where the term's words stand, within the allowed
// distance; with bestHits only those of the least distance.
func (e *textExpr) count(words, term []string) int {
	if len(term) == 0 {
		return 0
	}
	hits, least := 0, math.MaxInt
	for i := 0; i+len(term) <= len(words); i++ {
		d, ok := 0, true
		for j := 0; ok && j < len(term); j++ {
			var k int
			k, ok = distance(words[i+j], term[j], e.distance-d)
			d += k
		}
		switch {
		case !ok:
		case !e.best || d == least:
			hits++
		case d < least:
			hits, least = 1, d
		}
	}
	return hits
}

// distance is the Levenshtein distance, if it is not above a limit.
func distance(a, b string, limit int) (int, bool) {
	if a == b {
		return 0, true
	}
	if limit <= 0 {
		return 0, false
	}
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return 0, false
	}
	return banded(x, y, limit)
}

// banded is distance without the cells of the table that are farther from its
// diagonal than the limit: a text may be one word of a megabyte.
func banded(x, y []rune, limit int) (int, bool) {
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = min(j, limit+1)
	}
	for i := range x {
		lo, hi := max(0, i-limit), min(len(y), i+limit+1)
		diagonal, left := row[lo], limit+1
		if lo == 0 {
			row[0] = min(i+1, limit+1)
			left = row[0]
		}
		least := left
		for j := lo; j < hi; j++ {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			above := diagonal
			if j == i+limit {
				above = limit + 1 // outside of the band in the row before
			}
			left = min(cost, left+1, above+1)
			row[j+1] = left
			least = min(least, left)
		}
		if least > limit {
			return 0, false
		}
	}
	d := row[len(y)]
	return d, d <= limit
}
