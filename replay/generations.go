package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// ErrGone says that a descriptor is not on the models topic any more.
var ErrGone = errors.New("the descriptor is gone")

// Artifacts reads the bytes of a model that came by value from the models topic
// once more. An error that is [ErrGone] concerns this model alone.
type Artifacts interface {
	Artifact(ctx context.Context, at Place) ([]byte, error)
}

// Resolver fetches a model by its location.
type Resolver interface {
	Resolve(ctx context.Context, location string) (model.Artifact, error)
}

// Loading says how models are loaded.
type Loading struct {
	Types     *model.Registry
	Artifacts Artifacts
	Resolver  Resolver // nil: models by location are not allowed

	Formats []*record.Format             // a model must fit one of them
	Fields  map[string]map[string]string // of each data type: model input → record field

	MaxLoaded    int           // models at a time; default 8
	LoadTimeout  time.Duration // of one model; default 2 m
	ScoreTimeout time.Duration // of one batch; default 30 s
}

// UnavailableError says that a generation was right for a record and cannot be
// had any more.
type UnavailableError struct {
	Generation string // as people call it
	Err        error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s cannot be had any more: %v", e.Generation, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// errAllInUse says that the batch at hand uses as many models as may be loaded.
var errAllInUse = errors.New("all loaded models are in use")

// Generations are the descriptors of the models topic, and the few of them that
// are loaded.
type Generations struct {
	config Loading
	byType map[string]*line
	places map[Place]*Descriptor
	loaded []*generation // the one used last at the end
	loads  int
}

// NewGenerations returns the generations of the models topic.
func NewGenerations(c Loading, descriptors []*Descriptor) *Generations {
	if c.MaxLoaded <= 0 {
		c.MaxLoaded = 8
	}
	if c.LoadTimeout <= 0 {
		c.LoadTimeout = 2 * time.Minute
	}
	if c.ScoreTimeout <= 0 {
		c.ScoreTimeout = 30 * time.Second
	}
	g := &Generations{config: c, byType: map[string]*line{}, places: map[Place]*Descriptor{}}
	lists := map[string][]*Descriptor{}
	for _, d := range descriptors {
		g.places[d.Place] = d
		lists[d.DataType] = append(lists[d.DataType], d)
	}
	for dataType, list := range lists {
		g.byType[dataType] = newLine(list)
	}
	return g
}

// Close closes what is loaded.
func (g *Generations) Close() error {
	var errs []error
	for _, x := range g.loaded {
		errs = append(errs, x.close())
	}
	g.loaded = nil
	return errors.Join(errs...)
}

// at returns the descriptor, and its loaded model, that is right for a record
// timestamp by the timeline, or nil where there is none. An [*UnavailableError]
// comes with the descriptor that it is about.
func (g *Generations) at(ctx context.Context, dataType string, ms int64) (*Descriptor, *generation, error) {
	l := g.byType[dataType]
	if l == nil {
		return nil, nil, nil
	}
	for {
		d := l.at(ms)
		if d == nil {
			return nil, nil, nil
		}
		x, err := g.load(ctx, d)
		if err == nil || d.rejected == nil {
			return d, x, err
		}
	}
}

// of returns the generation that a result names.
func (g *Generations) of(ctx context.Context, dataType string, name *messages.Generation) (*generation, error) {
	at := Place{name.GetPartition(), name.GetOffset()}
	d := g.places[at]
	switch {
	case name == nil:
		return nil, &UnavailableError{"the generation", errors.New("the result does not name it")}
	case d == nil:
		return nil, &UnavailableError{Label(name), errors.New("the models topic does not have its descriptor any more")}
	case d.DataType != dataType:
		return nil, &UnavailableError{Label(name), fmt.Errorf("its place on the models topic has a model for %q now: the topic was made anew", d.DataType)}
	}
	x, err := g.named(ctx, d)
	if err == nil && name.GetSha256() != "" && x.sha256 != name.GetSha256() {
		return nil, &UnavailableError{Label(name), fmt.Errorf("its artifact was %s, now it is %s", name.GetSha256(), x.sha256)}
	}
	return x, err
}

// Load loads the model of a descriptor, or says why it cannot serve.
func (g *Generations) Load(ctx context.Context, d *Descriptor) error {
	_, err := g.named(ctx, d)
	g.release()
	return err
}

// Loads is the number of times that a model was loaded.
func (g *Generations) Loads() int { return g.loads }

// named returns the model of a descriptor that was asked for: that it does not
// load is no reason to take another one.
func (g *Generations) named(ctx context.Context, d *Descriptor) (*generation, error) {
	x, err := g.load(ctx, d)
	if d.rejected != nil {
		return nil, &UnavailableError{Label(d.generation()), d.rejected}
	}
	return x, err
}

// load returns a descriptor's model, loaded. When that fails for good,
// d.rejected says why.
func (g *Generations) load(ctx context.Context, d *Descriptor) (*generation, error) {
	if d.rejected != nil {
		return nil, d.rejected
	}
	if i := slices.IndexFunc(g.loaded, func(x *generation) bool { return x.descriptor == d }); i >= 0 {
		x := g.loaded[i]
		x.inUse = true
		if last := len(g.loaded) - 1; i != last {
			g.loaded = append(slices.Delete(g.loaded, i, i+1), x)
		}
		return x, nil
	}
	if err := g.makeRoom(); err != nil {
		return nil, err
	}
	x := &generation{descriptor: d, inUse: true, encoders: map[encoderKey]*record.ResultEncoder{}}
	if err := x.load(ctx, &g.config); err != nil {
		return nil, errors.Join(err, x.close())
	}
	g.loads++
	g.loaded = append(g.loaded, x)
	return x, nil
}

// makeRoom closes the model that was not used for longest.
func (g *Generations) makeRoom() error {
	if len(g.loaded) < g.config.MaxLoaded {
		return nil
	}
	i := slices.IndexFunc(g.loaded, func(x *generation) bool { return !x.inUse })
	if i < 0 {
		return errAllInUse
	}
	x := g.loaded[i]
	g.loaded = slices.Delete(g.loaded, i, i+1)
	return x.close()
}

// release says that the batch at hand is done.
func (g *Generations) release() {
	for _, x := range g.loaded {
		x.inUse = false
	}
}

// Label is what people call a generation: "name version (0@12)".
func Label(g *messages.Generation) string {
	if g == nil {
		return ""
	}
	s := g.GetName()
	if v := g.GetVersion(); v != "" {
		s += " " + v
	}
	if g.GetOffset() < 0 { // a file
		return s
	}
	return fmt.Sprintf("%s (%d@%d)", s, g.GetPartition(), g.GetOffset())
}
