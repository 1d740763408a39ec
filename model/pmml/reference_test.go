package pmml

import (
	"bytes"
	"context"
	"encoding/csv"
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

// sharedDir finds the reference data, which is not part of the project: the
// folder that MODELSERVER_SHARED names, or ../shared beside the checkout.
func sharedDir(t testing.TB) string {
	dir := os.Getenv("MODELSERVER_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Skip("no go.mod above the working directory")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "pmml", "manifest.tsv")); err != nil {
		t.Skipf("the reference data is not here (%v); set MODELSERVER_SHARED to the folder that has data/pmml/manifest.tsv", err)
	}
	return dir
}

// manifestRow is one document with inputs and expected results.
type manifestRow map[string]string

func (m manifestRow) list(column string) []string {
	return strings.FieldsFunc(m[column], func(r rune) bool { return r == '|' })
}

// TestManifest scores every reference document and compares row by row. A
// family is picked with -run 'TestManifest/TreeModel'. Documents of families
// that are not supported yet are skipped and counted.
func TestManifest(t *testing.T) {
	dir := filepath.Join(sharedDir(t), "data", "pmml")
	rows := readManifest(t, dir)
	tally := newTally()
	supported := modelElements()
	for _, row := range rows {
		t.Run(row["model"]+"/"+strings.ReplaceAll(strings.TrimSuffix(row["pmml"], ".pmml"), "/", "_"), func(t *testing.T) {
			for _, element := range append([]string{row["model"]}, row.list("nested")...) {
				if supported[element] == nil {
					tally.skip(row, element)
					t.Skipf("<%s> is not supported", element)
				}
			}
			err := checkDocument(dir, row)
			tally.add(row, err)
			if err != nil {
				t.Error(err)
			}
		})
	}
	tally.report(t)
}

func readManifest(t testing.TB, dir string) []manifestRow {
	file, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(file), "\n"), "\n")
	names := strings.Split(lines[0], "\t")
	var rows []manifestRow
	for _, line := range lines[1:] {
		row := manifestRow{}
		for i, cell := range strings.Split(line, "\t") {
			row[names[i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// checkDocument returns the first difference from the expected results.
func checkDocument(dir string, row manifestRow) error {
	doc, err := os.ReadFile(filepath.Join(dir, row["pmml"]))
	if err != nil {
		return err
	}
	names, records, err := readTable(filepath.Join(dir, row["input"]))
	if err != nil {
		return err
	}
	wantNames, want, err := readTable(filepath.Join(dir, row["expected"]))
	if err != nil {
		return err
	}
	m, err := Load(context.Background(), bytes.NewReader(doc), Options{})
	if err != nil {
		if allErrors(wantNames, want) {
			return nil
		}
		return fmt.Errorf("load: %w", err)
	}
	if m.plan.group != "" {
		records = groupRecords(names, records, m.plan.group)
	}
	if len(records) != len(want) {
		return fmt.Errorf("%d inputs, %d expected results", len(records), len(want))
	}
	var in, out model.Batch
	in.Rows = len(records)
	for _, f := range m.Signature().Inputs {
		in.Columns = append(in.Columns, textColumn(names, records, f.Name))
	}
	if err := m.Score(context.Background(), &in, &out); err != nil {
		return err
	}
	near, err := tolerance(row["tolerance"], row["max_rel_err"], bytes.Contains(doc, []byte(`x-mathContext="float"`)))
	if err != nil {
		return err
	}
	return compareTables(m, row, wantNames, want, &out, near)
}

// groupRecords makes one record of those that have the same value in the group
// field; the other fields become collections.
func groupRecords(names []string, records [][]string, group string) (out [][]string) {
	at := slices.Index(names, group)
	index := map[string]int{}
	var values [][][]string
	for _, r := range records {
		i, known := index[r[at]]
		if !known {
			i = len(out)
			index[r[at]] = i
			out = append(out, slices.Clone(r))
			values = append(values, make([][]string, len(r)))
		}
		for k := range r {
			values[i][k] = append(values[i][k], r[k])
		}
	}
	for i := range out {
		for k := range out[i] {
			if k != at {
				out[i][k] = jsonArray(values[i][k])
			}
		}
	}
	return out
}

// allErrors says that the reference fails on every row, or that there are none.
func allErrors(names []string, rows [][]string) bool {
	at := slices.Index(names, "_error")
	return at >= 0 && !slices.ContainsFunc(rows, func(r []string) bool { return r[at] == "" })
}

func compareTables(m *Model, row manifestRow, names []string, want [][]string, out *model.Batch, near equivalence) error {
	exclude := row.list("exclude")
	errorAt := slices.Index(names, "_error")
	var absent []string
	for at, name := range names {
		if name == "_error" || slices.Contains(exclude, name) {
			continue
		}
		index := slices.IndexFunc(m.Signature().Outputs, func(f model.Field) bool { return f.Name == name })
		if index < 0 {
			absent = append(absent, name)
			continue
		}
		for i := range want {
			wantError := errorAt >= 0 && want[i][errorAt] != ""
			// What the reference cannot do at all says nothing about us.
			unsupported := wantError && strings.HasPrefix(want[i][errorAt], "Unsupported")
			wantError = wantError && !unsupported
			if err := out.Err(i); (err != nil) != wantError {
				if wantError {
					return fmt.Errorf("row %d: the reference fails: %s", i+1, want[i][errorAt])
				}
				return fmt.Errorf("row %d: %w", i+1, err)
			}
			if wantError || unsupported {
				continue
			}
			got := out.Columns[index].Value(i)
			if !same(want[i][at], got, near) {
				return fmt.Errorf("row %d: %q is %v, want %s", i+1, name, got, want[i][at])
			}
		}
	}
	if len(absent) > unchecked(row) {
		return fmt.Errorf("outputs %q are expected, there are %v", absent, m.Signature().Outputs)
	}
	return nil
}

// unchecked is how many columns of the expected table are no outputs: it has
// inputs, too. The manifest says "2/5" where two of five were compared.
func unchecked(row manifestRow) int {
	checked, all, ok := strings.Cut(row["checked_cols"], "/")
	n, err := strconv.Atoi(checked)
	k, err2 := strconv.Atoi(all)
	if !ok || err != nil || err2 != nil || n == 0 {
		return 0
	}
	return k - n
}

// same compares a cell of the expected table with a result. Missing is written
// as NA, N/A or nothing.
func same(want string, got any, near equivalence) bool {
	switch got := got.(type) {
	case nil:
		return want == "" || want == "NA" || want == "N/A"
	case float64:
		w, err := strconv.ParseFloat(want, 64)
		return err == nil && near(w, got)
	case int64:
		w, err := strconv.ParseFloat(want, 64)
		return err == nil && w == float64(got)
	case bool:
		return strings.EqualFold(want, strconv.FormatBool(got)) || want == "1" && got || want == "0" && !got
	case string:
		if want == got {
			return true
		}
		w, err := strconv.ParseFloat(want, 64)
		g, err2 := strconv.ParseFloat(got, 64)
		return err == nil && err2 == nil && near(w, g)
	}
	return false
}

// readTable reads a CSV file whose header tells the delimiter.
func readTable(path string) (names []string, rows [][]string, err error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	header, _, _ := strings.Cut(string(file), "\n")
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	for _, c := range ";\t" {
		if strings.ContainsRune(header, c) {
			r.Comma = c
		}
	}
	rows, err = r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	return rows[0], rows[1:], nil
}

// textColumn is an input as text: the model converts. NA and N/A are missing.
func textColumn(names []string, records [][]string, name string) model.Column {
	c := model.Column{Type: model.String, Width: 1, String: make([]string, len(records))}
	at := slices.Index(names, name)
	for i, r := range records {
		if at < 0 || at >= len(r) || r[at] == "NA" || r[at] == "N/A" {
			c.SetState(i, len(records), model.Missing)
			continue
		}
		c.String[i] = r[at]
	}
	return c
}

// equivalence says whether two numbers are equal enough.
type equivalence func(want, got float64) bool

var tolerancePattern = regexp.MustCompile(`^(\w+)\(([^)]*)\)$`)

// tolerance reads the manifest's notation. Where it has none, the reference's
// own distance from the native result is allowed, if it is the larger one.
func tolerance(s, own string, float bool) (equivalence, error) {
	if s == "" {
		precision := 1e-13
		if float {
			precision = 1e-6
		}
		if x, err := strconv.ParseFloat(own, 64); err == nil {
			precision = max(precision, 1.01*x)
		}
		near := relative(precision, precision)
		// A small probability that is 1 − p has the absolute error of p: the
		// reference, too, is that far from the native result of one document.
		return func(want, got float64) bool { return near(want, got) || math.Abs(want-got) <= 0x1p-51 }, nil
	}
	m := tolerancePattern.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("tolerance %q", s)
	}
	var numbers []float64
	for _, part := range strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == '+' || r == ' ' }) {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, fmt.Errorf("tolerance %q", s)
		}
		numbers = append(numbers, x)
	}
	switch m[1] {
	case "PMMLEquivalence":
		return relative(numbers[0], numbers[1]), nil
	case "FloatEquivalence", "RealNumberEquivalence":
		total := 0.0
		for _, x := range numbers {
			total += x
		}
		return ulps(total, m[1] == "FloatEquivalence"), nil
	}
	return nil, fmt.Errorf("tolerance %q", s)
}

func relative(precision, zero float64) equivalence {
	return func(want, got float64) bool {
		if math.Abs(want) <= zero && math.Abs(got) <= zero || math.IsNaN(want) && math.IsNaN(got) {
			return true
		}
		return want == got || math.Abs(want-got) <= precision*math.Abs(want)
	}
}

// ulps allows a number of units in the last place: of a float, or where single
// precision does not show in the text of a double.
func ulps(n float64, single bool) equivalence {
	return func(want, got float64) bool {
		if want == got {
			return true
		}
		unit := math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want)
		if single || float64(float32(want)) == want {
			w := float32(math.Abs(want))
			unit = float64(math.Nextafter32(w, float32(math.Inf(1))) - w)
			got, want = float64(float32(got)), float64(float32(want))
		}
		return math.Abs(want-got) <= n*unit
	}
}

// tally counts documents by what they contain.
type tally struct {
	passed, failed, skipped map[string]int
	order                   []string
}

func newTally() *tally {
	return &tally{passed: map[string]int{}, failed: map[string]int{}, skipped: map[string]int{}}
}

func (a *tally) keys(row manifestRow) []string {
	keys := []string{"all", "model " + row["model"]}
	for _, column := range []string{"elements", "method", "features"} {
		for _, v := range row.list(column) {
			keys = append(keys, strings.TrimSuffix(column, "s")+" "+v)
		}
	}
	for _, k := range keys {
		if !slices.Contains(a.order, k) {
			a.order = append(a.order, k)
		}
	}
	return keys
}

func (a *tally) add(row manifestRow, err error) {
	for _, k := range a.keys(row) {
		if err != nil {
			a.failed[k]++
		} else {
			a.passed[k]++
		}
	}
}

func (a *tally) skip(row manifestRow, _ string) {
	for _, k := range a.keys(row) {
		a.skipped[k]++
	}
}

func (a *tally) report(t *testing.T) {
	slices.Sort(a.order)
	for _, k := range a.order {
		t.Logf("%-40s %3d passed %3d failed %3d not supported", k, a.passed[k], a.failed[k], a.skipped[k])
	}
}
