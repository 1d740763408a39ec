package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// host is the ready-made actor of one generation: it loads an evaluator and
// scores with it. All its state is touched in Receive only; loading and scoring
// block its own mailbox and nobody else's.
type host struct {
	spec      HostSpec
	evaluator model.Evaluator
	bound     *bound
	in, out   model.Batch
	failed    []*model.RecordError // by row; scratch
	bytes     int                  // of the last result, to size the next buffer
}

func newHost(spec HostSpec) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &host{spec: spec} })
}

func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		h.start(ctx)
	case *Score:
		ctx.Request(ctx.Sender(), h.score(m)) // Respond would not say who answers
	case *actor.Stopped:
		h.close(ctx)
	}
}

// start brings the generation from Loading to Ready and tells the parent.
func (h *host) start(ctx actor.Context) {
	phase := messages.GenerationState_LOADING
	enter := func(p messages.GenerationState_Phase) {
		phase = p
		ctx.Send(ctx.Parent(), &Progress{Number: h.spec.Number, Phase: p})
	}
	err := contain("loading", func() error { return h.load(ctx, enter) })
	if err == nil {
		ctx.Send(ctx.Parent(), &Ready{Number: h.spec.Number, Signature: describe(h.evaluator.Signature())})
		return
	}
	h.close(ctx)
	var lost *lostError
	ctx.Send(ctx.Parent(), &Failed{Number: h.spec.Number, Phase: phase, Err: err, Lost: errors.As(err, &lost)})
}

func (h *host) load(ctx actor.Context, enter func(messages.GenerationState_Phase)) error {
	life := h.spec.Context
	enter(messages.GenerationState_LOADING)
	artifact, err := h.artifact(life)
	if err != nil {
		return err
	}
	h.spec.Binding.Generation.Sha256 = artifact.SHA256
	ctx.Send(ctx.Parent(), &Fetched{Number: h.spec.Number, Artifact: artifact})
	spec := h.spec.Spec
	spec.Artifact = artifact
	if h.evaluator, err = h.spec.Type.Load(life, spec); err != nil {
		return err
	}
	h.spec.Spec.Artifact.Bytes = nil // the evaluator has what it needs

	enter(messages.GenerationState_VERIFYING)
	if v, ok := h.evaluator.(model.Verifier); ok {
		if err := v.Verify(life); err != nil {
			return err
		}
	}
	if h.bound, err = bind(h.spec.Binding, h.evaluator.Signature()); err != nil {
		return err
	}
	enter(messages.GenerationState_WARMING)
	if w, ok := h.evaluator.(model.Warmer); ok {
		return w.Warm(life)
	}
	return h.warm(life)
}

// warm scores a batch of zeros, so that the first real batch pays for nothing
// that is done once. Rows may fail; the evaluator may not.
func (h *host) warm(ctx context.Context) error {
	const rows = 8
	inputs := h.evaluator.Signature().Inputs
	h.in.Reset(inputs, rows)
	for i := range h.in.Columns {
		c := &h.in.Columns[i]
		clear(c.Float64)
		clear(c.Float32)
		clear(c.Int64)
		clear(c.Bool)
		clear(c.String)
	}
	return h.evaluator.Score(ctx, &h.in, &h.out)
}

// score answers one Score. A panic of the evaluator becomes the reply's error.
func (h *host) score(s *Score) *ScoreReply {
	start := time.Now()
	reply := &ScoreReply{Batch: s.Batch}
	if h.bound == nil {
		reply.Err = errors.New("the generation is not loaded")
		return reply
	}
	if err := h.bound.use(s.Batch.Source); err != nil {
		reply.Err = err
		return reply
	}
	if !start.Before(s.Batch.Deadline) {
		reply.Err = &model.TransientError{Reason: "the batch waited until its deadline was over"}
		return reply
	}
	ctx, cancel := context.WithDeadline(context.Background(), s.Batch.Deadline)
	defer cancel()
	n := len(s.Batch.Records)
	scored := record.NewScored(s.Batch, (h.bytes+h.bytes/16+16)*n)
	scored.Generation = h.spec.Number
	if s.Isolate {
		reply.Err = h.scoreEach(ctx, scored)
	} else {
		reply.Err = contain("scoring", func() error { return h.scoreRecords(ctx, s.Batch.Records, scored) })
	}
	if errors.Is(reply.Err, context.DeadlineExceeded) { // the time was short, the model is not at fault
		reply.Err = &model.TransientError{Reason: "scoring did not end before the batch's deadline", Err: reply.Err}
	}
	if reply.Err == nil {
		reply.Scored = scored
		if n > 0 {
			h.bytes = len(scored.Payloads) / n
		}
	}
	reply.Spent = time.Since(start)
	return reply
}

// scoreRecords decodes, scores and encodes records and appends their results.
func (h *host) scoreRecords(ctx context.Context, records []record.Raw, scored *record.Scored) error {
	start := time.Now()
	h.bound.decoder.Decode(records, &h.in)
	if err := h.evaluator.Score(ctx, &h.in, &h.out); err != nil {
		return err
	}
	times := record.TimesOf(start, len(records))
	h.part(scored, len(records), times)
	if len(h.in.Errors) > 0 || len(h.out.Errors) > 0 {
		h.encodeWithFailures(records, scored, times)
		return nil
	}
	e := h.bound.encoder
	for i := range records {
		scored.Payloads = e.Append(scored.Payloads, &records[i], &h.out, i, times)
		scored.Ends = append(scored.Ends, int32(len(scored.Payloads)))
	}
	return nil
}

// part notes that the next n rows have these times.
func (h *host) part(scored *record.Scored, n int, t record.Times) {
	scored.Parts = append(scored.Parts, record.Part{
		End: len(scored.Ends) + n, Place: h.spec.Binding.Place, NS: t.ScoringNS,
	})
}

func (h *host) encodeWithFailures(records []record.Raw, scored *record.Scored, t record.Times) {
	h.failed = append(h.failed[:0], make([]*model.RecordError, len(records))...)
	for _, e := range h.out.Errors {
		h.failed[e.Row] = e.Err
	}
	for _, e := range h.in.Errors {
		h.failed[e.Row] = e.Err
	}
	for i := range records {
		h.encode(&records[i], i, h.failed[i], scored, t)
	}
}

// encode appends the result of one row. A malformed record has none: it goes to
// the dead-letter topic as it is.
func (h *host) encode(raw *record.Raw, row int, err *model.RecordError, scored *record.Scored, t record.Times) {
	switch {
	case err == nil:
		scored.Payloads = h.bound.encoder.Append(scored.Payloads, raw, &h.out, row, t)
	case err.Kind != model.Malformed:
		scored.Payloads = h.bound.encoder.AppendError(scored.Payloads, raw, err, t)
	}
	if err != nil {
		scored.Failures = append(scored.Failures, model.RowError{Row: len(scored.Ends), Err: err})
	}
	scored.Ends = append(scored.Ends, int32(len(scored.Payloads)))
}

// scoreEach scores row by row: what panics is the row's failure. Each row is a
// part, with the time that it took.
func (h *host) scoreEach(ctx context.Context, scored *record.Scored) error {
	records := scored.Batch.Records
	for i := range records {
		if err := ctx.Err(); err != nil {
			return &model.TransientError{Reason: "scoring row by row took too long", Err: err}
		}
		payloads, parts, start := len(scored.Payloads), len(scored.Parts), time.Now()
		err := contain("scoring", func() error { return h.scoreRecords(ctx, records[i:i+1], scored) })
		if err == nil {
			continue
		}
		var transient *model.TransientError
		if errors.As(err, &transient) {
			return err
		}
		scored.Payloads, scored.Parts = scored.Payloads[:payloads], scored.Parts[:parts]
		times := record.TimesOf(start, 1)
		h.part(scored, 1, times)
		h.encode(&records[i], 0, &model.RecordError{
			Kind: model.Panicked, Rule: "the model fails on this record alone: " + firstLine(err.Error()),
		}, scored, times)
	}
	return nil
}

func (h *host) close(ctx actor.Context) {
	if h.evaluator == nil {
		return
	}
	e := h.evaluator
	h.evaluator, h.bound = nil, nil
	if err := contain("closing", e.Close); err != nil {
		ctx.Logger().Warn("closing a model failed", "data_type", h.spec.Spec.DataType, "generation", h.spec.Number, "err", err)
	}
}

// PanicError is a panic of a model type, contained.
type PanicError struct {
	Doing string
	Value any
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic while %s: %v", e.Doing, e.Value) }

// contain runs f and turns a panic into a *PanicError.
func contain(doing string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Doing: doing, Value: v, Stack: string(debug.Stack())}
		}
	}()
	return f()
}

// describe shows a signature to people: "(a float64, b string) → (y float64)".
func describe(s *model.Signature) string {
	list := func(fields []model.Field) string {
		var b strings.Builder
		for i := range fields {
			if i == 32 {
				fmt.Fprintf(&b, ", … %d more", len(fields)-i)
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(fields[i].String())
		}
		return b.String()
	}
	return "(" + list(s.Inputs) + ") → (" + list(s.Outputs) + ")"
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
