package pmml

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

const lagging = `<RegressionModel functionName="regression">{schema x group:g}<Output>
<OutputField name="third" feature="transformedValue" dataType="double"><Lag field="x" n="300"/></OutputField>
<OutputField name="sum" feature="transformedValue" dataType="double"><Lag field="x" n="3" aggregate="sum"><BlockIndicator field="g"/></Lag></OutputField>
</Output><RegressionTable intercept="0"/></RegressionModel>`

// TestLagAcrossBlocks: rows before are those of the batch, however many of them
// are evaluated at a time; the next batch begins anew.
func TestLagAcrossBlocks(t *testing.T) {
	m, err := Load(context.Background(), strings.NewReader(featureDocument("x:double g:integer", lagging)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 3*blockRows + 7
	random := rand.New(rand.NewPCG(1, 2))
	in := model.Batch{Rows: rows, Columns: []model.Column{
		{Type: model.Float64, Width: 1, Float64: make([]float64, rows)},
		{Type: model.Int64, Width: 1, Int64: make([]int64, rows)},
	}}
	groups := map[int64][]float64{}
	sums := make([]float64, rows)
	for i := range rows {
		x, g := float64(i), random.Int64N(9)
		in.Columns[0].Float64[i], in.Columns[1].Int64[i] = x, g
		for _, v := range groups[g][max(0, len(groups[g])-3):] {
			sums[i] += v
		}
		groups[g] = append(groups[g], x)
	}
	for range 2 {
		var out model.Batch
		if err := m.Score(context.Background(), &in, &out); err != nil {
			t.Fatal(err)
		}
		third, sum := outputColumnOf(t, m, &out, "third"), outputColumnOf(t, m, &out, "sum")
		for i := range rows {
			if got := third.Value(i); i < 300 && got != nil || i >= 300 && got != float64(i-300) {
				t.Fatalf("row %d: 300 before it is %v", i, got)
			}
			if got := sum.Value(i); got != nil && got != sums[i] || got == nil && sums[i] != 0 {
				t.Fatalf("row %d: sum %v, want %v", i, got, sums[i])
			}
		}
	}
}

func outputColumnOf(t *testing.T, m *Model, out *model.Batch, name string) *model.Column {
	for i := range m.signature.Outputs {
		if m.signature.Outputs[i].Name == name {
			return &out.Columns[i]
		}
	}
	t.Fatalf("there is no output %q", name)
	return nil
}

// TestLagSkipsRowsWithoutRecords: a row that could not be decoded has no value
// and no block.
func TestLagSkipsRowsWithoutRecords(t *testing.T) {
	m, err := Load(context.Background(), strings.NewReader(featureDocument("x:double g:integer", strings.Replace(lagging, "300", "1", 1))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := model.Batch{Rows: 3, Columns: []model.Column{
		{Type: model.Float64, Width: 1, Float64: []float64{1, 2, 4}}, {Type: model.Int64, Width: 1, Int64: []int64{0, 0, 0}},
	}}
	in.Fail(1, &model.RecordError{Kind: model.InvalidInput})
	var out model.Batch
	if err := m.Score(context.Background(), &in, &out); err != nil {
		t.Fatal(err)
	}
	if got := outputColumnOf(t, m, &out, "third").Value(2); got != nil {
		t.Errorf("one before is %v, want nothing", got)
	}
	if got := outputColumnOf(t, m, &out, "sum").Value(2); got != 1.0 {
		t.Errorf("the sum is %v, want 1", got)
	}
}

// TestLagInAStream: who cannot promise whole series gets no such model, and one
// record alone has no result.
func TestLagInAStream(t *testing.T) {
	doc := featureDocument("x:double g:integer", lagging)
	_, err := Load(context.Background(), strings.NewReader(doc), Options{Streaming: true})
	var bad *model.LoadError
	if !errors.As(err, &bad) || !strings.Contains(bad.Where, "<Lag>") {
		t.Errorf("got %v, want a load error that names <Lag>", err)
	}
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Evaluate(map[string]any{"x": 1.0}); err == nil {
		t.Error("Evaluate has a result")
	}
}

// BenchmarkLag scores 256 rows with a lag and a sum within one of nine blocks.
func BenchmarkLag(b *testing.B) {
	m, err := Load(context.Background(), strings.NewReader(featureDocument("x:double g:integer", strings.Replace(lagging, "300", "5", 1))), Options{})
	if err != nil {
		b.Fatal(err)
	}
	in := model.Batch{Rows: blockRows, Columns: []model.Column{
		{Type: model.Float64, Width: 1, Float64: make([]float64, blockRows)},
		{Type: model.Int64, Width: 1, Int64: make([]int64, blockRows)},
	}}
	for i := range blockRows {
		in.Columns[0].Float64[i], in.Columns[1].Int64[i] = float64(i), int64(i%9)
	}
	var out model.Batch
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Score(context.Background(), &in, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blockRows, "ns/record")
}
