package pmml

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelstream/modelserver/model"
)

// BenchmarkWine scores the wine documents in batches of 256 records.
func BenchmarkWine(b *testing.B) {
	dir := filepath.Join(sharedDir(b), "data", "pmml")
	for _, name := range []string{
		"RandonForrestClassification", "DecisionTreeClassification", "LinearRegression", "GeneralizedLinearRegressionGamma", "MultilayerPerceptron",
	} {
		b.Run(name, func(b *testing.B) {
			benchmarkDocument(b, filepath.Join(dir, "wine", "winequality"+name+".pmml"), filepath.Join(dir, "wine", "winequality_red_names.csv"))
		})
	}
}

// BenchmarkDemo scores the demo's documents.
func BenchmarkDemo(b *testing.B) {
	dir := filepath.Join("..", "..", "examples", "wine")
	for _, name := range []string{"forest", "boosting", "network", "logistic", "linear"} {
		b.Run(name, func(b *testing.B) {
			benchmarkDocument(b, filepath.Join(dir, "models", name+".pmml"), filepath.Join(dir, "wine.csv"))
		})
	}
}

func benchmarkDocument(b *testing.B, document, table string) {
	doc, err := os.ReadFile(document)
	if err != nil {
		b.Fatal(err)
	}
	m, err := Load(context.Background(), bytes.NewReader(doc), Options{SkipVerification: true})
	if err != nil {
		b.Fatal(err)
	}
	names, records, err := readTable(table)
	if err != nil {
		b.Fatal(err)
	}
	const rows = 256
	var in, out model.Batch
	in.Reset(m.Signature().Inputs, rows)
	for i := range in.Columns {
		at := slices.IndexFunc(names, func(n string) bool { return squash(n) == squash(m.Signature().Inputs[i].Name) })
		if at < 0 {
			b.Fatalf("the table has no %q", m.Signature().Inputs[i].Name)
		}
		for r := range rows {
			x, err := strconv.ParseFloat(records[r][at], 64)
			if err != nil {
				b.Fatal(err)
			}
			in.Columns[i].Float64[r] = x
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	best := time.Duration(math.MaxInt64)
	for range b.N {
		start := time.Now()
		if err := m.Score(context.Background(), &in, &out); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/record")
	b.ReportMetric(float64(best.Nanoseconds())/rows, "best-ns/record") // of a batch that nothing disturbed
}

// squash makes spellings of a name equal.
func squash(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(name))
}
