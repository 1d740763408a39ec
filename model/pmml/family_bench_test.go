package pmml

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// BenchmarkFamilies scores reference documents of the smaller families in
// batches of 256 records and reports the time per record.
func BenchmarkFamilies(b *testing.B) {
	dir := filepath.Join(sharedDir(b), "data", "pmml")
	for _, row := range readManifest(b, dir) {
		switch filepath.Base(row["pmml"]) {
		case "SVCIris.pmml", "NuSVRHousing.pmml", "OneClassSVMHousing.pmml", "KernlabSVMAuto.pmml", "KMeansWheat.pmml",
			"GaussianNBIris.pmml", "NearestNeighborsWheat.pmml", "RuleSetIris.pmml", "ComplexPartialScoreTest.pmml":
		default:
			continue
		}
		b.Run(row["model"]+"/"+strings.ReplaceAll(row["pmml"], "/", "_"), func(b *testing.B) {
			benchmarkBatch(b, filepath.Join(dir, row["pmml"]), filepath.Join(dir, row["input"]))
		})
	}
}

// BenchmarkFeatures scores the feature documents of families that the reference
// documents do not have.
func BenchmarkFeatures(b *testing.B) {
	for _, name := range []string{"baseline", "text", "network", "timeseries", "gaussian", "anomaly"} {
		for _, c := range readFeatures(b, "testdata/features/"+name+".txt") {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				m, err := Load(context.Background(), strings.NewReader(c.document), Options{})
				if err != nil {
					b.Fatal(err)
				}
				for len(c.rows) < blockRows {
					c.rows = append(c.rows, c.rows...)
				}
				c.rows = c.rows[:blockRows]
				in, out := c.batch(m), &model.Batch{}
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Score(context.Background(), in, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blockRows), "ns/record")
			})
		}
	}
}

func benchmarkBatch(b *testing.B, document, table string) {
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
	for len(records) < rows {
		records = append(records, records...)
	}
	var in, out model.Batch
	in.Rows = rows
	for _, f := range m.Signature().Inputs {
		text := textColumn(names, records[:rows], f.Name)
		c := model.Column{Type: model.Float64, Width: 1, Float64: make([]float64, rows), State: text.State}
		for r := range rows {
			if c.Float64[r], err = strconv.ParseFloat(text.String[r], 64); err != nil {
				c = text
				break
			}
		}
		in.Columns = append(in.Columns, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Score(context.Background(), &in, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/record")
}
