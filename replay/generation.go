package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// generation is a loaded model, bound to the records.
type generation struct {
	descriptor *Descriptor
	evaluator  model.Evaluator
	sha256     string
	decoders   map[*record.Format]*record.Decoder
	encoders   map[encoderKey]*record.ResultEncoder
	inUse      bool // by the batch at hand
}

// encoderKey is what results of one generation may differ in: servers count
// generations, each for itself.
type encoderKey struct {
	topic  string
	number uint64
}

// maxEncoders bounds the encoders of a generation.
const maxEncoders = 64

// load does what a server does: fetch, check, load, verify, bind, warm. What goes
// wrong from the check on rejects the descriptor, as it did then.
func (x *generation) load(ctx context.Context, c *Loading) error {
	d := x.descriptor
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, c.LoadTimeout)
	defer cancel()
	artifact, err := x.fetch(ctx, c)
	if err != nil {
		return err
	}
	x.sha256 = artifact.SHA256
	err = contain("loading", func() error { return x.loadArtifact(ctx, c, artifact) })
	switch {
	case err == nil:
		return nil
	case outer.Err() != nil:
		return outer.Err()
	case ctx.Err() != nil:
		return fmt.Errorf("%s did not load within %v (models.load_timeout): %w", Label(d.generation()), c.LoadTimeout, err)
	}
	d.rejected = err
	return err
}

// fetch returns the artifact, or an [*UnavailableError].
func (x *generation) fetch(ctx context.Context, c *Loading) (model.Artifact, error) {
	d := x.descriptor
	if d.Artifact != nil {
		return model.NewArtifact(d.Artifact), nil
	}
	gone := func(err error) error { return &UnavailableError{Label(d.generation()), err} }
	if d.Location == "" {
		b, err := c.Artifacts.Artifact(ctx, d.Place)
		switch {
		case errors.Is(err, ErrGone):
			return model.Artifact{}, gone(err)
		case err != nil:
			return model.Artifact{}, err
		}
		a := model.NewArtifact(b)
		if err := a.Check(d.SHA256); err != nil {
			d.rejected = err
			return a, err
		}
		return a, nil
	}
	if c.Resolver == nil {
		return model.Artifact{}, gone(errors.New("models by location are not allowed by the configuration (models.locations)"))
	}
	a, err := resolve(ctx, c.Resolver, d.Location)
	var transient *model.TransientError
	switch {
	case errors.As(err, &transient) || ctx.Err() != nil:
		return a, err
	case err != nil:
		return a, gone(err)
	}
	if err := a.Check(d.SHA256); err != nil {
		return a, gone(err) // what is there now need not be what was there then
	}
	return a, nil
}

// resolve fetches a location and tries again while failures are transient.
func resolve(ctx context.Context, r Resolver, location string) (model.Artifact, error) {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		a, err := r.Resolve(ctx, location)
		var transient *model.TransientError
		if err == nil || !errors.As(err, &transient) {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("given up: %w", err)
		case <-time.After(delay):
		}
	}
}

func (x *generation) loadArtifact(ctx context.Context, c *Loading, artifact model.Artifact) error {
	d := x.descriptor
	t, err := c.Types.Lookup(d.Type)
	if err != nil {
		return err
	}
	x.evaluator, err = t.Load(ctx, model.Spec{Name: d.Name, DataType: d.DataType, Artifact: artifact, Options: d.Options})
	if err != nil {
		return err
	}
	if v, ok := x.evaluator.(model.Verifier); ok {
		if err := v.Verify(ctx); err != nil {
			return err
		}
	}
	if err := x.bind(c); err != nil {
		return err
	}
	if w, ok := x.evaluator.(model.Warmer); ok {
		return w.Warm(ctx)
	}
	return x.warm(ctx)
}

// bind makes a decoder for each format that has the model's inputs.
func (x *generation) bind(c *Loading) error {
	x.decoders = map[*record.Format]*record.Decoder{}
	var errs []error
	for _, f := range c.Formats {
		decoder, err := f.Bind(x.evaluator.Signature(), c.Fields[x.descriptor.DataType])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		x.decoders[f] = decoder
	}
	if len(x.decoders) == 0 {
		return &model.LoadError{Reason: "the model's inputs do not match the records of any topic", Err: errors.Join(errs...)}
	}
	return nil
}

// warm scores a row of zeros: a model that cannot do that was rejected.
func (x *generation) warm(ctx context.Context) error {
	var in, out model.Batch
	in.Reset(x.evaluator.Signature().Inputs, 1)
	for i := range in.Columns {
		c := &in.Columns[i]
		clear(c.Float64)
		clear(c.Float32)
		clear(c.Int64)
		clear(c.Bool)
		clear(c.String)
	}
	return x.evaluator.Score(ctx, &in, &out)
}

// encoder returns what writes the results for a topic under a name.
func (x *generation) encoder(format record.ResultFormat, topic string, name *messages.Generation) (*record.ResultEncoder, error) {
	key := encoderKey{topic, name.GetNumber()}
	if e := x.encoders[key]; e != nil {
		return e, nil
	}
	if len(x.encoders) >= maxEncoders {
		clear(x.encoders)
	}
	if name.GetSha256() != x.sha256 {
		d := x.descriptor
		named := d.generation()
		named.Number, named.Sha256 = name.GetNumber(), x.sha256
		name = named
	}
	e, err := record.NewResultEncoder(format, x.evaluator.Signature(), x.descriptor.DataType, name, topic)
	if err != nil {
		return nil, &model.LoadError{Reason: "results of this model cannot be encoded", Err: err}
	}
	x.encoders[key] = e
	return e, nil
}

func (x *generation) close() error {
	if x.evaluator == nil {
		return nil
	}
	e := x.evaluator
	x.evaluator = nil
	return contain("closing", e.Close)
}

// contain runs f and turns a panic of a model type into an error.
func contain(doing string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic while %s: %v", doing, v)
		}
	}()
	return f()
}
