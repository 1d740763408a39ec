package record

import (
	"fmt"
	"sync"
	"testing"

	"github.com/modelstream/modelserver/model"
)

func TestFormatNames(t *testing.T) {
	for f, want := range map[*Format]string{JSON(): "json", Wine(): "protobuf modelserver.v1.WineRecord"} {
		if f.String() != want {
			t.Errorf("got %s, want %s", f, want)
		}
	}
}

func TestWithLimits(t *testing.T) {
	f := JSON().WithLimits(Limits{Depth: 3})
	if f.limits != (Limits{PayloadBytes: DefaultLimits().PayloadBytes, Depth: 3}) {
		t.Errorf("got %+v, want the default size and depth 3", f.limits)
	}
	if JSON().limits != DefaultLimits() {
		t.Error("the format that it was made from must not change")
	}
}

// TestDecodersAreShared decodes with one decoder on many goroutines; the race
// detector watches.
func TestDecodersAreShared(t *testing.T) {
	for name, test := range map[string]struct {
		format  *Format
		records []Raw
	}{"protobuf": {Wine(), winePayloads(t, 50)}, "json": {JSON(), wineJSON(50)}} {
		t.Run(name, func(t *testing.T) {
			d := bind(t, test.format, nil, wineSignature().Inputs...)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					var batch model.Batch
					for range 20 {
						d.Decode(test.records, &batch)
						for row := range test.records {
							if got, want := batch.Columns[2].Float64[row], float64(row%3); got != want || len(batch.Errors) != 0 {
								t.Errorf("row %d: got %v, want %v (%v)", row, got, want, batch.Errors)
								return
							}
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestDecodeNoRecords(t *testing.T) {
	for _, f := range []*Format{Wine(), JSON()} {
		var batch model.Batch
		bind(t, f, nil, wineSignature().Inputs...).Decode(nil, &batch)
		if batch.Rows != 0 || len(batch.Columns) != 11 || len(batch.Errors) != 0 {
			t.Errorf("%v: got %d rows, %d columns", f, batch.Rows, len(batch.Columns))
		}
		bind(t, f, nil).Decode([]Raw{{Payload: []byte("{}")}}, &batch)
		if batch.Rows != 1 || len(batch.Columns) != 0 {
			t.Errorf("%v: a model without inputs got %d columns", f, len(batch.Columns))
		}
	}
}

func ExampleFormat_Bind() {
	inputs := []model.Field{{Name: "fixed acidity", Type: model.Float64}, {Name: "acid", Type: model.String}}
	decoder, err := JSON().Bind(&model.Signature{Inputs: inputs, Target: -1}, map[string]string{"acid": "lab.pH"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var batch model.Batch
	decoder.Decode([]Raw{
		{Payload: []byte(`{"fixedAcidity": 7.4, "lab": {"pH": 3.51}}`)},
		{Payload: []byte(`{"fixed_acidity": null}`)},
		{Payload: []byte(`{"fixed acidity": 7.`)},
	}, &batch)
	for row := range batch.Rows {
		if err := batch.Err(row); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(batch.Columns[0].Value(row), batch.Columns[1].Value(row))
	}
	// Output:
	// 7.4 3.51
	// <nil> <nil>
	// malformed: field "fixed acidity": the JSON text ends too early (at byte 20)
}
