package wine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/examples/wine"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml"
	"github.com/modelstream/modelserver/model/tensorflow"
)

// TestModelsScoreAsTheirTrainersDo compares each model of the manifest with what
// the library that trained it says, and finds each bad one rejected where the
// manifest says.
func TestModelsScoreAsTheirTrainersDo(t *testing.T) {
	manifest, err := wine.ReadManifest(wine.Files(), wine.ManifestFile)
	if err != nil {
		t.Fatal(err)
	}
	types, err := model.NewRegistry(append(tensorflow.Types(tensorflow.Config{LibraryDir: libraryDir()}), pmml.Type())...)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Models {
		t.Run(m.Name, func(t *testing.T) {
			if strings.HasPrefix(m.Type, "tensorflow") {
				needTensorFlow(t)
			}
			mt, err := types.Lookup(m.Type)
			if err != nil {
				t.Fatal(err)
			}
			artifact, err := fs.ReadFile(wine.Files(), m.File)
			if err != nil {
				t.Fatal(err)
			}
			evaluator, err := load(t.Context(), mt, model.Spec{
				Name: m.Name, DataType: manifest.DataType, Options: m.Options,
				Artifact: model.Artifact{Bytes: artifact},
			})
			if m.Rejected != "" {
				wantRejection(t, err, m.Rejected)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer evaluator.Close()
			compare(t, evaluator, m)
		})
	}
}

// phaseError is an error and the phase of a generation in which it came.
type phaseError struct {
	phase string
	error
}

// load loads and verifies.
func load(ctx context.Context, mt model.Type, spec model.Spec) (model.Evaluator, error) {
	e, err := mt.Load(ctx, spec)
	if err != nil {
		return nil, phaseError{"loading", err}
	}
	v, ok := e.(model.Verifier)
	if !ok {
		return e, nil
	}
	if err := v.Verify(ctx); err != nil {
		return nil, phaseError{"verifying", errors.Join(err, e.Close())}
	}
	return e, nil
}

func wantRejection(t *testing.T, err error, phase string) {
	t.Helper()
	var at phaseError
	if !errors.As(err, &at) {
		t.Fatalf("accepted; want it rejected while %s", phase)
	}
	if at.phase != phase {
		t.Errorf("rejected while %s, want %s: %v", at.phase, phase, err)
	}
}

// compare scores all records in one batch and checks those with expectations.
func compare(t *testing.T, e model.Evaluator, m wine.Model) {
	t.Helper()
	_, records := readCSV(t, wine.RecordsFile)
	in, out := batchOf(t, e.Signature().Inputs, records), new(model.Batch)
	if err := e.Score(t.Context(), in, out); err != nil {
		t.Fatal(err)
	}
	tolerance := 1e-9
	if m.Type != "pmml" {
		tolerance = 1e-5 // float32
	}
	header, expected := readCSV(t, m.Expected)
	for _, want := range expected {
		row, err := strconv.Atoi(want[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Err(row); err != nil {
			t.Fatalf("row %d: %v", row, err)
		}
		for i, name := range header[1:] {
			got := output(t, e.Signature(), out, name, row)
			if !equal(got, want[i+1], tolerance) {
				t.Fatalf("row %d: %s is %v, want %s", row, name, got, want[i+1])
			}
		}
	}
}

// batchOf makes the columns that a model wants of the rows of wine.csv.
func batchOf(t *testing.T, inputs []model.Field, rows [][]string) *model.Batch {
	t.Helper()
	header, _ := readCSV(t, wine.RecordsFile)
	columns := make(map[string]int)
	for i, name := range header {
		columns[plain(name)] = i
	}
	b := new(model.Batch)
	b.Reset(inputs, len(rows))
	for i := range inputs {
		column, ok := columns[plain(inputs[i].Name)]
		if !ok {
			t.Fatalf("the model wants %q, which no record has", inputs[i].Name)
		}
		for row := range rows {
			v, err := strconv.ParseFloat(rows[row][column], 64)
			if err != nil {
				t.Fatal(err)
			}
			switch c := &b.Columns[i]; c.Type {
			case model.Float64:
				c.Float64[row] = v
			case model.Float32:
				c.Float32[row] = float32(v)
			default:
				t.Fatalf("input %s is a %s", inputs[i].Name, c.Type)
			}
		}
	}
	return b
}

// plain is a name without what spellings differ in.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
}

// output finds a value by its column in expected/. A frozen graph has other
// names: a class, and the classes' scores as one vector.
func output(t *testing.T, s *model.Signature, out *model.Batch, name string, row int) any {
	t.Helper()
	class, isProbability := strings.CutPrefix(strings.TrimSuffix(name, ")"), "probability(")
	for i := range s.Outputs {
		value := out.Columns[i].Value(row)
		switch field := s.Outputs[i].Name; {
		case field == name, field == "class" && name == "quality":
			return value
		case field == "scores" && isProbability:
			n, err := strconv.Atoi(class)
			if err != nil {
				t.Fatal(err)
			}
			return value.([]float32)[n-3] // the classes begin with 3
		}
	}
	t.Fatalf("no output for %s among %v", name, s.Outputs)
	return nil
}

func equal(got any, want string, tolerance float64) bool {
	text := fmt.Sprint(got)
	if text == want {
		return true
	}
	g, err1 := strconv.ParseFloat(text, 64)
	w, err2 := strconv.ParseFloat(want, 64)
	return err1 == nil && err2 == nil && math.Abs(g-w) <= tolerance*max(1, math.Abs(w))
}

// libraryDir is where `make tensorflow` puts the library.
func libraryDir() string {
	if dir := os.Getenv(tensorflow.LibraryDirVariable); dir != "" {
		return dir
	}
	return "../../.cache/tensorflow"
}

func needTensorFlow(t *testing.T) {
	t.Helper()
	_, err := os.Stat(libraryDir())
	if err == nil && tensorflowBuiltIn {
		return
	}
	if os.Getenv("MODELSERVER_REQUIRE_TENSORFLOW") != "" {
		t.Fatalf("no TensorFlow (built in: %v, library: %v)", tensorflowBuiltIn, err)
	}
	t.Skip("needs TensorFlow: `make test`, or `make tensorflow` and the build tag tensorflow")
}
