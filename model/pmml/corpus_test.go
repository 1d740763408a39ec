package pmml

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// TestCorpus scores the documents of testdata/corpus, which scripts/pmmlcorpus
// makes with scikit-learn, XGBoost and LightGBM, and compares every row with
// what JPMML-evaluator answered.
func TestCorpus(t *testing.T) {
	const dir = "testdata/corpus"
	rows, err := readTSV(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 30 {
		t.Fatalf("only %d documents", len(rows)-1)
	}
	for _, row := range rows[1:] {
		t.Run(row[0], func(t *testing.T) {
			if err := checkCorpus(filepath.Join(dir, row[0])); err != nil {
				t.Error(err)
			}
		})
	}
}

func readTSV(path string) ([][]string, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.SplitSeq(strings.TrimRight(string(file), "\n"), "\n") {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows, nil
}

// checkCorpus returns the first difference of a document from the expected
// results.
func checkCorpus(base string) error {
	doc, err := os.ReadFile(base + ".pmml")
	if err != nil {
		return err
	}
	records, err := readTSV(base + ".input.tsv")
	if err != nil {
		return err
	}
	want, err := readTSV(base + ".expected.tsv")
	if err != nil {
		return err
	}
	if len(want) != len(records) {
		return fmt.Errorf("%d inputs, %d results", len(records), len(want))
	}
	m, err := Load(context.Background(), bytes.NewReader(doc), Options{})
	if err != nil {
		return err
	}
	out, err := scoreTable(m, records)
	if err != nil {
		return err
	}
	near, err := tolerance("", "", bytes.Contains(doc, []byte(`x-mathContext="float"`)))
	if err != nil {
		return err
	}
	for i, row := range want[1:] {
		if slices.Contains(row, "NaN") {
			continue // the reference multiplies probabilities until nothing is left; here are sums of logarithms
		}
		if err := sameAsReference(m, out, i, want[0], row, near); err != nil {
			return fmt.Errorf("row %d %q: %w", i+1, records[i+1], err)
		}
	}
	return nil
}

// scoreTable scores the rows below a table's names.
func scoreTable(m *Model, records [][]string) (*model.Batch, error) {
	var in, out model.Batch
	in.Rows = len(records) - 1
	for _, f := range m.signature.Inputs {
		in.Columns = append(in.Columns, textColumn(records[0], records[1:], f.Name))
	}
	return &out, m.Score(context.Background(), &in, &out)
}

func sameAsReference(m *Model, out *model.Batch, i int, names, want []string, near equivalence) error {
	last := len(names) - 1
	failed := out.Err(i)
	switch {
	case failed == nil && want[last] != "":
		return fmt.Errorf("the reference fails: %s", want[last])
	case failed != nil && want[last] == "":
		return failed
	}
	if failed != nil {
		return nil //nolint:nilerr // both fail: that is equal
	}
	for at, name := range names[:last] {
		index := slices.IndexFunc(m.signature.Outputs, func(f model.Field) bool { return f.Name == name })
		if index < 0 {
			return fmt.Errorf("there is no output %q", name)
		}
		if got := out.Columns[index].Value(i); !same(want[at], got, near) {
			return fmt.Errorf("%q is %v, want %s", name, got, want[at])
		}
	}
	return nil
}
