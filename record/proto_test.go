package record

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

func TestDecodeWine(t *testing.T) {
	d, err := Wine().Bind(wineSignature(), nil)
	if err != nil {
		t.Fatal(err)
	}
	records := winePayloads(t, 7)
	records[2].Payload = records[2].Payload[:20]
	var batch model.Batch
	for range 2 { // the second time with used memory
		d.Decode(records, &batch)
		for row := range records {
			if row == 2 {
				continue
			}
			m := new(messages.WineRecord)
			if err := proto.Unmarshal(records[row].Payload, m); err != nil {
				t.Fatal(err)
			}
			want := []float64{
				m.GetFixedAcidity(), m.GetVolatileAcidity(), m.GetCitricAcid(), m.GetResidualSugar(), m.GetChlorides(),
				m.GetFreeSulfurDioxide(), m.GetTotalSulfurDioxide(), m.GetDensity(), m.GetPH(), m.GetSulphates(), m.GetAlcohol(),
			}
			for i := range want {
				if got := batch.Columns[i].Float64[row]; got != want[i] || batch.Columns[i].StateOf(row) != model.Valid {
					t.Errorf("row %d column %d: got %v, want %v", row, i, got, want[i])
				}
			}
		}
		if len(batch.Errors) != 1 || batch.Errors[0].Row != 2 || batch.Errors[0].Err.Kind != model.Malformed {
			t.Errorf("errors: %v, want row 2 malformed", batch.Errors)
		}
	}
}

func TestResultProtobuf(t *testing.T) {
	sig := &model.Signature{Target: 1, Outputs: []model.Field{
		{Name: "p", Type: model.Float64},
		{Name: "label", Type: model.String},
		{Name: "count", Type: model.Int64},
		{Name: "ok", Type: model.Bool},
		{Name: "vector", Type: model.Float32, Shape: []int{2}},
		{Name: "labels", Type: model.String, Shape: []int{2}},
	}}
	var out model.Batch
	out.Reset(sig.Outputs, 1)
	out.Columns[0].Float64[0] = 0.25
	out.Columns[1].String[0] = "good"
	out.Columns[2].Int64[0] = -7
	out.Columns[3].Bool[0] = true
	copy(out.Columns[4].Float32, []float32{1.5, -2})
	copy(out.Columns[5].String, []string{"a", "b\xff"})
	gen := &messages.Generation{Number: 2, Name: "n"}
	e, err := NewResultEncoder(ResultProtobuf, sig, "wine", gen, "in")
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeResult(ResultProtobuf, e.Append(nil, &Raw{Partition: 1, Offset: 300, TimeMS: 5}, &out, 0, 6))
	if err != nil {
		t.Fatal(err)
	}
	want := &messages.ServingResult{
		DataType: "wine",
		Target:   &messages.Value{Kind: &messages.Value_Label{Label: "good"}},
		Outputs: map[string]*messages.Value{
			"p":      {Kind: &messages.Value_Number{Number: 0.25}},
			"label":  {Kind: &messages.Value_Label{Label: "good"}},
			"count":  {Kind: &messages.Value_Integer{Integer: -7}},
			"ok":     {Kind: &messages.Value_Flag{Flag: true}},
			"vector": {Kind: &messages.Value_Numbers{Numbers: &messages.Numbers{Values: []float64{1.5, -2}}}},
			"labels": {Kind: &messages.Value_Labels{Labels: &messages.Labels{Values: []string{"a", "b\uFFFD"}}}},
		},
		Generation: gen, Source: &messages.Source{Topic: "in", Partition: 1, Offset: 300}, RecordTimeMs: 5, ScoredTimeUs: 6,
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
