package record

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

const benchRows = 256

func wineMessage(i int) *messages.WineRecord {
	x := float64(i%97) / 10
	return &messages.WineRecord{
		FixedAcidity: 7.4 + x, VolatileAcidity: 0.7, CitricAcid: float64(i % 3), ResidualSugar: 1.9,
		Chlorides: 0.076, FreeSulfurDioxide: 11 + x, TotalSulfurDioxide: 34, Density: 0.9978,
		PH: 3.51, Sulphates: 0.56, Alcohol: 9.4, DataType: "wine",
	}
}

// wineInputs are named as scikit-learn's data set names them.
func wineSignature() *model.Signature {
	sig := &model.Signature{}
	for _, name := range []string{
		"fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides",
		"free sulfur dioxide", "total sulfur dioxide", "density", "pH", "sulphates", "alcohol",
	} {
		sig.Inputs = append(sig.Inputs, model.Field{Name: name, Type: model.Float64})
	}
	return sig
}

func winePayloads(tb testing.TB, n int) []Raw {
	tb.Helper()
	records := make([]Raw, n)
	for i := range records {
		b, err := proto.Marshal(wineMessage(i))
		if err != nil {
			tb.Fatal(err)
		}
		records[i] = Raw{Payload: b, Partition: 3, Offset: 1 << 20, TimeMS: 1_700_000_000_000}
	}
	return records
}

// perRecord adds the figure that the budget is in.
func perRecord(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
}

func BenchmarkDecodeWine(b *testing.B) {
	records := winePayloads(b, benchRows)
	d, err := Wine().Bind(wineSignature(), nil)
	if err != nil {
		b.Fatal(err)
	}
	var batch model.Batch
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(records, &batch)
	}
	if len(batch.Errors) != 0 {
		b.Fatal(batch.Errors[0].Err)
	}
	perRecord(b, benchRows)
}

func BenchmarkDecodeWineThreeFields(b *testing.B) {
	records := winePayloads(b, benchRows)
	sig := wineSignature()
	sig.Inputs = []model.Field{sig.Inputs[10], sig.Inputs[1], sig.Inputs[9]}
	d, err := Wine().Bind(sig, nil)
	if err != nil {
		b.Fatal(err)
	}
	var batch model.Batch
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(records, &batch)
	}
	perRecord(b, benchRows)
}

// BenchmarkDecodeMixed decodes ten fields of all kinds: what the general loop
// costs where records are not a row of doubles.
func BenchmarkDecodeMixed(b *testing.B) {
	f := testFormat(b, "All")
	mapping := map[string]string{"ph": "inner.ph"}
	d := bind(b, f, mapping, input("d", model.Float64), input("f", model.Float64), input("i32", model.Int64), input("u64", model.Float64),
		input("b", model.Bool), input("s", model.String), input("color", model.String), input("maybe", model.Float64),
		input("wrapped", model.Float64), input("ph", model.Float64))
	payload := build(b, f, `d: 1 f: 2 i32: 3 u64: 400 b: true s: "five" color: RED maybe: 6 wrapped {value: 7} inner {ph: 8 acid: 9}`)
	records := make([]Raw, benchRows)
	for i := range records {
		records[i].Payload = payload
	}
	var batch model.Batch
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(records, &batch)
	}
	if len(batch.Errors) != 0 {
		b.Fatal(batch.Errors[0].Err)
	}
	perRecord(b, benchRows)
}

func BenchmarkDecodeWineFloat32(b *testing.B) {
	records := winePayloads(b, benchRows)
	sig := wineSignature()
	for i := range sig.Inputs {
		sig.Inputs[i].Type = model.Float32
	}
	d := bind(b, Wine(), nil, sig.Inputs...)
	var batch model.Batch
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(records, &batch)
	}
	perRecord(b, benchRows)
}

func BenchmarkFieldReaderWine(b *testing.B) {
	records := winePayloads(b, benchRows)
	read, err := Wine().FieldReader("data_type")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			if v, ok := read(records[i].Payload); !ok || len(v) != 4 {
				b.Fatal(v, ok)
			}
		}
	}
	perRecord(b, benchRows)
}

func benchmarkEncodeResult(b *testing.B, format ResultFormat) {
	sig := &model.Signature{Target: 0}
	for _, name := range []string{"quality", "probability(3)", "probability(4)", "probability(5)", "probability(6)", "probability(7)", "probability(8)"} {
		sig.Outputs = append(sig.Outputs, model.Field{Name: name, Type: model.Float64})
	}
	var out model.Batch
	out.Reset(sig.Outputs, benchRows)
	for i := range out.Columns {
		for row := range benchRows {
			out.Columns[i].Float64[row] = 1 / float64(row+i+1)
		}
	}
	e, err := NewResultEncoder(format, sig, "wine", &messages.Generation{
		Number: 8, Name: "winequality forest", Version: "2026-11-24",
		Sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Offset: 4711,
	}, "wine-records")
	if err != nil {
		b.Fatal(err)
	}
	raw := &Raw{Partition: 3, Offset: 1 << 20, TimeMS: 1_700_000_000_000}
	dst := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		for row := range benchRows {
			dst = e.Append(dst, raw, &out, row, Times{ScoredUS: 1_700_000_000_000_000, ScoringNS: 1_250})
		}
	}
	perRecord(b, benchRows)
}

func BenchmarkEncodeResultProtobuf(b *testing.B) { benchmarkEncodeResult(b, ResultProtobuf) }

func wineJSON(n int) []Raw {
	records := make([]Raw, n)
	for i := range records {
		m := wineMessage(i)
		records[i].Payload = fmt.Appendf(nil, `{"fixed_acidity":%.1f,"volatile_acidity":%v,"citric_acid":%v,"residual_sugar":%v,"chlorides":%v,`+
			`"free_sulfur_dioxide":%.1f,"total_sulfur_dioxide":%v,"density":%v,"pH":%v,"sulphates":%v,"alcohol":%v,"data_type":"wine"}`,
			m.GetFixedAcidity(), m.GetVolatileAcidity(), m.GetCitricAcid(), m.GetResidualSugar(), m.GetChlorides(), m.GetFreeSulfurDioxide(),
			m.GetTotalSulfurDioxide(), m.GetDensity(), m.GetPH(), m.GetSulphates(), m.GetAlcohol())
	}
	return records
}

func BenchmarkDecodeWineJSON(b *testing.B) {
	records := wineJSON(benchRows)
	d := bind(b, JSON(), nil, wineSignature().Inputs...)
	var batch model.Batch
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(records, &batch)
	}
	if len(batch.Errors) != 0 || len(batch.Columns[0].State) != 0 {
		b.Fatal(batch.Errors)
	}
	perRecord(b, benchRows)
}

// BenchmarkDecodeVector decodes an image of 28×28 as the Crayfish benchmark
// sends it.
func BenchmarkDecodeVector(b *testing.B) {
	values := make([]string, 784)
	for i := range values {
		values[i] = fmt.Sprint(float32(i) / 255)
	}
	list := strings.Join(values, ",")
	for name, payload := range map[string]string{"text": `{"dataPoint":"` + list + `"}`, "array": `{"dataPoint":[` + list + `]}`} {
		b.Run(name, func(b *testing.B) {
			d := bind(b, JSON(), nil, input("dataPoint", model.Float32, 28, 28))
			records := []Raw{{Payload: []byte(payload)}}
			var batch model.Batch
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				d.Decode(records, &batch)
			}
			if batch.Err(0) != nil || batch.Columns[0].StateOf(0) != model.Valid {
				b.Fatal(batch.Err(0))
			}
		})
	}
}

func BenchmarkDecodeVectorProtobuf(b *testing.B) {
	f := testFormat(b, "All")
	payload := build(b, f, "floats: ["+strings.Repeat("0.5, ", 783)+"0.5]")
	d := bind(b, f, nil, input("floats", model.Float32, 28, 28))
	records := []Raw{{Payload: payload}}
	var batch model.Batch
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		d.Decode(records, &batch)
	}
	if batch.Err(0) != nil || batch.Columns[0].StateOf(0) != model.Valid {
		b.Fatal(batch.Err(0))
	}
}

func BenchmarkFieldReaderWineJSON(b *testing.B) {
	records := wineJSON(benchRows)
	read, err := JSON().FieldReader("data_type")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			if v, ok := read(records[i].Payload); !ok || len(v) != 4 {
				b.Fatal(v, ok)
			}
		}
	}
	perRecord(b, benchRows)
}

func BenchmarkEncodeResultJSON(b *testing.B) { benchmarkEncodeResult(b, ResultJSON) }
