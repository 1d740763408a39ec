//go:build pmmlwide

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
)

// TestWide compares several hundred documents of many exporters with
// JPMML-evaluator, row by row and field by field. scripts/pmmlcorpus/wide/run.sh
// makes them; they are not committed, so the test has a build tag of its own:
//
//	go test -tags pmmlwide -run TestWide ./model/pmml
//
// PMML_WIDE names another folder of documents (NAME.pmml, NAME.input.tsv,
// NAME.expected.tsv).
func TestWide(t *testing.T) {
	dir := os.Getenv("PMML_WIDE")
	if dir == "" {
		dir = "../../.cache/pmmlwide/documents"
	}
	documents, err := filepath.Glob(filepath.Join(dir, "*.pmml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) == 0 {
		t.Fatal("no documents in " + dir + "; make them with scripts/pmmlcorpus/wide/run.sh")
	}
	for _, path := range documents {
		base := strings.TrimSuffix(path, ".pmml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			if err := checkWide(base); err != nil {
				t.Error(err)
			}
		})
	}
}

// beyond are errors of the reference that say nothing about us: what it cannot
// do at all. Rows with NaN among the results are left out, too: the reference
// multiplies probabilities until nothing is left.
var beyond = []string{
	"Unsupported", "NotImplemented", "DuplicateFieldValueException", "Classification result has not been computed",
	"The value for field null",
	"NumberFormatException", // of a constant: here refused at load, or another type
}

// checkWide returns the first difference from the reference. What the reference
// does not support at all says nothing about us.
func checkWide(base string) error {
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
	m, err := Load(context.Background(), bytes.NewReader(doc), Options{})
	if err != nil {
		if last := len(want[0]) - 1; !slices.ContainsFunc(want[1:], func(row []string) bool { return row[last] == "" }) {
			return nil // the reference has no results either
		}
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
		if slices.ContainsFunc(beyond, func(s string) bool { return strings.Contains(row[len(row)-1], s) }) || slices.Contains(row, "NaN") {
			continue
		}
		if err := sameAsReference(m, out, i, want[0], row, near); err != nil {
			return fmt.Errorf("row %d %q: %w; wanted is %q", i+1, records[i+1], err, row)
		}
	}
	return nil
}
