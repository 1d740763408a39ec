package pmml

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
)

// TestBaselineOfAStream: where a stream is cut into batches anywhere, an event
// alone has no score, nor has one that is evaluated alone; a record that brings
// its events along has.
func TestBaselineOfAStream(t *testing.T) {
	doc := featureDocument("x:double z:double", `<BaselineModel functionName="regression">{schema x target:z}<TestDistributions field="x" testStatistic="CUSUM">`+
		`<Baseline><GaussianDistribution mean="0" variance="1"/></Baseline><Alternate><GaussianDistribution mean="1" variance="1"/></Alternate></TestDistributions></BaselineModel>`)
	for _, streaming := range []bool{true, false} {
		m, err := Load(context.Background(), strings.NewReader(doc), Options{Streaming: streaming})
		if err != nil {
			t.Fatal(err)
		}
		in := model.Batch{Rows: 3, Columns: []model.Column{{Type: model.String, Width: 1, String: []string{"1", "[1, 2]", "1"}}}}
		for range 2 { // what a batch has seen is forgotten
			var out model.Batch
			if err := m.Score(context.Background(), &in, &out); err != nil {
				t.Fatal(err)
			}
			if got := out.Columns[0].Value(1); got != 2.0 {
				t.Errorf("streaming %v: a sequence gives %v, want 2", streaming, got)
			}
			bad := out.Err(2)
			if streaming && (bad == nil || bad.Kind != model.InvalidInput || !strings.Contains(bad.Error(), "JSON array")) {
				t.Errorf("an event alone gives %v", bad)
			}
			if got := out.Columns[0].Value(2); !streaming && got != 1.0 {
				t.Errorf("the second event of a data set gives %v, %v; want 1", got, bad)
			}
		}
		if got, err := m.Evaluate(map[string]any{"x": 1.0}); err == nil {
			t.Errorf("an event alone gives %v", got)
		}
		if got, err := m.Evaluate(map[string]any{"x": "[1]"}); err != nil || got["z"] != 0.5 {
			t.Errorf("a sequence of one gives %v, %v; want 0.5", got, err)
		}
	}
}

// TestBaselineOverBlocks: a data set is longer than a block.
func TestBaselineOverBlocks(t *testing.T) {
	doc := featureDocument("x:string z:double", `<BaselineModel functionName="regression">{schema x target:z}<TestDistributions field="x" testStatistic="scalarProduct">`+
		`<Baseline><CountTable><FieldValueCount field="x" value="a" count="2"/></CountTable></Baseline></TestDistributions></BaselineModel>`)
	m, err := Load(context.Background(), strings.NewReader(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 3*blockRows + 1
	in := model.Batch{Rows: rows, Columns: []model.Column{{Type: model.String, Width: 1, String: slices.Repeat([]string{"a"}, rows)}}}
	var out model.Batch
	if err := m.Score(context.Background(), &in, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.Columns[0].Value(rows - 1); got != 2.0*rows {
		t.Errorf("the last row gives %v, want %v", got, 2*rows)
	}
}
