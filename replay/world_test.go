package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
	"github.com/modelstream/modelserver/replay"
)

// world is a topic of records with one partition, a models topic and a results
// topic, in memory. The models add a number to x.
type world struct {
	source  *record.Source
	records []replay.Record
	results []replay.Result
	models  []*replay.Descriptor
	bytes   map[replay.Place]string // artifacts of the models topic

	open, mostOpen, loads int
	read                  int // results
}

func newWorld() *world {
	return &world{
		source: &record.Source{Topic: "numbers", Format: record.JSON()},
		bytes:  map[replay.Place]string{},
	}
}

// publish puts a model on the models topic: a number to add, or "broken".
func (w *world) publish(dataType, artifact string, publishedMS, effectiveMS int64) *replay.Descriptor {
	at := replay.Place{Offset: int64(len(w.models))}
	d := replay.Describe(at, publishedMS, "adder", &messages.ModelDescriptor{
		Name: "adds " + artifact, DataType: dataType, EffectiveFromMs: effectiveMS,
		Content: &messages.ModelDescriptor_Data{Data: []byte(artifact)},
	})
	w.bytes[at] = artifact
	w.models = append(w.models, d)
	return d
}

// record appends a record; x "" is a malformed one.
func (w *world) record(dataType, x string, timeMS int64) int64 {
	at := int64(0)
	if n := len(w.records); n > 0 {
		at = w.records[n-1].Offset + 1
	}
	payload := `{"x": ` + x + `}`
	if x == "" {
		payload = "{"
	}
	w.records = append(w.records, replay.Record{
		Raw: record.Raw{Payload: []byte(payload), Offset: at, TimeMS: timeMS}, DataType: dataType,
	})
	return at
}

// result appends what a server gave: value "" is an error.
func (w *world) result(of int64, by *replay.Descriptor, value string) {
	r := &messages.ServingResult{
		DataType: w.records[of].DataType,
		Source:   &messages.Source{Topic: w.source.Topic, Offset: of},
		Generation: &messages.Generation{
			Number: 7, Name: by.Name, Sha256: by.SHA256, Partition: by.Place.Partition, Offset: by.Place.Offset,
		},
	}
	if v, err := strconv.ParseFloat(value, 64); err == nil {
		r.Outputs = map[string]*messages.Value{"sum": {Kind: &messages.Value_Number{Number: v}}}
	} else {
		r.Error = &messages.ScoringError{Kind: "invalid-input", Field: "x", Message: "as it was"}
	}
	w.results = append(w.results, replay.Result{Offset: int64(len(w.results)), Result: r})
}

// elsewhere appends a result of another partition's record.
func (w *world) elsewhere() {
	w.results = append(w.results, replay.Result{Offset: int64(len(w.results)), Result: &messages.ServingResult{
		Source: &messages.Source{Topic: w.source.Topic, Partition: 1, Offset: 3},
	}})
}

// all is the range of everything.
func (w *world) all() replay.Range {
	r := replay.Range{Source: w.source}
	if n := len(w.records); n > 0 {
		r.To = w.records[n-1].Offset + 1
	}
	return r
}

// Records implements [replay.Log].
func (w *world) Records(_ context.Context, r replay.Range) (replay.Records, error) {
	var in []replay.Record
	for _, x := range w.records {
		if x.Offset >= r.From && x.Offset < r.To {
			in = append(in, x)
		}
	}
	return &pages[replay.Record]{left: in}, nil
}

// Results implements [replay.Log].
func (w *world) Results(context.Context, replay.Range) (replay.Results, error) {
	return &pages[replay.Result]{left: w.results, read: &w.read}, nil
}

// pages hands a list out three at a time.
type pages[T any] struct {
	left []T
	read *int
}

func (p *pages[T]) Next(context.Context) ([]T, error) {
	n := min(3, len(p.left))
	if n == 0 {
		return nil, io.EOF
	}
	page := p.left[:n]
	p.left = p.left[n:]
	if p.read != nil {
		*p.read += n
	}
	return page, nil
}

func (p *pages[T]) Close() {}

// Artifact implements [replay.Artifacts].
func (w *world) Artifact(_ context.Context, at replay.Place) ([]byte, error) {
	b, there := w.bytes[at]
	if !there {
		return nil, fmt.Errorf("%w: offset %d", replay.ErrGone, at.Offset)
	}
	return []byte(b), nil
}

// run replays with a config that the caller may change, and returns the findings
// and the results that were made, by offset.
func (w *world) run(t testing.TB, change func(*replay.Config, *replay.Loading)) *outcome {
	t.Helper()
	o, err := w.try(t, change)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

type outcome struct {
	*replay.Summary
	findings map[int64]*replay.Finding
	made     []*messages.ServingResult
}

func (w *world) try(t testing.TB, change func(*replay.Config, *replay.Loading)) (*outcome, error) {
	t.Helper()
	o := &outcome{findings: map[int64]*replay.Finding{}}
	types, err := model.NewRegistry(model.Type{Name: "adder", Load: w.load})
	if err != nil {
		t.Fatal(err)
	}
	l := replay.Loading{Types: types, Artifacts: w, Formats: []*record.Format{w.source.Format}}
	c := replay.Config{
		Ranges: []replay.Range{w.all()}, Log: w, AsOf: replay.AsOfResults, Diff: true, Format: record.ResultProtobuf, Batch: 4, Window: 8,
		Finding: func(f *replay.Finding) { o.findings[f.Offset] = f },
		Sink: func(_ context.Context, out replay.Output) error {
			r, err := record.DecodeResult(record.ResultProtobuf, out.Payload)
			o.made = append(o.made, r)
			return err
		},
	}
	if change != nil {
		change(&c, &l)
	}
	if c.Models == nil {
		c.Models = replay.NewGenerations(l, w.models)
	}
	o.Summary, err = replay.Run(t.Context(), c)
	if e := c.Models.Close(); e != nil {
		t.Error(e)
	}
	if w.open != 0 {
		t.Errorf("%d models are still open", w.open)
	}
	return o, err
}

func (w *world) load(_ context.Context, spec model.Spec) (model.Evaluator, error) {
	text := string(spec.Artifact.Bytes)
	if text == "panics" {
		panic("as told")
	}
	add, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, &model.LoadError{Reason: "not a number", Err: err}
	}
	w.open++
	w.loads++
	w.mostOpen = max(w.mostOpen, w.open)
	return &adder{world: w, add: add, signature: &model.Signature{
		Inputs:  []model.Field{{Name: "x", Type: model.Float64}},
		Outputs: []model.Field{{Name: "sum", Type: model.Float64}}, Target: -1,
	}}, nil
}

// adder adds its number to x; it refuses −1 and panics on −2.
type adder struct {
	world     *world
	add       float64
	signature *model.Signature
	closed    bool
}

func (a *adder) Signature() *model.Signature { return a.signature }

func (a *adder) Close() error {
	if a.closed {
		return errors.New("closed twice")
	}
	a.closed = true
	a.world.open--
	return nil
}

func (a *adder) Score(_ context.Context, in, out *model.Batch) error {
	if a.closed {
		return errors.New("closed already")
	}
	out.Reset(a.signature.Outputs, in.Rows)
	for i, x := range in.Columns[0].Float64 {
		switch {
		case in.Err(i) != nil:
		case x == -1:
			out.Fail(i, &model.RecordError{Kind: model.InvalidInput, Field: "x"})
		case x == -2:
			panic("as told")
		}
		out.Columns[0].Float64[i] = x + a.add
	}
	return nil
}
