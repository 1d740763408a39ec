//go:build tensorflow

package tensorflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corepb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/tensorflow/internal/libtf"
)

// evaluator serves one session. It is immutable but for the pool of runners.
type evaluator struct {
	opened     *opened
	signature  *model.Signature
	inputs     []input
	outputs    []output
	feeds      []libtf.Output
	fetches    []libtf.Output
	classifies bool // output 0 is the class, output 1 the values that it is taken from
	labels     []string
	timeout    time.Duration
	runOptions []byte

	mu        sync.Mutex
	idle      []*runner
	abandoned sync.WaitGroup // runs whose caller has gone
}

// maxIdle is how many runners are kept for later runs.
const maxIdle = 64

// warmRows is the number of rows of the runs at load. It is not 1, so that an
// output that does not depend on the rows shows.
const warmRows = 2

// newEvaluator opens a model, runs it once to learn its outputs, and makes the
// evaluator. It leaves nothing behind when it fails.
func newEvaluator(ctx context.Context, c Config, artifact []byte, o *options, open opener) (model.Evaluator, error) {
	opened, err := open(c, artifact, o)
	if err != nil {
		return nil, err
	}
	e := &evaluator{opened: opened, timeout: o.timeout, labels: slices.Clone(o.labels)}
	if err := e.bind(ctx, o); err != nil {
		return nil, closeAfter(err, e)
	}
	return e, nil
}

// closeAfter closes an evaluator that failed to load, and keeps the error's type.
func closeAfter(err error, e *evaluator) error {
	if closed := e.Close(); closed != nil {
		var load *model.LoadError
		if errors.As(err, &load) {
			return &model.LoadError{Reason: load.Reason, Where: load.Where, Err: errors.Join(load.Err, closed)}
		}
	}
	return err
}

func (e *evaluator) bind(ctx context.Context, o *options) (err error) {
	if e.opened.loops {
		if e.runOptions, err = proto.Marshal(&corepb.RunOptions{TimeoutInMs: e.timeout.Milliseconds()}); err != nil {
			return &model.LoadError{Reason: "the runs cannot be configured", Err: err}
		}
	}
	signature := &model.Signature{Target: -1}
	if e.inputs, signature.Inputs, err = e.opened.bindInputs(o); err != nil {
		return err
	}
	for i := range e.opened.inputs {
		e.feeds = append(e.feeds, e.opened.inputs[i].output)
	}
	outputs, fields, err := e.learn(ctx, signature.Inputs, e.opened.outputs)
	if err != nil {
		return err
	}
	result, err := decideResult(o, outputs)
	if err != nil {
		return err
	}
	if result != resultRaw {
		tensors, err := e.opened.appendResult(result)
		if err != nil {
			return err
		}
		if outputs, fields, err = e.learn(ctx, signature.Inputs, tensors); err != nil {
			return err
		}
		fields = labelled(fields, e.labels)
		e.classifies = true
	}
	if len(outputs) == 1 || e.classifies {
		signature.Target = 0
	}
	signature.Outputs = fields
	e.outputs, e.signature = outputs, signature
	return nil
}

// learn runs the graph on rows of zeros and describes what it gives.
func (e *evaluator) learn(ctx context.Context, fields []model.Field, tensors []tensor) ([]output, []model.Field, error) {
	e.dropIdle()
	e.fetches = e.fetches[:0]
	for i := range tensors {
		e.fetches = append(e.fetches, tensors[i].output)
	}
	var zeros model.Batch
	zeros.Reset(fields, warmRows)
	r := e.take()
	defer func() {
		if r != nil {
			e.put(r)
		}
	}()
	if err := r.pack(&zeros, new(model.Batch), 0, warmRows); err != nil {
		return nil, nil, err
	}
	if err := e.run(ctx, r); err != nil {
		if errors.Is(err, errAbandoned) {
			r = nil
			return nil, nil, ctx.Err()
		}
		return nil, nil, &model.LoadError{Reason: "the model does not run on rows of zeros", Err: err}
	}
	defer r.call.Release()
	return bindOutputs(r.call, tensors, warmRows)
}

// Signature implements [model.Evaluator].
func (e *evaluator) Signature() *model.Signature { return e.signature }

// Score implements [model.Evaluator].
func (e *evaluator) Score(ctx context.Context, in, out *model.Batch) error {
	out.Reset(e.signature.Outputs, in.Rows)
	if in.Rows == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := e.take()
	r.findBad(e, in, out)
	abandoned, err := e.score(ctx, r, in, out, 0, in.Rows)
	if !abandoned {
		e.put(r)
	}
	return err
}

// score scores the rows from lo to hi. A run that fails because of a row is
// done again in halves until the row is found.
func (e *evaluator) score(ctx context.Context, r *runner, in, out *model.Batch, lo, hi int) (abandoned bool, err error) {
	if err := r.pack(in, out, lo, hi); err != nil {
		return false, err
	}
	err = e.run(ctx, r)
	switch {
	case err == nil:
		defer r.call.Release()
		return false, r.unpack(e, out, lo, hi)
	case errors.Is(err, errAbandoned):
		return true, ctx.Err()
	case !rowsFault(err):
		return false, e.batchError(err)
	case hi-lo == 1:
		out.Fail(lo, &model.RecordError{Kind: model.InvalidInput, Rule: "TensorFlow refuses the row: " + shorten(err.Error())})
		return false, nil
	}
	middle := (lo + hi) / 2
	if abandoned, err := e.score(ctx, r, in, out, lo, middle); err != nil {
		return abandoned, err
	}
	return e.score(ctx, r, in, out, middle, hi)
}

// errAbandoned says that the context ended before the run, which goes on and
// takes the runner along.
var errAbandoned = errors.New("the run was abandoned")

// run runs the session on what was packed. After an error there is nothing to
// release.
func (e *evaluator) run(ctx context.Context, r *runner) error {
	if !e.opened.loops {
		err := r.call.Run()
		if err != nil {
			r.call.Release()
		}
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error)
	e.abandoned.Add(1)
	go func() {
		defer e.abandoned.Done()
		err := r.call.Run()
		if err != nil {
			r.call.Release()
		}
		select {
		case done <- err:
		case <-ctx.Done():
			if err == nil {
				r.call.Release()
			}
			e.put(r)
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errAbandoned
	}
}

// rowsFault says that an error is about values that were fed.
func rowsFault(err error) bool {
	var e *libtf.Error
	return errors.As(err, &e) && e.Refused()
}

// batchError types an error of a run that is not about a row.
func (e *evaluator) batchError(err error) error {
	var tf *libtf.Error
	switch {
	case !errors.As(err, &tf):
		return err
	case tf.Timeout():
		return fmt.Errorf("a run took longer than the option %s allows (%s): %w", optTimeout, e.timeout, err)
	case tf.Exhausted():
		return &model.TransientError{Reason: "TensorFlow is out of memory", Err: err}
	}
	return fmt.Errorf("TensorFlow failed: %w", err)
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// take returns a runner that nobody else uses.
func (e *evaluator) take() *runner {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.idle); n > 0 {
		r := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return r
	}
	return &runner{
		inputs: e.inputs,
		call:   libtf.NewCall(e.opened.session, e.runOptions, e.feeds, e.fetches),
	}
}

func (e *evaluator) put(r *runner) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.idle) < maxIdle {
		e.idle = append(e.idle, r)
		return
	}
	r.call.Close()
}

func (e *evaluator) dropIdle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.idle {
		r.call.Close()
	}
	e.idle = nil
}

// Close implements [model.Evaluator]. It waits for runs whose callers have gone;
// a run that does not even end with its time limit keeps its memory.
func (e *evaluator) Close() error {
	ended := make(chan struct{})
	go func() {
		e.abandoned.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(e.timeout + 5*time.Second):
		return errors.New("a run of the TensorFlow model does not end; its memory stays in use")
	}
	e.dropIdle()
	return e.opened.close()
}
