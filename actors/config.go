package actors

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.opentelemetry.io/otel/metric"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/persistence"
	"github.com/modelstream/modelserver/record"
)

// Resolver turns a descriptor's location into the artifact. It returns a
// *model.TransientError when trying again may help.
type Resolver interface {
	Resolve(ctx context.Context, location string) (model.Artifact, error)
}

// HostSpec is what the host of a generation is made from.
type HostSpec struct {
	Number   uint64
	Type     model.Type
	Spec     model.Spec // Artifact.Bytes is nil unless the artifact came inline
	Location string     // where the artifact is, when it did not come inline
	Binding  Binding
	Store    persistence.Store
	Resolver Resolver
	Context  context.Context // ends when loading is given up
}

// HostFunc makes the props of a model type's own host. The host speaks the
// messages of protocol.go.
type HostFunc func(HostSpec) *actor.Props

// Config is what [New] needs. The zero value of an optional field stands for its
// default.
type Config struct {
	Node  string          // the node's name in answers to queries
	Types *model.Registry // required
	Hosts map[string]HostFunc
	Store persistence.Store // required
	// StoreID gives the id under which a data type is stored: where servers share
	// a store, it must differ on each. Nil: the data type.
	StoreID func(dataType string) string
	// DataTypeOf is the inverse for ids of any server that shares the store; false
	// for what is no data type's. Nil: the store is this server's own.
	DataTypeOf func(id string) (dataType string, ok bool)
	// Fenced is told when another server has taken over what is stored of a data
	// type. Its ModelActor scores on and never writes again; the node should stop.
	// It must not block. May be nil.
	Fenced   func(dataType string, err error)
	Resolver Resolver // nil: descriptors with a location are rejected

	// Formats are the formats of all records topics; a model is bound to each
	// of them when it is loaded, and must fit at least one.
	Formats []*record.Format
	// Fields maps model inputs to record fields, per data type.
	Fields map[string]map[string]string
	// Results is how results are encoded.
	Results record.ResultFormat

	// Activation says when models are loaded. Default Eager.
	Activation Activation
	// IdleAfter is how long no record and no descriptor may come until the
	// models of a data type are closed; they come back with the next. 0: never.
	IdleAfter time.Duration

	// MaxLoaded bounds the generations of a data type that are loaded at a time,
	// when records need several by their timestamps. Default 4.
	MaxLoaded int
	// Remember bounds the generations that are not loaded and not forgotten: of
	// those that records may need by their timestamps, and of the others.
	// Default 20.
	Remember int

	// MaxHeld bounds the batches that one ModelActor holds. Default 1,024.
	MaxHeld int
	// MaxDataTypes bounds the ModelActors of a node. Default 10,000.
	MaxDataTypes int

	LoadTimeout     time.Duration // fetch to warm; default 2 m
	ScoreTimeout    time.Duration // a batch in a host; default 30 s
	StandbyFor      time.Duration // how long a generation that records do not need any more stays loaded; default 1 m
	SnapshotEvery   time.Duration // of the statistics, when they changed; default 30 s
	RestartBackoff  time.Duration // first delay before a ModelActor is respawned; default 100 ms
	RestartCeiling  time.Duration // greatest delay; default 30 s
	MaxArtifactSize int           // bytes of an inline artifact; default 32 MiB

	Logger *slog.Logger
	Meter  metric.Meter

	tick time.Duration // how often a ModelActor looks after what takes too long
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.LoadTimeout, 2*time.Minute)
	def(&c.ScoreTimeout, 30*time.Second)
	def(&c.StandbyFor, time.Minute)
	def(&c.SnapshotEvery, 30*time.Second)
	def(&c.tick, time.Second)
	def(&c.RestartBackoff, 100*time.Millisecond)
	def(&c.RestartCeiling, 30*time.Second)
	if c.MaxHeld == 0 {
		c.MaxHeld = 1024
	}
	if c.MaxDataTypes == 0 {
		c.MaxDataTypes = 10_000
	}
	if c.MaxArtifactSize == 0 {
		c.MaxArtifactSize = 32 << 20
	}
	if c.StoreID == nil {
		c.StoreID = func(dataType string) string { return dataType }
	}
	if c.Fenced == nil {
		c.Fenced = func(string, error) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// limits are those of the lifecycle.
func (c Config) limits() lifecycle.Limits {
	return lifecycle.Limits{MaxLoaded: c.MaxLoaded, Remember: c.Remember, StandbyFor: c.StandbyFor}
}

func (c Config) validate() error {
	switch {
	case c.Types == nil:
		return errors.New("actors: Config.Types is required")
	case c.Store == nil:
		return errors.New("actors: Config.Store is required")
	case c.Meter == nil:
		return errors.New("actors: Config.Meter is required")
	case len(c.Formats) == 0:
		return errors.New("actors: Config.Formats is empty: no record could be decoded")
	}
	return nil
}
