//go:build tensorflow

package tensorflow_test

import (
	"context"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// wineFeatures are the columns of the wine graph's input, in its order.
const wineFeatures = "fixed_acidity,volatile_acidity,citric_acid,residual_sugar,chlorides,free_sulfur_dioxide," +
	"total_sulfur_dioxide,density,pH,sulphates,alcohol"

// wineRows reads the wine file: eleven features and the observed quality.
func wineRows(t testing.TB) [][]float64 {
	t.Helper()
	f, err := os.Open(shared(t, "wine/winequality_red.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]float64, len(records))
	for i, record := range records {
		for _, text := range record {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			rows[i] = append(rows[i], v)
		}
	}
	return rows
}

// wineBatch fills a batch of scalar features.
func wineBatch(sig *model.Signature, rows [][]float64) *model.Batch {
	b := new(model.Batch)
	b.Reset(sig.Inputs, len(rows))
	for i, row := range rows {
		for j := range sig.Inputs {
			b.Columns[j].Float32[i] = float32(row[j])
		}
	}
	return b
}

func load(t testing.TB, mt model.Type, artifact []byte, options map[string]string) model.Evaluator {
	t.Helper()
	e, err := mt.Load(context.Background(), model.Spec{Name: "test", Artifact: model.Artifact{Bytes: artifact}, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestWineModels scores every row of the wine file with the book's two models
// and compares the classes with the scores that they are the greatest of, a
// batch with single rows, and the quality that was observed with the class.
func TestWineModels(t *testing.T) {
	c := config(t)
	rows := wineRows(t)
	for _, test := range []struct {
		name, typ string
		artifact  func() []byte
		options   map[string]string
		agree     int // rows whose class is the observed quality, at least
	}{
		{
			"frozen graph", tensorflow.Frozen,
			func() []byte { return read(t, shared(t, "wine/optimized_WineQuality.pb")) },
			map[string]string{"inputs": "dense_1_input", "outputs": "dense_3/Sigmoid", "features": wineFeatures, "result": "argmax"}, 900,
		},
		{
			"saved model", tensorflow.Saved,
			func() []byte { return zipDir(t, shared(t, "wine/savedmodel/1")) },
			map[string]string{"features": wineFeatures}, 900,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := load(t, modelType(t, c, test.typ), test.artifact(), test.options)
			sig := e.Signature()
			if len(sig.Inputs) != 11 || sig.Inputs[8].String() != "pH float32" || sig.Outputs[0].String() != "class int64" ||
				sig.Outputs[1].String() != "scores float32[9]" || sig.Target != 0 {
				t.Fatalf("signature: %+v", sig)
			}
			out := new(model.Batch)
			if err := e.Score(context.Background(), wineBatch(sig, rows), out); err != nil || len(out.Errors) > 0 {
				t.Fatal(err, out.Errors)
			}
			agree := 0
			for i, row := range rows {
				class := out.Columns[0].Int64[i]
				scores := out.Columns[1].Float32[i*9 : i*9+9]
				for k, s := range scores {
					if s > scores[class] || s < 0 || s > 1 {
						t.Fatalf("row %d: class %d, scores %v: %d", i, class, scores, k)
					}
				}
				if float64(class) == row[11] {
					agree++
				}
			}
			t.Logf("%d of %d rows get the observed quality", agree, len(rows))
			if agree < test.agree {
				t.Errorf("only %d of %d rows get the observed quality", agree, len(rows))
			}
			one := new(model.Batch)
			for i := 0; i < len(rows); i += 97 {
				if err := e.Score(context.Background(), wineBatch(sig, rows[i:i+1]), one); err != nil {
					t.Fatal(err)
				}
				for k := range 9 {
					if d := math.Abs(float64(one.Columns[1].Float32[k] - out.Columns[1].Float32[i*9+k])); d > 1e-6 {
						t.Errorf("row %d alone differs by %g from the batch", i, d)
					}
				}
			}
		})
	}
}

// TestWineGraphNeedsNoOptions loads the book's frozen graph as its producers
// send it: the input, its width and the output are found in the graph.
func TestWineGraphNeedsNoOptions(t *testing.T) {
	e := load(t, modelType(t, config(t), tensorflow.Frozen), read(t, shared(t, "wine/optimized_WineQuality.pb")), nil)
	sig := e.Signature()
	if len(sig.Inputs) != 1 || sig.Inputs[0].String() != "dense_1_input float32[11]" || sig.Outputs[0].Name != "class" {
		t.Fatalf("signature: %+v", sig)
	}
}

func BenchmarkWine(b *testing.B) {
	c := config(b)
	rows := wineRows(b)
	graph := read(b, shared(b, "wine/optimized_WineQuality.pb"))
	for _, result := range []string{"raw", "argmax"} {
		for _, n := range []int{1, 32, 256, 1024} {
			b.Run(result+"/"+strconv.Itoa(n), func(b *testing.B) {
				e := load(b, modelType(b, c, tensorflow.Frozen), graph, map[string]string{"features": wineFeatures, "result": result})
				in, out := wineBatch(e.Signature(), rows[:n]), new(model.Batch)
				b.ReportAllocs()
				for b.Loop() {
					if err := e.Score(context.Background(), in, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/record")
			})
		}
	}
}
