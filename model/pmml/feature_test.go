package pmml

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// The files of testdata/features are minimal documents with results worked out
// from the text of the standard. A file begins with what it is about, then has
// cases of two sections each:
//
//	== name
//	fields x:double y:string=a|b
//	<TreeModel …>{schema x y target:t}…</TreeModel>
//	--
//	x, y => t, p
//	1, a => yes, 0.5
//	NA, a => missing-input
//
// fields declares the data: a type, and the valid values after "=". The lines
// up to "--" are the body of the document behind its data dictionary, or a whole
// <PMML> document; {schema …} is a MiningSchema. A row has inputs, "=>" and the wanted outputs, or the kind
// of error. NA is a missing value.

// feature is one case.
type feature struct {
	name, document string
	in, out        []string // names
	rows           []featureRow
}

type featureRow struct {
	line     int
	in, want []string
	fails    string
}

func TestFeatures(t *testing.T) {
	for _, path := range featureFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			for _, c := range readFeatures(t, path) {
				t.Run(c.name, func(t *testing.T) { c.check(t) })
			}
		})
	}
}

func featureFiles(t testing.TB) []string {
	files, err := filepath.Glob("testdata/features/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no feature files: %v", err)
	}
	return files
}

func readFeatures(t testing.TB, path string) []*feature {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*feature
	var c *feature
	var fields string
	var body strings.Builder
	inRows := false
	for i, line := range strings.Split(string(file), "\n") {
		name, begins := strings.CutPrefix(line, "== ")
		switch {
		case begins:
			c = &feature{name: name}
			cases = append(cases, c)
			body.Reset()
			inRows = false
		case c == nil || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "fields "):
			fields = strings.TrimPrefix(line, "fields ")
		case line == "--":
			c.document = body.String()
			if !strings.HasPrefix(c.document, "<PMML") {
				c.document = featureDocument(fields, body.String())
			}
			inRows = true
		case !inRows:
			body.WriteString(line + "\n")
		case strings.TrimSpace(line) != "":
			c.row(t, fmt.Sprintf("%s:%d", path, i+1), i+1, line)
		}
	}
	return cases
}

// row reads the header or a row.
func (c *feature) row(t testing.TB, where string, at int, line string) {
	left, right, ok := strings.Cut(line, "=>")
	if !ok {
		t.Fatalf("%s: no => in %q", where, line)
	}
	in, out := splitCells(left), splitCells(right)
	if c.in == nil && c.out == nil {
		c.in, c.out = in, out
		return
	}
	row := featureRow{line: at, in: in, want: out}
	if len(out) == 1 && strings.Contains(out[0], "-") && slices.Contains([]string{"invalid-input", "missing-input", "no-result"}, out[0]) {
		row.fails = out[0]
	} else if len(out) != len(c.out) {
		t.Fatalf("%s: %d results for %d outputs", where, len(out), len(c.out))
	}
	if len(in) != len(c.in) {
		t.Fatalf("%s: %d values for %d inputs", where, len(in), len(c.in))
	}
	c.rows = append(c.rows, row)
}

// splitCells splits at commas outside of brackets.
func splitCells(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	depth, begin := 0, 0
	var cells []string
	for i, c := range s + "," {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth <= 0 || i == len(s) {
				cells = append(cells, strings.TrimSpace(s[begin:i]))
				begin = i + 1
			}
		}
	}
	return cells
}

// check scores the rows together.
func (c *feature) check(t *testing.T) {
	m, err := Load(context.Background(), strings.NewReader(c.document), Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, c.document)
	}
	if len(c.rows) == 0 {
		t.Fatal("no rows")
	}
	in, out := c.batch(m), &model.Batch{}
	if err := m.Score(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	for i, row := range c.rows {
		if err := c.compare(m, out, i, &row); err != nil {
			t.Errorf("line %d: %v", row.line, err)
		}
	}
}

// batch makes columns of the rows' inputs, as texts.
func (c *feature) batch(m *Model) *model.Batch {
	in := &model.Batch{Rows: len(c.rows)}
	for _, f := range m.signature.Inputs {
		col := model.Column{Type: model.String, Width: 1, String: make([]string, in.Rows)}
		at := slices.Index(c.in, f.Name)
		for i, row := range c.rows {
			if at < 0 || row.in[at] == "NA" {
				col.SetState(i, in.Rows, model.Missing)
			} else {
				col.String[i] = unquoted(row.in[at])
			}
		}
		in.Columns = append(in.Columns, col)
	}
	return in
}

func (c *feature) compare(m *Model, out *model.Batch, i int, row *featureRow) error {
	err := out.Err(i)
	switch {
	case row.fails == "" && err != nil:
		return err
	case row.fails != "" && err == nil:
		return errors.New("an error is wanted: " + row.fails)
	case row.fails != "":
		if err.Kind.String() != row.fails {
			return fmt.Errorf("%w; wanted is %s", err, row.fails)
		}
		return nil
	}
	for k, name := range c.out {
		at := slices.IndexFunc(m.signature.Outputs, func(f model.Field) bool { return f.Name == name })
		if at < 0 {
			return fmt.Errorf("there is no output %q", name)
		}
		if got := out.Columns[at].Value(i); !featureEqual(got, row.want[k]) {
			return fmt.Errorf("%s is %#v, wanted is %s", name, got, row.want[k])
		}
	}
	return nil
}

func featureEqual(got any, want string) bool {
	switch got := got.(type) {
	case nil:
		return want == "NA"
	case float64:
		w, err := strconv.ParseFloat(want, 64)
		return err == nil && (got == w || math.Abs(got-w) <= 1e-12*math.Max(1, math.Abs(w)) || math.IsNaN(got) && math.IsNaN(w))
	case string:
		return got == unquoted(want)
	}
	return fmt.Sprint(got) == want
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

var schemaMacro = regexp.MustCompile(`\{schema ([^}]*)\}`)

// featureDocument builds a PMML 4.4 document.
func featureDocument(fields, body string) string {
	var b strings.Builder
	b.WriteString("<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\">\n<Header/>\n<DataDictionary>\n")
	for f := range strings.FieldsSeq(fields) {
		name, typ, _ := strings.Cut(f, ":")
		typ, values, _ := strings.Cut(typ, "=")
		op := "continuous"
		if typ == "string" || typ == "boolean" || values != "" {
			op = "categorical"
		}
		if values, ordinal := strings.CutPrefix(values, "<"); ordinal {
			op = "ordinal"
			fmt.Fprintf(&b, "<DataField name=%q dataType=%q optype=%q>%s</DataField>\n", name, typ, op, featureValues(values))
			continue
		}
		fmt.Fprintf(&b, "<DataField name=%q dataType=%q optype=%q>%s</DataField>\n", name, typ, op, featureValues(values))
	}
	b.WriteString("</DataDictionary>\n")
	b.WriteString(schemaMacro.ReplaceAllStringFunc(body, func(s string) string {
		return featureSchema(schemaMacro.FindStringSubmatch(s)[1])
	}))
	return b.String() + "</PMML>\n"
}

func featureValues(values string) string {
	var b strings.Builder
	for v := range strings.SplitSeq(values, "|") {
		if v != "" {
			fmt.Fprintf(&b, "<Value value=%q/>", v)
		}
	}
	return b.String()
}

// featureSchema is a MiningSchema: "x y target:t" is two active fields and a
// target.
func featureSchema(fields string) string {
	var b strings.Builder
	b.WriteString("<MiningSchema>")
	for f := range strings.FieldsSeq(fields) {
		usage, name, ok := strings.Cut(f, ":")
		if !ok {
			usage, name = "active", f
		}
		fmt.Fprintf(&b, "<MiningField name=%q usageType=%q/>", name, usage)
	}
	return b.String() + "</MiningSchema>"
}
