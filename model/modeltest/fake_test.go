package modeltest

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/modelstream/modelserver/model"
)

// fault is something that a model type can do wrong.
type fault string

// The faults that the suite must find; the test names the check that finds each.
const (
	none                fault = ""
	badName             fault = "a name in upper case"
	undocumentedOption  fault = "an option that is not documented"
	duplicateInput      fault = "two inputs of one name"
	zeroShape           fault = "a shape with a zero"
	targetOutOfRange    fault = "a target that is no output"
	unstableSignature   fault = "another signature at each load"
	freshSignature      fault = "a new signature at each call"
	wrongSignature      fault = "another output than wanted"
	acceptsTruncated    fault = "a truncated artifact is loaded"
	plainLoadError      fault = "an error that is no LoadError"
	loadPanics          fault = "Load panics on garbage"
	ignoresOptions      fault = "unknown options are ignored"
	acceptsBad          fault = "a bad option value is accepted"
	changesArtifact     fault = "Load changes the artifact"
	keepsArtifact       fault = "the evaluator reads the artifact's memory"
	keepsOptions        fault = "the evaluator reads the options' map"
	loadHangs           fault = "a cancelled load blames the model"
	verifyFails         fault = "Verify fails"
	warmSpoils          fault = "Warm changes results"
	wrongValue          fault = "a wrong value"
	wrongKind           fault = "a wrong kind of error"
	batchPosition       fault = "the result depends on the row number"
	keepsStates         fault = "Score does not reset out"
	shortColumn         fault = "an output column is too short"
	missingSpoilsBatch  fault = "a missing value fails the batch"
	missingPanics       fault = "a missing value panics"
	missingShifts       fault = "a missing value changes the next row"
	infinityPanics      fault = "an infinite input panics"
	longStringSpoils    fault = "a long string changes the next row"
	copiesErrors        fault = "in.Errors are copied"
	changesInput        fault = "the input is changed"
	aliasesInput        fault = "the output is the input's memory"
	keepsStrings        fault = "strings of an earlier batch are kept"
	sharedScratch       fault = "one scratch buffer for all goroutines"
	cancelBlamesModel   fault = "a cancelled Score blames the model"
	cancelSpoils        fault = "a cancelled Score breaks later ones"
	allocatesPerRecord  fault = "an allocation per record"
	closeFails          fault = "Close fails"
	leaksGoroutine      fault = "a goroutine stays"
	leaksFile           fault = "a file stays open"
	leaksFileOnFailure  fault = "a file stays open when Load fails"
	repeatedErrorEntry  fault = "two errors for one row"
	nilWithoutEvaluator fault = "Load returns neither error nor evaluator"
)

// fakeArtifact is "FAKE", a weight, and a checksum of both.
func fakeArtifact(weight float64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte("FAKE"), math.Float64bits(weight))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// fakeType adds weight·x and y and passes s on as a label.
func fakeType(f fault) model.Type {
	t := model.Type{
		Name:    "fake",
		Doc:     "a tiny model with seeded faults",
		Options: map[string]string{"scale": "a factor of the result, 1 by default"},
		Load:    func(ctx context.Context, spec model.Spec) (model.Evaluator, error) { return fakeLoad(ctx, f, spec) },
	}
	switch f {
	case badName:
		t.Name = "Fake"
	case undocumentedOption:
		t.Options = nil
	}
	return t
}

var loads atomic.Int64 // lets unstableSignature differ; only tests read it

func fakeLoad(ctx context.Context, f fault, spec model.Spec) (model.Evaluator, error) {
	if err := ctx.Err(); err != nil {
		if f == loadHangs {
			return nil, &model.LoadError{Reason: "interrupted"}
		}
		return nil, err
	}
	b := spec.Artifact.Bytes
	if whole := len(b) == 16 && string(b[:4]) == "FAKE" &&
		crc32.ChecksumIEEE(b[:12]) == binary.LittleEndian.Uint32(b[12:]); !whole {
		return failedLoad(f, b)
	}
	scale := 1.0
	for name, value := range spec.Options {
		switch {
		case name == "scale" && (value == "2" || f == acceptsBad):
			scale = 2
		case name == "scale":
			return nil, &model.LoadError{Reason: fmt.Sprintf("option scale is %q: it must be 2", value)}
		case f != ignoresOptions:
			return nil, &model.LoadError{Reason: fmt.Sprintf("option %q is not known", name)}
		}
	}
	e := &fake{fault: f, scale: scale, options: spec.Options, artifact: b, cache: make(map[string]string)}
	e.weight = math.Float64frombits(binary.LittleEndian.Uint64(b[4:]))
	e.signature = fakeSignature(f)
	if f == changesArtifact {
		b[15]++
	}
	if f == leaksGoroutine {
		go func() { select {} }()
	}
	if f == leaksFile {
		leakFile()
	}
	return e, nil
}

func failedLoad(f fault, b []byte) (model.Evaluator, error) {
	switch {
	case f == acceptsTruncated && len(b) > 4 && string(b[:4]) == "FAKE":
		return &fake{signature: fakeSignature(f)}, nil
	case f == plainLoadError:
		return nil, fmt.Errorf("cannot read it")
	case f == loadPanics && len(b) == 1000:
		panic("seeded")
	case f == leaksFileOnFailure:
		leakFile()
	case f == nilWithoutEvaluator:
		return nil, nil
	}
	return nil, &model.LoadError{Reason: "the artifact is not a whole FAKE document"}
}

func leakFile() {
	r, _, err := os.Pipe()
	if err == nil {
		leaked = append(leaked, r)
	}
}

var leaked []*os.File // keeps the collector from closing what leakFile leaks

func fakeSignature(f fault) *model.Signature {
	sig := &model.Signature{
		Inputs: []model.Field{
			{Name: "x", Type: model.Float64}, {Name: "y", Type: model.Float64}, {Name: "s", Type: model.String, Optional: true},
		},
		Outputs: []model.Field{{Name: "sum", Type: model.Float64}, {Name: "label", Type: model.String}},
	}
	switch f {
	case duplicateInput:
		sig.Inputs[1].Name = "x"
	case zeroShape:
		sig.Inputs[0].Shape = []int{0}
	case targetOutOfRange:
		sig.Target = 2
	case unstableSignature:
		sig.Outputs[1].Doc = fmt.Sprint(loads.Add(1))
	case wrongSignature:
		sig.Outputs[1].Name = "class"
	}
	return sig
}

type fake struct {
	fault         fault
	signature     *model.Signature
	weight, scale float64
	artifact      []byte
	options       map[string]string
	cache         map[string]string
	scratch       atomic.Uint64
	spoiled       bool
}

func (e *fake) Signature() *model.Signature {
	if e.fault == freshSignature {
		return fakeSignature(none)
	}
	return e.signature
}

func (e *fake) Verify(context.Context) error {
	if e.fault == verifyFails {
		return &model.LoadError{Reason: "row 1 differs"}
	}
	return nil
}

func (e *fake) Warm(context.Context) error {
	if e.fault == warmSpoils {
		e.spoiled = true
	}
	return nil
}

func (e *fake) Close() error {
	if e.fault == closeFails {
		return fmt.Errorf("seeded")
	}
	return nil
}

func (e *fake) Score(ctx context.Context, in, out *model.Batch) error {
	if err := ctx.Err(); err != nil {
		if e.fault == cancelSpoils {
			e.spoiled = true
		}
		if e.fault == cancelBlamesModel {
			return fmt.Errorf("interrupted")
		}
		return err
	}
	if e.fault == keepsStates && out.Rows == in.Rows && len(out.Columns) == 2 {
		out.Errors = out.Errors[:0]
	} else {
		out.Reset(e.signature.Outputs, in.Rows)
	}
	weight, scale := e.constants()
	x, y := &in.Columns[0], &in.Columns[1]
	carry := 0.0
	for row := range in.Rows {
		if in.Err(row) != nil {
			if e.fault == copiesErrors {
				out.Fail(row, in.Err(row))
			}
			continue
		}
		if x.StateOf(row) != model.Valid || y.StateOf(row) != model.Valid {
			if err := e.incomplete(out, row); err != nil {
				return err
			}
			if e.fault == missingShifts {
				carry = 1
			}
			continue
		}
		sum := (weight*x.Float64[row] + y.Float64[row] + carry) * scale
		out.Columns[0].Float64[row] = e.wrong(row, sum, in)
		e.label(row, in, out)
	}
	e.afterwards(in, out)
	return nil
}

func (e *fake) constants() (weight, scale float64) {
	weight, scale = e.weight, e.scale
	if e.fault == keepsArtifact {
		weight = math.Float64frombits(binary.LittleEndian.Uint64(e.artifact[4:]))
	}
	if e.fault == keepsOptions && e.options["scale"] == "" {
		scale = 1
	}
	if e.spoiled {
		weight++
	}
	return weight, scale
}

// incomplete reports a row without x or y.
func (e *fake) incomplete(out *model.Batch, row int) error {
	kind := model.MissingInput
	switch e.fault {
	case missingSpoilsBatch:
		return fmt.Errorf("row %d has no value", row)
	case missingPanics:
		panic("seeded")
	case wrongKind:
		kind = model.NoResult
	case repeatedErrorEntry:
		out.Errors = append(out.Errors, model.RowError{Row: row, Err: &model.RecordError{Kind: kind}})
	}
	out.Errors = append(out.Errors, model.RowError{Row: row, Err: &model.RecordError{Kind: kind}})
	return nil
}

var sink []byte // makes the allocation of allocatesPerRecord escape

func (e *fake) wrong(row int, sum float64, in *model.Batch) float64 {
	switch e.fault {
	case wrongValue:
		return sum * (1 + 1e-9)
	case batchPosition:
		return sum + float64(row)*1e-12
	case infinityPanics:
		if math.IsInf(in.Columns[0].Float64[row], 0) {
			panic("seeded")
		}
	case longStringSpoils:
		if row > 0 && len(in.Columns[2].String[row-1]) > 1000 {
			return 0
		}
	case sharedScratch:
		mine := math.Float64bits(sum)
		e.scratch.Store(mine)
		for i := 0; i < 100 && e.scratch.Load() == mine; i++ {
			runtime.Gosched() // until another goroutine comes between, if there is one
		}
		return math.Float64frombits(e.scratch.Load())
	case allocatesPerRecord:
		sink = make([]byte, 8)
	}
	return sum
}

func (e *fake) label(row int, in, out *model.Batch) {
	s := &in.Columns[2]
	if s.StateOf(row) != model.Valid {
		out.Columns[1].SetState(row, out.Rows, model.Missing)
		return
	}
	text := s.String[row]
	if e.fault == keepsStrings && row == 0 && text != "" {
		if kept, ok := e.cache["first"]; ok {
			text = kept
		} else {
			e.cache["first"] = text
		}
	}
	out.Columns[1].String[row] = text
}

func (e *fake) afterwards(in, out *model.Batch) {
	if in.Rows == 0 {
		return
	}
	switch e.fault {
	case changesInput:
		in.Columns[0].Float64[in.Rows-1]++
	case aliasesInput:
		out.Columns[1].String = in.Columns[2].String
	case shortColumn:
		out.Columns[0].Float64 = out.Columns[0].Float64[:in.Rows-1]
	}
}

// fakeSuite is a suite that the faultless fake passes.
func fakeSuite(f fault) Suite {
	s := Suite{
		Type:     fakeType(f),
		Artifact: fakeArtifact(3),
		Options:  map[string]string{"scale": "2"},
		Inputs:   fakeSignature(none).Inputs,
		Outputs:  fakeSignature(none).Outputs,
		Target:   "sum",
		Cases: []Case{
			{Name: "plain", In: map[string]any{"x": 1.5, "y": 2, "s": "red"}, Want: map[string]any{"sum": 13.0, "label": "red"}},
			{Name: "no label", In: map[string]any{"x": -1, "y": 0.25}, Want: map[string]any{"sum": -5.5, "label": nil}},
			{Name: "no x", In: map[string]any{"y": 1, "s": "red"}, Err: model.MissingInput},
			{Name: "invalid y", In: map[string]any{"x": 1, "y": model.Invalid, "s": "red"}, Err: model.MissingInput},
		},
		Bad: []Bad{{Name: "scale 3", Options: map[string]string{"scale": "3"}, Contains: []string{"scale", "3"}}},
	}
	if f == keepsOptions {
		s.Options = maps.Clone(s.Options)
	}
	return s
}
