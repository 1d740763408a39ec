//go:build tensorflow

package tensorflow_test

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"

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
			map[string]string{"inputs": "dense_1_input", "outputs": "dense_3/Sigmoid", "features": wineFeatures, "result": "argmax"},
			900,
		},
		{
			"saved model", tensorflow.Saved,
			func() []byte { return zipDir(t, shared(t, "wine/savedmodel/1")) },
			map[string]string{"features": wineFeatures},
			900,
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

// TestWineGraphEqualsItsOwnArithmetic computes the frozen graph, three dense
// layers, in Go from the constants in the file.
func TestWineGraphEqualsItsOwnArithmetic(t *testing.T) {
	artifact := read(t, shared(t, "wine/optimized_WineQuality.pb"))
	e := load(t, modelType(t, config(t), tensorflow.Frozen), artifact, map[string]string{"features": wineFeatures})
	rows := wineRows(t)
	out := new(model.Batch)
	if err := e.Score(context.Background(), wineBatch(e.Signature(), rows), out); err != nil {
		t.Fatal(err)
	}
	def := new(graphpb.GraphDef)
	if err := proto.Unmarshal(artifact, def); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		h := row[:11]
		for layer, activation := range []func(float64) float64{relu, relu, sigmoid} {
			h = dense(def, fmt.Sprintf("dense_%d", layer+1), h, activation)
		}
		best := 0
		for k, want := range h {
			if got := float64(out.Columns[1].Float32[i*9+k]); math.Abs(got-want) > 1e-5 {
				t.Fatalf("row %d, score %d is %g, not %g", i, k, got, want)
			}
			if want > h[best] {
				best = k
			}
		}
		if out.Columns[0].Int64[i] != int64(best) {
			t.Errorf("row %d: class %d, not %d of %v", i, out.Columns[0].Int64[i], best, h)
		}
	}
}

func relu(v float64) float64 { return max(v, 0) }

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// dense computes a layer from the graph's constants.
func dense(def *graphpb.GraphDef, name string, in []float64, activation func(float64) float64) []float64 {
	kernel, bias := floats(def, name+"/kernel"), floats(def, name+"/bias")
	out := make([]float64, len(bias))
	for k := range out {
		sum := bias[k]
		for j, v := range in {
			sum += float64(float32(v)) * kernel[j*len(bias)+k]
		}
		out[k] = activation(sum)
	}
	return out
}

func floats(def *graphpb.GraphDef, name string) []float64 {
	var values []float64
	for _, n := range def.GetNode() {
		if n.GetName() != name {
			continue
		}
		content := n.GetAttr()["value"].GetTensor().GetTensorContent()
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(content))))
		}
	}
	return values
}

// TestSavedModelOfVectors has a network that takes whole images.
func TestSavedModelOfVectors(t *testing.T) {
	e := load(t, modelType(t, config(t), tensorflow.Saved), zipDir(t, shared(t, "crayfish/ffnn_savedmodel")), nil)
	sig := e.Signature()
	if len(sig.Inputs) != 1 || sig.Inputs[0].String() != "input_1 float32[784]" || sig.Outputs[1].String() != "scores float32[10]" {
		t.Fatalf("signature: %+v", sig)
	}
	in, out := new(model.Batch), new(model.Batch)
	in.Reset(sig.Inputs, 100)
	for i := range in.Columns[0].Float32 {
		in.Columns[0].Float32[i] = float32(i%251) / 251
	}
	if err := e.Score(context.Background(), in, out); err != nil || len(out.Errors) > 0 {
		t.Fatal(err, out.Errors)
	}
	for row := range 100 {
		for _, s := range out.Columns[1].Float32[row*10 : row*10+10] {
			if s > out.Columns[1].Float32[row*10+int(out.Columns[0].Int64[row])] {
				t.Fatalf("row %d: class %d is not that of the greatest score", row, out.Columns[0].Int64[row])
			}
		}
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
