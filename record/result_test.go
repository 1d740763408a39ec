package record

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
)

var resultFormats = []ResultFormat{ResultProtobuf, ResultJSON}

// resultCase is a scored batch with all that its results are made of.
type resultCase struct {
	sig        *model.Signature
	out        model.Batch
	dataType   string
	generation *messages.Generation
	topic      string
	raw        Raw
	times      Times
}

// drawResult draws a signature, a generation and one scored row of three.
func drawResult(t *rapid.T) *resultCase {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "wine", "bad\xff\xfe!", "quo\"te\\\n\t\x00\x1f", "🍷", strings.Repeat("long ", 40)}))
	integer := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1, 1))
	c := &resultCase{
		sig:      &model.Signature{Target: -1},
		dataType: text.Draw(t, "data type"),
		topic:    text.Draw(t, "topic"),
		raw: Raw{
			Partition: rapid.OneOf(rapid.Int32(), rapid.Int32Range(0, 1)).Draw(t, "partition"),
			Offset:    integer.Draw(t, "offset"),
			TimeMS:    integer.Draw(t, "time"),
		},
		times: Times{ScoredUS: integer.Draw(t, "scored"), ScoringNS: rapid.Uint64().Draw(t, "took")},
	}
	if rapid.Bool().Draw(t, "has generation") {
		c.generation = &messages.Generation{
			Number: rapid.Uint64().Draw(t, "number"), Name: text.Draw(t, "name"), Version: text.Draw(t, "version"),
			Sha256: text.Draw(t, "sha256"), Offset: integer.Draw(t, "model offset"), Partition: rapid.Int32().Draw(t, "model partition"),
		}
	}
	names := rapid.SliceOfNDistinct(text, 0, 6, mend).Draw(t, "outputs")
	for _, name := range names {
		f := model.Field{Name: name, Type: rapid.SampledFrom(allTypes).Draw(t, "type")}
		if rapid.IntRange(0, 3).Draw(t, "vector") == 0 {
			f.Shape = []int{rapid.IntRange(1, 3).Draw(t, "width"), 2}
		}
		c.sig.Outputs = append(c.sig.Outputs, f)
	}
	if len(names) > 0 {
		c.sig.Target = rapid.IntRange(-1, len(names)-1).Draw(t, "target")
	}
	c.out.Reset(c.sig.Outputs, 3)
	for i := range c.out.Columns {
		fillColumn(t, &c.out.Columns[i], text)
		for row := range 3 {
			c.out.Columns[i].SetState(row, 3, rapid.SampledFrom([]model.State{model.Valid, model.Valid, model.Valid, model.Missing, model.Invalid}).Draw(t, "state"))
		}
	}
	return c
}

func fillColumn(t *rapid.T, c *model.Column, text *rapid.Generator[string]) {
	double := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, math.NaN(), math.Inf(1), math.Inf(-1), 1e21, 1e-7, 5e-324}))
	for at := range 3 * c.Width {
		switch c.Type {
		case model.Float64:
			c.Float64[at] = double.Draw(t, "float64")
		case model.Float32:
			c.Float32[at] = float32(double.Draw(t, "float32"))
		case model.Int64:
			c.Int64[at] = rapid.Int64().Draw(t, "int64")
		case model.Bool:
			c.Bool[at] = rapid.Bool().Draw(t, "bool")
		case model.String:
			c.String[at] = text.Draw(t, "string")
		}
	}
}

// want builds the result of a row the slow way.
func (c *resultCase) want(row int) *messages.ServingResult {
	r := &messages.ServingResult{
		DataType:     mend(c.dataType),
		Source:       &messages.Source{Topic: mend(c.topic), Partition: c.raw.Partition, Offset: c.raw.Offset},
		RecordTimeMs: c.raw.TimeMS,
		ScoredTimeUs: c.times.ScoredUS,
		ScoringNs:    c.times.ScoringNS,
	}
	if g := c.generation; g != nil {
		r.Generation = &messages.Generation{
			Number: g.GetNumber(), Name: mend(g.GetName()), Version: mend(g.GetVersion()), Sha256: mend(g.GetSha256()),
			Offset: g.GetOffset(), Partition: g.GetPartition(),
		}
	}
	for i := range c.sig.Outputs {
		v := slowValue(&c.out.Columns[i], row)
		if v == nil {
			continue
		}
		if r.Outputs == nil {
			r.Outputs = map[string]*messages.Value{}
		}
		r.Outputs[mend(c.sig.Outputs[i].Name)] = v
		if i == c.sig.Target {
			r.Target = v
		}
	}
	return r
}

func slowValue(c *model.Column, row int) *messages.Value {
	switch v := c.Value(row).(type) {
	case float64:
		return &messages.Value{Kind: &messages.Value_Number{Number: v}}
	case float32:
		return &messages.Value{Kind: &messages.Value_Number{Number: float64(v)}}
	case int64:
		return &messages.Value{Kind: &messages.Value_Integer{Integer: v}}
	case bool:
		return &messages.Value{Kind: &messages.Value_Flag{Flag: v}}
	case string:
		return &messages.Value{Kind: &messages.Value_Label{Label: mend(v)}}
	case []float64:
		return slowNumbers(v, func(x float64) float64 { return x })
	case []float32:
		return slowNumbers(v, func(x float32) float64 { return float64(x) })
	case []int64:
		return slowNumbers(v, func(x int64) float64 { return float64(x) })
	case []bool:
		return slowNumbers(v, func(x bool) float64 {
			if x {
				return 1
			}
			return 0
		})
	case []string:
		l := &messages.Labels{}
		for _, s := range v {
			l.Values = append(l.Values, mend(s))
		}
		return &messages.Value{Kind: &messages.Value_Labels{Labels: l}}
	}
	return nil
}

func slowNumbers[T any](v []T, f func(T) float64) *messages.Value {
	n := &messages.Numbers{}
	for _, x := range v {
		n.Values = append(n.Values, f(x))
	}
	return &messages.Value{Kind: &messages.Value_Numbers{Numbers: n}}
}

func TestResultsAreServingResults(t *testing.T) {
	for _, format := range resultFormats {
		t.Run(format.String(), rapid.MakeCheck(func(t *rapid.T) {
			c := drawResult(t)
			e, err := NewResultEncoder(format, c.sig, c.dataType, c.generation, c.topic)
			if err != nil {
				t.Fatal(err)
			}
			prefix := []byte("before")
			for row := range 3 {
				dst := e.Append(prefix[:len(prefix):len(prefix)], &c.raw, &c.out, row, c.times)
				checkResult(t, format, dst, c.want(row))
			}
		}))
	}
}

func TestErrorResultsAreServingResults(t *testing.T) {
	for _, format := range resultFormats {
		t.Run(format.String(), rapid.MakeCheck(func(t *rapid.T) {
			c := drawResult(t)
			e, err := NewResultEncoder(format, c.sig, c.dataType, c.generation, c.topic)
			if err != nil {
				t.Fatal(err)
			}
			failure := &model.RecordError{
				Kind:  model.RecordErrorKind(rapid.IntRange(0, 6).Draw(t, "kind")),
				Field: rapid.SampledFrom([]string{"", "alcohol", "bad\xff"}).Draw(t, "field"),
				Value: rapid.String().Draw(t, "value"),
				Rule:  "must be \"good\"\xff",
			}
			want := c.want(0)
			want.Target, want.Outputs = nil, nil
			want.Error = &messages.ScoringError{Kind: failure.Kind.String(), Message: mend(failure.Error()), Field: mend(failure.Field)}
			checkResult(t, format, e.AppendError([]byte("before"), &c.raw, failure, c.times), want)
		}))
	}
}

// checkResult compares an encoded result, behind "before", with a message.
func checkResult(t failer, format ResultFormat, dst []byte, want *messages.ServingResult) {
	t.Helper()
	payload, ok := strings.CutPrefix(string(dst), "before")
	if !ok {
		t.Fatalf("what stood before the result is gone: %q", dst)
	}
	got, err := DecodeResult(format, []byte(payload))
	if err != nil {
		t.Fatalf("%v: %q", err, payload)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", prototext.Format(got), prototext.Format(want))
	}
	if format == ResultProtobuf {
		if size := proto.Size(want); size != len(payload) {
			t.Fatalf("%d bytes, but protobuf-go needs %d", len(payload), size)
		}
	} else if !json.Valid([]byte(payload)) {
		t.Fatalf("not JSON: %q", payload)
	}
}

func TestResultGolden(t *testing.T) {
	sig := &model.Signature{Target: 0, Outputs: []model.Field{
		{Name: "quality", Type: model.String},
		{Name: "probability(5)", Type: model.Float64},
		{Name: "trees", Type: model.Int64},
		{Name: "sure", Type: model.Bool},
		{Name: "absent", Type: model.Float64},
		{Name: "vector", Type: model.Float32, Shape: []int{3}},
	}}
	var out model.Batch
	out.Reset(sig.Outputs, 1)
	out.Columns[0].String[0] = "5"
	out.Columns[1].Float64[0] = 0.75
	out.Columns[2].Int64[0] = 100
	out.Columns[3].Bool[0] = true
	out.Columns[4].SetState(0, 1, model.Missing)
	copy(out.Columns[5].Float32, []float32{0.5, float32(math.NaN()), -1})
	generation := &messages.Generation{Number: 8, Name: "forest", Version: "2", Sha256: "9f86", Offset: 11}
	raw := &Raw{Partition: 1, Offset: 300, TimeMS: 1_700_000_000_000}

	e, err := NewResultEncoder(ResultJSON, sig, "wine", generation, "records")
	if err != nil {
		t.Fatal(err)
	}
	got := string(e.Append(nil, raw, &out, 0, Times{ScoredUS: 1_700_000_000_000_001, ScoringNS: 250}))
	const want = `{"dataType":"wine","generation":{"number":"8","name":"forest","version":"2","sha256":"9f86","offset":"11"},` +
		`"target":{"label":"5"},"outputs":{"quality":{"label":"5"},"probability(5)":{"number":0.75},"trees":{"integer":"100"},` +
		`"sure":{"flag":true},"vector":{"numbers":{"values":[0.5,"NaN",-1]}}},` +
		`"source":{"topic":"records","partition":1,"offset":"300"},"recordTimeMs":"1700000000000","scoredTimeUs":"1700000000000001","scoringNs":"250"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = string(e.AppendError(nil, raw, &model.RecordError{Kind: model.Malformed, Rule: "cut off"}, Times{ScoredUS: 7}))
	const wantError = `{"dataType":"wine","generation":{"number":"8","name":"forest","version":"2","sha256":"9f86","offset":"11"},` +
		`"source":{"topic":"records","partition":1,"offset":"300"},"recordTimeMs":"1700000000000","scoredTimeUs":"7",` +
		`"error":{"kind":"malformed","message":"malformed: cut off"}}`
	if got != wantError {
		t.Errorf("got  %s\nwant %s", got, wantError)
	}
}

func TestNewResultEncoderRefuses(t *testing.T) {
	twice := &model.Signature{Target: -1, Outputs: []model.Field{{Name: "a", Type: model.Float64}, {Name: "a", Type: model.Float64}}}
	for name, try := range map[string]func() (*ResultEncoder, error){
		"outputs of one name": func() (*ResultEncoder, error) { return NewResultEncoder(ResultProtobuf, twice, "", nil, "") },
		"a target that is not there": func() (*ResultEncoder, error) {
			return NewResultEncoder(ResultProtobuf, &model.Signature{Target: 0}, "", nil, "")
		},
		"no format": func() (*ResultEncoder, error) { return NewResultEncoder(0, &model.Signature{Target: -1}, "", nil, "") },
	} {
		if e, err := try(); err == nil || e != nil {
			t.Errorf("%s: got %v, want an error", name, err)
		}
	}
}

func TestResultFormatNames(t *testing.T) {
	for _, f := range resultFormats {
		if got, err := ParseResultFormat(strings.ToUpper(f.String())); err != nil || got != f {
			t.Errorf("%v does not parse back: %v, %v", f, got, err)
		}
	}
	if _, err := ParseResultFormat("xml"); err == nil {
		t.Error("xml must be refused")
	}
	if _, err := DecodeResult(ResultProtobuf, []byte{0xff}); err == nil {
		t.Error("bytes that are no message must be refused")
	}
	if _, err := DecodeResult(0, nil); err == nil {
		t.Error("no format must be refused")
	}
}

func TestResultsDoNotAllocate(t *testing.T) {
	sig := &model.Signature{Target: 0, Outputs: []model.Field{{Name: "label", Type: model.String}, {Name: "p", Type: model.Float64}}}
	var out model.Batch
	out.Reset(sig.Outputs, 2)
	out.Columns[0].String[0], out.Columns[0].String[1] = "a", "b"
	out.Columns[1].SetState(1, 2, model.Missing)
	dst := make([]byte, 0, 4096)
	for _, format := range resultFormats {
		e, err := NewResultEncoder(format, sig, "wine", &messages.Generation{Name: "m"}, "t")
		if err != nil {
			t.Fatal(err)
		}
		raw := &Raw{Offset: 1}
		if n := testing.AllocsPerRun(100, func() {
			dst = e.Append(dst[:0], raw, &out, 0, Times{1, 1})
			dst = e.Append(dst, raw, &out, 1, Times{1, 1})
		}); n != 0 {
			t.Errorf("%v: %v allocations, want none", format, n)
		}
	}
}

// The time of a batch is shared out among its records; none is 0, which would
// say that it was not measured.
func TestTimesOf(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	if got := TimesOf(long, 1000).ScoringNS; got < 3_600_000_000 || got > 3_700_000_000 {
		t.Errorf("an hour for 1,000 records: %d ns a record", got)
	}
	future := time.Now().Add(time.Hour) // a clock that was set back
	for _, n := range []int{0, 1, 1 << 30} {
		if got := TimesOf(future, n).ScoringNS; got != 1 {
			t.Errorf("no time for %d records: %d ns a record, want 1", n, got)
		}
	}
}

func ExampleDecodeResult() {
	result, err := DecodeResult(ResultJSON, []byte(`{"dataType":"wine","target":{"number":5.5},"source":{"topic":"records","offset":"7"}}`))
	fmt.Println(result.GetTarget().GetNumber(), result.GetSource().GetOffset(), err)
	// Output: 5.5 7 <nil>
}
