package pmml

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/xmlread"
)

// fuzzLimits keeps one execution short.
var fuzzLimits = Options{Limits: xmlread.Limits{Bytes: 1 << 20, Elements: 20_000, Depth: 200}}

func seedDocuments(t testing.TB) []string {
	var docs []string
	for _, path := range featureFiles(t) {
		for _, c := range readFeatures(t, path) {
			docs = append(docs, c.document)
		}
	}
	return docs
}

// FuzzLoad loads foreign bytes: there is a model or a typed error, and never an
// internal one.
func FuzzLoad(f *testing.F) {
	for _, doc := range seedDocuments(f) {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := Load(context.Background(), strings.NewReader(string(doc)), fuzzLimits)
		checkLoaded(t, m, err)
	})
}

func checkLoaded(t *testing.T, m *Model, err error) {
	if err == nil {
		if len(m.signature.Outputs) != len(m.outputs) {
			t.Fatal("outputs without a source")
		}
		return
	}
	var bad *model.LoadError
	if !errors.As(err, &bad) {
		t.Fatalf("an untyped error: %v", err)
	}
	if strings.Contains(err.Error(), "internal error") {
		t.Fatal(err)
	}
}

// FuzzEvaluate edits good documents and scores rows of any values: a batch gives
// the same as its rows alone, and no internal error.
func FuzzEvaluate(f *testing.F) {
	docs := seedDocuments(f)
	for i := range docs {
		f.Add(uint16(i), []byte{}, []byte{byte(i), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
		f.Add(uint16(i), []byte{byte(i), 0, byte(7 * i), byte(3 * i)}, []byte{byte(i), 3, 9, 2, 7})
	}
	f.Fuzz(func(t *testing.T, base uint16, edits, values []byte) {
		doc := mutate(docs[int(base)%len(docs)], edits)
		m, err := Load(context.Background(), strings.NewReader(doc), fuzzLimits)
		checkLoaded(t, m, err)
		if err != nil || len(m.signature.Inputs) > 100 {
			return
		}
		defer func() {
			if t.Failed() {
				t.Log(doc)
			}
		}()
		const rows = 3
		in := fuzzBatch(&m.signature, values, rows)
		var out model.Batch
		if err := m.Score(context.Background(), in, &out); err != nil {
			t.Fatal(err)
		}
		for row := range rows {
			first := row
			if m.plan.looksBack() {
				first = 0 // the rows before matter, those behind do not
			}
			alone := someRows(in, first, row+1)
			var one model.Batch
			if err := m.Score(context.Background(), alone, &one); err != nil {
				t.Fatal(err)
			}
			sameRow(t, m, &out, row, &one)
		}
	})
}

// fuzzBatch makes rows of the values that are worth trying; data chooses.
func fuzzBatch(s *model.Signature, data []byte, rows int) *model.Batch {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	numbers := []float64{0, 1, -1, 0.5, 2.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e10, -1e-10, 3, 100}
	texts := []string{"", "a", "b", "yes", "true", "1", "-2.5", "NaN", "INF", "\x00\xff", strings.Repeat("word ", 2000), "2020-02-30", "2020-02-29T25:00:00", "12:00:00", "ä\u0301€"}
	in := &model.Batch{Rows: rows}
	for range s.Inputs {
		var c model.Column
		c.Width = 1
		switch next() % 5 {
		case 0:
			c.Type = model.Float64
			for range rows {
				x := numbers[next()%len(numbers)]
				if len(data) >= 9 && next()%4 == 0 {
					x = math.Float64frombits(binary.LittleEndian.Uint64(data))
					data = data[8:]
				}
				c.Float64 = append(c.Float64, x)
			}
		case 1:
			c.Type = model.String
			for range rows {
				c.String = append(c.String, texts[next()%len(texts)])
			}
		case 2:
			c.Type = model.Int64
			for range rows {
				c.Int64 = append(c.Int64, int64(next())-5, math.MaxInt64)[:len(c.Int64)+1]
			}
		case 3:
			c.Type = model.Bool
			for range rows {
				c.Bool = append(c.Bool, next()%2 == 0)
			}
		default:
			c.Type = model.Float32
			for range rows {
				c.Float32 = append(c.Float32, float32(numbers[next()%len(numbers)]))
			}
		}
		for row := range rows {
			c.SetState(row, rows, model.State(next()%8/6*(1+next()%2)))
		}
		in.Columns = append(in.Columns, c)
	}
	return in
}

// someRows is a batch of the rows from … to−1 of another.
func someRows(in *model.Batch, from, to int) *model.Batch {
	some := &model.Batch{Rows: to - from}
	for _, c := range in.Columns {
		k := model.Column{Type: c.Type, Width: 1}
		switch c.Type {
		case model.Float64:
			k.Float64 = c.Float64[from:to]
		case model.Float32:
			k.Float32 = c.Float32[from:to]
		case model.Int64:
			k.Int64 = c.Int64[from:to]
		case model.Bool:
			k.Bool = c.Bool[from:to]
		case model.String:
			k.String = c.String[from:to]
		}
		for row := range some.Rows {
			k.SetState(row, some.Rows, c.StateOf(from+row))
		}
		some.Columns = append(some.Columns, k)
	}
	return some
}

// sameRow compares a row of a batch with the last one of another.
func sameRow(t *testing.T, m *Model, batch *model.Batch, row int, one *model.Batch) {
	last := one.Rows - 1
	a, b := batch.Err(row), one.Err(last)
	if (a == nil) != (b == nil) || a != nil && *a != *b {
		t.Fatalf("row %d: %v in a batch, %v alone", row, a, b)
	}
	if a != nil {
		return
	}
	for i, f := range m.signature.Outputs {
		x, y := batch.Columns[i].Value(row), one.Columns[i].Value(last)
		if x != y && !bothNaN(x, y) {
			t.Fatalf("row %d: %s is %v in a batch, %v alone", row, f.Name, x, y)
		}
	}
}

func bothNaN(x, y any) bool {
	a, ok := x.(float64)
	b, ok2 := y.(float64)
	return ok && ok2 && math.IsNaN(a) && math.IsNaN(b)
}
